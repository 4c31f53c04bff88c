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
from umir.wave_unet.separators.layers import convolve, init_convolution

Params = dict[str, Any]
TAPS = (3, 3)
MIXTURE = "mixture"


@dataclass(frozen=True)
class SeparationUNet:
    """A convolution per level, down by maxima and up by transposed convolutions.

    Attributes:
        sources: their names.
        filters: of the first convolution, twice as many in each below.
        levels: how often the picture is halved.
    """

    sources: tuple[str, ...]
    filters: int = 16
    levels: int = 4

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

    def init(self, key: PRNGKeyArray) -> Params:
        """Draw fresh parameters: Glorot's uniform kernels, biases of zero."""
        keys = iter(jax.random.split(key, 3 * self.levels + 1 + len(self.sources)))
        channels, params = (1, *self.widths), {}
        for n, width in enumerate(self.widths):
            params[f"down{n}"] = init_convolution(next(keys), TAPS, channels[n], width)
        for n in reversed(range(self.levels)):
            width = self.widths[n]
            up = init_convolution(next(keys), (2, 2), width, 2 * width)
            params[f"up{n}"] = up | {"bias": jnp.zeros((width,))}
            params[f"joined{n}"] = init_convolution(next(keys), TAPS, 2 * width, width)
        for name in self.sources:
            last = init_convolution(next(keys), (1, 1), self.widths[0] + 1, 1)
            params[f"source_{name}"] = last
        return params

    def apply(
        self, params: Params, inputs: Parts, *, training: bool = False
    ) -> tuple[dict[str, Float[Array, "batch bin frame 1"]], dict[str, Any]]:
        """Return the magnitudes of every source, on the scale of the input, and no features.

        Args:
            params: as `init` returns them.
            inputs: `mixture`, `(batch, bin, frame, 1)`.
            training: makes no difference.
        """
        mixture = jnp.asarray(inputs[MIXTURE])
        space = self.output_space((mixture.shape[1], mixture.shape[2]))
        x, skips = mixture, []
        for n in range(self.levels + 1):
            x = jax.nn.relu(convolve(params[f"down{n}"], halved(x) if n else x))
            skips.append(x)
        for n in reversed(range(self.levels)):
            x = spread(params[f"up{n}"], x, 2)
            x = jnp.concatenate([cropped(skips[n], x.shape[1:3]), x], axis=3)
            x = jax.nn.relu(convolve(params[f"joined{n}"], x))
        x = jnp.concatenate([cropped(mixture, space), x], axis=3)
        return {
            name: jax.nn.relu(convolve(params[f"source_{name}"], x)) for name in self.sources
        }, {}

    def remembered(self, params: Params, features: dict[str, Any]) -> Params:
        """Return the parameters as they are: there are no statistics."""
        return params
