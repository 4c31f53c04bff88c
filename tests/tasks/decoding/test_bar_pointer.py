"""Beats and bars out of evidence: against all paths there are, and known beats."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.tasks.decoding.bar_pointer import interval_grid, track_bars, track_beats


def _score(evidence, beats, intervals, transition, pause):
    """The sum of the evidence, less what changes of tempo and pauses cost."""
    gaps = np.diff(beats)
    parts = np.split(gaps, np.flatnonzero(gaps > max(intervals)))
    steady = [np.log(part[part <= max(intervals)]) for part in parts]
    changes = sum(np.abs(np.diff(part)).sum() for part in steady)
    return evidence[list(beats)].sum() - transition * changes - pause * (len(parts) - 1)


def _best_of_all(evidence, intervals, transition, pause):
    """Try every sequence of beats."""
    paths = [(first,) for first in range(len(evidence))]
    steps = [*intervals, *range(max(intervals) + 1, len(evidence))]
    found = []
    while paths:
        found += paths
        longer = [(*path, path[-1] + step) for path in paths for step in steps]
        paths = [path for path in longer if path[-1] < len(evidence)]
    return max(_score(evidence, path, intervals, transition, pause) for path in found)


@given(
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.5, 3.0]),
    st.sampled_from([0.3, 2.0, 1e9]),
    st.integers(1, 16),
)
def test_the_best_of_all_paths_is_found(seed, transition, pause, n_frames):
    evidence = np.random.default_rng(seed).normal(size=n_frames)
    intervals = np.array([2, 3, 5])
    found = track_beats(evidence, intervals, transition, pause)
    if evidence.max() <= 0:
        assert len(found) == 0
    else:
        best = _best_of_all(evidence, intervals, transition, pause)
        score = _score(evidence, found, intervals, transition, pause)
        assert score == pytest.approx(best, abs=1e-9)
        gaps = np.diff(found)
        assert set(gaps[gaps <= 5]) <= set(intervals.tolist())
        assert pause < 1e9 or (gaps <= 5).all()
        if pause == 1e9:
            np.testing.assert_array_equal(found, track_beats(evidence, intervals, transition))


def test_the_beats_on_either_side_of_a_break_are_found():
    """Walking through it would cost more than there is to gain before it."""
    evidence = np.full(300, -3.0)
    before, after = np.arange(5, 60, 10), np.arange(193, 300, 12)
    evidence[[*before, *after]] = 3.0
    intervals = np.arange(8, 15)
    found = track_beats(evidence, intervals, 30.0, pause=9.0)
    np.testing.assert_array_equal(found, [*before, *after])
    np.testing.assert_array_equal(track_beats(evidence, intervals, 30.0), after)


def test_a_hand_case():
    """Off-beats as strong as beats are passed over, as nothing is shorter than 4 frames."""
    evidence = np.full(20, -1.0)
    evidence[[1, 3, 6, 11, 16]] = 2.0
    np.testing.assert_array_equal(track_beats(evidence, np.array([4, 5, 6]), 1.0), [1, 6, 11, 16])


def test_weak_beats_are_bridged_within_and_left_out_at_the_ends():
    evidence = np.full(60, -3.0)
    evidence[[10, 20, 40, 50]] = 3.0
    evidence[30] = -1.0  # nothing is heard, but two beats follow
    np.testing.assert_array_equal(track_beats(evidence, np.array([10]), 1.0), [10, 20, 30, 40, 50])


def test_nothing_to_find():
    for evidence in (np.zeros(0), np.full(50, -1.0), np.zeros(50)):
        assert len(track_beats(evidence, np.array([4, 5]), 1.0)) == 0
        assert len(track_bars(evidence[:0], [3, 4], 1.0)) == 0


def test_intervals_cover_the_tempi():
    grid = interval_grid(215.0, 55.0, 100.0)
    np.testing.assert_array_equal(grid, np.arange(28, 110))  # 60 s * 100 Hz / 215 and / 55
    wide = interval_grid(400.0, 10.0, 100.0)
    assert len(wide) <= 110
    assert (wide[0], wide[-1]) == (15, 600)
    assert (wide[1:] / wide[:-1]).max() < 1.07


def _best_count_of_all(evidence, metres, slip):
    states = [(metre, place) for metre in metres for place in range(metre)]

    def score(path):
        irregular = [after for at, after in pairwise(path) if after != (at[0], (at[1] + 1) % at[0])]
        ones = [value for value, (_, place) in zip(evidence, path, strict=True) if place == 0]
        return sum(ones) - slip * sum(1 if place == 0 else 2 for _, place in irregular)

    return [place + 1 for _, place in max(product(states, repeat=len(evidence)), key=score)]


@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_all_countings_is_found(seed):
    evidence = np.random.default_rng(seed).normal(size=6)
    best = _best_count_of_all(evidence, (2, 3), 0.7)
    found = track_bars(evidence, (2, 3), 0.7)
    # Paths of two metres may count alike where no downbeat tells them apart: compare downbeats.
    np.testing.assert_array_equal(found == 1, np.array(best) == 1)


@pytest.mark.parametrize("metre", [2, 3, 4, 5])
def test_bars_of_one_metre_are_counted_from_any_beat(metre, rng):
    places = (np.arange(40) + metre - 1) % metre + 1
    evidence = np.where(places == 1, 2.0, -2.0) + 0.5 * rng.normal(size=40)
    np.testing.assert_array_equal(track_bars(evidence, (2, 3, 4, 5), 6.0), places)


def test_a_slip_and_a_new_metre():
    places = [*[1, 2, 3, 4] * 4, 1, 2, *[1, 2, 3, 4] * 3, *[1, 2, 3] * 6]
    evidence = np.where(np.array(places) == 1, 3.0, -3.0)
    np.testing.assert_array_equal(track_bars(evidence, (3, 4), 4.0), places)
