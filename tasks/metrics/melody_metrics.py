"""The field's metrics of a melody, by mir_eval, without its warnings about curves it cannot score.

Reference: J. Salamon, E. Gomez, D. P. W. Ellis and G. Richard, "Melody Extraction from Polyphonic
Music Signals", IEEE Signal Processing Magazine 31(2), 2014.
"""

import math
import warnings

import mir_eval
import numpy as np

from umir.annotations import F0

TOLERANCE = 50.0  # cents
_METRICS = (
    "Overall Accuracy",
    "Raw Pitch Accuracy",
    "Raw Chroma Accuracy",
    "Voicing Recall",
    "Voicing False Alarm",
)


def melody_metrics(reference: F0, estimate: F0) -> dict[str, float]:
    """Return the metrics of `mir_eval.melody.evaluate`, NaN where they are not defined.

    Args:
        reference: a curve of any hop; scores are means over its frames.
        estimate: one of even hop.
    """
    scores = dict.fromkeys(_METRICS, math.nan)
    if not len(reference.times):
        return scores
    if not len(estimate.times):  # a file shorter than a frame: nothing is found
        estimate = F0(np.zeros(1), np.zeros(1))
    with warnings.catch_warnings():
        # Of curves without a voiced frame, and of references that leave frames out.
        warnings.simplefilter("ignore", UserWarning)
        found = mir_eval.melody.evaluate(
            reference.times, reference.frequencies, *_two_frames(estimate)
        )
    voiced = reference.frequencies > 0
    undefined = set() if voiced.any() else {*_METRICS[1:4]}
    undefined |= set() if not voiced.all() else {_METRICS[4]}
    return scores | {name: float(found[name]) for name in _METRICS if name not in undefined}


def _two_frames(f0: F0) -> tuple[np.ndarray, np.ndarray]:
    """Return times and frequencies, a single frame twice: mir_eval interpolates."""
    if len(f0.times) > 1:
        return f0.times, f0.frequencies
    return np.array([0.0, 0.01]), np.repeat(f0.frequencies, 2)
