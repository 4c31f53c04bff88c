"""Events: encoding, decoding and scores, against impulses, mir_eval and hand cases."""

import jax.numpy as jnp
import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import Events
from umir.tasks import EventDetection
from umir.tasks.base import Target

RATE = 16_000
TASK = EventDetection("events", ("a", "b"))


def _events(*pairs):
    return Events(np.array([time for time, _ in pairs], float), tuple(name for _, name in pairs))


def _logits(values):
    """Return logits whose sigmoid is the target, as far as 0 and 1 allow."""
    clipped = np.clip(values.astype(np.float64), 1e-4, 1 - 1e-4)
    return np.log(clipped / (1 - clipped)).astype(np.float32)


def test_an_event_peaks_at_its_frame():
    values, mask = TASK.encode(_events((0.37, "a")), RATE, RATE)
    assert values.shape == (100, 2)
    assert mask.shape == (100, 1)
    np.testing.assert_array_equal(values[35:40, 0], [0.25, 0.5, 1, 0.5, 0.25])
    assert values.sum() == 2.5


@pytest.mark.parametrize("start", [0, 13, 250])
def test_the_same_for_cut_segments(start):
    """Frame n of a segment from `start` hundredths is at n / 100 seconds after its start."""
    song = _events(*((n / 100, "b") for n in range(0, 600, 7)))
    cut = song.crop(start / 100, start / 100 + 1)
    values, _ = TASK.encode(cut, RATE, RATE)
    peaks = {n - start for n in range(0, 600, 7) if start <= n < start + 100}
    assert set(np.flatnonzero(values[:, 1] == 1)) == peaks


def test_overlap_takes_the_larger_and_borders_are_cut():
    values, _ = TASK.encode(_events((0.0, "a"), (0.01, "a"), (0.03, "a"), (0.999, "b")), RATE, RATE)
    np.testing.assert_array_equal(values[:6, 0], [1, 1, 0.5, 1, 0.5, 0.25])
    np.testing.assert_array_equal(values[97:, 1], [0, 0.25, 0.5])  # its own frame is past the end


@pytest.mark.parametrize(("n_samples", "rate", "frames"), [(282_240, 44_100, 640), (1, 16_000, 1)])
def test_frames_are_those_inside_the_audio(n_samples, rate, frames):
    assert TASK.encode(_events(), n_samples, rate).values.shape == (frames, 2)


def test_labels_outside_the_vocabulary_are_ignored_and_unnamed_ones_are_events():
    assert TASK.encode(_events((0.5, "c")), RATE, RATE).values.sum() == 0
    unnamed = EventDetection("onsets", ("event",))
    assert unnamed.encode(_events((0.5, "")), RATE, RATE).values.max() == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 15), st.floats(0.04, 0.15), st.sampled_from("ab")), max_size=12
    )
)
def test_decoding_recovers_what_was_encoded(drawn):
    """Events at least 50 ms apart within a class come back, at most half a frame off."""
    pairs = sorted(
        {(slot, name): (slot * 0.2 + shift, name) for slot, shift, name in drawn}.values()
    )
    events = _events(*pairs)
    values, _ = TASK.encode(events, 4 * RATE, RATE)
    decoded = TASK.decode(_logits(values), TASK.default_settings(RATE))
    assert len(decoded.times) == len(pairs)
    for name in "ab":
        np.testing.assert_allclose(decoded.of(name), events.of(name), atol=0.0051)
    if pairs:
        assert TASK.evaluate(events, decoded)["F-measure"] == 1


def test_scores_are_those_of_mir_eval(rng):
    reference = _events(*((t, "a") for t in np.sort(rng.uniform(0, 10, 40))))
    estimate = _events(*((t, "a") for t in np.sort(rng.uniform(0, 10, 50))))
    expected = mir_eval.onset.f_measure(reference.times, estimate.times, window=0.05)[0]
    scores = TASK.evaluate(reference, estimate)
    assert scores["F-measure/a"] == pytest.approx(expected)
    assert scores["F-measure"] == pytest.approx(expected)  # no "b" anywhere: left out
    assert np.isnan(scores["F-measure/b"])


