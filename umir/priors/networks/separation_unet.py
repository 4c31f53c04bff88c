"""The U-Net of the adversarial separation (Stoller, Ewert, Dixon: ICASSP 2018).

It sees magnitudes, log(1 + |X|), of a mixture and gives those of every source, without masks and
without padding: what goes in is larger than what comes out.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from umir.priors.factor_gan import Parts
from umir.priors.networks.layers import cropped, halved, spread
from umir.wave_unet.parameters import Params
from umir.wave_unet.separators.layers import convolve, init_convolution

TAPS = (3, 3)
MIXTURE = "mixture"


@dataclass(frozen=True)
class SeparationUNet:
    """A convolution per level, down by maxima and up by transposed convolutions.

    Attributes:
        sources: their names.
        filters: of the first convolution, twice as many in each below.
        levels: how often the picture is halved.
        leak: slope of the ReLUs below zero.
        column: bins at the bottom that are seen at once by a path of its own, in which a filter
            takes all of them together and another spreads what it found over all again; 0: none.
    """

    sources: tuple[str, ...]
    filters: int = 16
    levels: int = 4
    leak: float = 0.0
    column: int = 0

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the convolutions on the way down."""
        return tuple(self.filters << n for n in range(self.levels + 1))

    def output_space(self, space: tuple[int, int]) -> tuple[int, int]:
        """Return how many bins and frames come out of so many.

        Raises:
            ValueError: none do, or a level has an odd number, half of which would be lost.
        """
        height, width = (self._output_size(size) for size in space)
        return height, width

    def input_space(self, space: tuple[int, int]) -> tuple[int, int]:
        """Return how many bins and frames must go in for at least so many to come out."""
        height, width = (self._input_size(size) for size in space)
        return height, width

    def bottom(self, size: int) -> int:
        """Return how many bins or frames the lowest level has of so many that go in."""
        return (size - 2 - 4 * ((1 << self.levels) - 1)) >> self.levels

    def _input_size(self, size: int) -> int:
        for _ in range(self.levels):
            size = (size + 3) // 2
        for _ in range(self.levels):
            size = 2 * (size + 2)
        return size + 2

    def _output_size(self, size: int) -> int:
        left = size - 2
        for _ in range(self.levels):
            if left % 2 or left <= 4:
                raise ValueError(f"{size} bins or frames cannot be halved {self.levels} times")
            left = left // 2 - 2
        for _ in range(self.levels):
            left = 2 * left - 2
        if left < 1:
            raise ValueError(f"nothing comes out of {size} bins or frames")
        return left

    @property
    def features_out(self) -> int:
        """Channels of `features`."""
        return self.widths[0] + 1

    def init(self, key: PRNGKeyArray) -> Params:
        """Draw fresh parameters: Glorot's uniform kernels, biases of zero."""
        keys = iter(jax.random.split(key, 3 * self.levels + 1 + len(self.sources)))
        channels, params = (1, *self.widths), {}
        for n, width in enumerate(self.widths):
            params[f"down{n}"] = init_convolution(next(keys), TAPS, channels[n], width)
        for n in reversed(range(self.levels)):
            width = self.widths[n]
            below = 2 * width
            if self.column and n == self.levels - 1:
                params |= self._init_column(jax.random.fold_in(key, n))
                below *= 2
            params[f"up{n}"] = _init_spread(next(keys), (2, 2), below, width)
            params[f"joined{n}"] = init_convolution(next(keys), TAPS, 2 * width, width)
        for name in self.sources:
            last = init_convolution(next(keys), (1, 1), self.features_out, 1)
            params[f"source_{name}"] = last
        return params

    def _init_column(self, key: PRNGKeyArray) -> Params:
        """Draw the path over all bins, a quarter as wide as the bottom in between."""
        width, taps = self.widths[-1], (self.column, 1)
        taken, spread_out = jax.random.split(key)
        return {
            "column_taken": init_convolution(taken, taps, width, width // 4),
            "column_spread": _init_spread(spread_out, taps, width // 4, width),
        }

    def apply(
        self, params: Params, inputs: Parts, *, training: bool = False
    ) -> tuple[dict[str, Float[Array, "batch bin frame 1"]], dict[str, Any]]:
        """Return the magnitudes of every source, on the scale of the input, and no features.

        Args:
            params: as `init` returns them.
            inputs: `mixture`, `(batch, bin, frame, 1)`.
            training: makes no difference.
        """
        x = self.features(params, jnp.asarray(inputs[MIXTURE]))
        return {
            name: jax.nn.relu(convolve(params[f"source_{name}"], x)) for name in self.sources
        }, {}

    def features(
        self, params: Params, mixture: Float[Array, "batch bin frame 1"]
    ) -> Float[Array, "batch kept_bin kept_frame feature"]:
        """Return what the last layer sees: what comes up, and the mixture in its first channel."""
        space = self.output_space((mixture.shape[1], mixture.shape[2]))
        x, skips = mixture, []
        for n in range(self.levels + 1):
            x = self._activated(convolve(params[f"down{n}"], halved(x) if n else x))
            skips.append(x)
        if self.column:
            x = jnp.concatenate([x, self._column(params, x)], axis=3)
        for n in reversed(range(self.levels)):
            x = spread(params[f"up{n}"], x, 2)
            x = jnp.concatenate([cropped(skips[n], x.shape[1:3]), x], axis=3)
            x = self._activated(convolve(params[f"joined{n}"], x))
        return jnp.concatenate([cropped(mixture, space), x], axis=3)

    def _column(self, params: Params, x: Array) -> Array:
        together = self._activated(convolve(params["column_taken"], x))
        return self._activated(spread(params["column_spread"], together, 1))

    def _activated(self, x: Array) -> Array:
        return jax.nn.leaky_relu(x, self.leak) if self.leak else jax.nn.relu(x)

    def remembered(self, params: Params, features: dict[str, Any]) -> Params:
        """Return the parameters as they are: there are no statistics."""
        return params


def _init_spread(
    key: PRNGKeyArray, window: tuple[int, ...], channels_in: int, channels_out: int
) -> Params:
    """Draw a transposed convolution: the kernel of the convolution that it undoes."""
    layer = init_convolution(key, window, channels_out, channels_in)
    return layer | {"bias": jnp.zeros((channels_out,))}
