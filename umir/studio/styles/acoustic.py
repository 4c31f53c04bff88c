"""Styles for small rooms: jazz, waltz, bossa nova, ballad, folk, chamber music."""

from umir.studio.styles.style import Style, groove

_MINOR_POP = ("i bVI bIII bVII", "i bVII bVI bVII", "i iv bVI V", "i bIII bVII iv", "i iv i V")

BALLAD = Style(
    "ballad",
    (50.0, 72.0),
    (
        groove(
            4,
            3,
            ("r--|---|r--|--a", "r--|---|5--|---"),
            ("X--|o--|x--|o--", "1-2|3-4|3-4|3-2"),
            kick="X..|...|x..|...",
            snare="...|X..|...|X..",
            closed_hihat="xoo|xoo|xoo|xoo",
        ),
        groove(
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
    vocals=0.9,
    drums_probability=0.7,
    drift=(0.006, 0.02),
    density=(1.0, 2.2),
    room=(0.6, 2.2),
    strum=0.04,
)

BOSSA_NOVA = Style(
    "bossa_nova",
    (118.0, 150.0),
    (
        groove(
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

CHAMBER = Style(
    "chamber",
    (60.0, 125.0),
    (
        groove(
            2,
            4,
            ("r---|5---", "r---|----", "r-..|5-.."),
            ("1232|4232", "X---|x---", ".-x.|.-x."),
        ),
        groove(
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
    vocals=0.55,
    drums_probability=0.0,
    looseness=(0.01, 0.025),
    drift=(0.01, 0.03),
    density=(1.0, 2.4),
    room=(0.8, 2.4),
)

FOLK = Style(
    "folk",
    (84.0, 132.0),
    (
        groove(
            2,
            3,
            ("r--|5--", "r--|r-a"),
            ("X-x|x-x", "123|432", "X--|x-o"),
            kick="x..|...",
            shaker="xoo|xoo",
            snare="...|o..",
        ),
        groove(
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
    vocals=0.85,
    drums_probability=0.4,
    looseness=(0.006, 0.018),
    drift=(0.006, 0.02),
    density=(1.2, 2.4),
    strum=0.03,
)

JAZZ = Style(
    "jazz",
    (110.0, 210.0),
    (
        groove(
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
    vocals=0.65,
    looseness=(0.008, 0.02),
    drift=(0.006, 0.018),
    density=(1.2, 2.4),
)

WALTZ = Style(
    "waltz",
    (95.0, 180.0),
    (
        groove(
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
    vocals=0.7,
    drums_probability=0.6,
    looseness=(0.008, 0.02),
    drift=(0.008, 0.025),
    room=(0.4, 1.6),
)
