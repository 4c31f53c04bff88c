"""Copy memory: digits are shown, then nothing for long, then they are asked for.

A sequence is `digits` digits from 1 to 8, blanks (0), and `digits + 1` marks (9), in all
`blanks + 2 * digits` numbers in one channel, as the TCN paper has it. The last outputs shall be the
digits (as in the Seq-U-Net repository, which counts no blanks; it publishes no result). Zeros stand
in front of the sequence, as many as the network's context takes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from umir.sequence_tasks.batches import Batch, SequenceData, shuffled_place
from umir.sequence_tasks.task import SequenceTask
from umir.wave_unet.parameters import Key, Params

CLASSES, MARK = 10, 9
COUNTS = {"train": 10_000, "valid": 1000, "test": 1000}


@dataclass(frozen=True)
class CopyMemory(SequenceTask):
    """Recall of digits.

    Attributes:
        network: one channel in, ten classes out.
        blanks: numbers between the digits and the marks.
        digits: to recall.
    """

    blanks: int = 1000
    digits: int = 10
    kind: ClassVar[str] = "copy"
    headline: ClassVar[str] = "nats_per_digit"

    def __post_init__(self):
        if self.blanks < 1 or self.digits < 1:
            raise ValueError(f"{self.blanks} blanks, {self.digits} digits: give 1 or more of each")

    def logits(
        self, params: Params, inputs: Int[Array, "batch time"], key: Key | None = None
    ) -> Float[Array, "batch digit class"]:
        """Return those of the digits that are asked for."""
        x = inputs[..., None].astype(jnp.float32)
        missing = self.network.input_length(self.digits) - x.shape[1]
        if missing >= 0:
            x = jnp.pad(x, ((0, 0), (missing, 0), (0, 0)))
        else:  # the context is shorter than the sequence
            x = x[:, -missing:]
        logits, _ = self.network.apply(params["network"], x, padding="valid", key=key)
        return logits[:, -self.digits :]

    def scores(self, totals: Mapping[str, float]) -> dict[str, float]:
        """Return `nats_per_digit` and `accuracy`."""
        count = totals["count"]
        return {self.headline: totals["nats"] / count, "accuracy": totals["correct"] / count}


class CopySequences(SequenceData):
    """Sequences to copy from, drawn once.

    Args:
        task: how long they are.
        batch: sequences per step.
        seed: what to draw from.
        counts: split -> how many.
    """

    def __init__(
        self, task: CopyMemory, batch: int, seed: int, counts: Mapping[str, int] | None = None
    ):
        counts = counts or COUNTS
        rng = np.random.default_rng(seed)
        self._size = min(batch, counts["train"])
        self._digits = {name: rng.integers(1, MARK, (n, task.digits)) for name, n in counts.items()}
        self._blanks = task.blanks
        self.description = {"sequences": dict(counts)}

    @property
    def epoch_steps(self) -> int:
        """Batches of all sequences to train on."""
        return len(self._digits["train"]) // self._size

    def batch(self, step: int, seed: int) -> Batch:
        """Return some sequences; every epoch has its own order."""
        digits = self._digits["train"]
        chosen = shuffled_place(step, seed, len(digits), self._size)
        return copy_batch(digits[chosen], self._blanks)

    def in_turn(self, split: str) -> Iterator[Batch]:
        """Yield all sequences of a split."""
        digits = self._digits[split]
        for start in range(0, len(digits), self._size):
            yield copy_batch(digits[start : start + self._size], self._blanks, self._size)


def copy_batch(digits: np.ndarray, blanks: int, size: int | None = None) -> Batch:
    """Return the sequences of some digits, filled up to a size with some that do not count."""
    count = len(digits)
    targets = np.zeros((size or count, digits.shape[1]), np.int32)
    targets[:count] = digits
    between = np.zeros((len(targets), blanks - 1), np.int32)
    marks = np.full((len(targets), digits.shape[1] + 1), MARK, np.int32)
    mask = np.zeros(targets.shape, np.float32)
    mask[:count] = 1.0
    inputs = np.concatenate([targets, between, marks], axis=1)
    return {"inputs": inputs, "targets": targets, "mask": mask}
