"""Solo piano: one player, two hands, the whole keyboard.

Each kind of section has a texture for each hand that comes back with it: broken chords, basses with
chords after them, octaves, repeated chords; above them melodies alone, in octaves, thirds or
chords, runs and arpeggios.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from umir.studio.writing.harmony import Chord, melody_tones, nearest
from umir.studio.writing.melody import compose_phrase, compose_rhythm, draw_moves
from umir.studio.writing.score import ScoreNote, ScorePart

LOWEST, HIGHEST = 21, 108
# Left hands: what each beat plays, as rungs of the chord's ladder from the lowest root up, per step
# of four; `.` rests, `-` holds, a bracket is a chord. Right hands: see `_RightHand`.
_BROKEN = ("0212", "0121", "0123", "0-2-", "02-1")
_AFTERBEATS = (("8---", "c---"), ("0---", "c---"), ("8-c-", "8-c-"), ("0-c-", "c-c-"))
_RIGHT = ("melody", "melody", "octaves", "thirds", "chords", "runs", "repeated", "arpeggio")
_LEFT = ("broken", "broken", "wide", "afterbeat", "block", "octave", "murky", "line", "held")
_RESTING = 0.06  # part of the sections in which one hand is silent


@dataclass(frozen=True)
class PianoBar:
    """A bar to be set for piano.

    Attributes:
        kind: of its section.
        place: bars since its section began.
        seed: decides the motifs of its section.
        chords: the chord at each step.
        key: tonic and mode.
    """

    kind: str
    place: int
    seed: int
    chords: Sequence[Chord]
    key: tuple[int, str]


def compose_piano(
    rng: np.random.Generator, bars: Sequence[PianoBar], beats: int, division: int
) -> ScorePart:
    """Write both hands of a piece.

    Args:
        rng: where chance comes from.
        bars: what to set.
        beats: beats per bar.
        division: steps per beat.

    Returns:
        One part, its role `chords`.
    """
    kinds = sorted({bar.kind for bar in bars})
    textures = {kind: (str(rng.choice(_LEFT)), str(rng.choice(_RIGHT))) for kind in kinds}
    rests = {kind: int(rng.integers(2)) for kind in kinds if rng.random() < _RESTING}
    density = float(np.exp(rng.uniform(np.log(0.7), np.log(2.6))))
    middle = int(rng.integers(58, 66))  # where the hands meet
    softer = float(rng.uniform(0.0, 0.3))  # the left hand
    notes: list[ScoreNote] = []
    for at, bar in enumerate(bars):
        left, right = textures[bar.kind]
        own = np.random.default_rng([bar.seed, bar.place % 4])
        start = float(at * beats)
        if bar.kind == "end":
            notes += [
                *_chord(bar.chords[0], start, beats, 36),
                *_chord(bar.chords[0], start, beats, 60),
            ]
            continue
        if rests.get(bar.kind) != 0:
            hand = _left_hand(own, left, bar.chords, division, middle)
            notes += [_shifted(note, start, -softer) for note in hand]
        if rests.get(bar.kind) != 1:
            hand = _right_hand(own, right, bar, division, density, middle)
            notes += [_shifted(note, start, 0.0) for note in hand]
    inside = [note for note in notes if LOWEST <= note.pitch <= HIGHEST]
    unrest = rng.normal(0, 0.04, len(inside))
    inside = [
        replace(note, accent=float(np.clip(note.accent + by, 0.15, 1.0)))
        for note, by in zip(inside, unrest, strict=True)
    ]
    return ScorePart("chords", "piano", tuple(sorted(inside, key=lambda n: (n.start, n.pitch))))


def _shifted(note: ScoreNote, start: float, louder: float) -> ScoreNote:
    return replace(note, start=note.start + start, accent=note.accent + louder)


def _ladder(chord: Chord, lowest: int) -> list[int]:
    """Return the bass and the tones of a chord above it, over four octaves."""
    bass = chord.root if chord.bass is None else chord.bass
    root = lowest + (bass - lowest) % 12
    above = [pitch for pitch in range(root + 1, root + 48) if pitch % 12 in chord.tones]
    return [root, *above]


def _chord(chord: Chord, start: float, length: int, lowest: int) -> list[ScoreNote]:
    """Return the chord of one hand."""
    return [ScoreNote(start, length * 0.95, pitch, 0.75) for pitch in _ladder(chord, lowest)[:4]]


def _runs_of(chords: Sequence[Chord]) -> list[tuple[int, int, Chord]]:
    """Return first step, number of steps and chord of each stretch with one chord."""
    runs: list[tuple[int, int, Chord]] = []
    for step, chord in enumerate(chords):
        if runs and runs[-1][2] == chord:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1, chord)
        else:
            runs.append((step, 1, chord))
    return runs


def _left_hand(
    rng: np.random.Generator, texture: str, chords: Sequence[Chord], division: int, middle: int
) -> list[ScoreNote]:
    """Write the left hand of a bar; starts in beats from the bar line."""
    notes: list[ScoreNote] = []
    pattern = str(rng.choice(_BROKEN))
    afterbeats = _AFTERBEATS[int(rng.integers(len(_AFTERBEATS)))]
    every = int(rng.choice([1, 1, 2])) * division
    walked = float(middle - 12)
    for first, count, chord in _runs_of(chords):
        ladder = _ladder(chord, middle - 26)
        if texture in ("block", "held"):
            length = count if texture == "held" else min(every, count)
            for step in range(0, count, length):
                held = min(length, count - step)
                notes += [_note(first + step, held, p, division, 0.62) for p in ladder[:3]]
        elif texture in ("octave", "murky"):
            length = division if texture == "octave" else max(division // 2, 1)
            for at, step in enumerate(range(0, count, length)):
                low = ladder[0] - 12
                pitches = (low, low + 12) if texture == "octave" else (low + 12 * (at % 2),)
                notes += [_note(first + step, length, p, division, 0.68) for p in pitches]
        elif texture == "line":
            for step in range(0, count, max(division // 2, 1)):
                tones = chord.tones if step == 0 else _neighbours(chord, walked)
                walked = float(nearest(int(rng.choice(tones)) if step else ladder[0] % 12, walked))
                walked = float(np.clip(walked, middle - 26, middle - 2))
                pitch = int(walked)
                notes.append(_note(first + step, max(division // 2, 1), pitch, division, 0.65))
        elif texture == "wide":
            for step in range(count):
                rung = (0, 2, 3, 4, 5, 4, 3, 2)[step % 8]
                accent = 0.7 if step == 0 else 0.52
                notes.append(_note(first + step, 1, ladder[rung], division, accent))
        else:
            beats = (pattern,) if texture == "broken" else afterbeats
            for step in range(0, count, division):
                beat = beats[(first + step) // division % len(beats)]
                if (
                    texture == "afterbeat"
                    and (first + step) // division >= 2
                    and len(chords) // division == 3
                ):
                    beat = afterbeats[1]  # a waltz has two chords after its bass
                notes += _beat(beat, first + step, min(division, count - step), division, ladder)
    return notes


def _neighbours(chord: Chord, pitch: float) -> list[int]:
    """Return the tones of a chord within a fourth of a pitch; all of them if there is none."""
    near = [tone for tone in chord.tones if abs(nearest(tone, pitch) - pitch) <= 5]
    return near or list(chord.tones)


def _beat(
    pattern: str, first: int, count: int, division: int, ladder: Sequence[int]
) -> list[ScoreNote]:
    """Write one beat of a left hand's pattern; of four steps, as many as the beat has."""
    symbols = {4: pattern, 3: pattern[:3], 2: pattern[0] + pattern[2], 1: pattern[0]}[division]
    notes = []
    for step, symbol in enumerate(symbols[:count]):
        if symbol in "-.":
            continue
        rest = symbols[step + 1 : count]
        held = 1 + len(rest) - len(rest.lstrip("-"))
        if symbol == "c":
            pitches = tuple(ladder[2:5])
        elif symbol == "8":
            pitches = (ladder[0] - 12, ladder[0])
        else:
            pitches = (ladder[int(symbol)],)
        accent = 0.7 if step == 0 and symbol != "c" else 0.55
        notes += [_note(first + step, held, pitch, division, accent) for pitch in pitches]
    return notes


