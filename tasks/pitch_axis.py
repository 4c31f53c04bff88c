"""Pitch axes: which pitch each channel of a head stands for.

A vocabulary of note names is an axis. `C4` is middle C (MIDI 60, A4 = 440 Hz), so `C2 C#2 ... B6`
is five octaves in semitones and `C2 F#2 C3 F#3` two in half octaves: evenly spaced, lowest first.
`C C# ... B`, without octaves, are the pitch classes: a pitch counts there whatever its octave.

Positions are counted in bins of the axis and need not be whole: position 0.3 lies three tenths of
a bin above the middle of bin 0, which reaches from -0.5 to 0.5.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# The same as chords and keys are written, and the letters' places in them, in semitones above C.
TONICS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
OCTAVE = len(PITCH_CLASSES)  # semitones
MIDDLE_C = 60  # the octave that pitch classes are written in starts here
# The octaves that a vocabulary may have: 16 Hz, where pitch begins, to 8 kHz.
_FIRST_OCTAVE, _LAST_OCTAVE = 0, 8
_NAME = re.compile(r"([A-G]#?)(-?\d+)")


def midi_pitch(frequencies: Float[np.ndarray, "*frame"]) -> Float[np.ndarray, "*frame"]:
    """Return frequencies in Hz (above 0) as MIDI note numbers, 69 + 12 log2(f / 440)."""
    return 69 + OCTAVE * np.log2(frequencies / 440)


def octave_of(frequencies: Float[np.ndarray, "*frame"]) -> Float[np.ndarray, "*frame"]:
    """Return the octave number that the nearest semitone is in: 4 from C4 to B4."""
    return np.floor(np.rint(midi_pitch(frequencies)) / OCTAVE) - 1


def note_range(first: int, last: int, step: int = 1) -> tuple[str, ...]:
    """Return the names of the MIDI notes from `first` to `last`, every `step` semitones."""
    numbers = range(first, last + 1, step)
    return tuple(f"{PITCH_CLASSES[n % OCTAVE]}{n // OCTAVE - 1}" for n in numbers)


def octaves(first: int, last: int) -> tuple[str, ...]:
    """Return the semitones of whole octaves, from C of the first to B of the last."""
    return note_range(OCTAVE * (first + 1), OCTAVE * (last + 2) - 1)


def octaves_around(frequencies: Float[np.ndarray, " frame"]) -> tuple[str, ...]:
    """Return the semitones of the whole octaves that hold frequencies in Hz; at least one of them.

    What is below C0 or above B8 (16 Hz to 8 kHz) is left out.
    """
    found = np.clip(octave_of(frequencies), _FIRST_OCTAVE, _LAST_OCTAVE)
    return octaves(int(found.min()), int(found.max()))


@dataclass(frozen=True)
class PitchAxis:
    """Evenly spaced pitches.

    Attributes:
        lowest: MIDI note number of the first bin.
        step: semitones from one bin to the next.
        bins: how many.
        folded: whether the bins are pitch classes: octaves do not count.
    """

    lowest: int
    step: int
    bins: int
    folded: bool = False

    @classmethod
    @lru_cache
    def of(cls, names: tuple[str, ...]) -> "PitchAxis":
        """Return the axis that a vocabulary stands for.

        Raises:
            ValueError: a name that is no note, or names that are not evenly spaced.
        """
        if names == PITCH_CLASSES:
            return cls(MIDDLE_C, 1, OCTAVE, folded=True)
        numbers = [_number(name) for name in names]
        steps = set(np.diff(numbers).tolist()) or {1}
        if len(steps) > 1 or min(steps) < 1:
            raise ValueError(f"pitches must be evenly spaced, lowest first, not {', '.join(names)}")
        return cls(numbers[0], steps.pop(), len(names))

    def positions(self, frequencies: Float[np.ndarray, "*frame"]) -> Float[np.ndarray, "*frame"]:
        """Return where frequencies in Hz (above 0) lie on the axis, in bins.

        On a folded axis, from -0.5 up to the number of bins less 0.5.
        """
        places = (midi_pitch(frequencies) - self.lowest) / self.step
        return (places + 0.5) % self.bins - 0.5 if self.folded else places

    def frequencies(self, positions: Float[np.ndarray, "*frame"]) -> Float[np.ndarray, "*frame"]:
        """Return the frequencies in Hz of positions in bins."""
        return 440 * np.exp2((self.lowest + self.step * positions - 69) / OCTAVE)

    def inside(self, positions: Float[np.ndarray, "*frame"]) -> np.ndarray:
        """Return which positions belong to one of the bins."""
        return (positions >= -0.5) & (positions < self.bins - 0.5)

    def distances(self, positions: Float[np.ndarray, "*frame"]) -> Float[np.ndarray, "*frame bin"]:
        """Return how far each bin is above each position, in bins; if folded, the short way."""
        distance = np.arange(self.bins) - positions[..., None]
        half = self.bins / 2
        return (distance + half) % self.bins - half if self.folded else distance

    def comparable(self, frequencies: Float[np.ndarray, "*frame"]) -> Float[np.ndarray, "*frame"]:
        """Return frequencies in Hz as this axis tells them apart: in one octave if it is folded."""
        return self.frequencies(self.positions(frequencies)) if self.folded else frequencies


def pitch_vocabulary(frequencies: Sequence[Float[np.ndarray, " _"]]) -> tuple[str, ...]:
    """Return the axis of a folder: the whole octaves that its pitches lie in.

    Args:
        frequencies: of each song, in Hz; 0 or negative for unvoiced.

    Raises:
        ValueError: there is no pitch at all.
    """
    pitched = np.concatenate([np.zeros(0), *(song[song > 0] for song in frequencies)])
    if not len(pitched):
        raise ValueError("no annotation has any pitch: nothing to learn")
    return octaves_around(pitched)


def _number(name: str) -> int:
    found = _NAME.fullmatch(name)
    if not found or found[1] not in PITCH_CLASSES:
        raise ValueError(f"{name!r} is no note: write C4, C#4, ... or all of C, C#, ..., B")
    return OCTAVE * (int(found[2]) + 1) + PITCH_CLASSES.index(found[1])
