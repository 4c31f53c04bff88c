"""Curves of pitch: from annotations of any hop to frames, and from frames to bins and back.

Frame n is at n / 100 seconds.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from umir.annotations import F0
from umir.tasks.pitch_axis import PitchAxis

FRAME_RATE = 100.0  # Hz
KNOWN_HOPS = 2  # what is further from an annotated instant is not known
DEFAULT_HOP = 0.01  # seconds: of a curve of a single frame
LONGEST_HOP = 0.1  # seconds: a longer one is a gap, of which a segment may have the ends alone
_ROUNDING = 1e-9  # seconds: 0.05 - 0.04 is a little more than 0.01


def at_frames(
    f0: F0, n_frames: int
) -> tuple[Float[np.ndarray, " frame"], Bool[np.ndarray, " frame"]]:
    """Return the frequency in Hz at n / 100 s, 0 where unvoiced, and whether it is known.

    A frame is voiced if the nearest annotated instant is. Between two voiced instants the logarithm
    of the frequency is interpolated. Known is what lies within two hops of an annotated instant;
    a hop is the median distance of two of them, at most 0.1 s.

    Args:
        f0: a curve of any hop, or of several.
        n_frames: how many frames, from 0 s on.
    """
    if not len(f0.times):
        return np.zeros(n_frames), np.zeros(n_frames, bool)
    frames = np.arange(n_frames) / FRAME_RATE
    after = np.clip(np.searchsorted(f0.times, frames), 1, max(len(f0.times) - 1, 1))
    sides = np.minimum(np.stack([after - 1, after]), len(f0.times) - 1)  # (2, frame)
    away = np.abs(f0.times[sides] - frames)
    nearest = np.where(away[0] <= away[1] + _ROUNDING, *sides)
    frequencies = np.maximum(f0.frequencies[nearest], 0.0)

    between = (f0.frequencies[sides] > 0).all(axis=0) & (away[0] + away[1] > 0)
    logs = np.log(np.where(f0.frequencies > 0, f0.frequencies, 1.0))
    interpolated = np.exp(np.interp(frames, f0.times, logs))
    hop = float(np.median(np.diff(f0.times))) if len(f0.times) > 1 else DEFAULT_HOP
    known = away.min(axis=0) <= KNOWN_HOPS * min(hop, LONGEST_HOP) + _ROUNDING
    return np.where(between, interpolated, frequencies), known


def shared(
    axis: PitchAxis, positions: Float[np.ndarray, " frame"]
) -> Float[np.ndarray, "frame pitch"]:
    """Return how a position is shared by the two bins around it: the nearer one has more of it.

    The mean of the bins, weighted so, is the position: `refined_best` gives it back exactly. (At
    the ends of an axis that is not folded, the outer bin has all.)
    """
    # Measured: raw pitch accuracy on the mixtures of the four songs learnt from, after 150 steps
    # from scratch: 0.56 so; 0.54 with targets blurred by a Gaussian of 25 cents (as CREPE's), 0.48
    # by one of 50; 0.25 and 0.19 with two and five bins per semitone; 0.33 with the octave apart.
    shares = np.maximum(1 - np.abs(axis.distances(positions)), 0)
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)


def refined_best(
    log_probabilities: Float[np.ndarray, "frame pitch"], folded: bool
) -> Float[np.ndarray, " frame"]:
    """Return the most likely position of each frame, finer than the bins (see `refined`)."""
    return refined(log_probabilities, log_probabilities.argmax(axis=1), folded)


def refined(
    log_probabilities: Float[np.ndarray, "frame pitch"],
    bins: Int[np.ndarray, " frame"],
    folded: bool,
) -> Float[np.ndarray, " frame"]:
    """Return the mean of a bin per frame and its two neighbours, weighted by probability.

    Args:
        log_probabilities: of each bin.
        bins: the one to look around, of each frame.
        folded: whether the last bin and the first are neighbours.

    Returns:
        Positions in bins (on a folded axis they may lie half a bin beyond its ends).
    """
    neighbours = bins[:, None] + np.arange(-1, 2)  # (frame, 3)
    n_bins = log_probabilities.shape[1]
    there = folded | ((neighbours >= 0) & (neighbours < n_bins))
    logs = np.take_along_axis(log_probabilities, neighbours % n_bins, axis=1)
    weights = there * np.exp(logs - logs.max(axis=1, keepdims=True, initial=-np.inf, where=there))
    return bins + (weights[:, 2] - weights[:, 0]) / weights.sum(axis=1)
