"""Instruments as data sets call them, and the family that they are of in umir."""

# The family, where umir's instruments are not as fine as the set's.
_FAMILIES: dict[str, tuple[str, ...]] = {
    "accordion": ("Accordion", "accordion", "concertina"),
    "acoustic_guitar": ("acoustic guitar", "gac"),
    "bass": ("electric bass",),
    "brass": (
        *("Bass Tuba", "French Horn", "Trombone", "Trumpet in C", "tru"),
        *("bass trombone", "euphonium", "french horn", "trombone", "trumpet", "tuba"),
    ),
    "clarinet": ("Clarinet in B-flat", "bass clarinet", "clarinet", "cla"),
    "distorted_guitar": ("distorted electric guitar",),
    "electric_guitar": ("clean electric guitar", "gel", "lap steel guitar"),
    "flute": ("Flute", "dizi", "flute", "flu", "piccolo"),
    "organ": ("electronic organ", "org"),
    "piano": ("piano", "pia"),
    "saxophone": (
        *("Alto Saxophone", "sax", "alto saxophone", "baritone saxophone"),
        *("soprano saxophone", "tenor saxophone"),
    ),
    "strings": (
        *("Contrabass", "Viola", "Violin", "Violoncello", "cel", "vio"),
        *("cello", "double bass", "erhu", "viola", "violin"),
    ),
    "voice": ("female singer", "male rapper", "male singer", "male speaker", "vocalists", "voi"),
}
# A data set's name -> umir's; other names stay as they are.
FAMILIES = {name: family for family, names in _FAMILIES.items() for name in names}
