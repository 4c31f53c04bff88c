"""Melodies for the leading instrument and the voice: phrases with motifs that come back."""

from collections.abc import Sequence

import numpy as np

from umir.studio.writing.harmony import Chord, melody_tones
from umir.studio.writing.score import ScoreNote

# Steps of the scale between neighbouring notes of a melody, and how often each is taken.
_MOVES = np.array([-4, -3, -2, -1, 0, 1, 2, 3, 4])
_MOVE_WEIGHTS = np.array([1, 2, 6, 16, 7, 16, 6, 2, 1]) / 57


def compose_rhythm(
    rng: np.random.Generator, steps: int, division: int, density: float
) -> tuple[tuple[int, int], ...]:
    """Draw the rhythm of one phrase.

    Args:
        rng: where chance comes from.
        steps: length of the phrase.
        division: steps per beat.
        density: mean number of notes per beat.

    Returns:
        Start and length of each note, in steps. The phrase ends with a rest, to breathe in.
    """
    lengths = np.array([1, 2, 3, 4, 6, 8])
    lengths = lengths if division % 2 == 0 else np.array([1, 2, 3, 3, 6, 9])
    weights = np.exp(-np.abs(np.log(lengths * density / division)) * 1.6)
    weights /= weights.sum()
    position = int(rng.choice([0, 0, division // 2, division, 2 * division]))
    end = steps - int(rng.integers(division // 2 + 1, 2 * division + 1))
    rhythm = []
    while position < end:
        length = min(int(rng.choice(lengths, p=weights)), end - position)
        if rng.random() < 0.1:  # a rest inside the phrase
            position += length
            continue
        rhythm.append((position, length))
        position += length
    return tuple(rhythm)


def compose_phrase(
    rng: np.random.Generator,
    rhythm: Sequence[tuple[int, int]],
    moves: Sequence[int],
    chords: Sequence[Chord],
    division: int,
    key: tuple[int, str],
    range_: tuple[int, int],
) -> list[ScoreNote]:
    """Set pitches to a rhythm.

    Args:
        rng: where chance comes from.
        rhythm: start and length of each note in steps.
        moves: scale steps from note to note: the contour, shared by phrases of one motif.
        chords: the chord that sounds at each step.
        division: steps per beat.
        key: tonic and mode.
        range_: lowest and highest MIDI pitch.

    Returns:
        The notes, starts relative to the phrase.
    """
    pitch = float(rng.uniform(0.35, 0.75) * (range_[1] - range_[0]) + range_[0])
    notes = []
    for (start, length), move in zip(rhythm, moves, strict=False):
        chord = chords[start]
        strong = start % division == 0 and length >= division / 2
        classes = chord.tones if strong else melody_tones(chord, *key)
        ladder = [p for p in range(range_[0], range_[1] + 1) if p % 12 in classes]
        nearest = int(np.argmin(np.abs(np.array(ladder) - pitch)))
        step = int(np.sign(move)) if strong else move
        index = nearest + step
        if not 0 <= index < len(ladder):
            index = nearest - step
        pitch = ladder[min(max(index, 0), len(ladder) - 1)]
        accent = 0.75 + 0.15 * strong + rng.uniform(-0.12, 0.1)
        notes.append(ScoreNote(start / division, length / division, int(pitch), accent))
    return notes


def draw_moves(rng: np.random.Generator, count: int) -> tuple[int, ...]:
    """Draw a contour of `count` moves in scale steps."""
    return tuple(int(move) for move in rng.choice(_MOVES, size=count, p=_MOVE_WEIGHTS))
