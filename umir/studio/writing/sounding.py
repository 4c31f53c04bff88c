"""What sounds: chord names corrected by what is played.

A composer writes C major seventh over E; whether anybody plays the seventh, and who has the lowest
note, is up to the players. An annotator hears only what is played: that is what the labels say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from umir.studio.writing.harmony import QUALITIES, SIMPLER, Chord
from umir.studio.writing.score import Score, ScoreChord, ScoreNote
from umir.studio.writing.timeline import held_parts

_CLOSE = 1e-6  # beats
_Notes = tuple[np.ndarray, float, list[ScoreNote]]


def as_sounding(score: Score) -> Score:
    """Return a score whose chords are those that are played.

    * Where no instrument of the harmony and no backing voice sounds, there is no chord.
    * Where nothing of a chord is struck, the one before goes on.
    * Where all players and singers together have one tone of a chord at most, nobody can tell
      which it is.
    * Extensions that nobody plays are left out of the name, and so is a bass note that is not the
      first or lowest note of the bass.
    * Where all instruments together play root and fifth and nothing else, that is the chord.
    """
    harmony = _sorted(note for part in held_parts(score) for note in part.notes)
    backing = _sorted(n for part in score.parts if part.role == "backing" for n in part.notes)
    lines = _sorted(n for p in score.parts if p.role in ("lead", "vocals") for n in p.notes)
    bass = _sorted(note for part in score.parts if part.role == "bass" for note in part.notes)
    fifths = any(part.instrument == "distorted_guitar" for part in score.parts)
    result: list[ScoreChord] = []
    for each in score.chords:
        start, end = each.start, each.start + each.length
        sounding = _between(harmony, start, end)
        struck = [note for note in sounding if note.start >= start - _CLOSE]
        if not sounding and not _between(backing, start, end):
            result.append(replace(each, heard=False))
        elif not struck and sounding and result and result[-1].heard:
            result.append(replace(each, chord=result[-1].chord, told=result[-1].told))
        else:
            heard = {note.pitch % 12 for note in sounding + _between(backing, start, end)}
            sung = {note.pitch % 12 for note in _between(lines, start, end)}
            low = [note for note in _between(bass, start, end) if note.start >= start - _CLOSE]
            chord = _named(each.chord, heard, sung, fifths)
            chord = _with_bass(chord, low or sounding, start + each.length / 2)
            told = len((heard | sung).intersection(chord.tones)) > 1
            result.append(replace(each, chord=chord, told=told))
    return replace(score, chords=tuple(result))


def _named(chord: Chord, heard: set[int], sung: set[int], fifths: bool) -> Chord:
    """Return a chord without what is not heard of it."""
    if not heard:
        return chord
    quality = chord.quality
    while quality in SIMPLER:
        added = set(QUALITIES[quality]) - set(QUALITIES[SIMPLER[quality]])
        if all((chord.root + step) % 12 in heard for step in added):
            break
        quality = SIMPLER[quality]
    bare = {chord.root, (chord.root + 7) % 12}
    third = (chord.root + chord.third) % 12
    if fifths and heard == bare and third not in sung and chord.fifth == 7:
        quality = "5"
    return replace(chord, quality=quality)


def _with_bass(chord: Chord, low: Sequence[ScoreNote], middle: float) -> Chord:
    """Return a chord over its bass note, if that is the first one of the bass in its first half."""
    if chord.bass is None or chord.bass == chord.root:
        return replace(chord, bass=None)
    early = [note for note in low if note.start < middle]
    first = min(early, key=lambda note: (round(note.start, 6), note.pitch), default=None)
    return chord if first and first.pitch % 12 == chord.bass else replace(chord, bass=None)


def _sorted(notes: Iterable[ScoreNote]) -> _Notes:
    """Return starts, the greatest length and the notes, sorted by start."""
    found = sorted(notes, key=lambda note: (note.start, note.pitch))
    longest = max((note.length for note in found), default=0.0)
    return np.array([note.start for note in found]), longest, found


def _between(notes: _Notes, start: float, end: float) -> list[ScoreNote]:
    """Return the notes that sound between two beats."""
    starts, longest, found = notes
    first, last = np.searchsorted(starts, [start - longest - _CLOSE, end - _CLOSE])
    return [note for note in found[first:last] if note.start + note.length > start + 0.1]
