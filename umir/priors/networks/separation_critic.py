"""The critic of the adversarial separation (Stoller, Ewert, Dixon: ICASSP 2018)."""

import math
from dataclasses import dataclass

import jax
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from umir.priors.networks.layers import dense
from umir.wave_unet.parameters import Params
from umir.wave_unet.separators.layers import convolve, init_convolution

LEAK = 0.2
SMALLEST = 4  # a side that is halved no more
DENSE = 32


@dataclass(frozen=True)
class SeparationCritic:
    """Convolutions that halve both sides, then the bins alone, and two dense layers.

    Attributes:
        space: bins and frames, powers of 2, at least as many bins as frames.
        channels: of all parts together.
        filters: of the first convolution, twice as many in each that halves both sides.
    """

    space: tuple[int, int] = (256, 64)
    channels: int = 1
    filters: int = 32

    @property
    def layers(self) -> tuple[tuple[tuple[int, int], tuple[int, int], int], ...]:
        """Taps, strides and channels of every convolution."""
        height, width = self.space
        found: list[tuple[tuple[int, int], tuple[int, int], int]] = []
        while min(height, width) > SMALLEST:
            found.append(((4, 4), (2, 2), self.filters << len(found)))
            height, width = height // 2, width // 2
        while height > SMALLEST:
            found.append(((4, 2), (2, 1), found[-1][2] if found else self.filters))
            height //= 2
        return tuple(found)

    def init(self, key: PRNGKeyArray) -> Params:
        """Draw fresh parameters: Glorot's uniform kernels, biases of zero."""
        layers = self.layers
        keys = jax.random.split(key, len(layers) + 2)
        params, channels, space = {}, self.channels, self.space
        for n, (taps, strides, width) in enumerate(layers):
            params[f"level{n + 1}"] = init_convolution(keys[n], taps, channels, width)
            channels = width
            space = (space[0] // strides[0], space[1] // strides[1])
        features = math.prod(space) * channels
        params["dense"] = init_convolution(keys[-2], (), features, DENSE)
        params["output"] = {"kernel": init_convolution(keys[-1], (), DENSE, 1)["kernel"]}
        return params

    def apply(
        self, params: Params, x: Float[Array, "batch bin frame channel"]
    ) -> Float[Array, " batch"]:
        """Return a number for each spectrogram."""
        for n, (_, strides, _) in enumerate(self.layers):
            x = convolve(params[f"level{n + 1}"], x, "same", stride=strides)
            x = jax.nn.leaky_relu(x, LEAK)
        x = jax.nn.leaky_relu(dense(params["dense"], x.reshape(len(x), -1)), LEAK)
        return dense(params["output"], x)[:, 0]
