"""Styles with roots: country, punk, soul, disco, gospel in six, marches, and solo piano."""

from umir.studio.styles.style import Style, groove

_MAJOR_POP = ("I V vi IV", "I IV V IV", "I vi ii V", "IV V iii vi", "I V/vi IV V")
_CLASSICAL = (
    "I IV V7 I",
    "I V7 I V7",
    "I vi ii7 V7",
    "I I/V7 vi/ii V7",
    "I IV iidim V",
    "vi ii V I",
)
_CLASSICAL_MINOR = ("i iv V7 i", "i V7 i V7", "i bVI iv V7", "i bVII bIII bVI", "i iidim V7 i")

COUNTRY = Style(
    "country",
    (80.0, 210.0),
    (
        groove(
            4,
            2,
            ("r-|5-|r-|5-", "r-|5-|r-|5a", "r-|5-|35|r-"),
            ("..|x-|..|x-", "1-|xx|3-|xx", "1-|x-|3-|xo"),
            kick="X.|..|x.|..",
            snare="oo|Xo|oo|Xo",
        ),
        groove(
            4,
            2,
            ("r-|--|5-|--", "r-|.r|5-|.a"),
            ("X-|xx|.x|xx", "12|34|32|43"),
            kick="X.|..|Xx|..",
            snare="..|X.|..|X.",
            closed_hihat="xx|xx|xx|xx",
        ),
    ),
    {
        "major": ("I IV V I", "I I IV I V V I I", "I IV I V", "I I V V", "I V vi IV"),
        "mixolydian": ("I bVII IV I", "I I bVII IV"),
    },
    bass=("bass",),
    chords=("acoustic_guitar", "electric_guitar", "piano"),
    pads=("strings", "organ"),
    leads=("electric_guitar", "accordion", "strings", "piano"),
    kits=("acoustic", "jazz"),
    vocals=0.9,
    drums_probability=0.75,
    looseness=(0.005, 0.016),
    density=(0.9, 1.8),
)

DISCO = Style(
    "disco",
    (102.0, 130.0),
    (
        groove(
            4,
            4,
            ("r-8-|r-8-|r-8-|r-a-", "r..r|8.r.|..5.|8.a."),
            ("..x.|.xx.|..x.|x.x.", "X---|----|x---|--x-"),
            kick="X...|X...|X...|X...",
            snare="....|X...|....|X..o",
            closed_hihat="x..x|x..x|x..x|x..x",
            open_hihat="..x.|..x.|..x.|..x.",
        ),
    ),
    {
        "minor": ("i7 iv7 i7 V7", "i bVII bVI V", "i7 i7 iv7 bVII"),
        "major": ("I7 ii7 V7 I6", "I vi ii V"),
    },
    bass=("bass",),
    chords=("electric_guitar", "electric_piano", "piano"),
    pads=("strings", "brass"),
    leads=("strings", "brass", "synth_lead", "flute"),
    kits=("acoustic", "mixed", "electronic"),
    density=(0.9, 1.9),
    looseness=(0.002, 0.01),
    drift=(0.0, 0.006),
)

MARCH = Style(
    "march",
    (84.0, 126.0),
    (
        groove(
            2,
            4,
            ("r---|5---", "r-..|5-.a"),
            ("..x.|..x.", "..xx|..x."),
            kick="X...|X...",
            snare="..x.|.oxo",
            crash="x...|....",
        ),
        groove(
            2,
            3,
            ("r--|5--", "r-.|5-a"),
            ("..x|..x", ".xx|.xx"),
            kick="X..|X..",
            snare="x.o|x.o",
        ),
    ),
    {
        "major": ("I I V7 V7 V7 V7 I I", "I IV V7 I", "I II7 V7 I"),
        "minor": ("i V7 i iv i V7 i i", "i iv V7 i"),
    },
    bass=("bass", "brass"),
    chords=("brass", "accordion", "piano"),
    pads=("brass", "clarinet"),
    leads=("brass", "clarinet", "flute", "accordion"),
    kits=("acoustic", "jazz"),
    vocals=0.55,
    looseness=(0.006, 0.02),
    density=(1.0, 2.4),
    room=(0.4, 2.0),
)

