"""Chords: frames, masks, decoding, scores over songs, variants."""

import jax.numpy as jnp
import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import Intervals
from umir.data.example import Example
from umir.tasks import ChordRecognition, EpisodeSampler, ExampleSource
from umir.tasks.base import Target
from umir.tasks.chord_recognition import PENALTIES, SeventhChordRecognition
from umir.tasks.metrics.chord_metrics import CHORDS, SEVENTH_CHORDS

RATE = 16_000
TASK = ChordRecognition()
NOTHING = Intervals(np.zeros((0, 2)), ())


def _intervals(*rows):
    return Intervals(np.array([row[:2] for row in rows], float), tuple(row[2] for row in rows))


def _classes(task, annotation, seconds=1):
    """Return the class at each frame, `-` where it is masked."""
    values, mask = task.encode(annotation, seconds * RATE, RATE)
    assert mask.shape == (len(values), 1)
    np.testing.assert_array_equal(values.sum(axis=1), mask[:, 0])
    return [task.vocabulary[v.argmax()] if m else "-" for v, m in zip(values, mask, strict=True)]


def test_frame_n_is_at_n_times_80_ms():
    found = _classes(TASK, _intervals((0, 0.24, "N"), (0.24, 0.3, "C:maj"), (0.3, 0.7, "A:min7")))
    assert found == ["N"] * 3 + ["C:maj"] + ["A:min"] * 5 + ["-"] * 4
    assert TASK.encode(NOTHING, round(6.4 * RATE), RATE).values.shape == (80, 25)


