"""Reharmonisation: how a composer makes plain progressions richer.

A song has a taste, drawn once; each of its progressions is then coloured (sevenths, ninths,
suspensions, bare fifths), borrows chords from the parallel mode, leads into chords by dominants of
their own in the second half of a bar, and gets a bass that moves by steps or stays.

Reference: S. Kostka and D. Payne, "Tonal Harmony", chapters 16-17 (secondary functions) and 21
(mode mixture).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from umir.studio.writing.harmony import MINOR_MODES, Chord, parse_chord

Bars = tuple[tuple[Chord, ...], ...]

# What a chord may turn into that keeps its function, and how often each is taken.
_COLOURS: dict[str, tuple[tuple[str, float], ...]] = {
    "maj": (("maj7", 3.0), ("maj(9)", 2.0), ("maj6", 1.0), ("sus2", 1.0), ("sus4", 1.0)),
    "min": (("min7", 5.0), ("min9", 1.0), ("min(9)", 1.0), ("min6", 0.7), ("minmaj7", 0.3)),
    "7": (("9", 2.0), ("sus4(b7)", 1.0)),
    "maj7": (("maj9", 2.0), ("maj6", 1.0)),
    "min7": (("min9", 2.0),),
}
_DOMINANT = (("7", 5.0), ("sus4", 1.5), ("sus4(b7)", 1.0), ("9", 1.0), ("maj", 2.0))
_BORROWED_IN_MAJOR = ("iv", "bVII", "bVI", "bIII", "iihdim7", "v", "bVImaj7", "iv6", "II", "III")
_BORROWED_IN_MINOR = ("IV", "V7", "bII", "IV7", "ii7", "v", "V", "bVImaj7")
# Styles whose guitars like bare fifths.
_BARE = ("metal", "punk", "rock")


@dataclass(frozen=True)
class Taste:
    """How often a song's composer does what, as probabilities per chord.

    Attributes:
        colour: another quality with the same function.
        borrow: a chord of the parallel mode instead.
        lead_in: a dominant of the next chord, in the second half of its bar.
        invert: another tone than the root in the bass.
        pedal: per progression, one bass note under all chords.
        bare: per progression, fifths without thirds.
    """

    colour: float
    borrow: float
    lead_in: float
    invert: float
    pedal: float
    bare: float


def draw_taste(rng: np.random.Generator, style: str) -> Taste:
    """Draw a taste; every one of its sides is absent from some songs."""

    def amount(often: float, most: float) -> float:
        value = float(rng.uniform(0, most))
        return value if rng.random() < often else 0.0

    return Taste(
        colour=amount(0.6, 0.8),
        borrow=amount(0.5, 0.3),
        lead_in=amount(0.5, 0.4),
        invert=amount(0.55, 0.5),
        pedal=amount(0.25, 0.6),
        bare=amount(0.6 if style in _BARE else 0.04, 0.9),
    )


def reharmonise(
    rng: np.random.Generator, taste: Taste, bars: Bars, key: tuple[int, str], beats: int
) -> Bars:
    """Make a progression richer.

    Args:
        rng: where chance comes from.
        taste: how much of what.
        bars: the chords of each bar, in equal parts of it.
        key: tonic and mode.
        beats: beats per bar.

    Returns:
        As many bars; those with a new chord in them name the chord of every beat.
    """
    if rng.random() < taste.bare:
        return tuple(tuple(replace(chord, quality="5") for chord in bar) for bar in bars)
    bars = tuple(
        tuple(_changed(rng, taste, chord, key, first=not at) for chord in bar)
        for at, bar in enumerate(bars)
    )
    bars = _with_lead_ins(rng, taste, bars, beats)
    if rng.random() < taste.pedal:
        note = (key[0] + (7 if rng.random() < 0.25 else 0)) % 12
        return tuple(tuple(replace(chord, bass=note) for chord in bar) for bar in bars)
    return _with_basses(rng, taste, bars)


def _changed(
    rng: np.random.Generator, taste: Taste, chord: Chord, key: tuple[int, str], first: bool
) -> Chord:
    """Borrow a chord instead of this one (not of the first), or colour it."""
    tonic, mode = key
    if not first and rng.random() < taste.borrow:
        minor = mode in MINOR_MODES
        numeral = str(rng.choice(_BORROWED_IN_MINOR if minor else _BORROWED_IN_MAJOR))
        chord = parse_chord(numeral, tonic)
    if rng.random() >= taste.colour:
        return chord
    dominant = chord.quality == "maj" and (chord.root - tonic) % 12 == 7
    choice = _DOMINANT if dominant else _COLOURS.get(chord.quality)
    if not choice:
        return chord
    weights = np.array([weight for _, weight in choice])
    quality = choice[int(rng.choice(len(choice), p=weights / weights.sum()))][0]
    return replace(chord, quality=quality)


def _with_lead_ins(rng: np.random.Generator, taste: Taste, bars: Bars, beats: int) -> Bars:
    """Put chords that lead to the next bar into the ends of bars of one chord."""
    result = []
    for at, bar in enumerate(bars):
        if len(bar) > 1 or beats < 2 or rng.random() >= taste.lead_in:
            result.append(bar)
            continue
        leading = _leading(rng, bar[0], bars[(at + 1) % len(bars)][0])
        late = 1 if rng.random() < 0.3 else beats // 2
        result.append((bar[0],) * (beats - late) + (leading,) * late)
    return tuple(result)


def _leading(rng: np.random.Generator, chord: Chord, after: Chord) -> Chord:
    """Return a chord that leads from one to the next."""
    root = after.root
    kind = str(rng.choice(["dominant", "resolution", "diminished", "tritone", "related", "minor"]))
    if kind == "resolution" and chord.quality in ("sus4", "sus2", "sus4(b7)"):
        return replace(chord, quality="7" if chord.quality == "sus4(b7)" else "maj")
    if kind == "diminished":
        return Chord((root - 1) % 12, "dim7" if rng.random() < 0.7 else "dim")
    if kind == "tritone":
        return Chord((root + 1) % 12, "7")
    if kind == "related":
        return Chord((root + 5) % 12, "maj")
    if kind == "minor":
        return Chord((root + 2) % 12, "min7")
    return Chord((root + 7) % 12, str(rng.choice(["7", "7", "maj", "9", "aug", "sus4"])))


def _with_basses(rng: np.random.Generator, taste: Taste, bars: Bars) -> Bars:
    """Invert chords; of their other tones, one a step from the bass before is preferred."""
    chords = [chord for bar in bars for chord in bar]
    previous = chords[-1].root
    known: dict[int, Chord] = {}
    for at, chord in enumerate(chords):
        if at and chord == chords[at - 1] and known[at - 1].root == chord.root:
            known[at] = known[at - 1]  # the same chord goes on
        elif rng.random() < taste.invert and chord.quality != "5":
            known[at] = replace(chord, bass=_bass_tone(rng, chord, previous))
        else:
            known[at] = chord
        bass = known[at].bass
        previous = chord.root if bass is None else bass
    return _in_bars([known[at] for at in range(len(chords))], bars)


def _bass_tone(rng: np.random.Generator, chord: Chord, previous: int) -> int:
    """Return a tone of the chord for its bass: sevenths seldom, neighbours of the last often.

    Ninths and suspended seconds stay above.
    """
    tones = [tone for tone in chord.tones if (tone - chord.root) % 12 not in (0, 2)]
    weights = np.ones(len(tones))
    for at, tone in enumerate(tones):
        step = (tone - chord.root) % 12
        weights[at] *= 3.0 if step == chord.third else 1.5 if step == chord.fifth else 0.6
        weights[at] *= 3.0 if (tone - previous) % 12 in (1, 2, 10, 11) else 1.0
    return int(rng.choice(tones, p=weights / weights.sum()))


def _in_bars(chords: Sequence[Chord], bars: Bars) -> Bars:
    """Divide chords into bars as others are."""
    result, at = [], 0
    for bar in bars:
        result.append(tuple(chords[at : at + len(bar)]))
        at += len(bar)
    return tuple(result)
