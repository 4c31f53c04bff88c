"""Who sings and speaks, and how: from the notes and words of a performance to waveforms.

`vocal_forms` says what voices do in a song, `vocal_take` is the entrance to their sound, which
`singing` makes; `umir.studio.mixing` mixes it.
"""
