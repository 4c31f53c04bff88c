"""What parameters, states and random keys are, and how PyTorch starts a layer."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import PRNGKeyArray, UInt32

# Nested dictionaries of arrays.
Params = dict[str, Any]
Key = PRNGKeyArray | UInt32[Array, "2"]


def init_uniform(
    key: Key, window: int | tuple[int, ...], channels_in: int, channels_out: int
) -> Params:
    """Draw a layer as PyTorch does: all of it uniform within one over the root of the fan-in.

    Args:
        key: what to draw from.
        window: taps, one number per axis of space; `()` for a dense layer.
        channels_in: channels of the input.
        channels_out: channels of the output.

    Returns:
        `kernel`, `(*window, in, out)`, and `bias`, `(out,)`.
    """
    window = (window,) if isinstance(window, int) else window
    bound = 1 / math.sqrt(math.prod(window) * channels_in)
    shapes = {"kernel": (*window, channels_in, channels_out), "bias": (channels_out,)}
    return {
        name: jax.random.uniform(own, shape, jnp.float32, -bound, bound)
        for own, (name, shape) in zip(jax.random.split(key), shapes.items(), strict=True)
    }


def n_parameters(params: Any) -> int:
    """Return how many numbers a tree of arrays holds."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def scalar(value: Any, dtype: type = np.float32) -> np.ndarray:
    """Return a number as states have it and checkpoints take it: an array without axes."""
    return np.asarray(value, dtype)


def whole_number(value: Any) -> np.ndarray:
    """Return a whole number as states have it (see `scalar`)."""
    return scalar(value, np.int32)
