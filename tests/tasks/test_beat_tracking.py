"""Beats: labels read, targets, masks, decoding of known beats, scores of mir_eval."""

import jax.numpy as jnp
import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import Events
from umir.data.example import Example
from umir.studio import render_song
from umir.studio.features import ALL_FEATURES
from umir.tasks import BeatTracking, EventDetection, StudioSource
from umir.tasks.base import Target

RATE = 16_000
TASK = BeatTracking()


def _beats(times, metre=4, first=1):
    times = np.asarray(times, float)
    return Events(times, tuple(str((first - 1 + n) % metre + 1) for n in range(len(times))))


def _logits(beats, seconds=24):
    """What a network that knows would say: under class weight 20, w y / (1 - y) are its odds."""
    values, _ = TASK.encode(beats, seconds * RATE, RATE)
    return np.log((20 * values + 0.02) / (1 - values + 0.02)).astype(np.float32)


def _decoded(beats):
    return TASK.decode(_logits(beats), TASK.default_settings(RATE))


def test_beats_and_downbeats_peak_at_their_frames():
    values, mask = TASK.encode(_beats([0.37, 0.80], first=4), RATE, RATE)
    np.testing.assert_array_equal(values[35:40, 0], [0.25, 0.5, 1, 0.5, 0.25])
    np.testing.assert_array_equal(values[78:83, 0], [0.25, 0.5, 1, 0.5, 0.25])
    np.testing.assert_array_equal(values[:78, 1], 0)  # the first is no downbeat
    np.testing.assert_array_equal(values[78:83, 1], [0.25, 0.5, 1, 0.5, 0.25])
    np.testing.assert_array_equal(mask, np.ones((100, 2)))


@pytest.mark.parametrize(
    ("labels", "beats", "downbeats"),
    [
        (("1", "2", "3"), 3, 1),
        (("1.0", "2.0", "3.0"), 3, 1),
        (("downbeat", "beat", "beat"), 3, 1),
        (("", "", ""), 3, 0),
        (("beat", "beat", "clap"), 2, 0),
        (("3", "4", "0"), 3, 0),
    ],
)
def test_labels_of_any_kind(labels, beats, downbeats):
    """Where no event is a downbeat, downbeats are unknown."""
    events = Events(np.array([0.2, 0.4, 0.6]), labels)
    found = TASK.class_times(events)
    assert (len(found["beat"]), len(found["downbeat"])) == (beats, downbeats)
    _, mask = TASK.encode(events, RATE, RATE)
    np.testing.assert_array_equal(mask, np.tile([1, bool(downbeats)], (100, 1)))
    assert TASK.unknown_labels(events) == {"clap"} & set(labels)
    assert "beat" in TASK.labels_in(events)


def test_a_downbeat_that_is_written_twice_is_one_beat():
    once = _beats(np.arange(0.5, 20, 0.5))
    down = once.times[::4]
    times = np.concatenate([once.times, down])
    labels = (*["beat"] * len(once.times), *["downbeat"] * len(down))
    order = np.argsort(times, kind="stable")
    twice = Events(times[order], tuple(labels[n] for n in order))
    assert len(TASK.class_times(twice)["beat"]) == len(once.times)
    np.testing.assert_array_equal(TASK.class_times(twice)["downbeat"], down)
    assert TASK.evaluate(twice, once)["F-measure"] == 1


def test_nothing_is_no_beat_and_no_downbeat():
    nothing = Events(np.zeros(0), ())
    values, mask = TASK.encode(nothing, RATE, RATE)
    assert values.sum() == 0
    np.testing.assert_array_equal(mask, np.tile([1, 0], (100, 1)))
    assert TASK.labels_in(nothing) == frozenset()
    assert len(TASK.decode(np.full((100, 2), -5.0), TASK.default_settings(RATE)).times) == 0