def _note(
    step: int | float, length: int | float, pitch: int, division: int, accent: float
) -> ScoreNote:
    return ScoreNote(step / division, 0.95 * length / division, int(pitch), accent)


def _right_hand(
    rng: np.random.Generator,
    texture: str,
    bar: PianoBar,
    division: int,
    density: float,
    middle: int,
) -> list[ScoreNote]:
    """Write the right hand of a bar; starts in beats from the bar line."""
    chords, steps = bar.chords, len(bar.chords)
    if texture in ("runs", "arpeggio"):
        return _run(rng, texture, bar, division, middle)
    if texture == "repeated":
        every = max(division // 2, 1)
        return [
            _note(step, every, pitch + 12, division, 0.7 if step % division == 0 else 0.55)
            for step in range(0, steps, every)
            for pitch in _ladder(chords[step], middle - 6)[1:4]
        ]
    rhythm = compose_rhythm(rng, steps, division, density)
    moves = draw_moves(rng, len(rhythm))
    range_ = (middle, middle + int(rng.integers(19, 34)))
    line = compose_phrase(rng, rhythm, moves, chords, division, bar.key, range_)
    notes = list(line)
    for note in line:
        chord = chords[int(note.start * division + 1e-6)]
        below = [p for p in range(note.pitch - 10, note.pitch - 2) if p % 12 in _scale(chord, bar)]
        if texture == "octaves":
            notes.append(
                replace(
                    note, pitch=note.pitch - 12 if note.pitch > middle + 12 else note.pitch + 12
                )
            )
        elif texture == "thirds" and below:
            notes.append(replace(note, pitch=below[-1], accent=note.accent - 0.1))
        elif texture == "chords" and note.start % 1 < 1e-6:
            tones = [p for p in below if p % 12 in chord.tones]
            notes += [replace(note, pitch=p, accent=note.accent - 0.15) for p in tones[-3:]]
    return notes


def _scale(chord: Chord, bar: PianoBar) -> tuple[int, ...]:
    return melody_tones(chord, *bar.key)


def _run(
    rng: np.random.Generator, texture: str, bar: PianoBar, division: int, middle: int
) -> list[ScoreNote]:
    """Write runs over the scale or the chord, up and down, on every step or twice as fast."""
    finer = 2 if division < 4 and rng.random() < 0.5 else 1
    span = int(rng.integers(12, 36))
    place, way = int(rng.integers(0, span)), int(rng.choice([-1, 1]))
    turns = float(rng.uniform(0.05, 0.25))
    notes = []
    for index in range(len(bar.chords) * finer):
        chord = bar.chords[index // finer]
        tones = chord.tones if texture == "arpeggio" else _scale(chord, bar)
        ladder = [p for p in range(middle + 1, middle + 1 + span) if p % 12 in tones]
        pitch = ladder[int(np.clip(place, 0, len(ladder) - 1))]
        accent = 0.75 if index % (division * finer) == 0 else 0.6
        if rng.random() > 0.04:
            notes.append(_note(index / finer, 1 / finer, pitch, division, accent))
        if rng.random() < turns or not 0 <= place + way < len(ladder):
            way = -way
        place = int(np.clip(place + way, 0, len(ladder) - 1))
    return notes
