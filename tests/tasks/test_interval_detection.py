"""Intervals: encoding, decoding and scores, against impulses, scikit-learn and hand cases."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from umir.annotations import Intervals
from umir.data.example import Example
from umir.tasks import EpisodeSampler, ExampleSource, IntervalDetection, segment_batch
from umir.tasks.base import Target
from umir.tasks.decoding.activity import DEFAULT_SETTINGS

RATE = 16_000
TASK = IntervalDetection("intervals", ("a", "b"))


def _intervals(*rows, duration=None):
    bounds = np.array([row[:2] for row in rows], float).reshape(-1, 2)
    return Intervals(bounds, tuple(row[2] for row in rows), duration)


def _logits(values):
    return np.where(values > 0.5, 4.0, -4.0).astype(np.float32)


def test_frame_n_is_at_n_fiftieths():
    values, mask = TASK.encode(_intervals((0.36, 0.44, "a"), (0.395, 0.41, "b")), RATE, RATE)
    assert values.shape == (50, 2)
    assert mask.shape == (50, 1)
    assert np.flatnonzero(values[:, 0]).tolist() == [18, 19, 20, 21]
    assert np.flatnonzero(values[:, 1]).tolist() == [20]  # at 0.4 s, the only frame inside
    assert values.dtype == np.float32


@pytest.mark.parametrize("start", [0, 13, 250])
def test_the_same_for_cut_segments(start):
    song = _intervals(*((n / 50, (n + 3) / 50, "b") for n in range(0, 300, 7)))
    values, _ = TASK.encode(song.crop(start / 50, start / 50 + 1), RATE, RATE)
    expected = [n - start for n in range(start, start + 50) if n % 7 < 3 and n < 297]
    assert np.flatnonzero(values[:, 1]).tolist() == expected


def test_overlaps_gaps_and_labels_not_known():
    values, mask = TASK.encode(
        _intervals((0, 0.1, "a"), (0.04, 0.2, "b"), (0.06, 0.14, "a"), (0, 1, "c")), RATE, RATE
    )
    assert values[:12].T.tolist() == [[1] * 7 + [0] * 5, [0] * 2 + [1] * 8 + [0] * 2]
    assert mask.all()
    unnamed = IntervalDetection("x", ("interval",))
    assert unnamed.encode(_intervals((0, 1, "")), RATE, RATE).values.all()
    assert unnamed.labels_in(_intervals((0, 1, ""))) == {"interval"}


def test_past_the_end_is_masked(rng):
    """Half a second of audio in a segment of a second: frames 0 to 24 are known."""
    waveform = rng.normal(size=(RATE // 2, 1)).astype(np.float32)
    example = Example(waveform, RATE, _intervals((0.1, 0.5, "a")), "s", "s")
    batch = segment_batch(TASK, [example], rng, rate=RATE, segments=2, seconds=1.0)
    for mask in batch.target.mask:
        np.testing.assert_array_equal(mask[:, 0], np.arange(50) < 25)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0.2, 0.35), st.sampled_from("ab")), max_size=9)
)
def test_decoding_recovers_what_was_encoded(drawn):
    """Intervals of 0.2 s and more come back with borders at most half a frame off."""
    rows = sorted({(slot, name): (slot * 0.7, slot * 0.7 + length, name)
                   for slot, length, name in drawn}.values())  # fmt: skip
    values, _ = TASK.encode(_intervals(*rows), 8 * RATE, RATE)
    settings = {"activity": dict.fromkeys("ab", {**DEFAULT_SETTINGS, "smoothing": 0.1})}
    decoded = TASK.decode(_logits(values), settings)
    assert decoded.labels == tuple(row[2] for row in rows)
    np.testing.assert_allclose(decoded.intervals, _intervals(*rows).intervals, atol=0.0101)
    assert decoded.duration == 8


def test_nothing_is_found_in_nothing():
    decoded = TASK.decode(np.full((100, 2), -5.0), TASK.default_settings(RATE))
    assert decoded.intervals.shape == (0, 2)
    scores = TASK.evaluate(_intervals(duration=2.0), decoded)
    assert scores["accuracy"] == 1
    assert np.isnan([scores["f1"], scores["f1/a"]]).all()
    assert np.isnan(TASK.evaluate(_intervals(), _intervals())["accuracy"])


def test_scores_of_a_hand_case():
    """Ten seconds: a is on from 1 to 3, found from 2 to 5; b from 4 to 6, found just there."""
    reference = _intervals((1, 3, "a"), (4, 6, "b"), (7, 8, "z"), duration=10.0)
    estimate = _intervals((2, 5, "a"), (4, 6, "b"))
    scores = TASK.evaluate(reference, estimate)
    assert scores == pytest.approx(
        {"accuracy": 0.7, "f1": (2 / 5 + 1) / 2, "f1/a": 2 * 1 / 5, "f1/b": 1}
    )
    # Without a known duration the last interval ends the song, at 8 s the one that is not read.
    unknown = Intervals(reference.intervals, reference.labels)
    assert TASK.evaluate(unknown, estimate)["accuracy"] == pytest.approx(5 / 8)


def test_scores_are_those_of_scikit_learn(rng):
    def draw():
        rows = [(s, s + rng.uniform(0.1, 2), "ab"[rng.integers(2)]) for s in rng.uniform(0, 9, 8)]
        return _intervals(*sorted(rows), duration=10.0)

    reference, estimate = draw(), draw()
    times = np.arange(1000) / 100

    def on(annotation, name):
        rows = zip(annotation.intervals, annotation.labels, strict=True)
        return np.any([(s <= times) & (times < e) for (s, e), lab in rows if lab == name], axis=0)

    true, guess = (np.stack([on(x, n) for n in "ab"], 1) for x in (reference, estimate))
    scores = TASK.evaluate(reference, estimate)
    of_class = metrics.f1_score(true.astype(int), guess.astype(int), average=None)
    assert [scores["f1/a"], scores["f1/b"]] == pytest.approx(of_class.tolist())
    assert scores["f1"] == pytest.approx(of_class.mean())
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(true, guess))


def test_frames_are_summed_over_songs():
    long, short = _intervals((0, 9, "a"), duration=9.0), _intervals((0, 1, "a"), duration=1.0)
    nothing = _intervals(duration=1.0)
    found, per_track = TASK.evaluate_all([long, short], [long, nothing])
    assert [track["f1"] for track in per_track] == [1, 0]
    assert found["f1"] == pytest.approx(2 * 9 / 19)
    assert found["accuracy"] == pytest.approx(0.9)


def test_the_decoder_learns_thresholds_and_smoothing_per_class(rng):
    """Class b never exceeds a probability of 0.2, and flickers: with 0.5 it is never found."""
    reference = _intervals((1, 3, "a"), (2, 5, "b"), (6, 7, "b"), duration=8.0)
    values, _ = TASK.encode(reference, 8 * RATE, RATE)
    probabilities = 0.02 + values * [0.8, 0.1]
    probabilities[rng.choice(400, 30, replace=False), 1] = 0.2
    probabilities[rng.choice(400, 30, replace=False), 1] = 0.01
    outputs = [np.log(probabilities / (1 - probabilities))]
    settings = TASK.fit_decoder(outputs, [reference])
    assert settings["activity"]["b"]["threshold"] < 0.12
    assert settings["activity"]["b"]["smoothing"] > 0
    assert TASK.evaluate(reference, TASK.decode(outputs[0], settings))["f1"] > 0.98
    default = TASK.decode(outputs[0], TASK.default_settings(RATE))
    assert TASK.evaluate(reference, default)["f1"] == pytest.approx(0.5, abs=0.02)


def test_a_class_without_reference_keeps_the_default(rng):
    settings = TASK.fit_decoder([rng.normal(size=(100, 2))], [_intervals((0.5, 1, "a"))])
    assert settings["activity"]["b"] == TASK.default_settings(RATE)["activity"]["b"]


def test_a_fresh_head_starts_at_the_best_constant(rng):
    values = (rng.uniform(size=(4, 300, 2)) < [0.1, 0.6]).astype(np.float32)
    target = Target(values, np.ones((4, 300, 1), np.float32))
    output = jnp.broadcast_to(jnp.asarray(TASK.head_prior(target)), values.shape)
    assert float(TASK.loss(output, target).mean()) == pytest.approx(1, abs=1e-4)


def test_variants_keep_the_head():
    variants = [TASK.variant(np.random.default_rng(n), list("abcde")) for n in range(40)]
    assert {v.head for v in variants} == {TASK.head}
    assert len(set(variants)) > 30
    assert TASK.variant(np.random.default_rng(0), ["a"]) == TASK
    with pytest.raises(ValueError, match=r"the label map leads to \['b'\]"):
        IntervalDetection("x", ("a",), (("c", "b"),))


def _songs(rng, n_with, n_without):
    waveforms = rng.normal(size=(n_with + n_without, 2 * RATE, 1)).astype(np.float32)
    on = [_intervals((0.5, 1.5, "a"))] * n_with + [_intervals()] * n_without
    return [
        Example(waveform, RATE, annotation, f"s{index}", f"s{index}")
        for index, (waveform, annotation) in enumerate(zip(waveforms, on, strict=True))
    ]


def test_moments_are_spread_over_the_intervals(rng):
    """Three quarters of the time that `a` is on lie in its second interval."""
    annotation = _intervals((0, 0.5, "a"), (0, 2, "b"), (0.5, 2, "a"))
    example = Example(np.zeros((2 * RATE, 1), np.float32), RATE, annotation, "s", "s")
    times = np.array([TASK.moment(rng, example, "a") for _ in range(400)])
    assert np.mean(times > 0.5) == pytest.approx(0.75, abs=0.06)


def test_songs_without_anything_are_examples_of_episodes_too(rng):
    task = IntervalDetection("x", ("a",))
    sampler = EpisodeSampler([task], ExampleSource(_songs(rng, 4, 4)), rate=RATE)
    seen = set()
    for step in range(30):
        episode = sampler.episode(step, variants=False)
        groups = episode.support_groups + episode.query_groups
        assert sorted(groups) == [f"s{n}" for n in range(8)]
        for side in (episode.support_groups, episode.query_groups):
            assert set(side) & {"s0", "s1", "s2", "s3"}
        for batch in (episode.support, episode.query):
            assert batch.target.values.any()  # the label's own segments
            seen |= {bool(on) for on in batch.target.values.any(axis=(1, 2))}
    assert seen == {True, False}


def test_a_folder_where_nothing_happens_still_gives_segments(rng):
    batch = segment_batch(TASK, _songs(rng, 0, 3), rng, rate=RATE)
    assert not batch.target.values.any()
    assert np.isfinite(TASK.head_prior(batch.target)).all()
    loss = TASK.loss(jnp.zeros(batch.target.values.shape), batch.target)
    assert np.isfinite(np.asarray(loss)).all()