def test_scores_of_a_hand_case():
    reference = _events((1.0, "a"), (2.0, "a"), (3.0, "b"))
    estimate = _events((1.04, "a"), (2.06, "a"), (2.5, "a"), (3.0, "b"))
    scores = TASK.evaluate(reference, estimate)
    assert scores["F-measure/a"] == pytest.approx(2 / 5)  # one hit of two, three estimates
    assert scores["F-measure/b"] == 1
    assert scores["F-measure"] == pytest.approx(0.7)
    assert scores["F-measure_micro"] == pytest.approx(4 / 7)


def test_events_of_one_class_at_one_time_are_one():
    """A clap over a snare: the target has one peak there, and nobody can find two."""
    label_map = (("snare", "snare"), ("clap", "snare"))
    task = EventDetection("drums", ("snare",), label_map=label_map)
    layered = _events((1.0, "snare"), (1.0, "clap"), (2.0, "snare"))
    scores = task.evaluate(layered, _events((1.0, "snare"), (2.0, "snare")))
    assert scores["F-measure"] == 1


def test_hits_are_summed_over_songs():
    long = _events(*((float(t), "a") for t in range(9)))
    short = _events((0.0, "a"))
    metrics, per_track = TASK.evaluate_all([long, short], [long, _events((5.0, "a"))])
    assert [track["F-measure"] for track in per_track] == [1, 0]
    assert metrics["F-measure"] == pytest.approx(2 * 9 / 20)
    assert metrics["F-measure_micro"] == pytest.approx(2 * 9 / 20)


def test_the_decoder_learns_thresholds_per_class(rng):
    """Class b never exceeds a probability of 0.3: with 0.5 for all it would never be found."""
    reference = _events(*((0.5 * n + 0.1, "ab"[n % 2]) for n in range(12)))
    values, _ = TASK.encode(reference, 7 * RATE, RATE)
    values = 0.1 * rng.uniform(size=values.shape) + values * [0.8, 0.2]
    outputs = [_logits(values)]
    settings = TASK.fit_decoder(outputs, [reference])
    assert TASK.evaluate(reference, TASK.decode(outputs[0], settings))["F-measure"] == 1
    default = TASK.decode(outputs[0], TASK.default_settings(RATE))
    assert TASK.evaluate(reference, default)["F-measure"] == pytest.approx(0.5)


def test_a_class_without_reference_keeps_the_default(rng):
    settings = TASK.fit_decoder([rng.normal(size=(100, 2))], [_events((0.5, "a"))])
    assert settings["peaks"]["b"] == [0.5, 0.02]


def test_a_fresh_head_starts_at_the_best_constant(rng):
    values = (rng.uniform(size=(4, 600, 2)) < [0.03, 0.2]).astype(np.float32)
    target = Target(values, np.ones((4, 600, 1), np.float32))
    prior = TASK.head_prior(target)
    output = jnp.broadcast_to(jnp.asarray(prior), values.shape)
    assert float(TASK.loss(output, target).mean()) == pytest.approx(1, abs=1e-4)
    p = values[..., 0].mean()
    assert prior[0] == pytest.approx(np.log(20 * p / (1 - p)), abs=1e-4)
    assert prior[1] == pytest.approx(0, abs=1e-4)


def test_bad_vocabularies_are_refused():
    with pytest.raises(ValueError, match="task 'x' has an empty vocabulary: nothing to learn"):
        EventDetection("x", ())
    with pytest.raises(ValueError, match="task 'x' names a class twice"):
        EventDetection("x", ("a", "a"))
    with pytest.raises(ValueError, match=r"the label map leads to \['b'\]"):
        EventDetection("x", ("a",), (("c", "b"),))
