"""From activations over time to stretches of time, and the settings that do it best.

A class is on where its activation, after a running median, reaches a threshold. Both settings are
searched per class on validation data, never set by hand. Frame n of rate r is at n / r seconds and
is on if that instant is.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import median_filter

from umir.tasks.decoding.peak_picking import THRESHOLDS

# Lengths of the median, in seconds: none, for single words, for phrases, for sections of a song.
SMOOTHING = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_ROUNDING = 1e-6  # frames: 0.07 s * 100 Hz is a little more than 7

# (hits, frames found to be on, frames truly on, all frames) -> the higher the better.
Score = Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]


def active_frames(
    intervals: Float[np.ndarray, "interval 2"], n_frames: int, rate: float
) -> Bool[np.ndarray, " frame"]:
    """Return which frames lie in any of the intervals.

    Args:
        intervals: start and end in seconds; the start belongs to an interval, the end does not.
        n_frames: how many frames, from 0 s on.
        rate: frames per second in Hz.
    """
    frames = np.ceil(intervals * rate - _ROUNDING).astype(int)
    first, last = np.clip(frames, 0, n_frames).T
    steps = np.zeros(n_frames + 1, int)
    np.add.at(steps, first, 1)
    np.add.at(steps, last, -1)
    return np.cumsum(steps[:-1]) > 0


def stretches(active: Bool[np.ndarray, " frame"], rate: float) -> Float[np.ndarray, "interval 2"]:
    """Return start and end, in seconds, of every run of active frames.

    A border lies half way between two frames; runs that touch an end of the song go up to it.

    Args:
        active: which frames are on.
        rate: frames per second in Hz.
    """
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    borders = np.where(edges == len(active), edges, np.maximum(edges - 0.5, 0.0))
    return borders.reshape(-1, 2) / rate


def smoothed(
    activation: Float[np.ndarray, " frame"], rate: float, seconds: float
) -> Float[np.ndarray, " frame"]:
    """Return the running median of an activation over about `seconds`, an odd number of frames."""
    width = 2 * round(seconds * rate / 2) + 1
    return median_filter(activation, width, mode="nearest") if width > 1 else activation


def f_measure(
    hits: np.ndarray, found: np.ndarray, true: int, frames: int
) -> Float[np.ndarray, " threshold"]:
    """Return 2 hits / (found + true), the F-measure of frames."""
    del frames
    return 2 * hits / np.maximum(found + true, 1)


def accuracy(
    hits: np.ndarray, found: np.ndarray, true: int, frames: int
) -> Float[np.ndarray, " threshold"]:
    """Return the fraction of frames that are right, on or off."""
    return 1 - (found + true - 2 * hits) / max(frames, 1)


def fit_activity(
    activations: Sequence[Float[np.ndarray, " _"]],
    references: Sequence[Bool[np.ndarray, " _"]],
    *,
    rate: float,
    score: Score = f_measure,
) -> tuple[float, float]:
    """Return the `(threshold, smoothing)` with the best score over several songs.

    Frames are counted over all songs together. Among equal scores of the best smoothing, the
    middle threshold is taken: the furthest from where the score falls.

    Args:
        activations: one curve of probabilities per song, shape `(frame,)`.
        references: which frames are truly on, of the same shapes.
        rate: frames per second in Hz.
        score: what to make as high as possible.
    """
    true, thresholds = np.concatenate(list(references)), np.array(THRESHOLDS)
    best, fitted = -np.inf, (0.5, 0.0)
    for seconds in SMOOTHING:
        curve = np.concatenate([smoothed(curve, rate, seconds) for curve in activations])
        hits, found = _reaching(curve[true], thresholds), _reaching(curve, thresholds)
        scores = score(hits, found, int(true.sum()), len(true))
        if scores.max() > best:
            best = scores.max()
            candidates = thresholds[scores == best]
            fitted = float(candidates[len(candidates) // 2]), seconds
    return fitted


def _reaching(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return how many values are at least as high as each threshold."""
    return len(values) - np.searchsorted(np.sort(values), thresholds)
