"""Ballroom and Latin dances: Viennese waltz, tango, samba, cha-cha, rumba, swing."""

from umir.studio.styles.style import Style, groove

_LATIN_MINOR = ("i iv V7 i", "i bVII bVI V7", "i i iv V7", "i V7 V7 i")
_LATIN_MAJOR = ("I IV V7 I", "I vi ii V7", "I I ii7 V7", "I II7 ii7 V7")

CHA_CHA = Style(
    "cha_cha",
    (108.0, 132.0),
    (
        groove(
            4,
            4,
            ("r---|..5-|5---|..r-", "r---|--5-|r---|5-a-"),
            ("x.x.|..x.|x.x.|..x.", "....|x-..|....|x-x-"),
            kick="X...|....|x...|..x.",
            cowbell="X...|x...|x...|x...",
            shaker="x.x.|x.x.|x.x.|x.xx",
            rimshot="....|X...|....|....",
            tom="....|....|....|x.x.",
        ),
    ),
    {"minor": _LATIN_MINOR, "major": _LATIN_MAJOR},
    bass=("bass",),
    chords=("piano", "acoustic_guitar"),
    pads=("brass", "strings"),
    leads=("brass", "flute", "saxophone", "piano"),
    kits=("acoustic", "jazz"),
    density=(0.9, 1.8),
)

RUMBA = Style(
    "rumba",
    (88.0, 118.0),
    (
        groove(
            4,
            4,
            ("r---|--5-|8---|5---", "r--5|----|8--5|----"),
            ("x.xx|x.x.|x.xx|x.x.", "X---|--x-|x---|x---"),
            kick="X...|....|..x.|....",
            rimshot="X..x|..x.|...x|.x..",
            shaker="xoxo|xoxo|xoxo|xoxo",
            tom="....|....|....|x.x.",
        ),
    ),
    {"minor": ("i bVII bVI V7", "i iv bVII bIII", "i iv V7 i"), "major": _LATIN_MAJOR},
    bass=("bass",),
    chords=("acoustic_guitar", "piano", "harp"),
    pads=("strings",),
    leads=("flute", "saxophone", "strings", "electric_guitar"),
    kits=("jazz", "acoustic"),
    vocals=0.8,
    looseness=(0.005, 0.015),
)

SAMBA = Style(
    "samba",
    (88.0, 112.0),
    (
        groove(
            2,
            4,
            ("r--r|5--5", "r--5|5--a"),
            ("x.xx|.xx.", ".x.x|x.x."),
            kick="x..x|X..x",
            shaker="xoox|xoox",
            snare="o.oX|o.Xo",
            cowbell="x.x.|xx.x",
        ),
        groove(
            2,
            4,
            ("r--r|5--5",),
            ("x..x|..x.",),
            kick="o..x|X..x",
            rimshot="x.x.|.x.x",
            closed_hihat="xxxx|xxxx",
        ),
    ),
    {
        "minor": ("i7 iv7 V7 i7", "i i V7 V7"),
        "major": ("I6 VI7 ii7 V7", "Imaj7 I6 ii7 V7", "I IV I V7"),
    },
    bass=("bass",),
    chords=("acoustic_guitar", "piano"),
    pads=("brass",),
    leads=("flute", "brass", "clarinet", "accordion"),
    kits=("acoustic", "jazz"),
    vocals=0.8,
    density=(1.4, 2.8),
)

SWING = Style(
    "swing",
    (118.0, 208.0),
    (
        groove(
            4,
            3,
            ("r--|5--|r--|a--", "r--|s--|s--|a--", "r--|3--|5--|3--"),
            ("x..|x..|x..|x..", "...|x-.|...|x-x", "X-.|..x|-..|..x"),
            kick="o..|o..|o..|o..",
            snare="...|x..|...|x..",
            closed_hihat="X..|x.x|X..|x.x",
        ),
        groove(
            4,
            3,
            ("r--|5--|8--|5--", "r-r|3-3|5-5|8-a"),
            ("x..|x..|x..|x..",),
            kick="X..|...|x..|...",
            snare="...|X.o|...|X.o",
            ride="x..|x.x|x..|x.x",
        ),
    ),
    {
        "major": ("I6 vi7 ii7 V7", "I6 I6 IV7 IV7 I6 VI7 ii7 V7", "I7 IV7 I7 V7"),
        "minor": ("i6 i6 iv7 V7", "i bVI7 V7 i"),
    },
    bass=("bass",),
    chords=("piano", "acoustic_guitar", "electric_guitar"),
    pads=("brass", "saxophone"),
    leads=("clarinet", "brass", "saxophone", "piano"),
    kits=("jazz", "acoustic"),
    vocals=0.7,
    looseness=(0.006, 0.018),
    density=(1.0, 2.2),
)

TANGO = Style(
    "tango",
    (108.0, 134.0),
    (
        groove(
            4,
            2,
            ("r-|r-|r-|r-", "r-|..|5-|ra"),
            ("X-|x-|x-|xx", "X.|x.|X.|xX"),
            snare="x.|x.|x.|xX",
            kick="X.|..|x.|..",
        ),
        groove(
            2,
            4,
            ("r--5|5-r-",),
            ("X..x|x.x.",),
            kick="X..x|x.x.",
            snare="..o.|..oX",
        ),
    ),
    {"minor": ("i V7 V7 i", "i iv V7 i", "i bVI bVII V7"), "major": ("I V7 V7 I", "I ii V7 I")},
    bass=("bass", "strings"),
    chords=("accordion", "piano", "strings"),
    pads=("strings",),
    leads=("strings", "accordion", "clarinet"),
    kits=("acoustic", "jazz"),
    vocals=0.6,
    drums_probability=0.5,
    looseness=(0.008, 0.022),
    drift=(0.008, 0.03),
)

VIENNESE_WALTZ = Style(
    "viennese_waltz",
    (166.0, 196.0),
    (
        groove(
            3,
            2,
            ("r-|--|--", "r-|..|..", "r-|..|.a"),
            ("..|x.|x.", "..|x-|x-"),
            kick="X.|..|..",
            snare="..|o.|o.",
        ),
    ),
    {
        "major": ("I I V7 V7 V7 V7 I I", "I IV V7 I", "I I ii ii V7 V7 I I"),
        "minor": ("i i V7 V7", "i iv V7 i"),
    },
    bass=("bass", "strings"),
    chords=("strings", "accordion", "piano", "harp"),
    pads=("strings", "brass"),
    leads=("strings", "clarinet", "flute", "accordion"),
    kits=("jazz", "acoustic"),
    vocals=0.5,
    drums_probability=0.45,
    looseness=(0.008, 0.022),
    drift=(0.01, 0.03),
    density=(0.6, 1.4),
    room=(0.6, 2.4),
)
