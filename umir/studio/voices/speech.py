"""Speech: lines that are spoken or rapped over the music, or alone.

Syllables of speech come faster than those of singing, their pitch moves from accent to accent and
is never held. They count as voice; they are neither notes nor melody.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from umir.studio.playing.performance import Note
from umir.studio.voices.singer import REGISTERS
from umir.studio.writing.lexicon import Syllable

_SHORTEST = 0.09  # seconds of a syllable


def speak(
    rng: np.random.Generator, words: Sequence[Syllable], span: tuple[float, float], register: str
) -> list[Note]:
    """Speak freely for a while, with pauses between phrases.

    Args:
        rng: where chance comes from.
        words: syllables to draw from.
        span: start and end in seconds.
        register: the speaker's, one of `REGISTERS`.
    """
    middle, pace = _draw_voice(rng, register), rng.uniform(3.5, 6.5)
    onsets, time = [], span[0]
    while time < span[1] - _SHORTEST:
        onsets.append(time)
        time += max(rng.gamma(9.0, 1 / 9.0) / pace, _SHORTEST)
        time += rng.uniform(0.2, 0.7) if rng.random() < 0.12 else 0.0
    return _syllables(rng, words, np.array(onsets), span[1], middle, 2.5)


def rap(
    rng: np.random.Generator,
    words: Sequence[Syllable],
    span: tuple[float, float],
    register: str,
    beats: Float[np.ndarray, " beat"],
) -> list[Note]:
    """Rap for a while: syllables on the sixteenths (or triplets) of the beat, with accents.

    Args:
        rng: where chance comes from.
        words: syllables to draw from.
        span: start and end in seconds.
        register: the speaker's, one of `REGISTERS`.
        beats: times of the beats in seconds, two at least.
    """
    parts = 3 if rng.random() < 0.25 else 4 if np.diff(beats).mean() > 0.4 else 2
    grid = np.interp(np.arange(0, len(beats) - 1, 1 / parts), np.arange(len(beats)), beats)
    inside = grid[(grid >= span[0]) & (grid < span[1] - _SHORTEST)]
    kept = inside[rng.random(len(inside)) < rng.uniform(0.6, 0.95)]
    onsets = np.sort(np.maximum(kept + rng.normal(0, 0.008, len(kept)), 0.0))
    if len(onsets):
        onsets = onsets[np.concatenate([[True], np.diff(onsets) >= _SHORTEST])]
    return _syllables(rng, words, onsets, span[1], _draw_voice(rng, register) + 2, 2.0)


def _draw_voice(rng: np.random.Generator, register: str) -> float:
    """Draw the pitch that somebody speaks at: near the bottom of what he or she sings."""
    return REGISTERS[register].low + float(rng.uniform(1, 8))


def _syllables(
    rng: np.random.Generator,
    words: Sequence[Syllable],
    onsets: np.ndarray,
    end: float,
    middle: float,
    melody: float,
) -> list[Note]:
    """Return syllables that last to the next one, or to a pause."""
    ends = np.append(onsets[1:], end) if len(onsets) else onsets
    notes = []
    for onset, until in zip(onsets.tolist(), ends.tolist(), strict=True):
        length = min(until - onset, float(rng.uniform(0.16, 0.35)))
        accent = float(rng.normal(0, 1))
        notes.append(
            Note(
                onset,
                onset + max(length, 0.06),
                max(middle + melody * accent, 33.0),
                float(np.clip(0.7 + 0.15 * accent, 0.3, 1.0)),
                syllable=words[int(rng.integers(len(words)))],
                spoken=True,
            )
        )
    return notes
