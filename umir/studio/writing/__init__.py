"""What is played, in beats: harmony, melody, rhythm, words and form, from a style to a score.

`composer` is the entrance and `score` what comes out; `umir.studio.playing` performs it.
"""
