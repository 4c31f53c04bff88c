"""How good transcribed notes are: as notes, and as pitches that sound at each moment.

References: M. Bay, A. F. Ehmann and J. S. Downie, "Evaluation of Multiple-F0 Estimation and
Tracking Systems", ISMIR 2009; G. E. Poliner and D. P. W. Ellis, "A Discriminative Model for
Polyphonic Piano Transcription", EURASIP Journal on Advances in Signal Processing, 2007 (accuracy of
frames).
"""

import math

import mir_eval
import numpy as np
from jaxtyping import Float

from umir.tasks.decoding.peak_picking import count_hits
from umir.tasks.pitch_axis import midi_pitch

FRAME_RATE = 100.0  # Hz: frames of 10 ms
TOLERANCE = 0.5  # semitones
_APART = 1000.0  # semitones between two frames on a common axis of pitch: no pitch is as high
_ROUNDING = 1e-6  # frames: 0.07 s * 100 Hz is a little more than 7

# Intervals in seconds, shape `(note, 2)`, and frequencies in Hz, shape `(note,)`.
Played = tuple[np.ndarray, np.ndarray]


def note_metrics(reference: Played, estimate: Played) -> dict[str, float]:
    """Return the metrics of notes and those of frames.

    Args:
        reference: intervals in seconds, shape `(note, 2)`, and frequencies in Hz, shape `(note,)`.
        estimate: the same.

    Returns:
        `Onset_F-measure`, `F-measure_no_offset`, `F-measure`, `Frame_F-measure`,
        `Frame_Precision`, `Frame_Recall`, `Frame_Accuracy`; F-measures and accuracy are 0 where one
        side has no note; NaN is what has nothing to be a part of.
    """
    return _f_measures(reference, estimate) | frame_metrics(reference, estimate)


def frame_metrics(reference: Played, estimate: Played) -> dict[str, float]:
    """Return precision, recall, F-measure and accuracy of the pitches that sound in frames.

    Those of `mir_eval.multipitch` where both sides are sampled every 10 ms, up to the later end.
    """
    true, found = sounding(*reference), sounding(*estimate)
    hits = count_hits(true, found, TOLERANCE)
    parts = {
        "Frame_F-measure": (2 * hits, len(true) + len(found)),
        "Frame_Precision": (hits, len(found)),
        "Frame_Recall": (hits, len(true)),
        "Frame_Accuracy": (hits, len(true) + len(found) - hits),
    }
    return {name: part / whole if whole else math.nan for name, (part, whole) in parts.items()}


def sounding(
    intervals: Float[np.ndarray, "note 2"], frequencies: Float[np.ndarray, " note"]
) -> Float[np.ndarray, " sounding"]:
    """Return the pitches that sound in frames of 10 ms, as numbers on one axis, sorted.

    Every frame has its own stretch of the axis, on which pitches lie as MIDI numbers; a pitch that
    several notes have counts for each, as in mir_eval.
    """
    first, last = np.ceil(intervals * FRAME_RATE - _ROUNDING).astype(int).T
    counts = np.maximum(last - np.maximum(first, 0), 0)
    starts = np.repeat(np.maximum(first, 0) - np.cumsum(counts) + counts, counts)
    frames = starts + np.arange(counts.sum())
    return np.sort(_APART * frames + np.repeat(midi_pitch(frequencies), counts))


def _f_measures(reference: Played, estimate: Played) -> dict[str, float]:
    """Return `mir_eval.transcription`'s F-measures (see `note_metrics`)."""
    names = ("Onset_F-measure", "F-measure_no_offset", "F-measure")
    if not len(reference[1]) or not len(estimate[1]):  # of which mir_eval would warn
        nothing = len(reference[1]) == len(estimate[1])
        return dict.fromkeys(names, math.nan if nothing else 0.0)
    score = mir_eval.transcription.precision_recall_f1_overlap
    values = (
        mir_eval.transcription.onset_precision_recall_f1(reference[0], estimate[0])[2],
        score(*reference, *estimate, offset_ratio=None)[2],
        score(*reference, *estimate)[2],
    )
    return {name: float(value) for name, value in zip(names, values, strict=True)}
