"""Chord labels as mir_eval reads them, and its scores of one song in seconds, to be summed.

Reference: J. Pauwels and G. Peeters, "Evaluating automatically estimated chord sequences", ICASSP
2013 (comparisons); M. Mauch, "Automatic chord transcription from audio using computational models
of musical context", PhD thesis, Queen Mary University of London, 2010, section 4.3 (segmentation).
"""

from collections.abc import Sequence
from functools import cache

import mir_eval
import numpy as np
from jaxtyping import Float
from mir_eval.chord import NO_CHORD, X_CHORD

from umir.annotations import Intervals
from umir.tasks.pitch_axis import TONICS

TRIADS = ("maj", "min")
SEVENTHS = ("maj", "min", "maj7", "7", "min7")
# No chord, and the major and minor triad of each root; or also its seventh chords.
CHORDS = (NO_CHORD, *(f"{root}:{quality}" for root in TONICS for quality in TRIADS))
SEVENTH_CHORDS = (NO_CHORD, *(f"{root}:{quality}" for root in TONICS for quality in SEVENTHS))
COMPARISONS = ("majmin", "root", "thirds", "triads", "sevenths", "tetrads", "mirex")
_SEGMENTATION = ("overseg", "underseg", "seg")
METRICS = (*COMPARISONS, *_SEGMENTATION)
_ROUNDING = 1e-6  # seconds: a start plus a duration may lack a little of the next start


@cache
def is_chord(label: str) -> bool:
    """Return whether a label is in the syntax of chords, `N` and `X` included."""
    try:
        mir_eval.chord.encode(label)
    except mir_eval.chord.InvalidChordException:
        return False
    return True


@cache
def triad(label: str) -> str:
    """Return the one of `CHORDS` that a chord counts as in `majmin`.

    Sevenths and the like count as the triad they hold. What `majmin` does not score is `X`:
    diminished, augmented and suspended chords, and labels that are no chords.
    """
    return _reduced(label, TRIADS, upto=8)


@cache
def seventh_chord(label: str) -> str:
    """Return the one of `SEVENTH_CHORDS` that a chord counts as in `sevenths`.

    What `sevenths` does not score is `X`: all but `N`, triads and the sevenths built on them, so
    also sixths, ninths, and a bass that is no part of the chord.
    """
    return _reduced(label, SEVENTHS, upto=12)


def _reduced(label: str, qualities: Sequence[str], upto: int) -> str:
    """Return a chord as the quality with the same pitches, of the first semitones above the root.

    Args:
        label: a chord, or not.
        qualities: to choose from, as mir_eval calls them.
        upto: how many semitones are compared: 8 leave out what lies above the fifth.
    """
    if not is_chord(label):
        return X_CHORD
    root, semitones, _ = mir_eval.chord.encode(label)
    if root < 0:
        return NO_CHORD if label == NO_CHORD else X_CHORD
    for quality in qualities:
        if np.array_equal(semitones[:upto], mir_eval.chord.QUALITIES[quality][:upto]):
            return f"{TONICS[root]}:{quality}"
    return X_CHORD


def scored_seconds(reference: Intervals, estimate: Intervals) -> dict[str, tuple[float, float]]:
    """Return, per metric, how many seconds are right and how many are scored.

    Their ratio is what `mir_eval.chord.evaluate` gives for the song; both summed over songs are the
    score of the songs one after another. Stretches without a reference label are not scored, those
    without an estimate count as `N`.

    Args:
        reference: chords; each ends where the next one starts, if not before.
        estimate: chords.
    """
    if not len(reference.intervals):
        return dict.fromkeys(METRICS, (0.0, 0.0))
    start, end = float(reference.intervals.min()), float(reference.intervals.max())
    true, true_labels = _contiguous(reference.crop(start, end), end - start, X_CHORD)
    guess, guess_labels = _contiguous(estimate.crop(start, end), end - start, NO_CHORD)
    merge = mir_eval.util.merge_labeled_intervals
    pieces, of_true, of_guess = merge(true, true_labels, guess, guess_labels)
    durations = mir_eval.util.intervals_to_durations(pieces)
    seconds = {}
    for name in COMPARISONS:
        scores = getattr(mir_eval.chord, name)(of_true, of_guess)
        known = scores >= 0
        right = float((scores * durations)[known].sum())
        seconds[name] = right, float(durations[known].sum())
    merged = [
        mir_eval.chord.merge_chord_intervals(*pair)
        for pair in ((true, true_labels), (guess, guess_labels))
    ]
    for name in _SEGMENTATION:
        score = float(getattr(mir_eval.chord, name)(*merged))
        seconds[name] = score * (end - start), end - start
    return seconds


def _contiguous(
    annotation: Intervals, length: float, filler: str
) -> tuple[Float[np.ndarray, "interval 2"], list[str]]:
    """Return intervals that cover `[0, length]` without gap or overlap, and their chords.

    A gap of a rounding error is none: what fills it would end the chord before.
    """
    starts, ends = annotation.intervals.T
    ends = np.minimum(ends, np.append(starts[1:], length))
    found, labels, position = [], [], 0.0
    for start, end, label in zip(starts, ends, annotation.labels, strict=True):
        if end <= max(start, position):
            continue
        if start > position + _ROUNDING:
            found.append((position, start))
            labels.append(filler)
            position = start
        found.append((position, end))
        labels.append(label if is_chord(label) else X_CHORD)
        position = end
    if found and length <= position + _ROUNDING:
        found[-1] = (found[-1][0], length)
    elif position < length:
        found.append((position, length))
        labels.append(filler)
    return np.array(found, float), labels
