"""What tasks share that say, frame by frame and class by class, whether something is there.

Classes are read through a label map; several may be on at once. The loss is the balanced binary
cross-entropy, one function for all of them, so that equal heads share their compiled steps.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from umir.tasks.base import AnyAnnotation, Target, Task
from umir.tasks.losses import balanced_bce, best_constant, class_prior
from umir.tasks.variants import random_label_map

_FrameTask = TypeVar("_FrameTask", bound="FrameTask")


@dataclass(frozen=True)
class FrameTask(Task):
    """A task with one probability per frame and class of `vocabulary`.

    Attributes:
        label_map: pairs of a label in annotations and the class it counts as; labels that are not
            in it are ignored. Empty: labels are classes.
    """

    label_map: tuple[tuple[str, str], ...] = ()

    # What is called without a label.
    unnamed: ClassVar[str]

    def __post_init__(self):
        super().__post_init__()
        unknown = {name for _, name in self.label_map} - set(self.vocabulary)
        if unknown:
            raise ValueError(
                f"task {self.name!r}: the label map leads to {sorted(unknown)}, "
                f"which the vocabulary {self.vocabulary} does not have"
            )

    @property
    def source_labels(self) -> frozenset[str]:
        """The labels that the task reads: those of the label map, and its classes."""
        return frozenset(self._class_of)

    @property
    def _class_of(self) -> dict[str, str]:
        # Class names stand for themselves, so that what `decode` returns can be read again.
        return {name: name for name in self.vocabulary} | dict(self.label_map)

    def names(self, annotation: AnyAnnotation) -> list[str]:
        """Return the label of each event or interval, `unnamed` for those without one."""
        return [label or self.unnamed for label in annotation.labels]

    def labels_in(self, annotation: AnyAnnotation) -> frozenset[str]:
        """Return the labels that occur."""
        return frozenset(self.names(annotation))

    def called(self, annotation: AnyAnnotation, label: str) -> Bool[np.ndarray, " _"]:
        """Return which events or intervals are called `label`."""
        return np.array([name == label for name in self.names(annotation)], bool)

    def of_class(self, annotation: AnyAnnotation) -> dict[str, Bool[np.ndarray, " _"]]:
        """Return which events or intervals count as each class."""
        classes = self._class_of
        found = np.array([classes.get(name, "") for name in self.names(annotation)], object)
        return {name: found == name for name in self.vocabulary}

    @staticmethod
    def loss(output: jax.Array, target: Target) -> Float[jax.Array, " batch"]:
        """Return balanced binary cross-entropy (`umir.tasks.losses.balanced_bce`)."""
        return balanced_bce(output, *map(jnp.asarray, target))

    def head_prior(self, target: Target) -> Float[np.ndarray, " channel"]:
        """Return the logits of the best constant prediction under the loss's class weights."""
        return np.asarray(best_constant(class_prior(*map(jnp.asarray, target))))

    @abstractmethod
    def _counts(self, reference: AnyAnnotation, estimate: AnyAnnotation) -> Counter:
        """Count what the metrics of one song are made of."""

    @abstractmethod
    def _scores(self, counts: Counter) -> dict[str, float]:
        """Return the metrics that counts make."""

    def evaluate(self, reference: AnyAnnotation, estimate: AnyAnnotation) -> dict[str, float]:
        """Return the metrics of one song."""
        return self._scores(self._counts(reference, estimate))

    def evaluate_all(
        self, references: Sequence[AnyAnnotation], estimates: Sequence[AnyAnnotation]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Return the metrics of what is counted over all songs, and the metrics of each song."""
        pairs = zip(references, estimates, strict=True)
        counts = [self._counts(reference, estimate) for reference, estimate in pairs]
        return self._scores(sum(counts, Counter())), [self._scores(song) for song in counts]

    def variant(
        self: _FrameTask, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> _FrameTask:
        """Draw other classes from the labels: a subset, merged ones, or some against the rest.

        The number of classes stays, so that the network's shape does. With too few labels for
        that the task itself is returned.
        """
        known = sorted(self.source_labels if labels is None else labels)
        if len(known) < len(self.vocabulary):
            return self
        return with_map(self, random_label_map(rng, known, len(self.vocabulary)))


def with_map(task: _FrameTask, label_map: tuple[tuple[str, str], ...]) -> _FrameTask:
    """Return a task with other classes, in the order in which the map names them."""
    vocabulary = tuple(dict.fromkeys(name for _, name in label_map))
    return replace(task, vocabulary=vocabulary, label_map=label_map)
