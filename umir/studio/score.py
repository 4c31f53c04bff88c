"""The score: who plays what, in beats, before anybody performs it."""

from dataclasses import dataclass

from umir.studio.harmony import Chord
from umir.studio.lexicon import Syllable
from umir.studio.style import Style


@dataclass(frozen=True)
class ScoreNote:
    """A written note.

    Attributes:
        start: beats from the song's first downbeat.
        length: beats.
        pitch: MIDI.
        accent: loudness, 0 to 1.
        syllable: what is sung on it; None: the syllable before goes on, or nobody sings.
    """

    start: float
    length: float
    pitch: int
    accent: float
    syllable: Syllable | None = None


@dataclass(frozen=True)
class ScoreHit:
    """A written drum hit: start in beats, a drum of `DRUM_CLASSES`, loudness 0 to 1."""

    start: float
    drum: str
    accent: float


@dataclass(frozen=True)
class ScorePart:
    """What one player plays.

    Attributes:
        role: `bass`, `chords`, `pad`, `lead`, `vocals` or `backing`; only the last may be several.
        instrument: one of `INSTRUMENTS`.
        notes: sorted by start.
        register: the singer's, one of `umir.studio.singer.REGISTERS`; "" for instruments.
    """

    role: str
    instrument: str
    notes: tuple[ScoreNote, ...]
    register: str = ""


@dataclass(frozen=True)
class ScoreChord:
    """A chord with its start and length in beats."""

    start: float
    length: float
    chord: Chord


@dataclass(frozen=True)
class Score:
    """A composed song.

    Attributes:
        style: the style it is in.
        tempo: beats per minute.
        beats_per_bar: beats per bar.
        division: steps per beat of its rhythms.
        swing: delay of every second step, as part of a step.
        bars: number of bars.
        tonic: pitch class of the key.
        mode: one of `umir.studio.harmony.SCALES`.
        chords: one after the other, without gaps.
        parts: the pitched players.
        hits: what the drummer plays; empty without one.
    """

    style: Style
    tempo: float
    beats_per_bar: int
    division: int
    swing: float
    bars: int
    tonic: int
    mode: str
    chords: tuple[ScoreChord, ...]
    parts: tuple[ScorePart, ...]
    hits: tuple[ScoreHit, ...]
