"""Frames and stretches by hand and against each other, the search against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.tasks.decoding.activity import (
    DEFAULT_SETTINGS,
    SMOOTHING,
    accuracy,
    active,
    active_frames,
    f_measure,
    fit_activity,
    hysteresis,
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

    def quality(settings):
        found = [active(curve, settings, 50.0) for curve in curves]
        counts = [(t & f).sum() for t, f in zip(true, found, strict=True)], map(np.sum, found)
        hits, n_found = (int(sum(count)) for count in counts)
        n_true = int(sum(t.sum() for t in true))
        f = 2 * hits / (n_true + n_found) if n_true + n_found else 0.0
        right = sum((t == g).sum() for t, g in zip(true, found, strict=True))
        return f if score is f_measure else right / sum(map(len, true))

    settings = fit_activity(curves, true, rate=50.0, score=score)
    simple = ({**DEFAULT_SETTINGS, "threshold": t, "low": t} for t in THRESHOLDS)
    best = max(quality({**each, "smoothing": s}) for each in simple for s in SMOOTHING)
    assert quality(settings) >= best - 1e-9
    assert settings["smoothing"] > 0


def test_of_equal_thresholds_the_middle_is_taken():
    """On at 0.9, off at 0.1: everything between is right, and needs no smoothing."""
    true = np.repeat([False, True, False], 50)
    settings = fit_activity([np.where(true, 0.9, 0.1)], [true], rate=50.0)
    between = [t for t in THRESHOLDS if 0.1 < t <= 0.9]
    threshold = between[len(between) // 2]
    assert settings == {
        **DEFAULT_SETTINGS, "threshold": threshold, "low": threshold, "smoothing": 0.0
    }  # fmt: skip


@given(st.lists(st.integers(0, 4), max_size=40))
def test_hysteresis_is_that_of_a_machine_that_looks_both_ways(levels):
    """On at 3 or more; before and after that for as long as it is 2 or more."""
    curve = np.array(levels, float)
    expected = curve >= 3
    for _ in levels:
        near = np.convolve(expected, [1, 1, 1], mode="same")[: len(curve)] > 0
        expected = expected | (near & (curve >= 2))
    np.testing.assert_array_equal(hysteresis(curve, 3.0, 2.0), expected)


def test_gaps_are_bridged_and_then_short_stretches_left_out():
    def frames(*runs):
        return np.repeat(np.arange(len(runs)) % 2, runs).astype(float)

    curve = frames(3, 10, 4, 2, 20, 1, 30, 6)  # a pause of 4 frames, one of 20, one of 30
    settings = {**DEFAULT_SETTINGS, "smoothing": 0.0, "gap": 0.1, "shortest": 0.16}
    on = active(curve, settings, 50.0)
    np.testing.assert_array_equal(on, frames(3, 16, 57))
    # Silence at the ends is no pause, however short.
    ends = active(frames(3, 10, 3), {**settings, "gap": 1.0}, 50.0)
    np.testing.assert_array_equal(ends, frames(3, 10, 3))


def test_two_thresholds_beat_one(rng):
    """Phrases with one sure moment and the rest at 0.3; false alarms of the same 0.3."""
    level = rng.uniform(0.02, 0.1, size=(6, 1500))
    true = np.zeros(level.shape, bool)
    for song, on in zip(level, true, strict=True):
        for start in range(50, 1400, 250):
            on[start : start + 80] = True
            song[start : start + 80] = 0.3
            song[start + 30 : start + 34] = 0.9
            song[start + 130 : start + 210] = 0.3  # a false alarm, as long
    settings = fit_activity(list(level[:3]), list(true[:3]), rate=50.0)
    found = active(level[3:].ravel(), settings, 50.0)
    curves = [smoothed(level[3:].ravel(), 50.0, seconds) for seconds in SMOOTHING]
    plain = [curve >= threshold for curve in curves for threshold in THRESHOLDS]
    right = (found == true[3:].ravel()).mean()
    assert right > 0.99 > 0.8 > max((f == true[3:].ravel()).mean() for f in plain)
    assert settings["low"] < 0.3 < settings["threshold"]
