"""Styles of bands: rock, pop, funk, reggae, blues, metal, prog."""

from umir.studio.styles.style import Style, groove

_MAJOR_POP = ("I V vi IV", "vi IV I V", "I vi IV V", "I IV vi V", "I iii IV V", "IV I V vi")
_MINOR_POP = ("i bVI bIII bVII", "i bVII bVI bVII", "i iv bVI V", "i bIII bVII iv", "i iv i V")
_BLUES = ("I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7", "I7 I7 IV7 I7", "I7 IV7 I7 V7")

BLUES = Style(
    "blues",
    (80.0, 130.0),
    (
        groove(
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
    vocals=0.8,
    looseness=(0.006, 0.018),
    drift=(0.004, 0.016),
)

FUNK = Style(
    "funk",
    (94.0, 118.0),
    (
        groove(
            4,
            4,
            ("r..r|..8.|.r.5|..a.", "r.r.|.8.r|..5.|r.a."),
            ("..x.|.xo.|..x.|xo..", "x..x|..x.|.x.x|..x."),
            kick="X.x.|....|..x.|.x..",
            snare="....|X..o|.o..|X..o",
            closed_hihat="xoxo|xox.|xoxo|xo.o",
            open_hihat="....|...x|....|..x.",
        ),
        groove(
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

METAL = Style(
    "metal",
    (140.0, 200.0),
    (
        groove(
            4,
            4,
            ("r-rr|r-rr|r-rr|r-rr", "r-r-|r-rr|r-r-|r-rr"),
            ("X.xx|x.xx|X.xx|x.xx", "X---|x-xx|X---|x-x-"),
            kick="x.xx|x.xx|x.xx|x.xx",
            snare="....|X...|....|X...",
            crash="x...|x...|x...|x...",
        ),
        groove(
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
    vocals=0.75,
    density=(1.0, 2.4),
    room=(0.15, 0.7),
    strum=0.0,
)

POP = Style(
    "pop",
    (88.0, 128.0),
    (
        groove(
            4,
            4,
            ("r---|--r-|r---|r-a-", "r-r-|r-r-|r-r-|r-r-"),
            ("X---|--x-|x---|x---", "1-2-|3-2-|4-3-|2-3-"),
            kick="X...|..x.|..x.|....",
            snare="....|X...|....|X...",
            closed_hihat="x.o.|x.o.|x.o.|x.o.",
        ),
        groove(
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
    vocals=0.95,
    looseness=(0.002, 0.008),
)

PROG = Style(
    "prog",
    (110.0, 165.0),
    (
        groove(
            5,
            4,
            ("r---|--r-|r---|5---|--a-",),
            ("X---|--x-|x---|X---|x---", "1-2-|3-4-|3-2-|1-3-|4-3-"),
            kick="X...|..x.|....|X...|....",
            snare="....|X...|....|....|X...",
            ride="x.x.|x.x.|x.x.|x.x.|x.x.",
        ),
        groove(
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
    vocals=0.7,
)

REGGAE = Style(
    "reggae",
    (64.0, 86.0),
    (
        groove(
            4,
            4,
            ("r--.|r-5-|..r-|5-a-", "..r-|r-..|5-r-|..a-"),
            ("..x.|..x.|..x.|..x.", "..xo|..xo|..xo|..xo"),
            kick="....|....|X...|....",
            rimshot="....|....|X...|....",
            closed_hihat="x.xo|x.x.|x.xo|x.xx",
        ),
        groove(
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

ROCK = Style(
    "rock",
    (100.0, 150.0),
    (
        groove(
            4,
            4,
            ("r-r-|r-r-|r-r-|r-a-", "r---|r---|r--r|--a-"),
            ("X---|x---|X-x-|x---", "X-x-|x-x-|X-x-|x-x-"),
            kick="X...|..x.|x...|....",
            snare="....|X...|....|X...",
            closed_hihat="x.x.|x.x.|x.x.|x.x.",
        ),
        groove(
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
