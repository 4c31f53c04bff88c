"""The studio: composes, performs and renders songs, and knows everything about them.

    song = render_song(seed=7)
    song.mixture          # (time, channel), the sum of song.stems
    song.beats.times      # seconds

The composer (`writing`) writes a score in one of `STYLES` (`styles`); the performer (`playing`)
plays it with human timing, velocity and pitch; sampled and synthesised instruments (`sounds`) and
singers (`voices`, with words from `writing.lexicon`) make the sound; the mix (`mixing`) keeps stems
additive. All labels are those of the performance. Everything follows from the seed. `render_midi`
(`midi`) plays the user's own MIDI files; his or her own SoundFonts play in either.
"""

from umir.studio.midi.midi_song import render_midi as render_midi
from umir.studio.render import render_song as render_song
from umir.studio.song import DRUM_CLASSES as DRUM_CLASSES
from umir.studio.song import INSTRUMENTS as INSTRUMENTS
from umir.studio.song import MELODY_HOP as MELODY_HOP
from umir.studio.song import STEMS as STEMS
from umir.studio.song import Part as Part
from umir.studio.song import Song as Song
from umir.studio.styles import STYLES as STYLES
