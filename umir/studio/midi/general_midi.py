"""General MIDI: which instrument a program number is, and which drum a key of channel 10.

Programs that are none of the studio's instruments keep their General MIDI name, in lower case with
underscores: `banjo`, `timpani`.

Reference:
    General MIDI System Level 1, MIDI Manufacturers Association, 1991: sound set and percussion map.
"""

import pretty_midi

from umir.studio.sounds.instruments import PROGRAMS

# Programs beside those that the studio itself plays (numbered from 0).
_MORE_PROGRAMS = {
    "brass": (59, 62, 63),
    "bass": (37,),
    "electric_guitar": (28, 31),
    "flute": (72,),
    "mallet": (8, 9, 14),
    "organ": (20,),
    "strings": (43, 44, 45),
    "synth_lead": (82, 83, 85, 86),
    "synth_pad": (54, 91, 92, 93, 94),
    "voice": (52, 53),
}
_INSTRUMENTS = {
    program: name
    for table in (PROGRAMS, _MORE_PROGRAMS)
    for name, programs in table.items()
    for program in programs
}
# The agogo, and all from the woodblock on up to the gunshot.
_WITHOUT_PITCH = frozenset((113, *range(115, 128)))
# Drums of the percussion map that are of one of `DRUM_CLASSES`; the others have no class.
_DRUMS = {
    **dict.fromkeys((35, 36), "kick"),
    **dict.fromkeys((38, 40), "snare"),
    37: "rimshot",
    39: "clap",
    **dict.fromkeys((41, 43, 45, 47, 48, 50), "tom"),
    **dict.fromkeys((42, 44), "closed_hihat"),
    46: "open_hihat",
    **dict.fromkeys((49, 52, 55, 57), "crash"),
    **dict.fromkeys((51, 53, 59), "ride"),
    **dict.fromkeys((54, 69, 70, 82), "shaker"),
    56: "cowbell",
}


def instrument_of(program: int) -> str:
    """Return the instrument of a program, 0 to 127: one of `INSTRUMENTS` or its own name."""
    if program in _INSTRUMENTS:
        return _INSTRUMENTS[program]
    name = pretty_midi.program_to_instrument_name(program).lower()
    return "_".join("".join(c if c.isalnum() else " " for c in name).split())


def has_pitch(program: int) -> bool:
    """Return whether keys of a program are pitches: not of bells, toms, noises and effects."""
    return program not in _WITHOUT_PITCH


def drum_of(key: int) -> str | None:
    """Return the drum class of a key of channel 10; None where it has none (bongo, triangle)."""
    return _DRUMS.get(key)


def keys_of(drum: str) -> tuple[int, ...]:
    """Return the keys of channel 10 that play a drum class."""
    return tuple(key for key, name in sorted(_DRUMS.items()) if name == drum)
