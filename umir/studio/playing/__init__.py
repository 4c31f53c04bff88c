"""How it is played, in seconds: what people make of a score.

`performer` is the entrance and `performance` what comes out, with human timing, loudness and pitch;
`umir.studio.sounds` and `umir.studio.voices` make it audible.
"""
