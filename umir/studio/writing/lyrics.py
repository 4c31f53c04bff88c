"""Lyrics: words from the lexicon, one syllable to a note, now and then one syllable to two."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from umir.studio.writing.lexicon import FOLLOWS, LEXICON, Word
from umir.studio.writing.score import ScoreNote

# Beats between two notes beyond which a word is not carried on, nor a syllable.
_LINKED = 0.3
_MELISMA = 0.1  # probability that a syllable is held over the next note


def set_lyrics(rng: np.random.Generator, notes: Sequence[ScoreNote]) -> list[ScoreNote]:
    """Draw a line of words for a phrase.

    Args:
        rng: where chance comes from.
        notes: the phrase, sorted by start.

    Returns:
        The notes with their syllables; a note without one carries on the syllable before it.
    """
    sung: list[ScoreNote] = []
    kind = str(rng.choice(["article", "call", "pronoun", "pronoun"]))
    while len(sung) < len(notes):
        room = _linked_notes(notes[len(sung) :])
        word = _draw_word(rng, kind, room)
        for syllable in word:
            sung.append(replace(notes[len(sung)], syllable=syllable))
            room -= 1
        if room > 0 and rng.random() < _MELISMA:
            sung.append(notes[len(sung)])
        kind = str(rng.choice(FOLLOWS[kind]))
    return sung


def _linked_notes(notes: Sequence[ScoreNote]) -> int:
    """Return how many notes follow each other without a rest, from the first."""
    count = 1
    for note, after in zip(notes[:-1], notes[1:], strict=True):
        if after.start - note.start - note.length > _LINKED:
            break
        count += 1
    return count


def _draw_word(rng: np.random.Generator, kind: str, room: int) -> Word:
    """Draw a word of a class with at most `room` syllables."""
    choice = [word for word in LEXICON[kind] if len(word) <= room]
    return choice[int(rng.integers(len(choice)))]
