"""From the probabilities of voicing and pitches to a melody, and the settings that do it best.

The pitch is the most likely path through the bins of a pitch axis, on which a change costs as much
as it is wide, up to an octave (Viterbi). Frames count by how likely they are voiced, so that what
is said of the pitch of pauses does not matter. The path is refined by the probabilities around it.
Whether there is a melody is decided apart, by a running mean and two thresholds (hysteresis).

The price of a change is searched first, by the raw pitch accuracy, then the settings of voicing, by
the overall accuracy: all on validation data.

Reference: M. Mauch and S. Dixon, "pYIN: A Fundamental Frequency Estimator Using Probabilistic
Threshold Distributions", ICASSP 2014, section 2.2 (a hidden Markov model over pitch).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import uniform_filter1d
from scipy.special import expit, log_softmax

from umir.tasks.base import Settings, nan_mean
from umir.tasks.decoding.activity import WORTH, hysteresis, threshold_pairs
from umir.tasks.decoding.peak_picking import THRESHOLDS
from umir.tasks.decoding.viterbi import cheapest_paths
from umir.tasks.metrics.melody_metrics import TOLERANCE
from umir.tasks.pitch_axis import OCTAVE, PitchAxis
from umir.tasks.pitch_curves import refined

DEFAULT_SETTINGS: Settings = {
    "threshold": 0.5,  # where a melody surely is
    "low": 0.5,  # where it ends
    "smoothing": 1,  # frames of the running mean over log-odds of voicing
    "price": 0.0,  # of a change by a semitone, in log-probability
}
SMOOTHING = (1, 5, 15, 31)  # frames
CENTS = 100  # in a semitone
PRICES = (0.0, 0.1, 0.3, 1.0, 3.0)


class Melody(NamedTuple):
    """A reference at the frames of an output.

    Attributes:
        positions: pitch in bins of the axis; anything where there is none.
        voiced: where there is a melody.
        known: where it is known whether there is.
    """

    positions: Float[np.ndarray, " frame"]
    voiced: Bool[np.ndarray, " frame"]
    known: Bool[np.ndarray, " frame"]


def decode_melody(
    output: Float[np.ndarray, "frame channel"], axis: PitchAxis, settings: Settings
) -> tuple[Float[np.ndarray, " frame"], Bool[np.ndarray, " frame"]]:
    """Return the pitch of every frame, in bins of the axis, and whether there is a melody.

    Args:
        output: logits of voicing, then of each pitch.
        axis: what the pitches are.
        settings: from `fit_melody`, or `DEFAULT_SETTINGS`.
    """
    (positions,) = _pitches(output, axis, [settings["price"]])
    voicing = _voicing(output, settings["smoothing"])
    return positions, hysteresis(voicing, settings["threshold"], settings["low"])


def fit_melody(
    outputs: Sequence[Float[np.ndarray, "_ channel"]], axis: PitchAxis, melodies: Sequence[Melody]
) -> dict[str, float]:
    """Return the settings with the best mean accuracy over songs; without known frames, defaults.

    Among equal scores, the lowest price and the middle threshold are taken; a lower threshold is
    taken only if it raises the score.
    """
    known = [index for index, melody in enumerate(melodies) if melody.known.any()]
    if not known:
        return dict(DEFAULT_SETTINGS)
    outputs, melodies = [outputs[i] for i in known], [melodies[i] for i in known]
    right = [
        _right(_pitches(output, axis, PRICES), melody, axis)
        for output, melody in zip(outputs, melodies, strict=True)
    ]  # of (price, frame)
    accuracies = [
        nan_mean([_mean(song[row, melody.voiced & melody.known]) for song, melody in zip(
            right, melodies, strict=True)]) for row in range(len(PRICES))
    ]  # fmt: skip
    row = int(np.nan_to_num(accuracies).argmax())
    settings = {**DEFAULT_SETTINGS, "price": PRICES[row]}
    return settings | _fit_voicing(outputs, melodies, [song[row] for song in right])


def _fit_voicing(
    outputs: Sequence[np.ndarray], melodies: Sequence[Melody], right: Sequence[np.ndarray]
) -> dict[str, float]:
    """Return thresholds and smoothing with the best overall accuracy, given the right pitches."""
    best, fitted = -1.0, {}
    for smoothing in SMOOTHING:
        curves = [_voicing(output, smoothing) for output in outputs]
        scores = np.array([_accuracy(curves, melodies, right, t, t) for t in THRESHOLDS])
        if scores.max() > best:
            best = float(scores.max())
            candidates = np.flatnonzero(scores == best)
            threshold = THRESHOLDS[candidates[len(candidates) // 2]]
            fitted = {"threshold": threshold, "low": threshold, "smoothing": smoothing}
    curves = [_voicing(output, fitted["smoothing"]) for output in outputs]
    pairs = threshold_pairs(fitted["threshold"])
    scores = np.array([_accuracy(curves, melodies, right, *pair.values()) for pair in pairs])
    return fitted | pairs[int(scores.argmax())] if scores.max() > best + WORTH else fitted


def _accuracy(
    curves: Sequence[np.ndarray],
    melodies: Sequence[Melody],
    right: Sequence[np.ndarray],
    threshold: float,
    low: float,
) -> float:
    """Return the overall accuracy, mean over songs."""
    scores = []
    for curve, melody, pitch in zip(curves, melodies, right, strict=True):
        called = hysteresis(curve, threshold, low)
        scores.append(np.where(melody.voiced, called & pitch, ~called)[melody.known].mean())
    return float(np.mean(scores))


def _voicing(output: np.ndarray, smoothing: int) -> np.ndarray:
    """Return the probability of a melody at every frame."""
    return expit(uniform_filter1d(output[:, 0].astype(np.float64), smoothing, mode="nearest"))


def _pitches(output: np.ndarray, axis: PitchAxis, prices: Sequence[float]) -> np.ndarray:
    """Return positions in bins, shape `(price, frame)`."""
    logs = log_softmax(output[:, 1:].astype(np.float64), axis=1)
    weights = expit(output[:, :1].astype(np.float64))
    paths = cheapest_paths(weights * logs, change_costs(axis), prices)
    return np.stack([refined(logs, path, axis.folded) for path in paths])


def change_costs(axis: PitchAxis) -> Float[np.ndarray, "class class"]:
    """Return what it costs to go from one bin to another: semitones, up to an octave."""
    semitones = np.abs(axis.distances(np.arange(axis.bins, dtype=float))) * axis.step
    return np.minimum(semitones, OCTAVE)


def _right(positions: np.ndarray, melody: Melody, axis: PitchAxis) -> np.ndarray:
    """Return which pitches are within half a semitone, shape `(price, frame)`."""
    off = positions - melody.positions
    if axis.folded:
        off = (off + axis.bins / 2) % axis.bins - axis.bins / 2
    return np.abs(off) * axis.step * CENTS < TOLERANCE


def _mean(right: np.ndarray) -> float:
    return float(right.mean()) if len(right) else np.nan
