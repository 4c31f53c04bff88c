"""Frames and stretches by hand and against each other, the search against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.tasks.decoding.activity import (
    SMOOTHING,
    accuracy,
    active_frames,
    f_measure,
    fit_activity,
    smoothed,
    stretches,
)
from umir.tasks.decoding.peak_picking import THRESHOLDS

CENTISECONDS = st.integers(0, 220)


def _intervals(*pairs):
    return np.array(pairs, float).reshape(-1, 2)


def test_frames_are_on_if_their_instant_is():
    # The end does not belong to the interval; 0.07 * 100 is a little more than 7.
    active = active_frames(_intervals((0.07, 0.09)), 12, 100.0)
    assert np.flatnonzero(active).tolist() == [7, 8]
    active = active_frames(_intervals((0.011, 0.029), (0.02, 0.041)), 12, 100.0)
    assert np.flatnonzero(active).tolist() == [2, 3, 4]
    assert not active_frames(_intervals((0.011, 0.019)), 12, 100.0).any()  # between two frames
    assert not active_frames(_intervals(), 12, 100.0).any()
    assert active_frames(_intervals((-1, 99)), 12, 100.0).all()
    assert not active_frames(_intervals((5, 6), (-2, -1)), 12, 100.0).any()


@given(st.lists(st.tuples(CENTISECONDS, CENTISECONDS), max_size=6))
def test_frames_are_those_of_a_loop(pairs):
    """In half frames, so that times lie on frames and between them, also past the end."""
    intervals = _intervals(*((min(p) / 100, (max(p) + 1) / 100) for p in pairs))
    expected = [any(min(p) <= 2 * n < max(p) + 1 for p in pairs) for n in range(100)]
    np.testing.assert_array_equal(active_frames(intervals, 100, 50.0), expected)


@given(st.lists(st.booleans(), max_size=60))
def test_stretches_give_the_frames_back(frames):
    active = np.array(frames, bool)
    found = stretches(active, 50.0)
    np.testing.assert_array_equal(active_frames(found, len(active), 50.0), active)


def test_borders_lie_half_way_but_for_those_of_the_song():
    found = stretches(np.array([1, 0, 0, 1, 1, 0, 1], bool), 10.0)
    np.testing.assert_allclose(found, [[0, 0.05], [0.25, 0.45], [0.55, 0.7]])
    assert stretches(np.zeros(0, bool), 10.0).shape == (0, 2)


def test_a_median_removes_what_is_short_and_keeps_borders():
    curve = np.zeros(100)
    curve[20:60] = 1
    curve[[5, 40]] = [1, 0]
    expected = np.zeros(100)
    expected[20:60] = 1
    np.testing.assert_array_equal(smoothed(curve, 50.0, 0.1), expected)
    np.testing.assert_array_equal(smoothed(curve, 50.0, 0.0), curve)
    assert smoothed(curve[:3], 50.0, 5.0).shape == (3,)  # shorter than the median


@pytest.mark.parametrize("score", [f_measure, accuracy])
def test_the_search_finds_the_best_of_all(rng, score):
    true = [np.repeat(rng.uniform(size=20) < 0.4, 30) for _ in range(3)]
    curves = [np.clip(0.1 * t + 0.12 * rng.uniform(size=len(t)), 0, 1) for t in true]

    def quality(threshold, seconds):
        found = [smoothed(curve, 50.0, seconds) >= threshold for curve in curves]
        counts = [(t & f).sum() for t, f in zip(true, found, strict=True)], map(np.sum, found)
        hits, n_found = (int(sum(count)) for count in counts)
        n_true = int(sum(t.sum() for t in true))
        f = 2 * hits / (n_true + n_found) if n_true + n_found else 0.0
        right = sum((t == g).sum() for t, g in zip(true, found, strict=True))
        return f if score is f_measure else right / sum(map(len, true))

    threshold, seconds = fit_activity(curves, true, rate=50.0, score=score)
    best = max(quality(t, s) for t in THRESHOLDS for s in SMOOTHING)
    assert quality(threshold, seconds) == pytest.approx(best)
    assert seconds > 0


def test_of_equal_thresholds_the_middle_is_taken():
    """On at 0.9, off at 0.1: everything between is right, and needs no smoothing."""
    true = np.repeat([False, True, False], 50)
    threshold, seconds = fit_activity([np.where(true, 0.9, 0.1)], [true], rate=50.0)
    assert seconds == 0
    between = [t for t in THRESHOLDS if 0.1 < t <= 0.9]
    assert threshold == between[len(between) // 2]
