"""Styles: what makes a rock song differ from a waltz, as tables.

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
        modes: scales to choose from, and for each the progressions (`umir.studio.harmony`).
        bass, chords, pads, leads: instruments to choose from for each role; no pads: none.
        kits: kinds of drum kit (`umir.studio.drum_kit`).
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


def _groove(beats, division, bass, chords, **drums) -> Groove:
    """Make a groove from strings, taking the bar lines out and checking the lengths."""
    steps = beats * division
    clean = {name: pattern.replace("|", "") for name, pattern in drums.items()}
    bass = tuple(pattern.replace("|", "") for pattern in bass)
    chords = tuple(pattern.replace("|", "") for pattern in chords)
    for pattern in (*clean.values(), *bass, *chords):
        if len(pattern) != steps:
            raise ValueError(f"{pattern!r} has {len(pattern)} steps, the bar has {steps}")
    return Groove(beats, division, clean, bass, chords)


_MAJOR_POP = ("I V vi IV", "vi IV I V", "I vi IV V", "I IV vi V", "I iii IV V", "IV I V vi")
_MINOR_POP = ("i bVI bIII bVII", "i bVII bVI bVII", "i iv bVI V", "i bIII bVII iv", "i iv i V")
_BLUES = ("I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7", "I7 I7 IV7 I7", "I7 IV7 I7 V7")

_ROCK = Style(
    "rock",
    (100, 150),
    (
        _groove(
            4,
            4,
            ("r-r-|r-r-|r-r-|r-a-", "r---|r---|r--r|--a-"),
            ("X---|x---|X-x-|x---", "X-x-|x-x-|X-x-|x-x-"),
            kick="X...|..x.|x...|....",
            snare="....|X...|....|X...",
            closed_hihat="x.x.|x.x.|x.x.|x.x.",
        ),
        _groove(
            4,
            4,
            ("r-r-|r-r-|5-5-|r-a-",),
            ("X---|----|x-x-|x---",),
            kick="X..x|..x.|x.x.|....",
            snare="....|X..o|.o..|X...",
            ride="x.x.|x.x.|x.x.|x.x.",
        ),
    ),
    {"major": (*_MAJOR_POP, "I bVII IV I"), "minor": _MINOR_POP},
    bass=("bass",),
    chords=("distorted_guitar", "electric_guitar", "acoustic_guitar"),
    pads=("organ", "piano", "strings"),
    leads=("distorted_guitar", "electric_guitar", "organ"),
    kits=("acoustic",),
    density=(0.9, 1.8),
)

_POP = Style(
    "pop",
    (88, 128),
    (
        _groove(
            4,
            4,
            ("r---|--r-|r---|r-a-", "r-r-|r-r-|r-r-|r-r-"),
            ("X---|--x-|x---|x---", "1-2-|3-2-|4-3-|2-3-"),
            kick="X...|..x.|..x.|....",
            snare="....|X...|....|X...",
            closed_hihat="x.o.|x.o.|x.o.|x.o.",
        ),
        _groove(
            4,
            4,
            ("r--r|--r-|r--r|--5-",),
            ("X--x|--x-|X--x|--x-",),
            kick="X..x|..x.|x..x|..x.",
            clap="....|X...|....|X...",
            shaker="xoxo|xoxo|xoxo|xoxo",
        ),
    ),
    {"major": _MAJOR_POP, "minor": _MINOR_POP},
    bass=("bass",),
    chords=("piano", "electric_piano", "acoustic_guitar", "synth_pad"),
    pads=("synth_pad", "strings"),
    leads=("synth_lead", "piano", "electric_guitar", "mallet"),
    kits=("acoustic", "electronic", "mixed"),
    vocals=0.9,
    looseness=(0.002, 0.008),
)

_FUNK = Style(
    "funk",
    (94, 118),
    (
        _groove(
            4,
            4,
            ("r..r|..8.|.r.5|..a.", "r.r.|.8.r|..5.|r.a."),
            ("..x.|.xo.|..x.|xo..", "x..x|..x.|.x.x|..x."),
            kick="X.x.|....|..x.|.x..",
            snare="....|X..o|.o..|X..o",
            closed_hihat="xoxo|xox.|xoxo|xo.o",
            open_hihat="....|...x|....|..x.",
        ),
        _groove(
            4,
            4,
            ("r..r|r..5|8..r|.a..",),
            ("X...|..x.|.x..|x.x.",),
            kick="X..x|..x.|...x|..x.",
            snare="..o.|X..o|.o.o|X...",
            closed_hihat="x.xx|x.xx|x.xx|x.xx",
        ),
    ),
    {
        "dorian": ("i7 i7 IV7 IV7", "i7 IV7 i7 IV7", "i7 i7 i7 IV7"),
        "mixolydian": ("I7 I7 IV7 IV7", "I7 bVII I7 IV7"),
    },
    bass=("bass",),
    chords=("electric_guitar", "electric_piano", "organ"),
    pads=("brass", "strings"),
    leads=("saxophone", "brass", "synth_lead"),
    kits=("acoustic", "mixed"),
    swing=(0.0, 0.25),
    density=(1.0, 2.2),
)

_JAZZ = Style(
    "jazz",
    (110, 210),
    (
        _groove(
            4,
            3,
            ("r--|s--|s--|a--", "r--|5--|s--|a--"),
            ("x-.|..x|...|...", "...|..x|-..|..x", "..x|...|x-.|..."),
            ride="X..|x.o|X..|x.o",
            closed_hihat="...|x..|...|x..",
            kick="o..|...|o..|..o",
            snare="...|..o|...|o..",
        ),
    ),
    {
        "major": ("ii7 V7 Imaj7 Imaj7", "Imaj7 vi7 ii7 V7", "iii7/VI7 ii7/V7 Imaj7 Imaj7"),
        "minor": ("iihdim7 V7 i7 i7", "i7 iv7 iihdim7 V7"),
    },
    bass=("bass",),
    chords=("piano", "electric_guitar", "electric_piano"),
    leads=("saxophone", "brass", "clarinet", "piano", "mallet"),
    kits=("jazz",),
    vocals=0.35,
    looseness=(0.008, 0.02),
    drift=(0.006, 0.018),
    density=(1.2, 2.4),
)

_WALTZ = Style(
    "waltz",
    (95, 180),
    (
        _groove(
            3,
            3,
            ("r--|---|---", "r--|...|..a", "r--|5--|3--"),
            ("...|x-.|x-.", "X--|o--|o--"),
            kick="X..|...|...",
            snare="...|o..|o..",
            ride="x..|x.o|x.o",
        ),
    ),
    {"major": ("I vi ii V7", "I IV V7 I", "I I V7 V7 V7 V7 I I"), "minor": ("i iv V7 i",)},
    bass=("bass",),
    chords=("accordion", "piano", "strings"),
    leads=("accordion", "clarinet", "strings", "flute"),
    kits=("jazz", "acoustic"),
    vocals=0.4,
    drums_probability=0.6,
    looseness=(0.008, 0.02),
    drift=(0.008, 0.025),
    room=(0.4, 1.6),
)

_BOSSA = Style(
    "bossa_nova",
    (118, 150),
    (
        _groove(
            4,
            4,
            ("r---|--5-|5---|--a-", "r---|--r-|5---|--5-"),
            ("x--x|--.x|--x-|-.x-", "X--x|--x-|.x--|x---"),
            kick="x..o|x..o|x..o|x..o",
            rimshot="x...|..x.|...x|..x.",
            closed_hihat="xoxo|xoxo|xoxo|xoxo",
        ),
    ),
    {
        "major": ("Imaj7 Imaj7 ii7 V7", "Imaj7 II7 ii7 V7", "Imaj7 bIIImaj7 ii7 V7"),
        "minor": ("i7 i7 iihdim7 V7", "i7 iv7 bVIImaj7 V7"),
    },
    bass=("bass",),
    chords=("acoustic_guitar", "electric_piano"),
    pads=("strings",),
    leads=("flute", "saxophone", "mallet", "piano"),
    kits=("jazz", "acoustic"),
    density=(0.9, 1.6),
    strum=0.01,
)

_REGGAE = Style(
    "reggae",
    (64, 86),
    (
        _groove(
            4,
            4,
            ("r--.|r-5-|..r-|5-a-", "..r-|r-..|5-r-|..a-"),
            ("..x.|..x.|..x.|..x.", "..xo|..xo|..xo|..xo"),
            kick="....|....|X...|....",
            rimshot="....|....|X...|....",
            closed_hihat="x.xo|x.x.|x.xo|x.xx",
        ),
        _groove(
            4,
            4,
            ("r-r-|r-..|5-5-|r-a-",),
            ("..x.|..x.|..x.|..x.",),
            kick="X...|X...|X...|X...",
            snare="....|....|X...|....",
            closed_hihat="x.x.|x.x.|x.x.|x.x.",
        ),
    ),
    {"major": ("I IV I IV", "I V ii IV", "I ii I ii"), "minor": ("i bVII i bVII", "i iv i iv")},
    bass=("bass",),
    chords=("electric_guitar", "organ", "piano"),
    pads=("organ", "brass"),
    leads=("brass", "organ", "saxophone"),
    kits=("acoustic", "mixed"),
    swing=(0.0, 0.3),
    strum=0.01,
)

_HOUSE = Style(
    "house",
    (118, 132),
    (
        _groove(
            4,
            4,
            ("..r.|..r.|..r.|..r.", "r..r|..r.|.r.r|..8."),
            ("x..x|..x.|.x..|x...", "..x.|..x.|..x.|..x."),
            kick="X...|X...|X...|X...",
            clap="....|X...|....|X...",
            open_hihat="..x.|..x.|..x.|..x.",
            closed_hihat="xo.o|xo.o|xo.o|xo.o",
        ),
        _groove(
            4,
            4,
            ("r.rr|..r.|r.r8|..r.",),
            ("1-3-|2-4-|1-3-|5-4-", "X---|----|----|----"),
            kick="X...|X...|X...|X..x",
            snare="....|x...|....|x...",
            ride="..x.|..x.|..x.|..x.",
            shaker="xoxo|xoxo|xoxo|xoxo",
        ),
    ),
    {"minor": ("i bVI bIII bVII", "i i bVI bVII", "i7 iv7 i7 iv7"), "dorian": ("i7 IV i7 IV",)},
    bass=("bass",),
    chords=("synth_pad", "piano", "organ", "synth_lead"),
    pads=("synth_pad", "strings"),
    leads=("synth_lead", "mallet", "synth_lead"),
    kits=("electronic",),
    vocals=0.5,
    looseness=(0.0, 0.002),
    drift=(0.0, 0.0),
    strum=0.0,
)

_DRUM_AND_BASS = Style(
    "drum_and_bass",
    (162, 178),
    (
        _groove(
            4,
            4,
            ("r---|----|--r-|--5-", "r--r|--..|r---|8-a-"),
            ("X---|----|----|----", "x...|..x.|....|..x."),
            kick="X...|....|..x.|....",
            snare="....|X..o|.o..|X..o",
            closed_hihat="x.x.|x.x.|x.x.|x.x.",
            ride="....|....|....|..x.",
        ),
        _groove(
            4,
            4,
            ("r-r-|--r-|..5-|--r-",),
            ("X---|----|x---|----",),
            kick="X.x.|....|..x.|.x..",
            snare="....|X...|.o.o|X.o.",
            closed_hihat="xxxx|xxxx|xxxx|xxxx",
        ),
    ),
    {"minor": ("i i bVI bVI", "i bVII bVI v", "i bVI iv bVII"), "phrygian": ("i bII i bII",)},
    bass=("bass",),
    chords=("synth_pad", "electric_piano"),
    pads=("synth_pad",),
    leads=("synth_lead", "flute", "mallet"),
    kits=("electronic", "mixed"),
    vocals=0.45,
    looseness=(0.0, 0.003),
    drift=(0.0, 0.0),
    density=(0.4, 1.0),
    room=(0.4, 2.0),
    strum=0.0,
)

_HIP_HOP = Style(
    "hip_hop",
    (74, 98),
    (
        _groove(
            4,
            4,
            ("r---|..r-|..r-|....", "r--r|....|r-8.|..a."),
            ("X---|----|----|..x-", "1.2.|3..2|4..3|..2."),
            kick="X..x|....|..xx|....",
            snare="....|X...|....|X...",
            closed_hihat="x.x.|x.xx|x.x.|x.xo",
        ),
        _groove(
            4,
            4,
            ("r---|----|--r-|r---",),
            ("x---|x---|x---|x---",),
            kick="X...|..x.|.x.x|....",
            clap="....|X...|....|X...",
            closed_hihat="xxxx|xxxx|xxxx|xxxx",
            open_hihat="....|....|....|..x.",
        ),
    ),
    {"minor": ("i bVI i bVI", "i7 iv7 i7 bVI", "i i iv V"), "dorian": ("i7 IV7 i7 IV7",)},
    bass=("bass",),
    chords=("electric_piano", "piano", "harp", "mallet"),
    pads=("strings", "synth_pad"),
    leads=("synth_lead", "flute", "mallet"),
    kits=("electronic", "mixed"),
    swing=(0.1, 0.45),
    vocals=0.75,
    density=(1.2, 2.6),
    drift=(0.0, 0.0),
)

_BALLAD = Style(
    "ballad",
    (50, 72),
    (
        _groove(
            4,
            3,
            ("r--|---|r--|--a", "r--|---|5--|---"),
            ("X--|o--|x--|o--", "1-2|3-4|3-4|3-2"),
            kick="X..|...|x..|...",
            snare="...|X..|...|X..",
            closed_hihat="xoo|xoo|xoo|xoo",
        ),
        _groove(
            4,
            3,
            ("r--|--r|5--|--a",),
            ("X--|x--|x--|x--",),
            kick="X..|..x|x..|...",
            rimshot="...|X..|...|X..",
            ride="x.x|x.x|x.x|x.x",
        ),
    ),
    {"major": ("I vi IV V", "I V vi iii IV I IV V", "Imaj7 IVmaj7 ii7 V"), "minor": _MINOR_POP},
    bass=("bass",),
    chords=("piano", "electric_piano", "acoustic_guitar", "harp"),
    pads=("strings", "synth_pad"),
    leads=("saxophone", "electric_guitar", "strings", "flute"),
    kits=("acoustic",),
    vocals=0.85,
    drums_probability=0.7,
    drift=(0.006, 0.02),
    density=(1.0, 2.2),
    room=(0.6, 2.2),
    strum=0.04,
)

_FOLK = Style(
    "folk",
    (84, 132),
    (
        _groove(
            2,
            3,
            ("r--|5--", "r--|r-a"),
            ("X-x|x-x", "123|432", "X--|x-o"),
            kick="x..|...",
            shaker="xoo|xoo",
            snare="...|o..",
        ),
        _groove(
            2,
            3,
            ("r-.|5-.",),
            ("X-o|x-o",),
            kick="X..|x..",
            closed_hihat="..x|..x",
        ),
    ),
    {"major": ("I IV I V", "I V vi IV", "I I IV V"), "dorian": ("i bVII i bVII", "i IV i bVII")},
    bass=("bass",),
    chords=("acoustic_guitar", "accordion", "harp"),
    leads=("flute", "strings", "accordion", "clarinet"),
    kits=("acoustic", "jazz"),
    vocals=0.7,
    drums_probability=0.4,
    looseness=(0.006, 0.018),
    drift=(0.006, 0.02),
    density=(1.2, 2.4),
    strum=0.03,
)

_BLUES_SHUFFLE = Style(
    "blues",
    (80, 130),
    (
        _groove(
            4,
            3,
            ("r-r|5-5|s-s|5-a", "r--|3--|5--|a--"),
            ("X.x|X.x|X.x|X.x", "...|x-.|...|x-."),
            kick="X..|..x|x..|...",
            snare="...|X..|...|X.o",
            closed_hihat="x.x|x.x|x.x|x.x",
        ),
    ),
    {"mixolydian": _BLUES},
    bass=("bass",),
    chords=("electric_guitar", "organ", "piano"),
    leads=("electric_guitar", "saxophone", "distorted_guitar"),
    kits=("acoustic",),
    vocals=0.6,
    looseness=(0.006, 0.018),
    drift=(0.004, 0.016),
)

_METAL = Style(
    "metal",
    (140, 200),
    (
        _groove(
            4,
            4,
            ("r-rr|r-rr|r-rr|r-rr", "r-r-|r-rr|r-r-|r-rr"),
            ("X.xx|x.xx|X.xx|x.xx", "X---|x-xx|X---|x-x-"),
            kick="x.xx|x.xx|x.xx|x.xx",
            snare="....|X...|....|X...",
            crash="x...|x...|x...|x...",
        ),
        _groove(
            4,
            4,
            ("r---|----|r---|--a-",),
            ("X---|----|X---|----",),
            kick="X...|..x.|x...|..x.",
            snare="....|....|X...|....",
            ride="x...|x...|x...|x...",
        ),
    ),
    {"minor": ("i bVI bVII i", "i i bIII bVII"), "phrygian": ("i bII i bII", "i i bII bVII")},
    bass=("bass",),
    chords=("distorted_guitar",),
    pads=("strings", "organ", "synth_pad"),
    leads=("distorted_guitar", "synth_lead"),
    kits=("acoustic",),
    vocals=0.55,
    density=(1.0, 2.4),
    room=(0.15, 0.7),
    strum=0.0,
)

_CHAMBER = Style(
    "chamber",
    (60, 125),
    (
        _groove(
            2,
            4,
            ("r---|5---", "r---|----", "r-..|5-.."),
            ("1232|4232", "X---|x---", ".-x.|.-x."),
        ),
        _groove(
            2,
            4,
            ("r---|---a",),
            ("X---|----", "1-3-|2-3-"),
        ),
    ),
    {"major": ("I IV V7 I", "I vi ii V7", "I V I IV V7 I"), "minor": ("i iv V7 i", "i bVI iv V7")},
    bass=("bass", "strings"),
    chords=("strings", "harp", "piano"),
    pads=("strings", "brass"),
    leads=("flute", "clarinet", "strings", "brass"),
    kits=("jazz",),
    vocals=0.25,
    drums_probability=0.0,
    looseness=(0.01, 0.025),
    drift=(0.01, 0.03),
    density=(1.0, 2.4),
    room=(0.8, 2.4),
)

_PROG = Style(
    "prog",
    (110, 165),
    (
        _groove(
            5,
            4,
            ("r---|--r-|r---|5---|--a-",),
            ("X---|--x-|x---|X---|x---", "1-2-|3-4-|3-2-|1-3-|4-3-"),
            kick="X...|..x.|....|X...|....",
            snare="....|X...|....|....|X...",
            ride="x.x.|x.x.|x.x.|x.x.|x.x.",
        ),
        _groove(
            7,
            2,
            ("r-|r-|5-|r-|8-|r-|a-",),
            ("X-|x-|X-|x-|X-|--|x-", "1-|3-|2-|4-|3-|5-|4-"),
            kick="X.|..|x.|..|x.|.x|..",
            snare="..|X.|..|X.|..|..|X.",
            closed_hihat="x.|x.|x.|x.|x.|x.|x.",
        ),
    ),
    {"dorian": ("i IV i bVII", "i7 bVII IV i7"), "minor": ("i bVI bVII v",), "major": _MAJOR_POP},
    bass=("bass",),
    chords=("electric_guitar", "organ", "electric_piano", "distorted_guitar"),
    pads=("synth_pad", "organ"),
    leads=("synth_lead", "distorted_guitar", "saxophone", "flute"),
    kits=("acoustic", "mixed"),
    vocals=0.5,
)

STYLES: Mapping[str, Style] = {
    style.name: style
    for style in (
        _BALLAD,
        _BLUES_SHUFFLE,
        _BOSSA,
        _CHAMBER,
        _DRUM_AND_BASS,
        _FOLK,
        _FUNK,
        _HIP_HOP,
        _HOUSE,
        _JAZZ,
        _METAL,
        _POP,
        _PROG,
        _REGGAE,
        _ROCK,
        _WALTZ,
    )
}
