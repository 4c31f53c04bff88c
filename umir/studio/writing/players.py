"""Players: who plays in which part of a song, what they can play, and from which material."""

from collections.abc import Sequence
from dataclasses import dataclass

from umir.studio.styles.style import Groove
from umir.studio.writing.harmony import Chord

# Who plays in which kind of section. Drums and bass rest in some sections by chance.
PLAYERS = {
    "intro": ("bass", "chords", "lead", "drums"),
    "verse": ("bass", "chords", "vocals", "drums"),
    "chorus": ("bass", "chords", "pad", "vocals", "lead", "drums"),
    "solo": ("bass", "chords", "pad", "lead", "drums"),
    "break": ("chords", "pad", "vocals"),
    "end": ("bass", "chords", "pad", "drums"),
    # Only in songs with the features of `umir.studio.writing.forms`:
    "prechorus": ("bass", "chords", "pad", "vocals", "drums"),
    "bridge": ("bass", "chords", "pad", "vocals", "lead", "drums"),
    "outro": ("bass", "chords", "pad", "lead", "drums"),
    "quiet": ("chords", "vocals", "lead"),
    "vamp": ("bass", "chords", "drums"),
    "drums": ("drums",),
    "count": ("drums",),
    "stop": ("bass", "chords", "drums"),
}
# Kinds of section in which whoever does not play chords rests, too.
CHORDLESS = ("count", "drums")
ACCENTS = {"X": 0.95, "x": 0.72, "o": 0.42}
# Instruments that can play chords; those that can lead have a range.
CHORDAL = (
    "accordion",
    "acoustic_guitar",
    "electric_guitar",
    "electric_piano",
    "harp",
    "mallet",
    "organ",
    "piano",
    "strings",
    "synth_pad",
)
# Part of the players who come from another style, so that styles do not give instruments away.
GUESTS = 0.3
RANGES = {
    "accordion": (60, 86),
    "brass": (55, 79),
    "clarinet": (55, 84),
    "distorted_guitar": (55, 84),
    "electric_guitar": (55, 84),
    "flute": (65, 91),
    "harp": (60, 88),
    "mallet": (60, 88),
    "organ": (60, 84),
    "piano": (62, 90),
    "saxophone": (53, 77),
    "strings": (57, 88),
    "synth_lead": (57, 86),
}


@dataclass(frozen=True)
class Section:
    """The material of a section: what comes back when the section comes back.

    Attributes:
        groove: its rhythm.
        progression: the chords of each bar, in equal parts of the bar.
        bass: the pattern of the bass.
        chords: the pattern of the chords.
        seed: decides the motifs of its melodies.
        tonic: pitch class of the key that the progression is written in; None: the song's.
    """

    groove: Groove
    progression: tuple[tuple[Chord, ...], ...]
    bass: str
    chords: str
    seed: int
    tonic: int | None = None


def events(pattern: str) -> list[tuple[int, int, str]]:
    """Return `(step, length, symbol)` of each event of a pattern; `-` holds, `.` rests."""
    found = []
    for step, symbol in enumerate(pattern):
        if symbol in "-.":
            continue
        held = len(pattern[step + 1 :]) - len(pattern[step + 1 :].lstrip("-"))
        found.append((step, held + 1, symbol))
    return found


def struck_again(
    found: Sequence[tuple[int, int, str]], chords: Sequence[Chord]
) -> list[tuple[int, int, str]]:
    """Return events that are held into another chord as two, so that one hears it.

    Args:
        found: step, length and symbol of each.
        chords: the chord at each step.
    """
    result = []
    for step, length, symbol in found:
        first = step
        for at in range(step + 1, min(step + length, len(chords))):
            if chords[at] != chords[first]:
                result.append((first, at - first, symbol))
                first = at
        result.append((first, step + length - first, symbol))
    return result


def power_chord(chord: Chord) -> tuple[int, ...]:
    """Return root, fifth and octave in the register of a rhythm guitar."""
    root = 40 + (chord.root - 40) % 12
    return root, root + chord.fifth, root + 12
