"""Melody: encoding, loss, decoding and scores, against steps, scipy, mir_eval and hand cases."""

import math

import jax.numpy as jnp
import mir_eval
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import F0
from umir.data.example import Example
from umir.tasks import MelodyExtraction
from umir.tasks.base import Target
from umir.tasks.melody_extraction import pitch_loss
from umir.tasks.metrics.melody_metrics import melody_metrics
from umir.tasks.pitch_axis import PITCH_CLASSES, octaves

RATE = 16_000
TASK = MelodyExtraction()
METRICS = ["Overall Accuracy", "Raw Pitch Accuracy", "Raw Chroma Accuracy", "Voicing Recall",
           "Voicing False Alarm"]  # fmt: skip


def _curve(frequencies):
    return F0(np.arange(len(frequencies)) / 100, np.array(frequencies, float))


def _logits(values):
    """Return logits of which the sigmoid (voicing) and the softmax (pitch) are the target."""
    clipped = np.clip(values.astype(np.float64), 1e-6, 1 - 1e-6)
    voicing = np.log(clipped[:, :1] / (1 - clipped[:, :1]))
    return np.concatenate([voicing, np.log(clipped[:, 1:])], axis=1).astype(np.float32)


def _songs(rng, n=3):
    """Random walks of pitch with pauses, their outputs with noise."""
    references, outputs = [], []
    for _ in range(n):
        pitch = 57 + np.cumsum(rng.normal(size=500)) / 4
        voiced = np.repeat(rng.uniform(size=10) < 0.7, 50)
        references.append(_curve(440 * 2 ** ((pitch - 69) / 12) * voiced))
        values, _ = TASK.encode(references[-1], 5 * RATE, RATE)
        clean = _logits(np.clip(values, 0.02, 0.98))
        outputs.append(clean + rng.normal(size=clean.shape).astype(np.float32))
    return outputs, references


@pytest.mark.parametrize("start", [0, 13, 200])
def test_a_step_is_at_its_frame_also_in_cut_segments(start):
    song = _curve([0.0] * 300 + [440.0] * 300)
    values, mask = TASK.encode(song.crop(start / 100, start / 100 + 4), 4 * RATE, RATE)
    assert values.shape == mask.shape == (400, 61)
    first = 300 - start
    np.testing.assert_array_equal(values[:, 0], np.arange(400) >= first)
    np.testing.assert_array_equal(values[first:, 1 + 33], 1)  # A4 is the 34th semitone from C2
    assert values[:, 1:].sum() == 400 - first
    np.testing.assert_array_equal(mask[:, 0], 1)
    np.testing.assert_array_equal(mask[:, 1:], np.repeat(values[:, :1], 60, axis=1))


def test_a_pitch_between_two_bins_is_shared():
    values, _ = TASK.encode(_curve([440 * 2 ** (0.25 / 12)]), 160, RATE)
    np.testing.assert_allclose(values[0, 34:36], [0.75, 0.25], atol=1e-6)