def test_masked_downbeats_cost_nothing_and_a_fresh_head_starts_at_the_best_constant():
    target = TASK.encode(Events(np.array([0.2, 0.7]), ("", "")), RATE, RATE)
    batch = Target(target.values[None], target.mask[None])
    low, high = (jnp.broadcast_to(jnp.array([0.0, x]), (1, 100, 2)) for x in (-9.0, 9.0))
    np.testing.assert_allclose(TASK.loss(low, batch), TASK.loss(high, batch))
    prior = jnp.broadcast_to(jnp.asarray(TASK.head_prior(batch)), (1, 100, 2))
    assert float(TASK.loss(prior, batch)[0]) == pytest.approx(1, abs=1e-4)


def test_steps_are_shared_with_events():
    assert type(TASK).loss is EventDetection.loss
    assert TASK.head == EventDetection("events", ("a", "b")).head
    assert [TASK.n_segments(wanted) for wanted in (1, 4, 8)] == [1, 2, 4]


@pytest.mark.parametrize("bpm", [58.0, 93.0, 120.0, 177.0, 210.0])
@pytest.mark.parametrize(("metre", "first"), [(3, 1), (4, 3), (2, 2)])
def test_a_steady_tempo_is_found(bpm, metre, first):
    beats = _beats(np.arange(0.33, 23.5, 60 / bpm), metre, first)
    found = _decoded(beats)
    np.testing.assert_allclose(found.times, beats.times, atol=0.0051)
    assert found.labels == beats.labels


def test_a_tempo_that_wanders_and_one_that_changes():
    wandering = np.cumsum(0.5 + 0.1 * np.sin(np.arange(45) / 4))  # 100 to 150 BPM
    sudden = np.concatenate([np.arange(0.2, 12, 0.6), np.arange(12.2, 23, 0.4)])
    for times in (wandering, sudden):
        found = _decoded(_beats(times))
        np.testing.assert_allclose(found.times, times, atol=0.0051)
        assert found.labels == _beats(times).labels


def test_missing_beats_are_filled_in():
    beats = _beats(np.arange(0.5, 23.5, 0.5))
    heard = np.delete(np.arange(len(beats.times)), [5, 12, 13, 30])
    labels = tuple(beats.labels[index] for index in heard)
    found = _decoded(Events(beats.times[heard], labels))
    np.testing.assert_allclose(found.times, beats.times, atol=0.011)
    assert found.labels == beats.labels


def test_an_introduction_before_a_long_break_has_beats():
    """Ten seconds, twenty without a beat, and thirty of another tempo and metre."""
    times = np.concatenate([np.arange(0.5, 10, 0.5), np.arange(30.1, 60, 0.6)])
    places = [*(n % 4 + 1 for n in range(19)), *(n % 3 + 1 for n in range(50))]
    beats = Events(times, tuple(map(str, places)))
    decoder = TASK.default_settings(RATE)
    found = TASK.decode(_logits(beats, seconds=61), decoder)
    np.testing.assert_allclose(found.times, times, atol=0.011)
    assert found.labels == beats.labels


def test_noise_and_off_beats_do_not_disturb(rng):
    beats = _beats(np.arange(0.5, 23.5, 0.52), 3)
    logits = _logits(beats)
    off_beats, _ = TASK.encode(_beats(beats.times + 0.26), 24 * RATE, RATE)
    logits[:, 0] += 5 * off_beats[:, 0] * (rng.uniform(size=len(logits)) < 0.5)
    logits += 1.5 * rng.normal(size=logits.shape)
    settings = TASK.fit_decoder([logits], [beats])
    found = TASK.decode(logits, settings)
    assert TASK.evaluate(beats, found)["F-measure"] == 1
    assert TASK.evaluate(beats, found)["Downbeat F-measure"] > 0.95


def test_the_decoder_learns_its_settings(rng):
    """A network that is never sure, and bars of five beats as slow as the field never has them."""
    songs = [_beats(np.arange(0.4, 58, 60 / bpm), 5) for bpm in (38.0, 41.0)]
    outputs = [_logits(song, seconds=60) - 9 + 0.3 * rng.normal(size=(6000, 2)) for song in songs]
    silent = TASK.decode(outputs[0], TASK.default_settings(RATE))
    assert len(silent.times) == 0
    settings = TASK.fit_decoder(outputs, songs)
    assert {2, 3, 4, 5} <= set(settings["metres"])
    metrics, _ = TASK.evaluate_all(songs, [TASK.decode(output, settings) for output in outputs])
    assert metrics == {"F-measure": 1, "CMLt": 1, "AMLt": 1, "Downbeat F-measure": 1}


