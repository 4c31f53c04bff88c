"""Labels: what is known about a performance, as annotations."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from umir.annotations import F0, Events, Intervals, Notes
from umir.studio.performance import Hit, Note, Performance
from umir.studio.song import MELODY_HOP

# Onsets nearer than this are heard, and labelled, as one.
_ONE_ONSET = 0.03
# Pauses in singing shorter than this do not end an interval of voice activity.
_ONE_PHRASE = 0.2
# The melody ends where the sound of its part is so many times softer than its loudest frame.
_AUDIBLE = 0.01


def note_labels(notes: Sequence[Note]) -> Notes:
    """Return onsets, offsets and nominal frequencies of notes, sorted by onset."""
    notes = sorted(notes, key=lambda note: (note.onset, note.pitch))
    intervals = np.array([(note.onset, note.offset) for note in notes], float).reshape(-1, 2)
    return Notes(intervals, np.array([note.frequency for note in notes], float))


def onset_labels(times: Sequence[float]) -> Events:
    """Return onsets; those within 30 ms of an earlier one that is kept are merged into it."""
    kept: list[float] = []
    for time in sorted(times):
        if not kept or time - kept[-1] >= _ONE_ONSET:
            kept.append(time)
    return Events(np.array(kept, float), ("",) * len(kept))


def drum_labels(hits: Sequence[Hit]) -> Events:
    """Return drum hits with the names of the drums."""
    return Events(np.array([hit.onset for hit in hits], float), tuple(hit.drum for hit in hits))


def beat_labels(performance: Performance) -> Events:
    """Return beats, labelled with their position in the bar."""
    return Events(performance.beats, tuple(str(place) for place in performance.positions))


def chord_labels(performance: Performance) -> Intervals:
    """Return the chords, contiguous over the whole song."""
    spans = performance.chords
    intervals = np.array([(start, end) for start, end, _ in spans], float).reshape(-1, 2)
    return Intervals(intervals, tuple(label for _, _, label in spans))


def voice_labels(notes: Sequence[Note]) -> Intervals:
    """Return where somebody sings: the sung notes, joined over pauses shorter than 0.2 s."""
    joined: list[list[float]] = []
    for note in notes:
        if joined and note.onset - joined[-1][1] < _ONE_PHRASE:
            joined[-1][1] = max(joined[-1][1], note.offset)
        else:
            joined.append([note.onset, note.offset])
    return Intervals(np.array(joined, float).reshape(-1, 2), ("voice",) * len(joined))


def f0_curve(
    notes: Sequence[Note],
    voiced: Sequence[float],
    wave: Float[np.ndarray, " time"],
    rate: int,
) -> Float[np.ndarray, " frame"]:
    """Return the fundamental frequency of a melody at every `MELODY_HOP`.

    Args:
        notes: notes that do not overlap.
        voiced: from when each note has a pitch, in seconds.
        wave: what they sound like, without room: where it has died away there is no melody.
        rate: sampling rate in Hz.

    Returns:
        Hz, 0 where nothing sounds; frame `n` is at `n * MELODY_HOP` seconds.
    """
    hop = MELODY_HOP * rate
    count = int(np.ceil(len(wave) / hop - 1e-9))
    curve = np.zeros(count)
    for note, start in zip(notes, voiced, strict=True):
        first = int(np.ceil(start / MELODY_HOP - 1e-9))
        frames = np.arange(first, min(int(np.ceil(note.offset / MELODY_HOP)), count))
        curve[frames] = note.frequencies(frames * MELODY_HOP - note.onset)
    edges = np.round(np.arange(count) * hop).astype(int)
    peaks = np.maximum.reduceat(np.abs(wave), edges) if count else np.zeros(0)
    near = np.maximum(peaks, np.concatenate([[0.0], peaks[:-1]]))  # the frames around the instant
    return np.where(near > _AUDIBLE * max(float(near.max(initial=0.0)), 1e-9), curve, 0.0)


def melody_labels(curves: Sequence[Float[np.ndarray, " frame"]], count: int) -> F0:
    """Return the leading line: of several curves, the first that sounds at each frame."""
    melody = np.zeros(count)
    for curve in curves:
        melody = np.where(melody > 0, melody, curve)
    return F0(np.arange(count) * MELODY_HOP, melody)
