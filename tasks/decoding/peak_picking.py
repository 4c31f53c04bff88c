"""From activations over time to points in time, and the settings that do it best.

A peak is a local maximum of at least `threshold`; where two are closer than `distance`, the
higher stays. Its time is refined by the parabola through it and its neighbours. Both settings are
searched per class on validation data, never set by hand.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.signal import find_peaks

# Probabilities of even log-odds, 0.0003 to 0.98: a network that has learnt its few songs by heart
# gives the events of another song probabilities far below a half, but peaks all the same.
THRESHOLDS = tuple((1 / (1 + np.exp(-np.arange(-8, 4.01, 0.25)))).tolist())
DISTANCES = (0.02, 0.04, 0.08)  # seconds


def pick_peaks(
    activation: Float[np.ndarray, " frame"], *, rate: float, threshold: float, distance: float
) -> Float[np.ndarray, " event"]:
    """Return the times, in seconds, of the peaks of an activation curve.

    Args:
        activation: shape `(frame,)`; frame n is at n / rate seconds.
        rate: frames per second in Hz.
        threshold: the least height of a peak.
        distance: the least time between two peaks, in seconds.
    """
    return _times_and_heights(activation, rate, threshold, distance)[0]


def count_hits(
    reference: Float[np.ndarray, " reference"],
    estimate: Float[np.ndarray, " estimate"],
    window: float,
) -> int:
    """Return how many events can be paired one to one within `window` seconds.

    Both inputs are sorted. In one dimension, pairing each reference with the first free estimate in
    reach is an optimal matching, so this equals `mir_eval.util.match_events`, only faster.
    """
    hits = first = 0
    for time in reference:
        while first < len(estimate) and estimate[first] < time - window:
            first += 1
        if first < len(estimate) and estimate[first] <= time + window:
            hits, first = hits + 1, first + 1
    return hits


def fit_peak_picking(
    activations: Sequence[Float[np.ndarray, " _"]],
    references: Sequence[Float[np.ndarray, " _"]],
    *,
    rate: float,
    window: float,
) -> tuple[float, float]:
    """Return the `(threshold, distance)` with the best F-measure over several songs.

    Hits are counted over all songs together. Among equal scores of the best distance, the middle
    threshold is taken: the furthest from where the score falls.

    Args:
        activations: one curve per song, shape `(frame,)`.
        references: the true times of each song, in seconds, sorted.
        rate: frames per second in Hz.
        window: how far off a hit may be, in seconds.
    """
    best, candidates = -1.0, [(0.5, DISTANCES[0])]
    for distance in DISTANCES:
        # A lower peak never removes a higher one: picking once at the lowest threshold is enough.
        peaks = [_times_and_heights(a, rate, THRESHOLDS[0], distance) for a in activations]
        for threshold in THRESHOLDS:
            score = _f_measure(peaks, references, threshold, window)
            if score > best:
                best, candidates = score, []
            if score == best and (not candidates or candidates[0][1] == distance):
                candidates.append((threshold, distance))
    return candidates[len(candidates) // 2]


def _f_measure(peaks, references, threshold: float, window: float) -> float:
    hits = n_estimates = 0
    for (times, heights), reference in zip(peaks, references, strict=True):
        estimate = times[heights >= threshold]
        n_estimates += len(estimate)
        hits += count_hits(reference, estimate, window)
    total = n_estimates + sum(len(reference) for reference in references)
    return 2 * hits / total if total else 1.0


def _times_and_heights(
    activation: np.ndarray, rate: float, threshold: float, distance: float
) -> tuple[np.ndarray, np.ndarray]:
    # A border below everything lets the first and the last frame be peaks.
    padded = np.pad(activation.astype(np.float64), 1, constant_values=-1.0)
    frames, _ = find_peaks(padded, height=threshold, distance=max(1.0, distance * rate))
    heights = padded[frames]
    times = np.maximum(frames - 1 + parabolic_offset(padded, frames), 0.0) / rate
    return times, heights


def parabolic_offset(curve: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return where the parabola through a peak and its neighbours is highest, in frames.

    For values a, b, c at -1, 0, 1 the vertex is at (a - c) / (2 (a - 2 b + c)). Peaks at the very
    border have no neighbour there and stay where they are.
    """
    before, peak, after = curve[frames - 1], curve[frames], curve[frames + 1]
    curvature = before - 2 * peak + after
    inside = (before >= 0) & (after >= 0) & (curvature < 0)
    offset = (before - after) / np.where(inside, 2 * curvature, 1.0)
    return np.where(inside, np.clip(offset, -0.5, 0.5), 0.0)