def test_settings_from_bars_of_four_also_count_bars_of_two(rng):
    def noisy(beats):
        return _logits(beats) + 0.5 * rng.normal(size=(2400, 2))

    known = [_beats(np.arange(0.4, 23.5, 60 / bpm)) for bpm in (90.0, 120.0)]
    settings = TASK.fit_decoder([noisy(beats) for beats in known], known)
    other = _beats(np.arange(0.4, 23.5, 0.6), 2)
    assert TASK.decode(noisy(other), settings).labels == other.labels


def test_without_downbeats_to_learn_from_beats_have_no_labels():
    beats = Events(np.arange(0.5, 23.5, 0.5), ("",) * 46)
    outputs = [_logits(beats)]
    found = TASK.decode(outputs[0], TASK.fit_decoder(outputs, [beats]))
    assert set(found.labels) == {""}
    scores = TASK.evaluate(beats, found)
    assert scores["F-measure"] == 1
    assert np.isnan(scores["Downbeat F-measure"])


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 40))
def test_scores_are_those_of_mir_eval(seed, n_reference, n_estimate):
    rng = np.random.default_rng(seed)
    reference, estimate = (
        _beats(np.sort(rng.uniform(0, 20, n))) for n in (n_reference, n_estimate)
    )
    scores = TASK.evaluate(reference, estimate)
    assert scores["F-measure"] == mir_eval.beat.f_measure(reference.times, estimate.times)
    _, cmlt, _, amlt = mir_eval.beat.continuity(reference.times, estimate.times)
    assert (scores["CMLt"], scores["AMLt"]) == (cmlt, amlt)
    assert scores["Downbeat F-measure"] == mir_eval.beat.f_measure(
        reference.of("1"), estimate.of("1")
    )


def test_scores_of_a_hand_case_and_of_nothing():
    reference, nothing = _beats(np.arange(0.5, 10, 0.5)), Events(np.zeros(0), ())
    double = _beats(np.arange(0.5, 9.6, 0.25), 8)  # every second one right, bars as well
    scores = TASK.evaluate(reference, double)
    assert scores["F-measure"] == pytest.approx(2 * 19 / (19 + 37))
    assert scores["CMLt"] == 0
    assert scores["AMLt"] == 1
    assert scores["Downbeat F-measure"] == 1
    assert set(TASK.evaluate(reference, nothing).values()) == {0}
    silence = TASK.evaluate(nothing, nothing)
    assert all(np.isnan(value) for value in silence.values())
    assert TASK.evaluate(nothing, reference)["F-measure"] == 0
    settings = TASK.fit_decoder([np.zeros((100, 2), np.float32)], [nothing])
    assert len(TASK.decode(np.full((100, 2), -9.0), settings).times) == 0


def test_variants_read_positions_and_keep_two_channels():
    song = _beats(np.arange(0.5, 12, 0.5))
    labels = TASK.labels_in(song)
    variants = {TASK.variant(np.random.default_rng(seed), labels) for seed in range(60)}
    assert {task.head for task in variants} == {TASK.head}
    assert len(variants) == 8  # moved to 2, 3 or 4, odd, even, bars, rest, divided
    for task in variants:
        beats, downbeats = (set(times) for times in task.class_times(song).values())
        assert downbeats and downbeats <= beats
        assert beats <= set(song.times) or task.division == 2
        assert task.source_labels <= labels | {"downbeat"}
    without = [TASK.variant(np.random.default_rng(seed), {"beat"}) for seed in range(9)]
    assert {task.division for task in without} == {2}  # what is possible without positions


