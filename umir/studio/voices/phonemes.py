"""The phonemes of speech as a synthesiser needs them: resonances, noise and durations.

Symbols are ARPAbet's for English; what other languages have beside it is named after its spelling
(`ue` and `oe` as in German, `x` as in Spanish *jota*, `pp tt kk` for plosives without breath). A
consonant is one to three articulations, one after the other (a plosive: closure, burst,
aspiration); a vowel is the formants of the vocal tract, a diphthong two vowels.

Reference:
    Formants of vowels: G. Peterson and H. Barney, "Control Methods Used in a Study of the Vowels",
    JASA 24(2), 1952, Table II (men, women, children). Formants and bandwidths of consonants: near
    those of D. Klatt, "Software for a cascade/parallel formant synthesizer", JASA 67(3), 1980,
    Tables II and III. Zeros of nasals: O. Fujimura, "Analysis of Nasal Consonants", JASA 34(12),
    1962. Vowels beyond English: near the mean formants of J. Catford, "A Practical Introduction to
    Phonetics", 1988, women and children in the ratios of Peterson and Barney. Bands of fricatives:
    A. Jongman, R. Wayland and S. Wong, "Acoustic characteristics of English fricatives", JASA
    108(3), 2000. Levels and durations: ours, chosen by ear and picture.
"""

from dataclasses import dataclass

Triple = tuple[float, float, float]
Band = tuple[float, float]  # centre in Hz and width in octaves of a noise

# A zero and a pole in the same place: no anti-resonance.
_NO_ZERO = (1000.0, 1000.0)
SILENT = float("-inf")


@dataclass(frozen=True)
class Articulation:
    """How the mouth stands for a moment, and what excites it.

    Attributes:
        duration: seconds.
        formants: the first three resonances of a man's tract, in Hz.
        widths: their bandwidths in Hz.
        voice: level of the voiced sound, in dB of a vowel's.
        hiss: level of the noise, in dB of a vowel's.
        band: where the noise lies; None: breath through the whole tract.
        zero: frequency of an anti-resonance, and of the pole that ends it, in Hz.
    """

    duration: float
    formants: Triple
    widths: Triple
    voice: float = SILENT
    hiss: float = SILENT
    band: Band | None = None
    zero: tuple[float, float] = _NO_ZERO


# Formants of consonants in a man's tract and their bandwidths, in Hz.
_MOUTHS: dict[str, tuple[Triple, Triple]] = {
    "w": ((290.0, 610.0, 2150.0), (50.0, 80.0, 60.0)),
    "y": ((260.0, 2070.0, 3020.0), (40.0, 250.0, 500.0)),
    "r": ((310.0, 1060.0, 1380.0), (70.0, 100.0, 120.0)),
    "l": ((310.0, 1050.0, 2880.0), (50.0, 100.0, 280.0)),
    "m": ((270.0, 1100.0, 2130.0), (60.0, 200.0, 200.0)),
    "n": ((270.0, 1340.0, 2470.0), (60.0, 300.0, 300.0)),
    "ng": ((270.0, 1900.0, 2470.0), (60.0, 300.0, 300.0)),
    "f": ((340.0, 1100.0, 2080.0), (200.0, 120.0, 150.0)),
    "v": ((220.0, 1100.0, 2080.0), (60.0, 90.0, 120.0)),
    "th": ((320.0, 1290.0, 2540.0), (200.0, 90.0, 200.0)),
    "dh": ((270.0, 1290.0, 2540.0), (60.0, 80.0, 170.0)),
    "s": ((320.0, 1390.0, 2530.0), (200.0, 80.0, 200.0)),
    "z": ((240.0, 1390.0, 2530.0), (70.0, 60.0, 180.0)),
    "sh": ((300.0, 1840.0, 2750.0), (200.0, 100.0, 300.0)),
    "hh": ((500.0, 1500.0, 2500.0), (250.0, 150.0, 200.0)),
    "p": ((400.0, 1100.0, 2150.0), (300.0, 150.0, 220.0)),
    "t": ((400.0, 1600.0, 2600.0), (300.0, 120.0, 250.0)),
    "k": ((300.0, 1990.0, 2850.0), (250.0, 160.0, 330.0)),
    "b": ((200.0, 1100.0, 2150.0), (60.0, 110.0, 130.0)),
    "d": ((200.0, 1600.0, 2600.0), (60.0, 100.0, 170.0)),
    "g": ((200.0, 1990.0, 2850.0), (60.0, 150.0, 280.0)),
    "ch": ((350.0, 1800.0, 2820.0), (200.0, 90.0, 300.0)),
    "jh": ((260.0, 1800.0, 2820.0), (60.0, 80.0, 270.0)),
    "x": ((400.0, 1300.0, 2500.0), (250.0, 150.0, 200.0)),
    "gn": ((270.0, 2100.0, 2900.0), (60.0, 300.0, 300.0)),
    "ts": ((320.0, 1390.0, 2530.0), (200.0, 80.0, 200.0)),
    "rr": ((350.0, 1200.0, 2400.0), (70.0, 100.0, 120.0)),
}


