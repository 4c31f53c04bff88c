"""What every sequence task is: sizes, fresh parameters, what a batch costs, and scores.

Tasks are frozen and hashable, so that functions are compiled once for each. Costs are negative log
likelihoods in nats, and always sums beside counts: means over batches of different lengths would
weigh targets differently.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, Int, Shaped

from umir.sequence_tasks.networks import SequenceNetwork, network_as_json
from umir.wave_unet.parameters import Key, Params

Totals = dict[str, Float[Array, ""]]


@dataclass(frozen=True)
class SequenceTask(ABC):
    """A task and its network, without parameters.

    Attributes:
        network: what predicts.
        kind: what the task is called.
        headline: the score that the paper gives.
        summed: whether a training step moves along the gradient of the sum over all targets, not
            of their mean.
    """

    network: SequenceNetwork
    kind: ClassVar[str]
    headline: ClassVar[str]
    summed: ClassVar[bool] = False

    def init(self, key: Key) -> Params:
        """Draw fresh parameters, those of the network under `network`."""
        return {"network": self.network.init(key)}

    @abstractmethod
    def logits(
        self, params: Params, inputs: Shaped[Array, "batch time ..."], key: Key | None = None
    ) -> Float[Array, "batch _ class"]:
        """Return the outputs of the network for `inputs` of a batch, the last for the last input.

        Args:
            params: as `init` returns them.
            inputs: as the task's batches have them.
            key: for dropout; None drops nothing.
        """

    def totals(self, params: Params, batch: Mapping[str, Any], key: Key | None = None) -> Totals:
        """Return `nats` and `count` of all targets of a batch, and other sums.

        Args:
            params: as `init` returns them.
            batch: `inputs`, `targets` and `mask`.
            key: for dropout; None drops nothing.
        """
        logits = self.logits(params, jnp.asarray(batch["inputs"]), key)
        return class_totals(logits, batch["targets"], batch["mask"])

    @abstractmethod
    def scores(self, totals: Mapping[str, float]) -> dict[str, float]:
        """Return the metrics of what `totals` gave, summed over a split."""

    def as_json(self) -> dict[str, Any]:
        """Return the task as plain JSON."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "network"}
        return {"kind": self.kind, "network": network_as_json(self.network), **own}


def class_totals(
    logits: Float[Array, "batch time class"],
    targets: Int[Array | np.ndarray, "batch time"],
    mask: Float[Array | np.ndarray, "batch time"],
) -> Totals:
    """Return `nats`, `count` and how many of the most probable classes are `correct`."""
    nats = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
    correct = (jnp.argmax(logits, axis=-1) == targets).astype(mask.dtype)
    sums = {"nats": nats * mask, "count": mask, "correct": correct * mask}
    return jax.tree.map(jnp.sum, sums)
