"""What a style is: tempo, grooves, harmony and players, as a table.

A groove is one bar of rhythm written as strings, one character per step (a bar has
`beats * division` steps; the bar lines `|` are only for the eye):

- drums: `X` accent, `x` normal, `o` soft (ghost), `.` silent;
- bass: `r` root, `5` fifth, `8` octave, `3` third, `s` chord or scale tone, `a` step to the next
  root, `-` hold, `.` rest;
- chords: `X` / `x` / `o` all tones (loud to soft), `1` to `5` one tone of the voicing, `-` hold,
  `.` rest.

The first groove of a style is its home; songs draw one for the verse and one for the chorus.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Groove:
    """One bar of rhythm.

    Attributes:
        beats: beats per bar.
        division: steps per beat (4: sixteenths, 3: triplets or the eighths of a compound metre).
        drums: pattern by drum class.
        bass: patterns to choose from.
        chords: patterns to choose from.
    """

    beats: int
    division: int
    drums: Mapping[str, str]
    bass: tuple[str, ...]
    chords: tuple[str, ...]

    @property
    def steps(self) -> int:
        """Steps per bar."""
        return self.beats * self.division


@dataclass(frozen=True)
class Style:
    """A style of music.

    Attributes:
        name: how it is called.
        tempo: slowest and fastest, in beats per minute.
        grooves: bars of rhythm; all may be used in one song if their metre agrees.
        modes: scales to choose from, and for each the progressions (`umir.studio.writing.harmony`).
        bass, chords, pads, leads: instruments to choose from for each role; no pads: none.
        kits: kinds of drum kit (`umir.studio.sounds.drum_kit`).
        vocals: probability that somebody sings.
        drums_probability: probability that drums play.
        swing: least and most delay of every second step, as part of a step.
        looseness: least and most standard deviation of the timing, in seconds.
        drift: least and most standard deviation of the tempo, relative.
        density: least and most melody notes per beat.
        room: least and most reverberation time in seconds.
        strum: longest time in seconds over which a chord is spread.
    """

    name: str
    tempo: tuple[float, float]
    grooves: tuple[Groove, ...]
    modes: Mapping[str, tuple[str, ...]]
    bass: tuple[str, ...]
    chords: tuple[str, ...]
    leads: tuple[str, ...]
    kits: tuple[str, ...]
    pads: tuple[str, ...] = ()
    vocals: float = 0.7
    drums_probability: float = 0.95
    swing: tuple[float, float] = (0.0, 0.0)
    looseness: tuple[float, float] = (0.004, 0.012)
    drift: tuple[float, float] = (0.002, 0.012)
    density: tuple[float, float] = (0.8, 1.6)
    room: tuple[float, float] = (0.2, 1.0)
    strum: float = 0.02


def groove(beats, division, bass, chords, **drums) -> Groove:
    """Make a groove from strings, taking the bar lines out and checking the lengths."""
    steps = beats * division
    clean = {name: pattern.replace("|", "") for name, pattern in drums.items()}
    bass = tuple(pattern.replace("|", "") for pattern in bass)
    chords = tuple(pattern.replace("|", "") for pattern in chords)
    for pattern in (*clean.values(), *bass, *chords):
        if len(pattern) != steps:
            raise ValueError(f"{pattern!r} has {len(pattern)} steps, the bar has {steps}")
    return Groove(beats, division, clean, bass, chords)
