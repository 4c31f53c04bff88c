"""Key recognition: which of the 24 major and minor keys is a clip in?

Conventions
-----------
As `umir.tasks.classification`, one label per clip. Keys are written as mir_eval does, `Eb minor`;
other spellings are read: `Ebm`, `Eb:min`, `D# minor`, `eb minor`. Of the church modes those with a
minor third count as minor, those with a major third as major. What cannot be read is masked, and
left out of the scores.

Nobody has a song in each of 24 keys. So that a song teaches something about the keys it is not in,
the target is spread over related keys in proportion to what mir_eval would give for them: the key
itself 1/2, the fifth above 1/4, the relative 3/20, the parallel 1/10. Cross-entropy is least where
the output has these proportions, of which the key itself is the largest.

This task is an example of a new one: it is never meta-trained on.

Metrics
-------
Mean over clips: `accuracy`, and `weighted_score` (`mir_eval.key.weighted_score`), which gives 1 for
the key, 0.5 for its fifth, 0.3 for its relative and 0.2 for its parallel key.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import mir_eval
import numpy as np

from umir.annotations import Labels
from umir.tasks.base import Target, mean_metrics
from umir.tasks.classification import MOST_CLIPS, Classification
from umir.tasks.pitch_axis import LETTERS, TONICS

KEYS = tuple(f"{tonic} {mode}" for mode in ("major", "minor") for tonic in TONICS)

_ACCIDENTALS = {"#": 1, "♯": 1, "b": -1, "♭": -1}
_MODES = {
    "major": ("maj", "major", "ionian", "lydian", "mixolydian"),
    "minor": ("m", "min", "minor", "aeolian", "dorian", "phrygian", "locrian"),
}
_KEY = re.compile(r"([A-Ga-g])([#♯b♭]*)\s*[:_-]?\s*([A-Za-z]*)")


def read_key(label: str) -> str | None:
    """Return the one of `KEYS` that a label means; None if it means none.

    A tonic alone is major if it is a capital; `a` alone could mean both A major and A minor.

    Args:
        label: tonic and mode, for example `F# minor`, `F#m`, `Gb:min`, `gb dorian`, `Bb`.
    """
    match = _KEY.fullmatch(label.strip())
    if not match:
        return None
    letter, accidentals, word = match.groups()
    if word == "M" or not word and letter.isupper():
        word = "major"
    tonic = LETTERS[letter.upper()] + sum(_ACCIDENTALS[sign] for sign in accidentals)
    for mode, words in _MODES.items():
        if word.lower() in words:
            return f"{TONICS[tonic % 12]} {mode}"
    return None


@dataclass(frozen=True)
class KeyRecognition(Classification):
    """Name the key of a clip."""

    name: str = "key_recognition"
    vocabulary: tuple[str, ...] = KEYS

    headline: ClassVar[str] = "weighted_score"
    segment_seconds: ClassVar[float] = 6.4  # a chord or two do not make a key

    @property
    def wanted(self) -> str:
        """What annotations must name, in words, for messages."""
        return "keys (`C major`, `F# minor`, `Bbm`, ...)"

    def labels_in(self, annotation: Labels) -> frozenset[str]:
        """Return the keys of the clip as mir_eval writes them, and what is no key as it is."""
        return frozenset(read_key(name) or name for name in annotation.names)

    def n_segments(self, wanted: int) -> int:
        """Return half as many as of the shorter clips of other tasks."""
        return min(super().n_segments(wanted), MOST_CLIPS // 2)

    def encode(self, annotation: Labels, n_samples: int, rate: int) -> Target:
        """Return a distribution over the keys `(class,)` and a mask `(1,)`: 0 for no known key."""
        del n_samples, rate
        true = _first_key(annotation)
        if true not in self.vocabulary:
            zeros = np.zeros(len(self.vocabulary), np.float32)
            return Target(zeros, np.zeros(1, np.float32))
        credit = np.array([mir_eval.key.weighted_score(true, key) for key in self.vocabulary])
        return Target((credit / credit.sum()).astype(np.float32), np.ones(1, np.float32))

    def evaluate(self, reference: Labels, estimate: Labels) -> dict[str, float]:
        """Return `accuracy` and `weighted_score` of one clip; NaN if its reference is no key."""
        true, guess = map(_first_key, (reference, estimate))
        if true is None or guess is None:
            return {"accuracy": np.nan, "weighted_score": np.nan}
        score = float(mir_eval.key.weighted_score(true, guess))
        return {"accuracy": float(true == guess), "weighted_score": score}

    def evaluate_all(
        self, references: Sequence[Labels], estimates: Sequence[Labels]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Return the mean of the metrics over the clips, and the metrics of each clip."""
        pairs = zip(references, estimates, strict=True)
        per_track = [self.evaluate(reference, estimate) for reference, estimate in pairs]
        return mean_metrics(per_track), per_track


def _first_key(annotation: Labels) -> str | None:
    """Return the first of a clip's names that is a key, as mir_eval writes it; None without any."""
    return next(filter(None, map(read_key, annotation.names)), None)
