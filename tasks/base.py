"""What a task is: a small frozen object that turns annotations into targets and outputs back.

Every task module offers the same verbs:

    encode(annotation, n_samples, rate) -> Target        what the network should say (numpy)
    loss(output, target) -> (batch,)                     how far it is from that (JAX)
    head_prior(targets) -> bias                          where a fresh head starts
    fit_decoder(outputs, references) -> settings         thresholds, from validation data
    decode(output, settings) -> annotation               what the network said
    evaluate(reference, estimate) -> {metric: value}     how good that is
    evaluate_all(references, estimates) -> metrics       how good that is over a whole set
    variant(rng, labels) -> Task                         another task of the same family

A user's own task is an object of the same classes whose vocabulary is read from their folder.
Where examples come from is the business of `umir.tasks.episodes`, not of the task.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar

import jax
import numpy as np
from jaxtyping import Float

from umir.annotations import Events, Intervals
from umir.data.example import Example
from umir.wave_unet.heads import HeadSpec

Settings = Mapping[str, Any]
# One type of `umir.annotations`; which one, each task says in its own verbs.
AnyAnnotation = Any
Entry = TypeVar("Entry")

AUDIBLE = 1e-4  # -80 dBFS: what has no higher peak counts as silent


class Target(NamedTuple):
    """What the network should output, and where that is known.

    Attributes:
        values: shape of the head's output, without or with a leading batch axis.
        mask: broadcasts against `values`; 1 where the target is known, 0 where it is not
            (partial labels, unlabelled classes, past the end).
    """

    values: Any
    mask: Any


class Batch(NamedTuple):
    """Segments of audio with their targets: what a loss is computed on.

    Attributes:
        waveform: shape `(batch, time, channel)`.
        target: values and mask with a leading batch axis.
    """

    waveform: Any
    target: Target


@dataclass(frozen=True)
class Task(ABC):
    """A task: a vocabulary, a head and the verbs of this module.

    Attributes:
        name: how users call the task (`drum_transcription`).
        vocabulary: class, stem or instrument names, in the order of the head's channels.
    """

    name: str
    vocabulary: tuple[str, ...]

    # The manifest kind whose annotations the task reads, and the metric that stands for it.
    kind: ClassVar[str]
    headline: ClassVar[str]
    # Whether a song with none of what the task reads is an example too: of its absence.
    absence_counts: ClassVar[bool] = False
    # Whether every example has a label of the vocabulary, so that every segment is cut for one.
    always_labelled: ClassVar[bool] = False
    segment_seconds: ClassVar[float] = 6.4

    def __post_init__(self):
        if not self.vocabulary:
            raise ValueError(f"task {self.name!r} has an empty vocabulary: nothing to learn")
        if len(set(self.vocabulary)) < len(self.vocabulary):
            raise ValueError(f"task {self.name!r} names a class twice: {self.vocabulary}")

    @property
    @abstractmethod
    def head(self) -> HeadSpec:
        """The head that the task needs: kind, channels, rate, activation."""

    @property
    def source_labels(self) -> frozenset[str]:
        """The names in annotations that the task reads (its classes before any merging)."""
        return frozenset(self.vocabulary)

    @abstractmethod
    def labels_in(self, annotation: AnyAnnotation) -> frozenset[str]:
        """Return every name that occurs in an annotation, whether the task reads it or not."""

    def unknown_labels(self, annotation: AnyAnnotation) -> frozenset[str]:
        """Return the names in an annotation that mean nothing to the task: they are reported."""
        return self.labels_in(annotation) - self.source_labels

    @property
    def wanted(self) -> str:
        """What annotations must name, in words, for messages."""
        return f"the classes {quoted(self.source_labels)}"

    def complaint(self, annotation: AnyAnnotation) -> str | None:
        """Return what of an annotation the task cannot read, in words; None if it reads all."""
        unknown = self.unknown_labels(annotation)
        return f"{quoted(unknown)}: not among {self.wanted}" if unknown else None

    def can_use(self, annotation: AnyAnnotation) -> bool:
        """Return whether there is something to learn from an annotation, with or without complaint.

        Here there is if it is about the task: what else it says is ignored.
        """
        return self.is_about(annotation)

    def is_about(self, annotation: AnyAnnotation) -> bool:
        """Return whether what an annotation says concerns the task; saying nothing does.

        Chords have no more to say of when somebody sings than kicks have of beats; a song without
        any interval or event is one in which there is none.
        """
        if not isinstance(annotation, Events | Intervals) or not annotation.labels:
            return True
        return bool(self.labels_in(annotation) & self.source_labels)

    def moment(self, rng: np.random.Generator, example: Example, label: str) -> float:
        """Return a random time, in seconds, at which `label` is to be heard in an example.

        Here any at which something is heard at all.
        """
        del label
        return audible_moment(rng, example.waveform, example.rate)

    def n_segments(self, wanted: int) -> int:
        """Return how many segments a support or query set of an episode has."""
        return wanted

    @abstractmethod
    def encode(self, annotation: AnyAnnotation, n_samples: int, rate: int) -> Target:
        """Return the target of one segment (no batch axis) of `n_samples` at `rate` Hz."""

    @staticmethod
    @abstractmethod
    def loss(output: jax.Array, target: Target) -> Float[jax.Array, " batch"]:
        """Return one loss per segment; 1 is what the best constant output would get."""

    @abstractmethod
    def head_prior(self, target: Target) -> Float[np.ndarray, " channel"] | None:
        """Return the bias a fresh head starts with, from a support batch; None if it has none."""

    @abstractmethod
    def default_settings(self, rate: int) -> Settings:
        """Return decoder settings for when there is no validation data.

        Args:
            rate: the network's sampling rate in Hz.
        """

    @abstractmethod
    def fit_decoder(
        self, outputs: Sequence[np.ndarray], references: Sequence[AnyAnnotation]
    ) -> Settings:
        """Return the decoder settings that score best on these whole-song validation outputs."""

    @abstractmethod
    def decode(self, output: np.ndarray, settings: Settings) -> AnyAnnotation:
        """Return the annotation that a whole song's output (no batch axis) stands for."""

    @abstractmethod
    def evaluate(self, reference: AnyAnnotation, estimate: AnyAnnotation) -> dict[str, float]:
        """Return the task's metrics for one song."""

    def evaluate_all(
        self, references: Sequence[AnyAnnotation], estimates: Sequence[AnyAnnotation]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Return the metrics of a set of songs, and those of each song.

        Here the mean over songs; tasks whose field does it otherwise override this. A metric that
        is not defined (no reference of that class anywhere) is NaN.
        """
        pairs = zip(references, estimates, strict=True)
        per_track = [self.evaluate(reference, estimate) for reference, estimate in pairs]
        return mean_metrics(per_track), per_track

    @abstractmethod
    def variant(self, rng: np.random.Generator, labels: Collection[str] | None = None) -> "Task":
        """Draw another task of the same family: a subset of classes, one against the rest.

        Args:
            rng: source of randomness.
            labels: names that occur in the data and may be used; None: those the task reads.
        """


def entry_of(table: Mapping[type, Entry], task: "Task") -> Entry | None:
    """Return what a table has for a task's class, or for the nearest that it is derived from."""
    return next((table[cls] for cls in type(task).__mro__ if cls in table), None)


def quoted(names: Collection[str]) -> str:
    """Return names for a message: sorted, in quotes, with commas."""
    return ", ".join(repr(name) for name in sorted(names))


def audible_moment(
    rng: np.random.Generator, waveform: Float[np.ndarray, "time channel"], rate: int
) -> float:
    """Return a random time, in seconds, at which a waveform is not silent; any, if it always is.

    Looks at every sixteenth sample only.
    """
    heard = np.flatnonzero(np.abs(waveform[::16]).max(axis=1) > AUDIBLE)
    if not len(heard):
        return float(rng.uniform(0, len(waveform) / rate))
    return 16 * int(rng.choice(heard)) / rate


def ratio(part: int | float, whole: int | float) -> float:
    """Return part / whole; NaN where there is nothing to be part of."""
    return part / whole if whole else math.nan


def mean_metrics(per_track: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return each metric's mean over the tracks where it is defined (not NaN)."""
    names = dict.fromkeys(name for metrics in per_track for name in metrics)
    return {name: nan_mean([m.get(name, math.nan) for m in per_track]) for name in names}


def nan_mean(values: Sequence[float]) -> float:
    """Return the mean of what is not NaN; NaN, without a warning, if there is nothing."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
