"""Raw audio: the next sample, one of 256 mu-law classes, from those before.

One channel at 16 kHz, one-hot. Windows are without padding; before a file begins there is silence.
Scored in bits per sample.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
from jax import Array
from jaxtyping import Float, Int

from umir.sequence_tasks.batches import WindowSizes
from umir.sequence_tasks.mu_law import CLASSES
from umir.sequence_tasks.task import SequenceTask
from umir.wave_unet.parameters import Key, Params


@dataclass(frozen=True)
class RawAudio(SequenceTask):
    """Prediction of samples.

    Attributes:
        network: 256 channels in and out.
        targets: least number of targets per window.
        rate: sampling rate in Hz.
    """

    targets: int = 5000
    rate: int = 16_000
    kind: ClassVar[str] = "audio"
    headline: ClassVar[str] = "bits_per_sample"

    def __post_init__(self):
        if self.network.channels != CLASSES or self.network.outputs != CLASSES:
            raise ValueError(f"audio takes a network of {CLASSES} channels in and out")

    @property
    def sizes(self) -> WindowSizes:
        """Lengths of windows."""
        inputs = self.network.input_length(self.targets)
        return WindowSizes(inputs, self.network.output_length(inputs))

    def logits(
        self, params: Params, inputs: Int[Array, "batch time"], key: Key | None = None
    ) -> Float[Array, "batch _ class"]:
        """Return those of every class, for the inputs that have a whole context."""
        x = jax.nn.one_hot(inputs, CLASSES)
        return self.network.apply(params["network"], x, padding="valid", key=key)[0]

    def scores(self, totals: Mapping[str, float]) -> dict[str, float]:
        """Return `bits_per_sample` and `accuracy`."""
        count = totals["count"]
        bits = totals["nats"] / count / math.log(2)
        return {self.headline: bits, "accuracy": totals["correct"] / count}