def test_a_variant_by_hand():
    backbeat = BeatTracking(label_map=(("2", "downbeat"), ("4", "beat")))
    times = backbeat.class_times(_beats(np.arange(1.0, 9.0)))
    np.testing.assert_array_equal(times["beat"], [2, 4, 6, 8])
    np.testing.assert_array_equal(times["downbeat"], [2, 6])
    # Estimates count bars of their own, and all of them are read.
    estimate = Events(np.array([2.0, 4.0, 6.0, 8.0]), ("1", "2", "1", "2"))
    assert backbeat.evaluate(_beats(np.arange(1.0, 9.0)), estimate)["Downbeat F-measure"] == 1


def test_twice_as_many_beats_are_known_between_the_first_and_the_last():
    double = BeatTracking(division=2)
    values, mask = double.encode(_beats([0.2, 0.4, 0.6]), RATE, RATE)
    np.testing.assert_array_equal(np.flatnonzero(values[:, 0] == 1), [20, 30, 40, 50, 60])
    np.testing.assert_array_equal(np.flatnonzero(mask[:, 0]), np.arange(20, 61))
    np.testing.assert_array_equal(mask[:, 1], 1)
    assert double.encode(Events(np.zeros(0), ()), RATE, RATE).mask.sum() <= 1


def test_moments_are_at_beats(rng):
    example = Example(np.zeros((RATE, 1), np.float32), RATE, _beats([0.1, 0.4, 0.7]), "g", "n")
    assert {TASK.moment(rng, example, "beat") for _ in range(30)} == {0.1, 0.4, 0.7}
    assert TASK.moment(rng, example, "2") == 0.4


def _drifting(rng, metre, bpm):
    """A song whose tempo drifts by 20% either way, and what a doubtful network says of it."""
    steps = 60 / bpm * np.exp(0.2 * np.sin(np.arange(60) / 9) + 0.01 * rng.normal(size=60))
    beats = _beats(0.3 + np.cumsum(steps), metre)
    clean = _logits(beats, seconds=int(beats.times[-1]) + 1)
    return beats, clean + 2.5 * rng.normal(size=clean.shape)


def test_metres_from_two_to_seven_are_counted_though_validation_had_only_common_ones(rng):
    known = [_drifting(rng, *song) for song in ((4, 92), (3, 131), (4, 110), (4, 75))]
    settings = TASK.fit_decoder([output for _, output in known], [beats for beats, _ in known])
    for metre in range(2, 8):
        beats, output = _drifting(rng, metre, float(rng.uniform(66, 150)))
        for each in (settings, TASK.default_settings(RATE)):
            scores = TASK.evaluate(beats, TASK.decode(output, each))
            assert scores["F-measure"] > 0.9 and scores["Downbeat F-measure"] > 0.85


def test_an_output_without_frames_has_no_beats():
    found = TASK.decode(np.zeros((0, 2), np.float32), TASK.default_settings(RATE))
    assert len(found.times) == 0


def test_fewer_metres_are_kept_where_more_count_worse(rng):
    """Downbeats of which the network hears next to nothing, in bars of four."""
    songs = [_beats(np.arange(0.4, 58, 60 / bpm), 4) for bpm in (90.0, 120.0, 140.0)]
    outputs = [_logits(song, seconds=60) for song in songs]
    for output in outputs:
        output[:, 1] = 0.25 * output[:, 1] + 3 * rng.normal(size=len(output))
    fitted = TASK.fit_decoder(outputs, songs)

    def score(metres):
        settings = {**fitted, "metres": metres}
        found = [TASK.decode(output, settings) for output in outputs]
        return TASK.evaluate_all(songs, found)[0]["Downbeat F-measure"]

    assert score(fitted["metres"]) >= score([2, 3, 4, 5, 6, 7]) - 1e-9


def test_songs_of_the_studio_serve_with_and_without_vocals_and_as_drums():
    band = ALL_FEATURES.without("singing")  # nobody sings alone
    song = render_song(0, duration=4.0, style="rock", features=band)
    examples = StudioSource([song]).examples(TASK)
    views = {example.name.removeprefix(song.name): example.waveform for example in examples}
    assert views[" (mixture)"] is song.mixture
    assert views[" (drums)"] is song.stems["drums"]
    assert set(views) == {" (mixture)", " (without vocals)", " (drums)"}
    assert all(example.annotation is song.beats for example in examples)
    assert {example.group for example in examples} == {song.name}
