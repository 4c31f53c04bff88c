"""What it sounds like: instruments and drums, from the notes of a performance to waveforms.

Sounds are sampled (`soundfont`, `sampler`) or computed (`synthesis`, `drum_synthesis`, patches that
are drawn at random); `umir.studio.mixing` mixes them.
"""
