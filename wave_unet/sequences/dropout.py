"""Dropout under an explicit key: without one, nothing is dropped."""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from umir.wave_unet.parameters import Key


def dropout(x: Float[Array, "*axes"], rate: float, key: Key | None) -> Float[Array, "*axes"]:
    """Put zeros in place of a share of the numbers, and scale the others to keep the mean.

    Args:
        x: any shape.
        rate: probability of a zero, at least 0 and below 1.
        key: what to draw from; None leaves `x` as it is.

    Returns:
        The shape of `x`.
    """
    if key is None or rate == 0:
        return x
    kept = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(kept, x / (1 - rate), jnp.zeros_like(x))


def check_rate(rate: float) -> None:
    """Raise unless a rate of dropout is at least 0 and below 1.

    Raises:
        ValueError: it is not.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"a dropout of {rate}: give a share of at least 0 and below 1")


def split_or_none(key: Key | None, count: int) -> list[Key | None]:
    """Split a key, or give None as often where there is no key."""
    return [None] * count if key is None else list(jax.random.split(key, count))
