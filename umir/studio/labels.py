"""Labels: what is known about a performance, as annotations."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from umir.annotations import F0, Events, Intervals, Notes
from umir.studio.playing.performance import Hit, Note, Performance
from umir.studio.song import MELODY_HOP

# Onsets nearer than this are heard, and labelled, as one.
_ONE_ONSET = 0.03
# Pauses, of a voice or an instrument, shorter than this do not end an interval of activity.
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


def voice_labels(lyrics: Sequence[Intervals]) -> Intervals:
    """Return where anybody sings: the syllables of all voices, joined over pauses below 0.2 s."""
    joined = join_over_pauses([span for each in lyrics for span in each.intervals.tolist()])
    return Intervals(np.array(joined, float).reshape(-1, 2), ("voice",) * len(joined))


def join_over_pauses(spans: Iterable[Sequence[float]]) -> list[list[float]]:
    """Return stretches of time, `[start, end]` in seconds, joined over pauses below 0.2 s."""
    joined: list[list[float]] = []
    for start, end in sorted(map(tuple, spans)):
        if joined and start - joined[-1][1] < _ONE_PHRASE:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return joined


def join_notes(parts: Sequence[Notes]) -> Notes:
    """Return the notes of all parts, sorted by onset, with their labels if all have some."""
    intervals = np.concatenate([part.intervals for part in parts])
    frequencies = np.concatenate([part.frequencies for part in parts])
    labels = [label for part in parts for label in part.labels]
    order = np.lexsort((frequencies, intervals[:, 0]))
    kept = tuple(labels[index] for index in order) if len(labels) == len(order) else ()
    return Notes(intervals[order], frequencies[order], kept)


def f0_curve(notes: Sequence[Note], wave: Float[np.ndarray, " time"], rate: int) -> F0:
    """Return the fundamental frequency of an instrument at every `MELODY_HOP`.

    Args:
        notes: notes that do not overlap.
        wave: what they sound like, without room: where it has died away there is no pitch.
        rate: sampling rate in Hz.

    Returns:
        Hz, 0 where nothing sounds.
    """
    hop = MELODY_HOP * rate
    count = int(np.ceil(len(wave) / hop - 1e-9))
    curve = np.zeros(count)
    for note in notes:
        first = int(np.ceil(note.onset / MELODY_HOP - 1e-9))
        frames = np.arange(first, min(int(np.ceil(note.offset / MELODY_HOP)), count))
        curve[frames] = note.frequencies(frames * MELODY_HOP - note.onset)
    # Where a hop is no whole number of samples, the last one may begin at the end.
    edges = np.minimum(np.round(np.arange(count) * hop).astype(int), len(wave) - 1)
    peaks = np.maximum.reduceat(np.abs(wave), edges) if count else np.zeros(0)
    near = np.maximum(peaks, np.concatenate([[0.0], peaks[:-1]]))  # the frames around the instant
    audible = near > _AUDIBLE * max(float(near.max(initial=0.0)), 1e-9)
    return F0(np.arange(count) * MELODY_HOP, np.where(audible, curve, 0.0))


def melody_labels(voice: F0 | None, lyrics: Intervals, lead: F0 | None, count: int) -> F0:
    """Return the leading line: the lead voice where it sings, elsewhere the lead instrument.

    Args:
        voice: pitch of the lead voice; None without one.
        lyrics: its syllables: in their voiceless consonants there is no melody.
        lead: pitch of the lead instrument; None without one.
        count: frames of the song.
    """
    times = np.arange(count) * MELODY_HOP
    melody = np.zeros(count) if lead is None else lead.frequencies.copy()
    for start, end in lyrics.intervals:
        melody[np.searchsorted(times, start) : np.searchsorted(times, end)] = 0.0
    if voice is not None:
        melody = np.where(voice.frequencies > 0, voice.frequencies, melody)
    return F0(times, melody)
