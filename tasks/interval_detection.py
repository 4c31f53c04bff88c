"""Interval detection: when is something there, and what? Voices, instruments, sections, speech.

Conventions
-----------
Annotations are `Intervals`: start and end in seconds, one label each; those of different labels may
overlap, and where there is none, no class is on. The network says, 50 times per second and per
class, how likely the class is on; frame n is at n / 50 seconds. Decoded, a class goes on at one
threshold and off at a lower one (`umir.tasks.decoding.activity`). Labels that the task does not
read are ignored; an interval without a name is of class `interval`. A song with no interval is an
example too: of what it sounds like when no class is on.

Metrics
-------
Frames of 10 ms, up to the end of the audio where it is known, else of the last interval:

* `accuracy`: fraction of the frames whose set of classes is right.
* `f1/CLASS`: F-measure of the frames of one class, 2 hits / (references + estimates).
* `f1`: mean over the classes that occur in references or estimates.

Over several songs, frames are first summed over the songs.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit

from umir.annotations import Intervals
from umir.data.example import Example
from umir.tasks.base import Settings, Target, nan_mean, ratio
from umir.tasks.decoding.activity import (
    DEFAULT_SETTINGS,
    ROUNDING,
    Score,
    active,
    active_frames,
    f_measure,
    fit_activity,
    stretches,
)
from umir.tasks.frame_task import FrameTask
from umir.wave_unet.heads import HeadSpec

FRAME_RATE = 50.0  # Hz
SCORED_RATE = 100.0  # Hz: frames of 10 ms


@dataclass(frozen=True)
class IntervalDetection(FrameTask):
    """Detect stretches of time, each of one of the classes of `vocabulary`."""

    kind: ClassVar[str] = "intervals"
    headline: ClassVar[str] = "f1"
    absence_counts: ClassVar[bool] = True
    unnamed: ClassVar[str] = "interval"

    def can_use(self, annotation: Intervals) -> bool:
        """Return True: where others are named, as instruments, the classes are absent."""
        del annotation
        return True

    @property
    def head(self) -> HeadSpec:
        """Logits at 50 Hz, one channel per class."""
        return HeadSpec("frames", len(self.vocabulary), FRAME_RATE, "sigmoid")

    def moment(self, rng: np.random.Generator, example: Example, label: str) -> float:
        """Return a random time within the intervals called `label`, in seconds."""
        assert isinstance(example.annotation, Intervals)
        called = self.called(example.annotation, label)
        return random_instant(rng, example.annotation.intervals[called])

    def class_intervals(self, annotation: Intervals) -> dict[str, Float[np.ndarray, "_ 2"]]:
        """Return the intervals, in seconds, of each class."""
        return {name: annotation.intervals[on] for name, on in self.of_class(annotation).items()}

    def encode(self, annotation: Intervals, n_samples: int, rate: int) -> Target:
        """Return values of shape `(frame, class)` and a mask of shape `(frame, 1)`.

        Args:
            annotation: intervals, in seconds from the start of the segment.
            n_samples: length of the segment; its frames are those at n / 50 < n_samples / rate.
            rate: sampling rate in Hz.
        """
        n_frames = math.ceil(n_samples * FRAME_RATE / rate)
        values = self._activity(annotation, n_frames, FRAME_RATE).astype(np.float32)
        known = ~self._doubtful_frames(annotation, n_frames, FRAME_RATE)
        return Target(values, known[:, None].astype(np.float32))

    def default_settings(self, rate: int) -> Settings:
        """Return a threshold of 0.5 and a median over 0.25 s for every class."""
        del rate
        return {"activity": {name: dict(DEFAULT_SETTINGS) for name in self.vocabulary}}

    def fit_decoder(
        self, outputs: Sequence[np.ndarray], references: Sequence[Intervals]
    ) -> Settings:
        """Return each class's settings of `umir.tasks.decoding.activity`: the best over the songs.

        A class that has no reference in them keeps the default.
        """
        settings = dict(self.default_settings(0)["activity"])
        pairs = zip(references, outputs, strict=True)
        true = [self._activity(song, len(output), FRAME_RATE) for song, output in pairs]
        for column, name in enumerate(self.vocabulary):
            of_class = [song[:, column] for song in true]
            if any(song.any() for song in of_class):
                curves = [expit(output[:, column].astype(np.float64)) for output in outputs]
                settings[name] = fit_activity(
                    curves, of_class, rate=FRAME_RATE, score=self.decoder_score()
                )
        return {"activity": settings}

    @staticmethod
    def decoder_score() -> Score:
        """Return what the decoder's settings shall make as high as possible."""
        return f_measure

    def decode(self, output: np.ndarray, settings: Settings) -> Intervals:
        """Return where every class is on, sorted by start.

        Args:
            output: logits of a song, shape `(frame, class)`.
            settings: from `fit_decoder` or `default_settings`.
        """
        found = []
        for column, name in enumerate(self.vocabulary):
            curve = expit(output[:, column].astype(np.float64))
            on = active(curve, settings["activity"][name], FRAME_RATE)
            found += [(*pair, name) for pair in stretches(on, FRAME_RATE).tolist()]
        found.sort()
        intervals = np.array([pair for *pair, _ in found], np.float64).reshape(-1, 2)
        labels = tuple(name for *_, name in found)
        return Intervals(intervals, labels, len(output) / FRAME_RATE)

    def _activity(
        self, annotation: Intervals, n_frames: int, rate: float
    ) -> Bool[np.ndarray, "frame class"]:
        """Return which classes are on at each frame."""
        classes = self.class_intervals(annotation).values()
        return np.stack([active_frames(found, n_frames, rate) for found in classes], axis=-1)

    def _doubtful_frames(
        self, annotation: Intervals, n_frames: int, rate: float
    ) -> Bool[np.ndarray, " frame"]:
        """Return the frames of which an annotation does not say what is on; here none is."""
        del annotation, rate
        return np.zeros(n_frames, bool)

    def _counts(self, reference: Intervals, estimate: Intervals) -> Counter:
        """Count the frames of 10 ms: hits, references and estimates of every class, right ones."""
        n_frames = math.ceil(_extent(reference, estimate) * SCORED_RATE - ROUNDING)
        known = ~self._doubtful_frames(reference, n_frames, SCORED_RATE)
        true, guess = (
            self._activity(a, n_frames, SCORED_RATE)[known] for a in (reference, estimate)
        )
        counts: Counter = Counter(frames=len(true), right=int((true == guess).all(axis=1).sum()))
        for column, name in enumerate(self.vocabulary):
            counts["hits", name] = int((true & guess)[:, column].sum())
            counts["reference", name] = int(true[:, column].sum())
            counts["estimate", name] = int(guess[:, column].sum())
        return counts

    def _scores(self, counts: Counter) -> dict[str, float]:
        of_class = {
            f"f1/{name}": ratio(
                2 * counts["hits", name], counts["reference", name] + counts["estimate", name]
            )
            for name in self.vocabulary
        }
        accuracy = ratio(counts["right"], counts["frames"])
        return {"accuracy": accuracy, "f1": nan_mean(list(of_class.values())), **of_class}


def random_instant(rng: np.random.Generator, intervals: Float[np.ndarray, "interval 2"]) -> float:
    """Return a random time in seconds, every instant of the intervals as likely as any other."""
    lengths = intervals[:, 1] - intervals[:, 0]
    start, end = intervals[rng.choice(len(intervals), p=lengths / lengths.sum())]
    return float(rng.uniform(start, end))


def _extent(reference: Intervals, estimate: Intervals) -> float:
    """Return up to when a song is scored, in seconds."""
    if reference.duration is not None:
        return reference.duration
    ends = [annotation.intervals[:, 1].max(initial=0.0) for annotation in (reference, estimate)]
    return float(max(*ends, estimate.duration or 0.0))
