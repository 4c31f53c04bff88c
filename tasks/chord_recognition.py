"""Chord recognition: which chord sounds when?

Conventions
-----------
Annotations are `Intervals` with chords in the syntax of Harte and mir_eval (`C:maj`, `A:min7/b3`,
`N`). The classes are those of a vocabulary of mir_eval. `ChordRecognition` has `majmin`: `N` (no
chord) and the 24 major and minor triads; other chords count as the triad they hold.
`SeventhChordRecognition` has `sevenths`: also major, minor and dominant sevenths. What the
vocabulary does not score (`C:dim`, `X`, no label at all) is masked. The network gives logits 12.5
times per second; frame n is at n / 12.5 seconds. They are decoded by the most likely path
(`umir.tasks.decoding.viterbi`), whose price of a change is that of a hidden Markov model's
probability to stay.

Metrics
-------
By `mir_eval.chord`, in seconds; over several songs, seconds are summed, so that songs weigh by
their length:

* `majmin`: right major or minor triads, `N` included, of all that are such;
* `sevenths`: the same of triads and sevenths;
* `root`, `thirds`, `triads`, `tetrads`: right roots; and thirds; and fifths; and sevenths;
* `mirex`: three pitches or more in common;
* `overseg`, `underseg`, `seg`: too many or too few borders, and the lower of both.

The classes of a variant are no chords; it has `accuracy`, the fraction of seconds that are right.

Reference: C. Harte, M. Sandler, S. Abdallah and E. Gomez, "Symbolic representation of musical
chords", ISMIR 2005.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from mir_eval.chord import NO_CHORD, X_CHORD

from umir.annotations import Intervals
from umir.data.example import Example
from umir.tasks.base import Settings, Target, Task, ratio
from umir.tasks.decoding.activity import ROUNDING
from umir.tasks.decoding.viterbi import most_likely_paths
from umir.tasks.interval_detection import random_instant
from umir.tasks.losses import softmax_cross_entropy
from umir.tasks.metrics.chord_metrics import (
    CHORDS,
    METRICS,
    SEVENTH_CHORDS,
    is_chord,
    scored_seconds,
    seventh_chord,
    triad,
)
from umir.wave_unet.heads import HeadSpec

FRAME_RATE = 12.5  # Hz
# What a change of chord costs: 100 for networks that have learnt few songs by heart, and are sure.
PENALTIES = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 25.0, 50.0, 100.0)
DEFAULT_PENALTY = 4.0
PRIOR_FRAMES = FRAME_RATE  # one second of each class is taken as seen before any
FEW_CHORDS = 3  # classes of a variant
_UNKNOWN = -1


@dataclass(frozen=True)
class ChordRecognition(Task):
    """Recognise chords; by default 24 triads and no chord.

    Attributes:
        label_map: pairs of one of `CHORDS` and the class it counts as; what is not in it is masked.
            Empty: chords are classes.
    """

    name: str = "chord_recognition"
    vocabulary: tuple[str, ...] = CHORDS
    label_map: tuple[tuple[str, str], ...] = ()

    kind: ClassVar[str] = "intervals"
    headline: ClassVar[str] = "majmin"

    @property
    def head(self) -> HeadSpec:
        """Logits at 12.5 Hz, one channel per class; one class holds at a time."""
        return HeadSpec("frames", len(self.vocabulary), FRAME_RATE, "softmax")

    @property
    def source_labels(self) -> frozenset[str]:
        """The chords that the task reads, as the vocabulary has them."""
        return frozenset(chord for chord, _ in self.label_map) or frozenset(self.vocabulary)

    @property
    def wanted(self) -> str:
        """What annotations must name, in words, for messages."""
        return "chords (`N`, `C:maj`, `A:min7`, ...)"

    @staticmethod
    def reduced(label: str) -> str:
        """Return what a chord of any kind counts as: one of the vocabulary's, or `X`."""
        return triad(label)

    def labels_in(self, annotation: Intervals) -> frozenset[str]:
        """Return `N` and the chords that occur, reduced to what the vocabulary tells apart."""
        return frozenset(self.reduced(label) for label in annotation.labels) - {X_CHORD}

    def unknown_labels(self, annotation: Intervals) -> frozenset[str]:
        """Return the labels that are no chords."""
        return frozenset(label for label in annotation.labels if not is_chord(label))

    def n_segments(self, wanted: int) -> int:
        """Return twice what is wanted: 6.4 s hold few of the 25 chords."""
        return 2 * wanted

    def moment(self, rng: np.random.Generator, example: Example, label: str) -> float:
        """Return a random time at which a chord sounds that counts as `label`, in seconds."""
        assert isinstance(example.annotation, Intervals)
        called = [self.reduced(name) == label for name in example.annotation.labels]
        return random_instant(rng, example.annotation.intervals[called])

    def encode(self, annotation: Intervals, n_samples: int, rate: int) -> Target:
        """Return one-hot values `(frame, class)` and a mask `(frame, 1)`: 0 where none is known.

        Args:
            annotation: chords, in seconds from the start of the segment.
            n_samples: length of the segment; its frames are those at n / 12.5 < n_samples / rate.
            rate: sampling rate in Hz.
        """
        classes = self._frames(annotation, math.ceil(n_samples * FRAME_RATE / rate))
        known = classes != _UNKNOWN
        values = np.eye(len(self.vocabulary), dtype=np.float32)[classes] * known[:, None]
        return Target(values, known[:, None].astype(np.float32))

    @staticmethod
    def loss(output: jax.Array, target: Target) -> Float[jax.Array, " batch"]:
        """Return softmax cross-entropy (`umir.tasks.losses.softmax_cross_entropy`)."""
        return softmax_cross_entropy(output, *map(jnp.asarray, target))

    def head_prior(self, target: Target) -> Float[np.ndarray, " channel"]:
        """Return the log of the classes' frequencies, less their mean: 0 if they are balanced."""
        known = np.asarray(target.values) * np.asarray(target.mask)
        logs = np.log(known.sum(axis=(0, 1)) + PRIOR_FRAMES)
        return (logs - logs.mean()).astype(np.float32)

    def default_settings(self, rate: int) -> Settings:
        """Return a price of 4 for every change of chord."""
        del rate
        return {"change_penalty": DEFAULT_PENALTY}

    def fit_decoder(
        self, outputs: Sequence[np.ndarray], references: Sequence[Intervals]
    ) -> Settings:
        """Return the price of a change with the most right frames, of all songs together.

        Among equal ones the middle is taken; without any known frame, the default.
        """
        right, known = np.zeros(len(PENALTIES)), 0
        for output, reference in zip(outputs, references, strict=True):
            if not len(output):
                continue
            true = self._frames(reference, len(output))
            paths = most_likely_paths(output, PENALTIES)
            right += (paths == true).sum(axis=1)
            known += int((true != _UNKNOWN).sum())
        if not known:
            return self.default_settings(0)
        best = np.flatnonzero(right == right.max())
        return {"change_penalty": PENALTIES[best[len(best) // 2]]}

    def decode(self, output: np.ndarray, settings: Settings) -> Intervals:
        """Return chords from the start to the end of a song, contiguous.

        Args:
            output: logits of a song, shape `(frame, class)`.
            settings: from `fit_decoder` or `default_settings`.
        """
        if not len(output):  # of a file shorter than a sample of the network
            return Intervals(np.zeros((0, 2)), (), 0.0)
        (path,) = most_likely_paths(output, [settings["change_penalty"]])
        first = np.flatnonzero(np.diff(path, prepend=_UNKNOWN))  # frames with another chord
        starts = np.maximum(first - 0.5, 0.0) / FRAME_RATE
        duration = len(output) / FRAME_RATE
        intervals = np.stack([starts, np.append(starts[1:], duration)], axis=1)
        return Intervals(intervals, tuple(self.vocabulary[c] for c in path[first]), duration)

    def evaluate(self, reference: Intervals, estimate: Intervals) -> dict[str, float]:
        """Return the metrics of one song; NaN where its reference has nothing to score."""
        seconds = self._seconds(reference, estimate)
        return {name: ratio(*pair) for name, pair in seconds.items()}

    def evaluate_all(
        self, references: Sequence[Intervals], estimates: Sequence[Intervals]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Return the metrics with seconds summed over songs, and the metrics of each song."""
        pairs = zip(references, estimates, strict=True)
        songs = [self._seconds(reference, estimate) for reference, estimate in pairs]
        sums = {name: np.sum([song[name] for song in songs], axis=0) for name in self._metrics}
        per_track = [{name: ratio(*pair) for name, pair in song.items()} for song in songs]
        return {name: ratio(*pair.tolist()) for name, pair in sums.items()}, per_track

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "ChordRecognition":
        """Draw three classes from the chords that occur.

        Three chords, two against the rest, three roots whatever the triad, or major, minor and
        none. With fewer than three chords the task itself is returned.
        """
        known = sorted(self.source_labels if labels is None else labels)
        if len(known) < FEW_CHORDS:
            return self
        ways = (_single_chords, _two_and_the_rest, _single_roots, _qualities)
        label_map = ways[rng.integers(len(ways))](rng, known)
        vocabulary = tuple(dict.fromkeys(name for _, name in label_map))
        if len(vocabulary) < FEW_CHORDS:  # not enough roots, or no `N`
            return self.variant(rng, labels)
        return replace(self, vocabulary=vocabulary, label_map=label_map)

    @property
    def _metrics(self) -> tuple[str, ...]:
        return ("accuracy",) if self.label_map else METRICS

    def _seconds(self, reference: Intervals, estimate: Intervals) -> dict[str, tuple[float, float]]:
        """Return how many seconds are right and how many are scored, by metric."""
        if not self.label_map:
            return scored_seconds(reference, estimate)
        ends = [annotation.intervals.max(initial=0.0) for annotation in (reference, estimate)]
        n_frames = math.ceil(max(ends) * FRAME_RATE - ROUNDING)
        true, guess = (self._frames(annotation, n_frames) for annotation in (reference, estimate))
        known = true != _UNKNOWN
        right = (true == guess) & known
        return {"accuracy": (float(right.sum()) / FRAME_RATE, float(known.sum()) / FRAME_RATE)}

    def _frames(self, annotation: Intervals, n_frames: int) -> Int[np.ndarray, " frame"]:
        """Return the class of each frame, -1 where none is known.

        A chord ends where the next one starts, also where it should go on after that.
        """
        classes = np.array([self._class_index(label) for label in annotation.labels] + [_UNKNOWN])
        times = np.arange(n_frames) / FRAME_RATE
        # Rounding must not leave a frame on a border with the chord before it.
        last = np.searchsorted(annotation.intervals[:, 0], times + 1e-9, side="right") - 1
        ends = np.append(annotation.intervals[:, 1], 0.0)
        return np.where(times < ends[last] - 1e-9, classes[last], _UNKNOWN)

    def _class_index(self, label: str) -> int:
        """Return the index of a chord's class; a class stands for itself. -1: not known."""
        chord = label if label in self.vocabulary else self.reduced(label)
        name = dict(self.label_map).get(chord, chord)
        return self.vocabulary.index(name) if name in self.vocabulary else _UNKNOWN


@dataclass(frozen=True)
class SeventhChordRecognition(ChordRecognition):
    """Recognise chords with their sevenths: 60 chords and no chord."""

    name: str = "chord_recognition_sevenths"
    vocabulary: tuple[str, ...] = SEVENTH_CHORDS

    headline: ClassVar[str] = "sevenths"

    @staticmethod
    def reduced(label: str) -> str:
        """Return what a chord of any kind counts as: one of the vocabulary's, or `X`."""
        return seventh_chord(label)


LabelMap = tuple[tuple[str, str], ...]


def _single_chords(rng: np.random.Generator, known: Sequence[str]) -> LabelMap:
    return tuple((chord, chord) for chord in _shuffled(rng, known)[:FEW_CHORDS])


def _two_and_the_rest(rng: np.random.Generator, known: Sequence[str]) -> LabelMap:
    chosen = _shuffled(rng, known)
    return tuple(
        (chord, chord if index < FEW_CHORDS - 1 else "rest") for index, chord in enumerate(chosen)
    )


def _single_roots(rng: np.random.Generator, known: Sequence[str]) -> LabelMap:
    roots = _shuffled(rng, sorted({_root(chord) for chord in known} - {NO_CHORD}))[:FEW_CHORDS]
    return tuple((chord, root) for root in roots for chord in known if _root(chord) == root)


def _qualities(rng: np.random.Generator, known: Sequence[str]) -> LabelMap:
    classes = _shuffled(rng, ("maj", "min", NO_CHORD))
    return tuple((chord, name) for name in classes for chord in known if chord.endswith(name))


def _root(chord: str) -> str:
    return chord.split(":")[0]


def _shuffled(rng: np.random.Generator, names: Sequence[str]) -> list[str]:
    return [names[index] for index in rng.permutation(len(names))]