def _shorter(formants: Triple, scale: float) -> Triple:
    """Return the formants of a tract `scale` times shorter."""
    first, second, third = formants
    return scale * first, scale * second, scale * third


def _hum(
    name: str, duration: float, voice: float, zero: tuple[float, float] = _NO_ZERO
) -> tuple[Articulation, ...]:
    """Return the one articulation of a glide, liquid or nasal."""
    return (Articulation(duration, *_MOUTHS[name], voice=voice, zero=zero),)


def _fricative(
    name: str, duration: float, hiss: float, band: Band | None, voice: float = SILENT
) -> tuple[Articulation, ...]:
    """Return the one articulation of a fricative."""
    return (Articulation(duration, *_MOUTHS[name], voice, hiss, band),)


def _closure(name: str, voiced: bool) -> Articulation:
    """Return a closed mouth: silent or hummed, through its lowest resonance."""
    formants = (200.0, *_MOUTHS[name][0][1:])
    return Articulation(0.05, formants, (60.0, 500.0, 500.0), voice=-20.0 if voiced else SILENT)


def _plosive(
    name: str, hiss: float, band: Band, aspiration: float = 0.0
) -> tuple[Articulation, ...]:
    """Return closure, burst, and seconds of aspiration; without any, a voiced plosive."""
    voiced = not aspiration
    burst = Articulation(0.01, *_MOUTHS[name], -22.0 if voiced else SILENT, hiss, band)
    if voiced:
        return _closure(name, voiced), burst
    return _closure(name, voiced), burst, Articulation(aspiration, *_MOUTHS[name], hiss=-20.0)


def _affricate(name: str, hiss: float, voice: float = SILENT) -> tuple[Articulation, ...]:
    """Return closure and friction."""
    friction = Articulation(0.06, *_MOUTHS[name], voice, hiss, (3200.0, 0.5))
    return _closure(name, voice > SILENT), friction


CONSONANTS: dict[str, tuple[Articulation, ...]] = {
    "w": _hum("w", 0.06, -4.0),
    "y": _hum("y", 0.06, -4.0),
    "r": _hum("r", 0.06, -4.0),
    "l": _hum("l", 0.07, -4.0, (1800.0, 2100.0)),
    "m": _hum("m", 0.08, -7.0, (1000.0, 1350.0)),
    "n": _hum("n", 0.07, -7.0, (1600.0, 2100.0)),
    "ng": _hum("ng", 0.08, -8.0, (3000.0, 3500.0)),
    "f": _fricative("f", 0.09, -22.0, (6500.0, 1.6)),
    "v": _fricative("v", 0.06, -28.0, (6500.0, 1.6), -10.0),
    "th": _fricative("th", 0.09, -24.0, (6000.0, 1.4)),
    "dh": _fricative("dh", 0.05, -30.0, (6000.0, 1.4), -9.0),
    "s": _fricative("s", 0.1, -13.0, (6300.0, 0.45)),
    "z": _fricative("z", 0.07, -19.0, (6300.0, 0.45), -12.0),
    "sh": _fricative("sh", 0.1, -11.0, (3300.0, 0.55)),
    "hh": _fricative("hh", 0.06, -18.0, None),
    "p": _plosive("p", -16.0, (900.0, 1.3), 0.03),
    "t": _plosive("t", -12.0, (4200.0, 0.7), 0.035),
    "k": _plosive("k", -12.0, (2000.0, 0.6), 0.04),
    "b": _plosive("b", -20.0, (900.0, 1.3)),
    "d": _plosive("d", -17.0, (4200.0, 0.7)),
    "g": _plosive("g", -17.0, (2000.0, 0.6)),
    "ch": _affricate("ch", -12.0),
    "jh": _affricate("jh", -17.0, -16.0),
    # Beyond English: plosives almost without breath, and what Mandarin and others add.
    "pp": _plosive("p", -19.0, (900.0, 1.3), 0.01),
    "tt": _plosive("t", -16.0, (4200.0, 0.7), 0.01),
    "kk": _plosive("k", -16.0, (2000.0, 0.6), 0.015),
    "ts": (
        _closure("t", False),
        Articulation(0.06, *_MOUTHS["ts"], hiss=-14.0, band=(6300.0, 0.45)),
    ),
    "x": _fricative("x", 0.08, -18.0, (2500.0, 0.9)),
    "gn": _hum("gn", 0.08, -7.0, (2500.0, 2900.0)),
    # A tap: the tongue touches the palate for a moment.
    "rr": (*_hum("rr", 0.02, -4.0), Articulation(0.015, *_MOUTHS["rr"], voice=-16.0)),
}

