"""Articulation: how a player treats the notes: short or joined, bent, slid, never quite in tune.

Notes keep their onsets. Their labels follow what is played: offsets where notes are let go, the
pitch of a note without its bends, and f0 with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from umir.studio.playing.performance import Bend, Note

_SHORTEST = 0.05  # seconds
# Instruments whose notes can be bent, and in how many semitones' reach; fretted and keyed ones only
# when they play one note at a time.
BENDS = {
    "bass": 2.0,
    "brass": 1.5,
    "clarinet": 1.5,
    "distorted_guitar": 3.0,
    "electric_guitar": 3.0,
    "acoustic_guitar": 1.5,
    "flute": 1.0,
    "saxophone": 2.0,
    "strings": 3.0,
    "synth_lead": 5.0,
}
# Instruments that cannot be out of tune with themselves.
_IN_TUNE = ("electric_piano", "mallet", "organ", "synth_lead", "synth_pad")


@dataclass(frozen=True)
class Contour(Bend):
    """A bend along a curve: into the note, around it, off it.

    Between its points the curve follows half a cosine, before and after them it is level; scoop and
    vibrato of `Bend` are added.

    Attributes:
        times: seconds after the onset, increasing.
        offsets: semitones at each of them.
    """

    times: tuple[float, ...] = (0.0,)
    offsets: tuple[float, ...] = (0.0,)

    def semitones(self, time: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """Return the offset in semitones at `time` seconds after the onset, same shape."""
        place = np.interp(time, self.times, np.arange(len(self.times)))
        whole = np.floor(place)
        eased = whole + 0.5 - 0.5 * np.cos(np.pi * (place - whole))
        return super().semitones(time) + np.interp(
            eased, np.arange(len(self.offsets)), self.offsets
        )


def articulate(
    rng: np.random.Generator, notes: Sequence[Note], instrument: str, one_at_a_time: bool
) -> tuple[Note, ...]:
    """Return notes as one player would play them.

    Args:
        rng: where chance comes from.
        notes: sorted by onset.
        instrument: one of `umir.studio.INSTRUMENTS`.
        one_at_a_time: whether the notes do not overlap: only then they are bent.
    """
    notes = _touch(rng, notes, one_at_a_time)
    notes = _mistune(rng, notes, instrument)
    if one_at_a_time and instrument in BENDS:
        notes = _bend(rng, notes, BENDS[instrument])
    return tuple(notes)


def _touch(rng: np.random.Generator, notes: Sequence[Note], one_at_a_time: bool) -> list[Note]:
    """Play notes shorter (three in ten players), or one at a time joined (two in ten)."""
    manner, short = rng.random(), float(rng.uniform(0.25, 0.8))
    dynamics = float(np.exp(rng.normal(0, 0.25)))
    played = []
    for index, note in enumerate(notes):
        length = note.offset - note.onset
        if manner < 0.3:
            length = max(short * length, min(_SHORTEST, length))
        elif manner < 0.5 and one_at_a_time and index + 1 < len(notes):
            gap = notes[index + 1].onset - note.offset
            length += gap if gap < 0.3 else 0.0
        velocity = float(np.clip(note.velocity**dynamics, 0.05, 1.0))
        played.append(replace(note, offset=note.onset + length, velocity=velocity))
    return played


def _mistune(rng: np.random.Generator, notes: Sequence[Note], instrument: str) -> list[Note]:
    """Put the player, and each of the pitches, out of tune by some cents."""
    whole, each = rng.normal(0, 0.05), abs(rng.normal(0, 0.04))
    seed = int(rng.integers(2**31))
    if instrument in _IN_TUNE:
        each = 0.0
    pitches = sorted({note.pitch for note in notes})
    own = np.random.default_rng(seed).normal(0, 1, len(pitches))
    offsets = {pitch: float(whole + each * x) for pitch, x in zip(pitches, own, strict=True)}
    return [replace(note, pitch=note.pitch + offsets[note.pitch]) for note in notes]


def _bend(rng: np.random.Generator, notes: Sequence[Note], reach: float) -> list[Note]:
    """Bend some of the notes that are long enough: up to them, around them, off them, or glide."""
    chance, glide = float(rng.beta(1, 4)), rng.random() < 0.15
    glide_time = float(rng.uniform(0.03, 0.12))
    bent: list[Note] = []
    for note in notes:
        decision, kind = rng.random(2)
        sizes, lengths = rng.uniform(0.4, 1.0, 2) * reach, rng.uniform(0.05, 0.2, 3)
        length = note.offset - note.onset
        bend = note.bend or Bend()
        linked = bool(bent) and note.onset - bent[-1].offset < 0.06
        if glide and linked and length > 2 * glide_time:
            start = float(np.clip(bent[-1].pitch - note.pitch, -7, 7))
            bent.append(replace(note, bend=_contour(bend, (0.0, glide_time), (start, 0.0))))
        elif decision < chance and length > 0.25:
            bent.append(replace(note, bend=_draw_contour(bend, kind, sizes, lengths, length)))
        else:
            bent.append(note)
    return bent


def _draw_contour(
    bend: Bend, kind: float, sizes: np.ndarray, lengths: np.ndarray, length: float
) -> Bend:
    """Return one of five contours; the note keeps its own pitch for at least 40% of its time."""
    first, second, third = (float(min(part, 0.2 * length)) for part in lengths)
    size, other = (float(value) for value in sizes)
    if kind < 0.35:  # a string that is bent up to the note
        return _contour(bend, (0.0, first, first + second), (-size, -size, 0.0))
    if kind < 0.5:  # from above
        return _contour(bend, (0.0, first), (0.5 * size, 0.0))
    if kind < 0.7:  # up and back
        times = (0.3 * length, 0.3 * length + first, 0.3 * length + first + second)
        return _contour(bend, times, (0.0, 0.6 * size, 0.0))
    if kind < 0.9:  # it falls off
        return _contour(bend, (length - third, length), (0.0, -other))
    return _contour(bend, (0.0, first, length - third, length), (-size, 0.0, 0.0, other))


def _contour(bend: Bend, times: tuple[float, ...], offsets: tuple[float, ...]) -> Contour:
    """Return a bend's vibrato along a curve; its slide gives way to the curve."""
    return Contour(depth=bend.depth, rate=bend.rate, delay=bend.delay, times=times, offsets=offsets)
