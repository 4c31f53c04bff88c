"""Batches of sequences, and the windows that long sequences are cut into.

A batch has `inputs`, `targets` and a `mask` that is 1 where a target counts; target n is what
output n shall predict, and no input from its position on is seen by output n.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from umir.data.splits import SPLITS

Batch = dict[str, np.ndarray]


class SequenceData(ABC):
    """Sequences of which some train, some validate and some test.

    Attributes:
        description: plain JSON, what another training must agree with to go on with this one.
        splits: those that have sequences.
    """

    description: dict[str, Any]
    splits: tuple[str, ...] = SPLITS

    @property
    @abstractmethod
    def epoch_steps(self) -> int:
        """Batches of an epoch."""

    @abstractmethod
    def batch(self, step: int, seed: int) -> Batch:
        """Return the batch of a step, a function of these two numbers alone."""

    @abstractmethod
    def in_turn(self, split: str) -> Iterator[Batch]:
        """Yield batches in which every target of a split counts once."""


def shuffled_place(step: int, seed: int, count: int, size: int = 1) -> np.ndarray:
    """Return which of `count` things a step takes; every epoch has its own order.

    Args:
        step: of the training.
        seed: what the orders are drawn from.
        count: of things; an epoch has `count // size` steps.
        size: how many a step takes.
    """
    epoch, place = divmod(step, count // size)
    order = np.random.default_rng((seed, epoch)).permutation(count)
    return order[place * size :][:size]


@dataclass(frozen=True)
class WindowSizes:
    """Lengths of windows without padding.

    Attributes:
        inputs: symbols that go in.
        outputs: of these, the last ones have an output.
    """

    inputs: int
    outputs: int

    @property
    def earliest(self) -> int:
        """Position of the first target for which a sequence has the whole context."""
        return self.inputs - self.outputs + 1


def windows(
    sequence: Integer[np.ndarray, " time"],
    firsts: Integer[np.ndarray, " batch"],
    sizes: WindowSizes,
    fill: int = 0,
) -> Batch:
    """Cut windows out of a sequence.

    Args:
        sequence: classes.
        firsts: position of the first target of each window.
        sizes: of the windows.
        fill: stands before the sequence begins and after it ends, where no target counts.

    Returns:
        `inputs`, `(batch, inputs)`, `targets` and `mask`, `(batch, outputs)`.
    """
    before = firsts[:, None] - sizes.earliest + np.arange(sizes.inputs)
    wanted = firsts[:, None] + np.arange(sizes.outputs)
    inputs, _ = _at(sequence, before, fill)
    targets, mask = _at(sequence, wanted, fill)
    return {"inputs": inputs, "targets": targets, "mask": mask.astype(np.float32)}


def windows_in_turn(
    sequence: Integer[np.ndarray, " time"],
    sizes: WindowSizes,
    batch: int,
    *,
    first: int = 0,
    fill: int = 0,
) -> Iterator[Batch]:
    """Yield batches of windows in which every target from `first` on counts once."""
    firsts = np.arange(first, len(sequence), sizes.outputs)
    for start in range(0, len(firsts), batch):
        chosen = firsts[start : start + batch]
        missing = np.full(batch - len(chosen), len(sequence))  # windows past the end count nothing
        yield windows(sequence, np.concatenate([chosen, missing]), sizes, fill)


def _at(
    sequence: Integer[np.ndarray, " time"], positions: Integer[np.ndarray, "batch time2"], fill: int
) -> tuple[Integer[np.ndarray, "batch time2"], Float[np.ndarray, "batch time2"]]:
    """Return the classes at positions, and 1 where there is one."""
    inside = (positions >= 0) & (positions < len(sequence))
    found = sequence[np.clip(positions, 0, len(sequence) - 1)]
    return np.where(inside, found, fill).astype(np.int32), inside.astype(np.float32)
