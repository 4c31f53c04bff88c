"""The studio: composes, performs and renders songs, and knows everything about them.

    song = render_song(seed=7)
    song.mixture          # (time, channel), the sum of song.stems
    song.beats.times      # seconds

The composer (`writing`) writes a score in one of `STYLES` (`styles`); the performer (`playing`)
plays it with human timing, velocity and pitch; sampled and synthesised instruments (`sounds`) and
singers (`voices`, with words from `writing.lexicon`) make the sound; the mix (`mixing`) keeps stems
additive. All labels are those of the performance. Everything follows from the seed. `render_midi`
(`midi`) plays the user's own MIDI files; his or her own SoundFonts play in either.

The names below are loaded when first used: who asks for `umir.studio.features` alone, as the
command line does for `--help`, does not wait for all instruments.
"""

import importlib

# Public name -> the module that defines it.
_EXPORTS = {
    "DRUM_CLASSES": "umir.studio.song",
    "INSTRUMENTS": "umir.studio.song",
    "MELODY_HOP": "umir.studio.song",
    "Part": "umir.studio.song",
    "STEMS": "umir.studio.song",
    "STYLES": "umir.studio.styles",
    "Song": "umir.studio.song",
    "render_midi": "umir.studio.midi.midi_song",
    "render_song": "umir.studio.render",
}


def __getattr__(name: str):
    if name not in _EXPORTS:
        raise AttributeError(f"module 'umir.studio' has no attribute {name!r}")
    return getattr(importlib.import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_EXPORTS])
