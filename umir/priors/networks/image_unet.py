"""The U-Net that makes one picture of another (FactorGAN, ICLR 2020, section on segmentation)."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from umir.priors.factor_gan import Parts
from umir.priors.networks.layers import dense, doubled, halved, named
from umir.wave_unet.parameters import Params, init_uniform
from umir.wave_unet.separators.layers import Layer, convolve
from umir.wave_unet.separators.normalisation import (
    batch_normalised,
    init_scale,
    init_statistics,
    with_statistics,
)

TAPS = (3, 3)
MEMORY = 0.9  # of the statistics of batch normalisation, as PyTorch has it
NOISE_CHANNELS = 2


@dataclass(frozen=True)
class ImageUNet:
    """Blocks of two convolutions, normalised by the batch, down by maxima and up bilinearly.

    Noise becomes two more channels at the bottom.

    Attributes:
        source: name and channels of the part that it is given.
        parts: names and channels of those that it makes, with values from 0 to 1.
        space: height and width, multiples of `2 ** levels`.
        width: channels of the first block, twice as many in each below, but the last.
        levels: how often the picture is halved.
        noise: numbers of noise, the part `noise` of its inputs.
        whole: whether the channels of the parts are shares that add up to 1 (softmax), as of
            classes; else each is from 0 to 1 by itself (sigmoid), as published.
    """

    source: tuple[str, int]
    parts: tuple[tuple[str, int], ...]
    space: tuple[int, int]
    width: int = 32
    levels: int = 4
    noise: int = 50
    whole: bool = False

    def __post_init__(self):
        if any(size % (1 << self.levels) for size in self.space):
            raise ValueError(f"a picture of {self.space} cannot be halved {self.levels} times")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the blocks on the way down."""
        return tuple(self.width << min(n, self.levels - 1) for n in range(self.levels + 1))

    @property
    def bottom(self) -> tuple[int, int]:
        """Height and width of what is below the last level."""
        return self.space[0] >> self.levels, self.space[1] >> self.levels

    def init(self, key: PRNGKeyArray) -> Params:
        """Draw fresh parameters, as PyTorch does."""
        keys = iter(jax.random.split(key, 2 * self.levels + 3))
        widths, levels = self.widths, self.levels
        channels = (self.source[1], *widths)
        down = {
            f"level{n}": _init_block(next(keys), channels[n], widths[n]) for n in range(levels + 1)
        }
        up, below = {}, widths[-1] + NOISE_CHANNELS
        for n in reversed(range(levels)):
            out = widths[max(n - 1, 0)]
            up[f"level{n}"] = _init_block(next(keys), below + widths[n], out)
            below = out
        height, width = self.bottom
        output = init_uniform(next(keys), (1, 1), below, sum(c for _, c in self.parts))
        noise = init_uniform(next(keys), (), self.noise, NOISE_CHANNELS * height * width)
        return {"encoder": down, "decoder": up, "ends": {"noise": noise, "output": output}}

    def apply(
        self, params: Params, inputs: Parts, *, training: bool = False
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Make parts of a picture and of noise.

        Args:
            params: as `init` returns them.
            inputs: the source, `(batch, height, width, channel)`, and `noise`, `(batch, number)`.
            training: normalise batches by themselves.

        Returns:
            The parts, and the statistics of every layer in this batch.
        """
        run = _Run(params, training)
        x, skips = jnp.asarray(inputs[self.source[0]]), []
        for n in range(self.levels + 1):
            x = run(halved(x) if n else x, "encoder", f"level{n}")
            skips.append(x)
        noise = dense(params["ends"]["noise"], jnp.asarray(inputs["noise"]))
        x = jnp.concatenate([x, noise.reshape(len(x), *self.bottom, NOISE_CHANNELS)], axis=3)
        for n in reversed(range(self.levels)):
            x = run(jnp.concatenate([skips[n], doubled(x)], axis=3), "decoder", f"level{n}")
        x = convolve(params["ends"]["output"], x)
        x = jax.nn.softmax(x, axis=3) if self.whole else jax.nn.sigmoid(x)
        return named(x, self.parts), run.statistics

    def remembered(self, params: Params, features: dict[str, Any]) -> Params:
        """Return the parameters with a tenth of the statistics that a batch had."""
        return with_statistics(params, features, MEMORY)


def _init_block(key: PRNGKeyArray, channels_in: int, channels_out: int) -> Params:
    keys = jax.random.split(key)
    return {
        name: init_uniform(own, TAPS, channels, channels_out)
        | init_scale(channels_out)
        | init_statistics(channels_out)
        for name, own, channels in zip(
            ("first", "second"), keys, (channels_in, channels_out), strict=True
        )
    }


class _Run:
    """The net on one batch: the statistics that it comes to are kept."""

    def __init__(self, params: Params, training: bool):
        self.params, self.training = params, training
        self.statistics: dict[str, dict[str, Layer]] = {"encoder": {}, "decoder": {}}

    def __call__(self, x: Array, side: str, level: str) -> Float[Array, "batch _ _ _"]:
        """Return what a block makes of its input."""
        for name in ("first", "second"):
            layer = self.params[side][level][name]
            stored = None if self.training else {k: layer[k] for k in ("mean", "variance")}
            x, statistics = batch_normalised(convolve(layer, x, "same"), layer, stored)
            self.statistics[side][f"{level}/{name}"] = statistics
            x = jax.nn.relu(x)
        return x
