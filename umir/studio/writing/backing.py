"""Backing vocals: who sings behind the lead, what and where.

One manner per song: `harmony` (the lead's words, a third or more above or below in the key),
`double` (the lead's notes, or an octave away) or `pad` (long vowels on the tones of the chords).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from umir.studio.voices.singer import REGISTERS
from umir.studio.writing.harmony import Chord, melody_tones, voicing
from umir.studio.writing.lexicon import PADS
from umir.studio.writing.score import ScoreChord, ScoreNote, ScorePart

_MANNERS = ("harmony", "pad", "double")
_MANNER_WEIGHTS = (0.45, 0.35, 0.2)
_VOICES, _VOICE_WEIGHTS = (1, 2, 3), (0.5, 0.3, 0.2)
# Steps of the scale from the lead to each harmony voice: thirds, sixths, an octave less a third.
_HARMONIES = (2, -2, 5)


def compose_backing(
    rng: np.random.Generator,
    lead: Sequence[ScoreNote],
    chords: Sequence[ScoreChord],
    key: tuple[int, str],
    register: str,
    spans: Sequence[tuple[float, float]],
) -> tuple[ScorePart, ...]:
    """Write the backing vocals of a song.

    Args:
        rng: where chance comes from.
        lead: the notes of the lead voice.
        chords: the harmony of the song.
        key: tonic and mode, where a chord names none.
        register: of the lead's singer.
        spans: start and end, in beats, of the sections where they sing.

    Returns:
        One to three parts that stay in their singers' ranges; those without notes are left out.
    """
    manner = str(rng.choice(_MANNERS, p=_MANNER_WEIGHTS))
    count = int(rng.choice(_VOICES, p=_VOICE_WEIGHTS))
    names = sorted(REGISTERS)
    registers = [
        register if manner == "double" and voice == 0 else str(rng.choice(names))
        for voice in range(count)
    ]
    parts = []
    for voice, own in enumerate(registers):
        if manner == "pad":
            notes = _pad(rng, chords, voice, own, spans)
        else:
            steps = _HARMONIES[voice] if manner == "harmony" else 0
            notes = _follow(lead, chords, key, steps, own, spans)
        parts.append(ScorePart("backing", "voice", tuple(notes), own))
    return tuple(part for part in parts if part.notes)


def _follow(
    lead: Sequence[ScoreNote],
    chords: Sequence[ScoreChord],
    key: tuple[int, str],
    steps: int,
    register: str,
    spans: Sequence[tuple[float, float]],
) -> list[ScoreNote]:
    """Write the lead's notes and words again, some steps of the scale away."""
    starts = np.array([chord.start for chord in chords])
    notes = []
    for note in lead:
        if not any(start <= note.start < end for start, end in spans):
            continue
        over = chords[int(np.searchsorted(starts, note.start + 1e-6)) - 1]
        pitch = folded(_stepped(note.pitch, steps, over.chord, over.key or key), register)
        notes.append(replace(note, pitch=pitch, accent=0.9 * note.accent))
    return notes


def _stepped(pitch: int, steps: int, chord: Chord, key: tuple[int, str]) -> int:
    """Return the pitch so many steps away on the scale of a chord."""
    if not steps:
        return pitch
    tones = melody_tones(chord, *key)
    way = [pitch + int(np.sign(steps)) * by for by in range(1, 25)]
    return [other for other in way if other % 12 in tones][abs(steps) - 1]


def folded(pitch: int, register: str) -> int:
    """Return a pitch moved by octaves into the range of a register (which is wider than one)."""
    voice = REGISTERS[register]
    while pitch > voice.high:
        pitch -= 12
    while pitch < voice.low:
        pitch += 12
    return pitch


def _pad(
    rng: np.random.Generator,
    chords: Sequence[ScoreChord],
    voice: int,
    register: str,
    spans: Sequence[tuple[float, float]],
) -> list[ScoreNote]:
    """Write one tone of each chord, on one vowel."""
    syllable = PADS[int(rng.integers(len(PADS)))]
    own = REGISTERS[register]
    notes = []
    for each in chords:
        if any(start <= each.start < end for start, end in spans):
            tones = voicing(each.chord, 0.5 * (own.low + own.high))
            pitch = folded(tones[voice % len(tones)], register)
            accent = 0.6 + float(rng.uniform(-0.1, 0.1))
            notes.append(ScoreNote(each.start, 0.95 * each.length, pitch, accent, syllable))
    return notes
