"""Chords, scales and voicings: harmony as composers write it, for `umir.studio.writing.composer`.

Chords are written as Roman numerals over the tonic's *major* scale, whatever the mode (in minor:
`i bVI bIII bVII`), a small numeral for a minor triad, with a suffix for other qualities. Labels
follow Harte's syntax as `mir_eval.chord` reads it.
"""

import re
from dataclasses import dataclass

NOTE_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}

# The modes that count as minor when the key is named.
MINOR_MODES = ("minor", "dorian", "phrygian")

QUALITIES = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "maj6": (0, 4, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "hdim7": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "5": (0, 7),
    "min6": (0, 3, 7, 9),
    "minmaj7": (0, 3, 7, 11),
    "sus4(b7)": (0, 5, 7, 10),
    "maj(9)": (0, 2, 4, 7),
    "min(9)": (0, 2, 3, 7),
    "9": (0, 2, 4, 7, 10),
    "maj9": (0, 2, 4, 7, 11),
    "min9": (0, 2, 3, 7, 10),
}

# What a chord is called where its last extension is not played; the others are triads or fifths.
SIMPLER = {
    "maj6": "maj",
    "7": "maj",
    "maj7": "maj",
    "min7": "min",
    "min6": "min",
    "minmaj7": "min",
    "hdim7": "dim",
    "dim7": "dim",
    "sus4(b7)": "sus4",
    "maj(9)": "maj",
    "min(9)": "min",
    "9": "7",
    "maj9": "maj7",
    "min9": "min7",
}
# Degrees of a bass note by its distance from the root; in diminished sevenths 9 is `bb7`.
_BASS_DEGREES = ("1", "b2", "2", "b3", "3", "4", "b5", "5", "b6", "6", "b7", "7")

_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_NUMERAL = re.compile(r"([b#]?)([ivIV]+)(.*)")
_SUFFIXES = {"6": "maj6"}  # where the suffix is not itself the name of a quality


@dataclass(frozen=True)
class Chord:
    """A chord.

    Attributes:
        root: pitch class, 0 (C) to 11.
        quality: one of `QUALITIES`.
        bass: pitch class of the lowest note; None: the root.
    """

    root: int
    quality: str
    bass: int | None = None

    @property
    def label(self) -> str:
        """The chord in Harte's syntax, for example `C:min7` or `C:maj/3`."""
        name = f"{NOTE_NAMES[self.root]}:{self.quality}"
        if self.bass is None or self.bass == self.root:
            return name
        degree = _BASS_DEGREES[(self.bass - self.root) % 12]
        return f"{name}/{'bb7' if (self.quality, degree) == ('dim7', '6') else degree}"

    @property
    def tones(self) -> tuple[int, ...]:
        """Pitch classes from the root upwards."""
        return tuple((self.root + step) % 12 for step in QUALITIES[self.quality])

    @property
    def third(self) -> int:
        """Semitones from the root to the third, or to what stands in its place."""
        steps = QUALITIES[self.quality]
        return next((step for step in (4, 3, 5, 2) if step in steps), 12)

    @property
    def fifth(self) -> int:
        """Semitones from the root to the fifth, perfect or not."""
        return next(step for step in (7, 6, 8) if step in QUALITIES[self.quality])

    def transposed(self, semitones: int) -> "Chord":
        """Return the chord so many semitones higher."""
        bass = None if self.bass is None else (self.bass + semitones) % 12
        return Chord((self.root + semitones) % 12, self.quality, bass)


def parse_chord(numeral: str, tonic: int) -> Chord:
    """Read a Roman numeral over a tonic (pitch class).

    Raises:
        ValueError: the numeral or its suffix is unknown.
    """
    match = _NUMERAL.fullmatch(numeral)
    if not match or match[2].lower() not in _DEGREES:
        raise ValueError(f"{numeral!r} is not a Roman numeral")
    shift = {"": 0, "b": -1, "#": 1}[match[1]]
    root = (tonic + _DEGREES[match[2].lower()] + shift) % 12
    minor, suffix = match[2].islower(), match[3]
    quality = _SUFFIXES.get(suffix, suffix) or ("min" if minor else "maj")
    if minor and suffix in ("6", "7", "9"):
        quality = f"min{suffix}"
    if quality not in QUALITIES:
        raise ValueError(f"{numeral!r}: unknown chord quality {quality!r}")
    return Chord(root, quality)


def parse_progression(text: str, tonic: int) -> tuple[tuple[Chord, ...], ...]:
    """Read a progression: bars separated by blanks, chords within a bar by `/`."""
    return tuple(
        tuple(parse_chord(numeral, tonic) for numeral in bar.split("/")) for bar in text.split()
    )


def voicing(chord: Chord, centre: int | float) -> tuple[int, ...]:
    """Return the MIDI pitches of the inversion in close position nearest to `centre`, ascending."""
    candidates = []
    for lowest in range(len(chord.tones)):
        rotated = chord.tones[lowest:] + chord.tones[:lowest]
        pitches = [rotated[0]]
        for tone in rotated[1:]:
            pitches.append(pitches[-1] + (tone - pitches[-1]) % 12)
        mean = sum(pitches) / len(pitches)
        octave = 12 * round((centre - mean) / 12)
        candidates.append(tuple(pitch + octave for pitch in pitches))
    return min(candidates, key=lambda pitches: abs(sum(pitches) / len(pitches) - centre))


def melody_tones(chord: Chord, tonic: int, mode: str) -> tuple[int, ...]:
    """Return the pitch classes that sing well over a chord.

    These are its own tones and those of the scale that lie no semitone away from one of them
    which the scale does not hold: in A minor, G is left out over E major for its G sharp.
    """
    scale = {(tonic + step) % 12 for step in SCALES[mode]}
    foreign = set(chord.tones) - scale
    clashes = {(tone + side) % 12 for tone in foreign for side in (-1, 1)}
    return tuple(sorted(set(chord.tones) | (scale - clashes)))


def nearest(pitch_class: int, pitch: int | float) -> int:
    """Return the MIDI pitch of a pitch class that is nearest to `pitch`."""
    return pitch_class + 12 * round((pitch - pitch_class) / 12)


def key_name(tonic: int, mode: str) -> str:
    """Name a key as `mir_eval.key` does, for example `Eb minor`."""
    return f"{NOTE_NAMES[tonic]} {'minor' if mode in MINOR_MODES else 'major'}"
