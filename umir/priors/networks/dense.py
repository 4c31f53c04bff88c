"""Dense networks: the critics and generators of paired digits (FactorGAN, ICLR 2020)."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from umir.priors.factor_gan import Parts
from umir.priors.networks.layers import LEAK, dense, named
from umir.wave_unet.parameters import Params, init_uniform


@dataclass(frozen=True)
class DenseCritic:
    """Two hidden layers, and a number.

    Attributes:
        inputs: numbers per sample, those of all parts together.
        width: of the hidden layers.
    """

    inputs: int
    width: int = 128

    def init(self, key: PRNGKeyArray) -> Params:
        """Draw fresh parameters, as PyTorch does."""
        return _init_layers(key, (self.inputs, self.width, self.width, 1))

    def apply(
        self, params: Params, x: Float[Array, "batch *space channel"]
    ) -> Float[Array, " batch"]:
        """Return a number for each sample."""
        x = x.reshape(len(x), -1)
        for name in ("layer1", "layer2"):
            x = jax.nn.leaky_relu(dense(params[name], x), LEAK)
        return dense(params["layer3"], x)[:, 0]


@dataclass(frozen=True)
class DenseGenerator:
    """Two hidden layers, and parts of one shape with values from 0 to 1.

    Attributes:
        space: size of every part, `()` for plain numbers.
        parts: name and channels of each.
        noise: numbers that it makes a sample of, the part `noise` of its inputs.
        width: of the hidden layers.
    """

    space: tuple[int, ...]
    parts: tuple[tuple[str, int], ...]
    noise: int = 50
    width: int = 128

    @property
    def shape(self) -> tuple[int, ...]:
        """Space and channels of all parts together."""
        return (*self.space, sum(channels for _, channels in self.parts))

    def init(self, key: PRNGKeyArray) -> Params:
        """Draw fresh parameters, as PyTorch does."""
        return _init_layers(key, (self.noise, self.width, self.width, math.prod(self.shape)))

    def apply(
        self, params: Params, inputs: Parts, *, training: bool = False
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the parts, each `(batch, *space, channel)`, and no features."""
        x = jnp.asarray(inputs["noise"])
        for name in ("layer1", "layer2"):
            x = jax.nn.relu(dense(params[name], x))
        x = jax.nn.sigmoid(dense(params["layer3"], x))
        return named(x.reshape(len(x), *self.shape), self.parts), {}

    def remembered(self, params: Params, features: dict[str, Any]) -> Params:
        """Return the parameters as they are: there are no statistics."""
        return params


def _init_layers(key: PRNGKeyArray, widths: tuple[int, ...]) -> Params:
    keys = jax.random.split(key, len(widths) - 1)
    pairs = zip(keys, widths[:-1], widths[1:], strict=True)
    return {f"layer{n}": init_uniform(k, (), *pair) for n, (k, *pair) in enumerate(pairs, 1)}
