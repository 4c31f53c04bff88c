"""Peak picking by hand, hits against mir_eval, the search against brute force."""

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.tasks.decoding.peak_picking import (
    DISTANCES,
    THRESHOLDS,
    count_hits,
    fit_peak_picking,
    pick_peaks,
)

TIMES = st.lists(st.integers(0, 200), max_size=12).map(lambda ms: np.sort(np.array(ms, float)) / 40)


def _pick(activation, threshold=0.5, distance=0.02):
    return pick_peaks(np.array(activation), rate=100.0, threshold=threshold, distance=distance)


def test_peaks_by_hand():
    np.testing.assert_allclose(_pick([0, 0.2, 0.9, 0.2, 0, 0.6, 0, 0.4, 0]), [0.02, 0.05])
    np.testing.assert_allclose(_pick([0, 0.2, 0.9, 0.2, 0, 0.6, 0], distance=0.04), [0.02])
    np.testing.assert_allclose(_pick([0.9, 0.2, 0, 0.2, 0.8]), [0.0, 0.04])  # at the borders
    assert len(_pick([0.0] * 8)) == 0
    assert len(_pick([])) == 0


def test_peaks_between_frames_are_found():
    frames = np.arange(20.0)
    parabola = 1 - ((frames - 7.3) / 10) ** 2
    np.testing.assert_allclose(_pick(parabola), [0.073], atol=1e-12)


@given(reference=TIMES, estimate=TIMES)
def test_hits_are_those_of_mir_eval(reference, estimate):
    matched = mir_eval.util.match_events(reference, estimate, 0.05)
    assert count_hits(reference, estimate, 0.05) == len(matched)


def test_the_search_finds_the_best_setting(rng):
    """Activations between noise below 0.45 and events above 0.55, every event doubled by an echo
    40 ms later: only a distance of more than that counts each once."""
    songs, references = [], []
    for _ in range(2):
        times = np.cumsum(rng.uniform(0.2, 0.6, size=10))
        activation = rng.uniform(0, 0.45, size=800)
        activation[np.rint(times * 100).astype(int)] = 0.9
        activation[np.rint(times * 100).astype(int) + 4] = 0.6
        songs.append(activation)
        references.append(times)
    threshold, distance = fit_peak_picking(songs, references, rate=100.0, window=0.05)
    found = [pick_peaks(s, rate=100.0, threshold=threshold, distance=distance) for s in songs]
    for times, reference in zip(found, references, strict=True):
        assert mir_eval.onset.f_measure(reference, times)[0] == 1.0
    assert 0.45 <= threshold <= 0.9

    def score(t, d):
        hits = events = 0
        for song, reference in zip(songs, references, strict=True):
            times = pick_peaks(song, rate=100.0, threshold=t, distance=d)
            hits += len(mir_eval.util.match_events(reference, times, 0.05))
            events += len(reference) + len(times)
        return 2 * hits / events

    best = max(score(t, d) for t in THRESHOLDS[::4] for d in DISTANCES)
    assert score(threshold, distance) >= best


def test_nothing_to_find_and_nothing_found_is_best():
    threshold, _ = fit_peak_picking([np.full(50, 0.3)], [np.zeros(0)], rate=100.0, window=0.05)
    assert threshold == pytest.approx(0.83, abs=0.05)  # half way, in log-odds, from 0.3 to 0.98
