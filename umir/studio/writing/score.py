"""The score: who plays what, in beats, before anybody performs it."""

from dataclasses import dataclass

from umir.studio.styles.style import Style
from umir.studio.writing.harmony import Chord
from umir.studio.writing.lexicon import Syllable


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
        register: the singer's, one of `umir.studio.voices.singer.REGISTERS`; "" for instruments.
    """

    role: str
    instrument: str
    notes: tuple[ScoreNote, ...]
    register: str = ""


@dataclass(frozen=True)
class ScoreChord:
    """A chord.

    Attributes:
        start: beats.
        length: beats.
        chord: what is written.
        key: tonic and mode that it stands in; None: those of the song.
        heard: whether anybody plays it.
        told: whether two of its tones sound at least: else nobody can say which chord it is.
    """

    start: float
    length: float
    chord: Chord
    key: tuple[int, str] | None = None
    heard: bool = True
    told: bool = True

    @property
    def label(self) -> str:
        """The chord in Harte's syntax: `N` where nobody plays it, `X` where nobody can tell."""
        if not self.heard:
            return "N"
        return self.chord.label if self.told else "X"


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
        mode: one of `umir.studio.writing.harmony.SCALES`.
        chords: one after the other, without gaps.
        parts: the pitched players.
        hits: what the drummer plays; empty without one.
        positions: the place of each beat in its bar, from 1; 0 for beats that one does not count
            (in seven eighths felt as 2+2+3); empty: all bars are full, all beats count.
        pace: length of each beat, as a part of that of the tempo; empty: all 1.
        warp: where in a beat what is written at some point (first) is played (second).
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
    positions: tuple[int, ...] = ()
    pace: tuple[float, ...] = ()
    warp: tuple[float, float] = (0.5, 0.5)

    @property
    def places(self) -> tuple[int, ...]:
        """The place of each beat in its bar; of full bars, with the bar line at their end."""
        count = self.bars * self.beats_per_bar + 1
        return self.positions or tuple(beat % self.beats_per_bar + 1 for beat in range(count))
