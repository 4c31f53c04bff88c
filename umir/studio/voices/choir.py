"""Choirs: several singers on the leader's line, in unison, octaves or harmony, or answering it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from umir.studio.playing.performance import Note, PlayedPart
from umir.studio.playing.vocal_harmony import VocalHarmony
from umir.studio.voices.singer import REGISTERS
from umir.studio.writing.backing import folded

_MANNERS = ("unison", "octaves", "harmony")
_MANNER_WEIGHTS = (0.25, 0.15, 0.6)
_SIZES, _SIZE_WEIGHTS = (1, 2, 3, 4, 5), (0.35, 0.3, 0.18, 0.1, 0.07)
# Steps of what fits, from the leader's pitch: thirds, sixths, fifths, an octave and a third.
_STEPS = (2, -2, 5, -5, 4, -4, 9, -3)


def draw_choir(
    rng: np.random.Generator,
    phrases: Sequence[Sequence[Note]],
    register: str,
    harmony: VocalHarmony,
    duration: float,
) -> list[PlayedPart]:
    """Let one to five more singers sing along, in all phrases or some.

    Args:
        rng: where chance comes from.
        phrases: what the leader sings.
        register: the leader's.
        harmony: what fits when.
        duration: seconds of the song.
    """
    manner = str(rng.choice(_MANNERS, p=_MANNER_WEIGHTS))
    count = int(rng.choice(_SIZES, p=_SIZE_WEIGHTS))
    share = float(rng.choice([0.4, 0.7, 1.0]))
    sung = [phrase for phrase in phrases if rng.random() < share and not phrase[0].spoken]
    steps = rng.permutation(_STEPS)
    registers = sorted(REGISTERS)
    return [
        _singer(
            rng,
            [note for phrase in sung for note in phrase],
            register if manner == "unison" else registers[int(rng.integers(len(registers)))],
            int(steps[at]) if manner == "harmony" else 0,
            harmony,
            duration,
        )
        for at in range(count)
        if sung
    ]


def _singer(
    rng: np.random.Generator,
    notes: Sequence[Note],
    register: str,
    steps: int,
    harmony: VocalHarmony,
    duration: float,
) -> PlayedPart:
    """Return one singer's part: the leader's words, never quite together."""
    late, loose = float(rng.normal(0, 0.02)), float(rng.uniform(0.003, 0.02))
    quieter = float(rng.uniform(0.6, 1.0))
    part: list[Note] = []
    for note in notes:
        shift = late + float(rng.normal(0, loose))
        onset = float(np.clip(note.onset + shift, 0, duration))
        if part:
            onset = max(onset, part[-1].onset + 0.05)
            part[-1] = replace(part[-1], offset=min(part[-1].offset, onset))
        pitch = harmony.step(note.pitch, steps, note.onset) if steps else note.pitch
        tuning = pitch - round(pitch)
        part.append(
            replace(
                note,
                onset=onset,
                offset=float(max(min(note.offset + shift, duration), onset + 0.05)),
                pitch=folded(round(pitch), register) + tuning,
                velocity=quieter * note.velocity,
            )
        )
    return PlayedPart("backing", "voice", tuple(part), register)


def answer(
    rng: np.random.Generator,
    phrases: Sequence[Sequence[Note]],
    gaps: Sequence[tuple[float, float]],
    register: str,
    harmony: VocalHarmony,
) -> list[Note]:
    """Sing phrases again where there is room, on pitches that fit there.

    Args:
        rng: where chance comes from.
        phrases: what was sung.
        gaps: start and end, in seconds, of where nobody sings.
        register: of who answers.
        harmony: what fits when.
    """
    sung = [phrase for phrase in phrases if not phrase[0].spoken]
    notes: list[Note] = []
    for start, end in gaps if sung else ():
        time = start + float(rng.uniform(0.15, 0.5))
        while time < end - 0.6:
            before = [phrase for phrase in sung if phrase[0].onset < start] or sung
            phrase = before[-1] if rng.random() < 0.6 else sung[int(rng.integers(len(sung)))]
            shift = time - phrase[0].onset
            moved = [
                replace(note, onset=note.onset + shift, offset=note.offset + shift)
                for note in phrase
                if note.offset + shift < end - 0.1
            ]
            for note in moved:
                pitch = harmony.fit(note.pitch, note.onset)
                tuning = pitch - round(pitch)
                notes.append(replace(note, pitch=folded(round(pitch), register) + tuning))
            time = (moved[-1].offset if moved else end) + float(rng.uniform(0.2, 0.8))
    return notes
