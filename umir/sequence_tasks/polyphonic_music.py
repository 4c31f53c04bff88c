"""Polyphonic music: which of 88 keys sound in the next frame of a piano roll.

Every key is a yes or no of its own: binary cross-entropy of logits, summed over the keys, and
divided by the frames. That is nats per frame (the paper calls it perplexity). Frame t is predicted
from frames 0 to t - 1, the first frame of a piece is not predicted. A step takes one piece and
moves along the gradient of its sum, so that long pieces weigh more.

The TCN paper squashes outputs before its loss; as in the Seq-U-Net paper, these are logits, so
figures compare with the TCN paper's approximately only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float, UInt8

from umir.sequence_tasks.task import SequenceTask, Totals
from umir.wave_unet.parameters import Key, Params

KEYS = 88  # of a piano


@dataclass(frozen=True)
class PolyphonicMusic(SequenceTask):
    """Prediction of piano rolls.

    Attributes:
        network: 88 channels in and out.
    """

    kind: ClassVar[str] = "music"
    headline: ClassVar[str] = "nats_per_frame"
    summed: ClassVar[bool] = True

    def logits(
        self, params: Params, inputs: UInt8[Array, "batch time key"], key: Key | None = None
    ) -> Float[Array, "batch time key"]:
        """Return those of every key in the frame after each, with zeros before the first."""
        x = inputs.astype(jnp.float32)
        return self.network.apply(params["network"], x, padding="zeros", key=key)[0]

    def totals(self, params: Params, batch: Mapping[str, Any], key: Key | None = None) -> Totals:
        """Return `nats` and the `count` of frames; see `umir.sequence_tasks.piano_rolls`."""
        logits = self.logits(params, jnp.asarray(batch["inputs"]), key)
        targets = batch["targets"].astype(jnp.float32)
        nats = optax.sigmoid_binary_cross_entropy(logits, targets).sum(axis=-1)  # (batch, time)
        return {"nats": jnp.sum(nats * batch["mask"]), "count": jnp.sum(batch["mask"])}

    def scores(self, totals: Mapping[str, float]) -> dict[str, float]:
        """Return `nats_per_frame`."""
        return {self.headline: totals["nats"] / totals["count"]}
