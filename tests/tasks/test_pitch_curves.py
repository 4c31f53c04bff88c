"""Curves of any hop at frames of 10 ms, and positions between bins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import F0
from umir.tasks.pitch_axis import PITCH_CLASSES, PitchAxis, octaves
from umir.tasks.pitch_curves import at_frames, refined_best, shared

AXIS, CLASSES = PitchAxis.of(octaves(2, 6)), PitchAxis.of(PITCH_CLASSES)


@pytest.mark.parametrize("hop", [0.0029, 256 / 44_100, 0.01, 0.02, 0.023])
def test_a_step_is_where_it_is_for_any_hop(hop):
    """Unvoiced until 0.5 s, then 220 Hz: the frames say so, at most half a hop off."""
    times = np.arange(0, 1, hop)
    frequencies, known = at_frames(F0(times, np.where(times >= 0.5, 220.0, 0.0)), 100)
    assert known.all()
    first = np.flatnonzero(frequencies)[0]
    assert abs(first / 100 - 0.5) <= hop / 2 + 0.01
    np.testing.assert_allclose(frequencies[first:], 220)


def test_a_hop_of_ten_milliseconds_is_taken_as_it_is(rng):
    curve = rng.uniform(80, 800, 300) * (rng.uniform(size=300) < 0.6)
    frequencies, known = at_frames(F0(np.arange(300) / 100, curve), 300)
    np.testing.assert_allclose(frequencies, curve, rtol=1e-9)
    assert known.all()


def test_pitch_is_interpolated_in_its_logarithm_and_never_across_pauses():
    f0 = F0(np.array([0.0, 0.02, 0.04, 0.06]), np.array([200.0, 400.0, 0.0, 300.0]))
    frequencies, _ = at_frames(f0, 7)
    # In the middle of two instants the earlier one is the nearest; of two voiced ones, the mean.
    np.testing.assert_allclose(frequencies, [200, np.sqrt(200 * 400), 400, 400, 0, 0, 300])


def test_negative_frequencies_are_unvoiced():
    frequencies, known = at_frames(F0(np.arange(3) / 100, np.array([-220.0, 220.0, 0.0])), 3)
    np.testing.assert_allclose(frequencies, [0, 220, 0])
    assert known.all()


def test_gaps_and_what_lies_outside_are_not_known():
    times = np.concatenate([np.arange(20, 40), np.arange(60, 80)]) / 100
    _, known = at_frames(F0(times, np.full(40, 220.0)), 100)
    expected = np.zeros(100, bool)
    expected[18:42] = expected[58:82] = True  # two hops on either side
    np.testing.assert_array_equal(known, expected)


def test_a_segment_with_the_ends_of_a_gap_knows_no_more():
    times = np.concatenate([np.arange(100), np.arange(300, 400)]) / 100
    curve = F0(times, np.repeat([220.0, 440.0], 100)).crop(0.985, 3.005)
    assert len(curve.times) == 2
    _, known = at_frames(curve, 202)
    assert not known[30:170].any()


def test_curves_of_no_and_one_frame():
    frequencies, known = at_frames(F0(np.zeros(0), np.zeros(0)), 5)
    assert not frequencies.any() and not known.any()
    frequencies, known = at_frames(F0(np.array([0.02]), np.array([220.0])), 6)
    np.testing.assert_allclose(frequencies, 220)
    np.testing.assert_array_equal(known, [True] * 5 + [False])


@given(st.floats(0, 59), st.booleans())
def test_what_is_shared_is_found_again_exactly(position, folded):
    axis = CLASSES if folded else AXIS
    position = (position + 0.5) % 12 - 0.5 if folded else position
    shares = shared(axis, np.array([position]))
    assert shares.sum() == pytest.approx(1)
    assert (shares > 1e-9).sum() <= 2
    with np.errstate(divide="ignore"):
        (found,) = refined_best(np.log(shares), axis.folded)
    away = abs(found - position)
    assert min(away, 12 - away if folded else away) < 1e-9


def test_the_ends_of_an_axis():
    np.testing.assert_allclose(shared(AXIS, np.array([-0.4, 59.3]))[:, [0, 59]], np.eye(2))
    scores = np.log([[0.7, 0.3, 0.0001], [0.0001, 0.3, 0.7]])
    np.testing.assert_allclose(refined_best(scores, False), [0.3, 1.7], atol=1e-3)
    np.testing.assert_allclose(refined_best(np.log([[0.5, 0.0001, 0.5]]), True), [-0.5], atol=1e-3)
