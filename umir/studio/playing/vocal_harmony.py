"""What can be sung over the chords of a performance, by time instead of by bar."""

from functools import lru_cache

import mir_eval
import numpy as np

from umir.studio.playing.performance import Performance
from umir.studio.writing.harmony import SCALES


class VocalHarmony:
    """The pitches that fit at each moment: tones of the chord, and of the key beside them.

    Args:
        performance: whose chords.
        key: tonic and mode.
    """

    def __init__(self, performance: Performance, key: tuple[int, str]):
        self._starts = np.array([start for start, _, _ in performance.chords])
        self._labels = [label for _, _, label in performance.chords]
        self._scale = frozenset((key[0] + step) % 12 for step in SCALES[key[1]])

    def tones(self, time: float) -> tuple[int, ...]:
        """Return the pitch classes that fit at a time in seconds."""
        at = max(int(np.searchsorted(self._starts, time + 1e-6)) - 1, 0)
        chord = _chord_tones(self._labels[at])
        # What lies a semitone beside a tone that the key does not hold would clash with it.
        clashes = {(tone + side) % 12 for tone in chord - self._scale for side in (-1, 1)}
        return tuple(sorted(chord | (self._scale - clashes)))

    def fit(self, pitch: float, time: float) -> float:
        """Return the nearest pitch that fits, with the tuning (the fraction) of `pitch`."""
        return self.step(pitch, 0, time)

    def step(self, pitch: float, steps: int, time: float) -> float:
        """Return the pitch so many steps of what fits away from the nearest one that fits."""
        whole = round(pitch)
        tones = self.tones(time)
        ladder = [p for p in range(whole - 24, whole + 25) if p % 12 in tones]
        nearest = min(range(len(ladder)), key=lambda at: abs(ladder[at] - whole))
        at = min(max(nearest + steps, 0), len(ladder) - 1)
        return ladder[at] + (pitch - whole)


@lru_cache(maxsize=512)
def _chord_tones(label: str) -> frozenset[int]:
    """Return the pitch classes of a chord; none of `N` and `X`."""
    root, tones, _ = mir_eval.chord.encode(label)
    return (
        frozenset()
        if root < 0
        else frozenset((int(root) + step) % 12 for step in range(12) if tones[step])
    )