PUNK = Style(
    "punk",
    (150.0, 215.0),
    (
        groove(
            4,
            2,
            ("rr|rr|rr|rr", "rr|rr|55|rr"),
            ("Xx|Xx|Xx|Xx", "X-|xx|X-|xx"),
            kick="X.|..|Xx|..",
            snare="..|X.|..|X.",
            closed_hihat="xx|xx|xx|xx",
        ),
        groove(
            4,
            2,
            ("rr|rr|rr|ra",),
            ("xx|xx|xx|xx", "X-|--|X-|x-"),
            kick="X.|X.|X.|X.",
            snare=".X|.X|.X|.X",
            crash="X.|x.|x.|x.",
        ),
    ),
    {
        "major": ("I IV V V", "I V vi IV", "I bVII IV I", "I I IV V"),
        "minor": ("i bVI bVII i", "i bIII bVII iv"),
    },
    bass=("bass",),
    chords=("distorted_guitar", "electric_guitar"),
    pads=("organ", "synth_lead"),
    leads=("distorted_guitar", "electric_guitar"),
    kits=("acoustic",),
    vocals=0.9,
    density=(0.9, 1.8),
    looseness=(0.004, 0.014),
    room=(0.1, 0.6),
    strum=0.01,
)

SOUL = Style(
    "soul",
    (48.0, 112.0),
    (
        groove(
            4,
            3,
            ("r--|--r|5--|--a", "r--|r-5|8--|5-a"),
            ("xxx|xxx|xxx|xxx", "X--|x-x|X--|x--"),
            kick="X..|..x|x.x|...",
            snare="...|X..|...|X..",
            closed_hihat="xxx|xxx|xxx|xxx",
        ),
        groove(
            2,
            3,
            ("r--|5--", "r-5|8-a"),
            ("xxx|xxx", "X-x|x-x"),
            kick="X.x|...",
            snare="...|X..",
            ride="x.x|x.x",
        ),
        groove(
            4,
            4,
            ("r--r|--5-|r-.r|..a-", "r---|r.8.|5---|r.a."),
            ("X---|--x-|x---|--x.", "..x.|x.x.|..x.|x..x"),
            kick="X..x|..x.|.xx.|....",
            snare="....|X...|....|X..o",
            closed_hihat="x.x.|x.x.|x.x.|x.x.",
        ),
    ),
    {
        "major": ("I vi IV V", "I7 iii7 IV7 V7", "Imaj7 ii7 iii7 ii7", "I IV I/V7 I"),
        "minor": ("i7 iv7 i7 V7", "i7 bVII bVImaj7 V7"),
    },
    bass=("bass",),
    chords=("organ", "electric_piano", "piano", "electric_guitar"),
    pads=("strings", "brass", "organ"),
    leads=("saxophone", "brass", "electric_guitar"),
    kits=("acoustic",),
    vocals=0.9,
    looseness=(0.006, 0.018),
    density=(1.0, 2.2),
)

# Both hands are written by `umir.studio.writing.piano`; of the grooves, only the metre counts.
SOLO_PIANO = Style(
    "solo_piano",
    (42.0, 168.0),
    tuple(
        groove(
            beats,
            division,
            ("r" + "-" * (beats * division - 1),),
            ("X" + "-" * (beats * division - 1),),
        )
        for beats, division in (
            (4, 4),
            (4, 4),
            (3, 4),
            (3, 2),
            (2, 4),
            (2, 3),
            (2, 2),
            (4, 3),
            (3, 3),
            (4, 2),
        )
    ),
    {"major": (*_MAJOR_POP, *_CLASSICAL), "minor": _CLASSICAL_MINOR},
    bass=("bass",),
    chords=("piano",),
    leads=("piano",),
    kits=("acoustic",),
    vocals=0.0,
    drums_probability=0.0,
    looseness=(0.004, 0.016),
    drift=(0.005, 0.03),
    density=(0.7, 2.6),
    room=(0.3, 2.0),
    strum=0.05,
)