def test_what_is_not_known_or_off_the_axis_is_masked():
    f0 = F0(np.array([0.0, 0.01, 0.02, 0.2, 0.21]), np.array([0.0, 40.0, 220.0, 220.0, 0.0]))
    values, mask = TASK.encode(f0, RATE // 4, RATE)
    np.testing.assert_array_equal(values[:3, 0], [0, 1, 1])  # 40 Hz is a melody, ...
    assert values[1, 1:].sum() == mask[1, 1:].sum() == 0  # ... but not of one of our pitches
    np.testing.assert_array_equal(mask[2], 1)
    assert mask[5:18].sum() == 0
    empty = TASK.encode(F0(np.zeros(0), np.zeros(0)), RATE, RATE)
    assert empty.mask.sum() == 0


@given(st.lists(st.one_of(st.just(0.0), st.floats(65.5, 1950)), min_size=1, max_size=40))
def test_decoding_recovers_what_was_encoded(frequencies):
    f0 = _curve(frequencies)
    values, _ = TASK.encode(f0, 160 * len(frequencies), RATE)
    decoded = TASK.decode(_logits(values), TASK.default_settings(RATE))
    np.testing.assert_allclose(decoded.times, f0.times)
    np.testing.assert_array_equal(decoded.frequencies > 0, f0.frequencies > 0)
    voiced = f0.frequencies > 0
    cents = 1200 * np.log2(decoded.frequencies[voiced] / f0.frequencies[voiced])
    assert (np.abs(cents) < 0.5).all()
    assert TASK.evaluate(f0, decoded)["Overall Accuracy"] == 1


def test_pitch_loss_is_cross_entropy_over_that_of_the_best_constant(rng):
    logits = rng.normal(size=(2, 6, 5)).astype(np.float32)
    values = rng.dirichlet(np.ones(5), size=(2, 6)).astype(np.float32)
    pitched = np.array([[1, 1, 0, 0, 1, 1], [0, 0, 1, 0, 0, 0]], np.float32)
    mask = np.repeat(pitched[..., None], 5, axis=2)
    mean = values[pitched > 0].mean(axis=0)
    log_q = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    cross = -(values * log_q).sum(axis=-1)[pitched > 0].mean()
    loss = pitch_loss(*map(jnp.asarray, (logits, values, mask)))
    assert loss.mean() == pytest.approx(cross / scipy.stats.entropy(mean), rel=1e-5)
    constant = np.broadcast_to(np.log(mean), values.shape)
    best = pitch_loss(jnp.asarray(constant), jnp.asarray(values), jnp.asarray(mask))
    assert best.mean() == pytest.approx(1, rel=1e-5)
    worse = pitch_loss(
        jnp.asarray(constant + 0.1 * logits[:1, :1]), *map(jnp.asarray, (values, mask))
    )
    assert worse.mean() > best.mean()


def test_a_fresh_head_starts_near_the_best_constant(rng):
    _, references = _songs(rng, 4)
    values, mask = zip(*(TASK.encode(song, 5 * RATE, RATE) for song in references), strict=True)
    target = Target(np.stack(values), np.stack(mask))
    prior = TASK.head_prior(target)
    assert prior.shape == (61,)
    output = jnp.broadcast_to(jnp.asarray(prior), target.values.shape)
    assert float(TASK.loss(output, target).mean()) == pytest.approx(1, abs=0.03)
    assert np.exp(prior[1:]).sum() == pytest.approx(1, abs=1e-4)


def test_silence_and_unknown_segments_have_a_finite_loss():
    silent = TASK.encode(_curve([0.0] * 100), RATE, RATE)
    unknown = Target(silent.values, np.zeros_like(silent.mask))
    output = jnp.ones((1, 100, 61), jnp.float32)
    for target in (silent, unknown):
        batch = Target(*(x[None] for x in target))
        assert np.isfinite(TASK.head_prior(batch)).all()
        loss = TASK.loss(output, batch)
        assert np.isfinite(loss).all()
        assert (float(loss[0]) == 0) == (target is unknown)


def test_scores_are_those_of_mir_eval(rng):
    outputs, references = _songs(rng)
    settings = {"threshold": 0.6, "low": 0.5, "smoothing": 5, "price": 0.1}
    for output, reference in zip(outputs, references, strict=True):
        estimate = TASK.decode(output, settings)
        expected = mir_eval.melody.evaluate(
            reference.times, reference.frequencies, estimate.times, estimate.frequencies
        )
        scores = TASK.evaluate(reference, estimate)
        assert list(scores) == METRICS
        assert scores == pytest.approx({name: expected[name] for name in METRICS})


def test_scores_of_a_hand_case():
    reference = _curve([220.0, 220.0, 220.0, 220.0, 0.0, 0.0, 0.0, 0.0])
    # Right; an octave up; right but called unvoiced; a tone off; right; three false alarms.
    estimate = _curve([221.0, 440.0, -220.0, 247.0, -100.0, 90.0, 90.0, 90.0])
    assert TASK.evaluate(reference, estimate) == pytest.approx({
        "Overall Accuracy": 2 / 8, "Raw Pitch Accuracy": 2 / 4, "Raw Chroma Accuracy": 3 / 4,
        "Voicing Recall": 3 / 4, "Voicing False Alarm": 3 / 4,
    })  # fmt: skip


def test_scores_that_are_not_defined_are_nan():
    silence, song = _curve([0.0] * 10), _curve([220.0] * 10)
    scores = TASK.evaluate(silence, silence)
    assert scores["Overall Accuracy"] == 1 and scores["Voicing False Alarm"] == 0
    assert all(math.isnan(scores[name]) for name in METRICS[1:4])
    scores = TASK.evaluate(song, silence)
    assert [scores[name] for name in METRICS[:4]] == [0, 0, 0, 0]
    assert math.isnan(scores["Voicing False Alarm"])
    nothing = F0(np.zeros(0), np.zeros(0))
    assert all(math.isnan(value) for value in melody_metrics(nothing, song).values())
    assert melody_metrics(song, nothing)["Overall Accuracy"] == 0
    assert melody_metrics(silence, _curve([-220.0]))["Overall Accuracy"] == 1
    metrics, _ = TASK.evaluate_all([silence, song], [silence, song])
    assert metrics == pytest.approx(dict(zip(METRICS, [1, 1, 1, 1, 0], strict=True)))


def test_references_of_any_hop_are_scored_at_their_own_frames():
    times = np.arange(200) * 256 / 44_100
    reference = F0(times, np.where(times < 0.6, 330.0, 0.0))
    values, _ = TASK.encode(reference, int(1.16 * RATE), RATE)
    decoded = TASK.decode(_logits(values), TASK.default_settings(RATE))
    assert TASK.evaluate(reference, decoded)["Overall Accuracy"] > 0.98


def test_the_decoder_is_fitted_by_overall_accuracy(rng):
    outputs, references = _songs(rng)
    outputs = [output - np.eye(1, 61, dtype=np.float32) * 6 for output in outputs]  # too shy
    settings = TASK.fit_decoder(outputs, references)

    def accuracy(settings):
        found = [TASK.decode(output, settings) for output in outputs]
        return TASK.evaluate_all(references, found)[0]["Overall Accuracy"]

    assert accuracy(settings) > 0.9 > accuracy(TASK.default_settings(RATE)) + 0.2
    for threshold in (0.002, 0.01, 0.05, 0.3):
        for smoothing in (1, 5, 15):
            other = {"threshold": threshold, "low": threshold, "smoothing": smoothing, "price": 0.0}
            assert accuracy(settings) >= accuracy(other) - 1e-9


def test_without_any_known_frame_the_settings_are_some(rng):
    settings = TASK.fit_decoder([rng.normal(size=(50, 61))], [F0(np.zeros(0), np.zeros(0))])
    assert set(settings) == set(TASK.default_settings(RATE))


def test_labels_and_moments(rng):
    song, silence = _curve([0.0] * 200 + [220.0] * 50 + [0.0] * 50), _curve([0.0] * 100)
    assert TASK.labels_in(song) == TASK.source_labels == {"voiced"}
    assert TASK.labels_in(silence) == frozenset()
    assert TASK.absence_counts
    example = Example(np.zeros((3 * RATE, 1), np.float32), RATE, song, "a", "a")
    moments = [TASK.moment(rng, example, "voiced") for _ in range(50)]
    assert 2.0 <= min(moments) < max(moments) < 2.5


def test_variants_have_twelve_bins_and_differ():
    variants = [TASK.variant(np.random.default_rng(seed)) for seed in range(100)]
    assert {task.head.channels for task in variants} == {13}
    assert len(set(variants)) > 20
    steps = {(task.axis.step, task.axis.folded) for task in variants}
    assert steps == {(1, True), (2, False), (5, False)}


def test_pitch_classes_are_scored_up_to_octaves():
    task = MelodyExtraction(vocabulary=PITCH_CLASSES)
    song = _curve([110.0, 880.0, 0.0, 233.1, 311.1])
    values, mask = task.encode(song, 800, RATE)
    np.testing.assert_allclose(values[:2, 1 + 9], 1, atol=1e-6)
    assert mask.min(axis=1).tolist() == [1, 1, 0, 1, 1]
    decoded = task.decode(_logits(values), task.default_settings(RATE))
    assert task.evaluate(song, decoded)["Overall Accuracy"] == 1
    assert TASK.evaluate(song, decoded)["Raw Pitch Accuracy"] < 0.6


def test_a_smaller_axis_makes_a_smaller_head():
    assert MelodyExtraction("f0", octaves(3, 4)).head.channels == 25
    with pytest.raises(ValueError, match="'x' is no note"):
        MelodyExtraction("f0", ("x",))