# Formants in Hz of men, women and children.
VOWELS: dict[str, tuple[Triple, Triple, Triple]] = {
    "iy": ((270.0, 2290.0, 3010.0), (310.0, 2790.0, 3310.0), (370.0, 3200.0, 3730.0)),
    "ih": ((390.0, 1990.0, 2550.0), (430.0, 2480.0, 3070.0), (530.0, 2730.0, 3600.0)),
    "eh": ((530.0, 1840.0, 2480.0), (610.0, 2330.0, 2990.0), (690.0, 2610.0, 3570.0)),
    "ae": ((660.0, 1720.0, 2410.0), (860.0, 2050.0, 2850.0), (1010.0, 2320.0, 3320.0)),
    "aa": ((730.0, 1090.0, 2440.0), (850.0, 1220.0, 2810.0), (1030.0, 1370.0, 3170.0)),
    "ao": ((570.0, 840.0, 2410.0), (590.0, 920.0, 2710.0), (680.0, 1060.0, 3180.0)),
    "uh": ((440.0, 1020.0, 2240.0), (470.0, 1160.0, 2680.0), (560.0, 1410.0, 3310.0)),
    "uw": ((300.0, 870.0, 2240.0), (370.0, 950.0, 2670.0), (430.0, 1170.0, 3260.0)),
    "ah": ((640.0, 1190.0, 2390.0), (760.0, 1400.0, 2780.0), (850.0, 1590.0, 3360.0)),
    "er": ((490.0, 1350.0, 1690.0), (500.0, 1640.0, 1960.0), (560.0, 1820.0, 2160.0)),
}
# Formants in Hz of a man, of vowels that English does not have, or has only in diphthongs.
_MORE_VOWELS: dict[str, Triple] = {
    "a": (760.0, 1320.0, 2500.0),
    "e": (420.0, 2050.0, 2600.0),
    "o": (430.0, 760.0, 2450.0),
    "ue": (260.0, 1850.0, 2250.0),
    "oe": (400.0, 1600.0, 2250.0),
    "iu": (330.0, 1380.0, 2350.0),
}
VOWELS |= {
    name: (man, _shorter(man, 1.17), _shorter(man, 1.32)) for name, man in _MORE_VOWELS.items()
}
# What is hummed: closed mouths that hold a note as a vowel does.
HUMS: dict[str, Articulation] = {
    name: Articulation(0.01, *_MOUTHS[mouth], voice=-3.0, zero=zero)
    for name, mouth, zero in (
        ("mm", "m", (1000.0, 1350.0)),
        ("nn", "n", (1600.0, 2100.0)),
        ("ngng", "ng", (3000.0, 3500.0)),
    )
}
DIPHTHONGS: dict[str, tuple[str, str]] = {
    "ay": ("aa", "ih"),
    "aw": ("aa", "uh"),
    "oy": ("ao", "ih"),
    "ey": ("eh", "iy"),
    "ow": ("ao", "uh"),
}
VOWEL_WIDTHS: Triple = (70.0, 95.0, 150.0)

# Columns of VOWELS, and the length of a man's vocal tract over theirs (mean ratio of the formants).
ANATOMIES: dict[str, tuple[int, float]] = {"man": (0, 1.0), "woman": (1, 1.17), "child": (2, 1.32)}
