"""A performance: the notes and hits as they are played, in seconds, with their pitch curves."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from umir.studio.writing.lexicon import Syllable


@dataclass(frozen=True)
class Bend:
    """How a note's pitch moves around its nominal value.

    The offset after `t` seconds is `scoop exp(-t / scoop_time)` (a slide into the note), plus a
    vibrato `depth sin(2 pi rate (t - delay))` that grows over 0.2 s after `delay`.

    Attributes:
        scoop: semitones by which the note starts off its pitch.
        scoop_time: time constant of the slide in seconds.
        depth: vibrato depth in semitones.
        rate: vibrato rate in Hz.
        delay: seconds before the vibrato starts.
    """

    scoop: float = 0.0
    scoop_time: float = 0.03
    depth: float = 0.0
    rate: float = 5.5
    delay: float = 0.15

    def semitones(self, time: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """Return the offset in semitones at `time` seconds after the onset, same shape."""
        grown = np.clip((time - self.delay) / 0.2, 0.0, 1.0)
        vibrato = self.depth * grown * np.sin(2 * np.pi * self.rate * (time - self.delay))
        return self.scoop * np.exp(-time / self.scoop_time) + vibrato


@dataclass(frozen=True)
class Note:
    """A played note.

    Attributes:
        onset: seconds.
        offset: seconds at which it is let go; it may ring on.
        pitch: MIDI, with the song's tuning in the fraction.
        velocity: 0 to 1.
        bend: how its pitch moves; None: not at all (a singer decides that for herself).
        syllable: what is sung on it; None: the syllable before goes on, or nobody sings.
        spoken: whether the syllable is spoken: its pitch is then a hint to the speaker.
    """

    onset: float
    offset: float
    pitch: float
    velocity: float
    bend: Bend | None = None
    syllable: Syllable | None = None
    spoken: bool = False

    @property
    def frequency(self) -> float:
        """Nominal fundamental frequency in Hz."""
        return float(440.0 * 2 ** ((self.pitch - 69) / 12))

    def frequencies(self, time: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """Return the fundamental frequency in Hz at `time` seconds after the onset."""
        offset = self.bend.semitones(time) if self.bend else np.zeros_like(time)
        return 440.0 * 2 ** ((self.pitch + offset - 69) / 12)


@dataclass(frozen=True)
class Hit:
    """A played drum hit: onset in seconds, a drum of `DRUM_CLASSES`, velocity 0 to 1."""

    onset: float
    drum: str
    velocity: float


@dataclass(frozen=True)
class PlayedPart:
    """What one player plays: role, instrument, notes sorted by onset; a singer's register."""

    role: str
    instrument: str
    notes: tuple[Note, ...]
    register: str = ""


@dataclass(frozen=True)
class Performance:
    """A song as it is played. All times in seconds, all inside the song's duration.

    Attributes:
        beats: time of every beat that one counts, shape `(beat,)`.
        positions: place of each beat in its bar, from 1.
        chords: start, end and label, contiguous from 0 to the end.
        parts: the pitched players.
        hits: what the drummer plays, sorted.
        tempo: beats per minute: the mean; of the median bar where the tempo is shaped.
        keys: start, end, tonic and mode of each stretch in which a chord is heard, in order.
    """

    beats: Float[np.ndarray, " beat"] = field(repr=False)
    positions: tuple[int, ...]
    chords: tuple[tuple[float, float, str], ...]
    parts: tuple[PlayedPart, ...]
    hits: tuple[Hit, ...]
    tempo: float
    keys: tuple[tuple[float, float, tuple[int, str]], ...] = ()
