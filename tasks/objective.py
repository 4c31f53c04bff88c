"""A task's loss on a network: what training and meta-learning minimise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Scalar

from umir.tasks.base import Batch, Target, Task
from umir.wave_unet import Network

AnyBatch = TypeVar("AnyBatch")


@dataclass(frozen=True)
class Objective:
    """`loss(params, batch, key) -> scalar` of one task on one network.

    Two tasks with the same head and the same kind of loss have equal objectives, whatever their
    vocabularies, so that a step compiled for one serves the other.

    Attributes:
        network: body and head.
        task_loss: `loss(output, target) -> (batch,)`.
    """

    network: Network
    task_loss: Callable[[Array, Target], Float[Array, " batch"]]

    @classmethod
    def of(cls, network: Network, task: Task) -> "Objective":
        """Return the objective of `task` on `network`, whose head must be the task's."""
        if network.head != task.head:
            raise ValueError(f"{task.name} needs the head {task.head}, not {network.head}")
        return cls(network, type(task).loss)

    def __call__(self, params: Any, batch: Batch, key: PRNGKeyArray) -> Scalar:
        """Return the mean loss of a batch."""
        del key  # The networks so far draw nothing.
        output, _ = self.network.apply(params, batch.waveform)
        return jnp.mean(self.task_loss(output, batch.target))


def fresh_params(network: Network, body: Any, task: Task, target: Target, key: PRNGKeyArray) -> Any:
    """Return `body` with a fresh head that starts from the class frequencies in `target`."""
    prior = task.head_prior(target)
    return {"body": body, "head": network.init_head(key, prior)}


def as_arrays(batch: AnyBatch) -> AnyBatch:
    """Return a numpy batch, of one task or of several, on the device."""
    return jax.tree.map(jnp.asarray, batch)
