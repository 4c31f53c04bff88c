"""Convolutional critics and generators of pictures (FactorGAN, ICLR 2020, after DCGAN)."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from umir.priors.factor_gan import Parts
from umir.priors.networks.layers import LEAK, dense, init_transposed, named, spread
from umir.wave_unet.parameters import Params, init_uniform
from umir.wave_unet.separators.layers import convolve

TAPS, PADDING = (4, 4), 1  # of convolutions that halve or double
SMALLEST = 4  # the shorter side of what is left in the end


@dataclass(frozen=True)
class ConvolutionalCritic:
    """Convolutions that halve, until the shorter side is 4, and a number.

    Attributes:
        space: height and width of the input, the shorter one a power of 2.
        channels: of all parts together.
        filters: of the first convolution, twice as many in each that follows.
    """

    space: tuple[int, int]
    channels: int
    filters: int = 32

    @property
    def levels(self) -> int:
        """Number of convolutions."""
        return int(math.log2(min(self.space) // SMALLEST))

    def init(self, key: PRNGKeyArray) -> Params:
        """Draw fresh parameters, as PyTorch does."""
        keys = jax.random.split(key, self.levels + 1)
        widths = (self.channels, *(self.filters << n for n in range(self.levels)))
        params = {
            f"level{n + 1}": init_uniform(keys[n], TAPS, widths[n], widths[n + 1])
            for n in range(self.levels)
        }
        features = math.prod(size >> self.levels for size in self.space) * widths[-1]
        return {**params, "output": {"kernel": init_uniform(keys[-1], (), features, 1)["kernel"]}}

    def apply(
        self, params: Params, x: Float[Array, "batch height width channel"]
    ) -> Float[Array, " batch"]:
        """Return a number for each picture."""
        for n in range(self.levels):
            x = convolve(params[f"level{n + 1}"], x, ((PADDING, PADDING),) * 2, stride=2)
            x = jax.nn.leaky_relu(x, LEAK)
        return dense(params["output"], x.reshape(len(x), -1))[:, 0]


@dataclass(frozen=True)
class ConvolutionalGenerator:
    """Transposed convolutions from noise to parts with values from 0 to 1.

    Attributes:
        size: height and width of every part, a power of 2.
        parts: name and channels of each.
        noise: numbers that it makes a sample of, the part `noise` of its inputs.
        filters: of the last convolution but one, twice as many in each before.
    """

    size: int
    parts: tuple[tuple[str, int], ...]
    noise: int = 50
    filters: int = 64

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels from the noise to the output."""
        levels = int(math.log2(self.size // SMALLEST))
        hidden = [self.filters << n for n in reversed(range(levels))]
        return (self.noise, *hidden, sum(channels for _, channels in self.parts))

    def init(self, key: PRNGKeyArray) -> Params:
        """Draw fresh parameters, kernels as PyTorch does."""
        widths = self.widths
        keys = jax.random.split(key, len(widths) - 1)
        pairs = zip(keys, widths[:-1], widths[1:], strict=True)
        return {
            f"level{n}": init_transposed(k, TAPS, *pair) for n, (k, *pair) in enumerate(pairs, 1)
        }

    def apply(
        self, params: Params, inputs: Parts, *, training: bool = False
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the parts, each `(batch, size, size, channel)`, and no features."""
        x = jnp.asarray(inputs["noise"])[:, None, None]
        last = len(self.widths) - 1
        for n in range(1, last + 1):
            x = spread(params[f"level{n}"], x, *((1, 0) if n == 1 else (2, PADDING)))
            x = jax.nn.relu(x) if n < last else jax.nn.sigmoid(x)
        return named(x, self.parts), {}

    def remembered(self, params: Params, features: dict[str, Any]) -> Params:
        """Return the parameters as they are: there are no statistics."""
        return params
