"""From activations over time to stretches of time, and the settings that do it best.

A class is on around every moment at which its activation, after a running median, reaches a
threshold, for as long as it stays above a second, lower one (hysteresis). Then gaps shorter than a
least length are bridged, and what is still shorter than another is left out. All five settings are
searched per class on validation data, never set by hand. Frame n of rate r is at n / r seconds and
is on if that instant is.

Reference: J. Canny, "A Computational Approach to Edge Detection", IEEE TPAMI 8(6), 1986, section
VIII (hysteresis of two thresholds); L. R. Rabiner and M. R. Sambur, "An Algorithm for Determining
the Endpoints of Isolated Utterances", Bell System Technical Journal 54(2), 1975 (of speech).
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import median_filter
from scipy.special import expit, logit

from umir.tasks.base import Settings
from umir.tasks.decoding.peak_picking import THRESHOLDS

DEFAULT_SETTINGS: Settings = {
    "threshold": 0.5,  # where a stretch is sure
    "low": 0.5,  # where it ends
    "smoothing": 0.25,  # seconds of the median
    "gap": 0.0,  # seconds: shorter pauses are bridged
    "shortest": 0.0,  # seconds: shorter stretches are left out
}
# Lengths of the median, in seconds: none, for single words, for phrases, for sections of a song.
SMOOTHING = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
WIDTHS = (0.5, 1.0, 2.0, 4.0)  # from one threshold to the lower one, in log-odds
GAPS = (0.1, 0.2, 0.5, 1.0)  # seconds
SHORTEST = (0.1, 0.2, 0.5, 1.0)  # seconds
# What a further setting must gain in score, so that no accident of the validation songs turns it on
WORTH = 0.002
ROUNDING = 1e-6  # frames: 0.07 s * 100 Hz is a little more than 7

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
    frames = np.ceil(intervals * rate - ROUNDING).astype(int)
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
    edges = np.stack(_runs(active), axis=1).ravel()
    borders = np.where(edges == len(active), edges, np.maximum(edges - 0.5, 0.0))
    return borders.reshape(-1, 2) / rate


def smoothed(
    activation: Float[np.ndarray, " frame"], rate: float, seconds: float
) -> Float[np.ndarray, " frame"]:
    """Return the running median of an activation over about `seconds`, an odd number of frames."""
    width = median_width(seconds, rate)
    return median_filter(activation, width, mode="nearest") if width > 1 else activation


def median_width(seconds: float, rate: float) -> int:
    """Return how many frames a median over about `seconds` takes: an odd number."""
    return 2 * round(seconds * rate / 2) + 1


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


def active(
    activation: Float[np.ndarray, " frame"], settings: Settings, rate: float
) -> Bool[np.ndarray, " frame"]:
    """Return in which frames a class is on.

    Args:
        activation: probability that it is.
        settings: from `fit_activity`, or `DEFAULT_SETTINGS`.
        rate: frames per second in Hz.
    """
    return _switched(smoothed(activation, rate, settings["smoothing"]), settings, rate)


def hysteresis(
    activation: Float[np.ndarray, " frame"], threshold: float, low: float
) -> Bool[np.ndarray, " frame"]:
    """Return the frames of every run that never falls below `low` and reaches `threshold`."""
    held, sure = activation >= min(low, threshold), activation >= threshold
    first, last = _runs(held)
    number = np.concatenate([[0], np.cumsum(sure)])  # of sure frames before each one
    return _filled(first, last, number[last] > number[first], len(held))


def fit_activity(
    activations: Sequence[Float[np.ndarray, " _"]],
    references: Sequence[Bool[np.ndarray, " _"]],
    *,
    rate: float,
    score: Score = f_measure,
) -> dict[str, float]:
    """Return the settings of `active` with the best score over several songs.

    First one threshold and the smoothing: among equal scores of the best smoothing, the middle
    threshold is taken, the furthest from where the score falls. Then the lower threshold, the
    shortest gap and the shortest stretch in turn, each only if it raises the score by `WORTH`.
    Frames are counted over all songs together.

    Args:
        activations: one curve of probabilities per song, shape `(frame,)`.
        references: which frames are truly on, of the same shapes.
        rate: frames per second in Hz.
        score: what to make as high as possible.
    """
    threshold, seconds = _fit_threshold(activations, references, rate, score)
    once = {"threshold": threshold, "low": threshold, "smoothing": seconds}
    settings: dict[str, float] = {**DEFAULT_SETTINGS, **once}
    true = np.concatenate(list(references))
    curves = [smoothed(curve, rate, seconds) for curve in activations]

    def quality(settings: Settings) -> float:
        found = np.concatenate([_switched(curve, settings, rate) for curve in curves])
        counts = np.array([(found & true).sum()]), np.array([found.sum()])
        return float(score(*counts, int(true.sum()), len(true))[0])

    best = quality(settings)
    for changes in (threshold_pairs(threshold), _each("gap", GAPS), _each("shortest", SHORTEST)):
        scores = [quality({**settings, **change}) for change in changes]
        if max(scores) > best + WORTH:
            best = max(scores)
            settings |= changes[int(np.argmax(scores))]
    return settings


def threshold_pairs(threshold: float) -> list[dict[str, float]]:
    """Return pairs of thresholds, `threshold` and `low`, around the one that is best alone."""
    middle = float(logit(threshold))
    pairs = [(middle + part * width, width) for width in WIDTHS for part in (0.0, 0.5, 1.0)]
    return [
        {"threshold": float(expit(high)), "low": float(expit(high - width))}
        for high, width in pairs
    ]


def _each(name: str, values: Sequence[float]) -> list[dict[str, float]]:
    return [{name: value} for value in values]


def _switched(curve: np.ndarray, settings: Settings, rate: float) -> np.ndarray:
    """Return in which frames a class is on, from what is smoothed."""
    found = hysteresis(curve, settings["threshold"], settings["low"])
    found = ~_long_enough(~found, settings["gap"] * rate, within=True)
    return _long_enough(found, settings["shortest"] * rate)


def _fit_threshold(
    activations: Sequence[np.ndarray], references: Sequence[np.ndarray], rate: float, score: Score
) -> tuple[float, float]:
    """Return the best `(threshold, smoothing)` without anything else."""
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


def _runs(on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first frame of every run of frames that are on, and the one after its last."""
    edges = np.flatnonzero(np.diff(on, prepend=False, append=False))
    return edges[::2], edges[1::2]


def _filled(first: np.ndarray, last: np.ndarray, kept: np.ndarray, n_frames: int) -> np.ndarray:
    """Return frames that are on in the runs that are kept."""
    steps = np.zeros(n_frames + 1, int)
    steps[first[kept]] += 1
    steps[last[kept]] -= 1
    return np.cumsum(steps[:-1]) > 0


def _long_enough(on: np.ndarray, n_frames: float, *, within: bool = False) -> np.ndarray:
    """Return the frames of the runs of at least so many; `within`: and those at either end."""
    first, last = _runs(on)
    kept = last - first >= n_frames - ROUNDING
    if within:
        kept |= (first == 0) | (last == len(on))
    return _filled(first, last, kept, len(on))


def _reaching(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return how many values are at least as high as each threshold."""
    return len(values) - np.searchsorted(np.sort(values), thresholds)