@pytest.mark.parametrize("start", [0, 7, 40])
def test_the_same_for_cut_segments(start):
    song = _intervals(*((n * 0.24, (n + 1) * 0.24, CHORDS[n % 25]) for n in range(40)))
    expected = [CHORDS[n // 3 % 25] for n in range(start, start + 13)]
    assert _classes(TASK, song.crop(start * 0.08, start * 0.08 + 1)) == expected


def test_what_is_not_scored_or_no_chord_is_masked():
    song = _intervals((0, 0.16, "C:dim"), (0.16, 0.32, "X"), (0.32, 0.48, "solo"), (0.48, 2, "Db"))
    assert _classes(TASK, song) == ["-"] * 6 + ["Db:maj"] * 7
    assert TASK.labels_in(song) == {"Db:maj"}
    assert TASK.unknown_labels(song) == {"solo"}
    assert _classes(TASK, NOTHING) == ["-"] * 13


def test_of_overlapping_chords_the_last_to_start_holds():
    song = _intervals((0, 1, "C:maj"), (0.4, 0.8, "D:maj"))
    assert _classes(TASK, song) == ["C:maj"] * 5 + ["D:maj"] * 5 + ["-"] * 3


@given(
    st.lists(st.tuples(st.integers(4, 20), st.sampled_from(CHORDS)), min_size=1, max_size=8),
    st.sampled_from([0.0, 4.0]),
)
def test_decoding_recovers_what_was_encoded(drawn, penalty):
    borders = 0.1 * np.cumsum([0] + [length for length, _ in drawn])
    song = Intervals(np.stack([borders[:-1], borders[1:]], 1), tuple(name for _, name in drawn))
    values, _ = TASK.encode(song, round(borders[-1] * RATE), RATE)
    decoded = TASK.decode(8 * values, {"change_penalty": penalty})
    merged = [n for n, (_, name) in enumerate(drawn) if n == 0 or drawn[n - 1][1] != name]
    assert decoded.labels == tuple(drawn[n][1] for n in merged)
    np.testing.assert_allclose(decoded.intervals[:, 0], borders[merged], atol=0.0401)
    np.testing.assert_array_equal(decoded.intervals[1:, 0], decoded.intervals[:-1, 1])
    assert decoded.intervals[-1, 1] == pytest.approx(borders[-1], abs=0.0801)
    assert TASK.evaluate(song, decoded)["majmin"] > 0.85


def test_the_price_of_a_change_is_fitted(rng):
    """Two chords of 4 s under noise: frame by frame many are wrong, with a price none is."""
    song = _intervals((0, 4, "C:maj"), (4, 8, "A:min"))
    values, _ = TASK.encode(song, 8 * RATE, RATE)
    outputs = [(2 * values + rng.normal(size=values.shape)).astype(np.float32) for _ in range(2)]
    settings = TASK.fit_decoder(outputs, [song, song])
    assert settings["change_penalty"] in PENALTIES[3:]
    free = {"change_penalty": 0.0}
    better, worse = (
        TASK.evaluate_all([song] * 2, [TASK.decode(output, s) for output in outputs])[0]
        for s in (settings, free)
    )
    assert better["majmin"] > 0.95 > 0.8 > worse["majmin"]
    assert better["seg"] > worse["seg"]


def test_without_known_frames_the_default_is_kept(rng):
    output = rng.normal(size=(20, 25)).astype(np.float32)
    assert TASK.fit_decoder([output], [NOTHING]) == TASK.default_settings(RATE)
    decoded = TASK.decode(output, TASK.default_settings(RATE))
    assert np.isnan(list(TASK.evaluate(NOTHING, decoded).values())).all()
    assert TASK.evaluate(_intervals((0, 4, "C:maj")), NOTHING)["majmin"] == 0


def test_songs_weigh_by_their_length():
    long, short = _intervals((0, 9, "C:maj")), _intervals((0, 1, "D:min"))
    scores, per_track = TASK.evaluate_all([long, short], [long, long])
    assert [track["majmin"] for track in per_track] == [1, 0]
    assert scores["majmin"] == pytest.approx(0.9)
    assert set(scores) == {
        *("majmin", "root", "thirds", "triads", "sevenths", "tetrads", "mirex"),
        *("overseg", "underseg", "seg"),
    }
    expected = mir_eval.chord.evaluate(
        *(np.array([[0, 9], [9, 10.0]]), ["C:maj", "D:min"]), *(np.array([[0, 10.0]]), ["C:maj"])
    )
    assert scores["mirex"] == pytest.approx(expected["mirex"])


def test_a_fresh_head_starts_at_the_frequencies():
    """One second of each class is taken as seen before: 12.5 frames beside 100 and 25."""
    values = np.eye(25, dtype=np.float32)[np.repeat([0, 5], [100, 25])][None]
    prior = TASK.head_prior(Target(values, np.ones((1, 125, 1), np.float32)))
    np.testing.assert_allclose(np.exp(prior - prior[7])[[0, 5]], [112.5 / 12.5, 3], rtol=1e-5)
    assert prior.mean() == pytest.approx(0, abs=1e-6)
    balanced = Target(np.eye(25, dtype=np.float32)[None], np.ones((1, 25, 1), np.float32))
    np.testing.assert_allclose(TASK.head_prior(balanced), 0, atol=1e-6)
    assert float(TASK.loss(jnp.zeros((1, 25, 25)), balanced)[0]) == pytest.approx(1)


def test_variants_have_three_classes_of_chords():
    variants = [TASK.variant(np.random.default_rng(n)) for n in range(100)]
    assert {v.head.channels for v in variants} == {3}
    assert len(set(variants)) > 60
    for variant in variants:
        chords = [chord for chord, _ in variant.label_map]
        assert len(set(chords)) == len(chords) and set(chords) <= set(CHORDS)
        assert variant.source_labels == set(chords)
    kinds = {frozenset(v.vocabulary) for v in variants}
    assert frozenset(("maj", "min", "N")) in kinds
    assert any("rest" in kind for kind in kinds)
    assert any(kind < set("CDEFGAB") | {"Db", "Eb", "Gb", "Ab", "Bb"} for kind in kinds)
    assert any(kind < set(CHORDS) for kind in kinds)
    few = [TASK.variant(np.random.default_rng(n), ["C:maj", "C:min", "D:maj"]) for n in range(20)]
    assert {v.head.channels for v in few} == {3}
    assert TASK.variant(np.random.default_rng(0), ["C:maj", "N"]) == TASK


def test_a_variant_reads_and_scores_its_own_classes():
    label_map = (("C:maj", "C"), ("C:min", "C"), ("D:maj", "D"), ("N", "rest"))
    task = ChordRecognition(vocabulary=("C", "rest", "D"), label_map=label_map)
    song = _intervals((0, 1, "C:7"), (1, 2, "F:maj"), (2, 3, "D:maj7"), (3, 4, "N"))
    assert set(_classes(task, song, 4)[13:25]) == {"-"}
    estimate = _intervals((0, 2, "C"), (2, 4, "D"))
    # 13 frames of C, none of F, 13 of D, 12 of N.
    assert task.evaluate(song, estimate) == {"accuracy": pytest.approx(26 / 38)}
    assert task.evaluate_all([song], [estimate])[0] == {"accuracy": pytest.approx(26 / 38)}


def test_moments_are_where_a_chord_of_the_class_sounds(rng):
    song = _intervals((0, 1, "C:maj"), (1, 2, "A:min7"), (2, 3, "C:min"), (3, 4, "A:min/b3"))
    example = Example(np.zeros((4 * RATE, 1), np.float32), RATE, song, "s", "s")
    times = np.array([TASK.moment(rng, example, "A:min") for _ in range(50)])
    assert set(np.floor(times)) == {1, 3}


def test_episodes_of_variants_know_something(rng):
    songs = []
    for index in range(6):
        rows = [(2 * n, 2 * n + 2, CHORDS[int(c)]) for n, c in enumerate(rng.choice(9, 4))]
        waveform = rng.normal(size=(8 * RATE, 1)).astype(np.float32)
        songs.append(Example(waveform, RATE, _intervals(*rows), f"s{index}", f"s{index}"))
    sampler = EpisodeSampler([TASK], ExampleSource(songs), rate=RATE, segments=2)
    for step in range(20):
        episode = sampler.episode(step)
        assert episode.support.waveform.shape == (4, 102_400, 1)
        assert episode.support.target.mask.any() and episode.query.target.mask.any()


def test_sevenths_are_classes_of_their_own():
    task = SeventhChordRecognition()
    assert task.head.channels == len(SEVENTH_CHORDS) == 61
    song = _intervals((0, 0.16, "A:min7/b3"), (0.16, 0.32, "C:maj6"), (0.32, 0.48, "Db:7"),
                      (0.48, 0.64, "D:hdim7"), (0.64, 1, "N"))  # fmt: skip
    found = ["A:min7"] * 2 + ["-"] * 2 + ["Db:7"] * 2 + ["-"] * 2 + ["N"] * 5
    assert _classes(task, song) == found
    assert task.labels_in(song) == {"A:min7", "Db:7", "N"}
    scores = task.evaluate(song, _intervals((0, 0.64, "A:min"), (0.64, 1, "N")))
    # Of 0.16 s of A:min7, 0.16 s of Db:7 and 0.36 s of N only the last are right.
    assert scores[task.headline] == pytest.approx(0.36 / 0.68)
    assert scores["majmin"] == pytest.approx(0.52 / 0.84)  # and C:maj6 is a wrong C:maj
    variants = {task.variant(np.random.default_rng(n)) for n in range(40)}
    assert {variant.head.channels for variant in variants} == {3}
    assert any("7" in name for variant in variants for name, _ in variant.label_map)


def test_a_song_without_a_frame_has_no_chord(rng):
    decoded = TASK.decode(np.zeros((0, 25), np.float32), TASK.default_settings(RATE))
    assert decoded.labels == ()
    output = rng.normal(size=(0, 25)).astype(np.float32)
    assert TASK.fit_decoder([output], [NOTHING]) == TASK.default_settings(RATE)
