"""The user's own MIDI files: read, and played as songs with the labels that they give.

`midi_song` is the entrance; it takes sounds, voices and mix from the folders beside this one.
"""
