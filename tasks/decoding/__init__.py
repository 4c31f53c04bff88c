"""From what a network says over time to events, intervals, beats, chords and notes.

Each decoder has its settings searched on validation data, never set by hand.
"""
