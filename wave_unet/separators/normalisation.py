"""Group and batch normalisation of channels-last signals, with PyTorch's constants."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from umir.wave_unet.parameters import Params
from umir.wave_unet.separators.layers import Layer

EPSILON = 1e-5
GROUP = 8  # channels that are normalised together


def init_scale(channels: int) -> Layer:
    """Return a scale of 1 and a shift of 0 for each channel."""
    return {"scale": jnp.ones((channels,)), "shift": jnp.zeros((channels,))}


def init_statistics(channels: int) -> Layer:
    """Return the mean and variance that batch normalisation begins with."""
    return {"mean": jnp.zeros((channels,)), "variance": jnp.ones((channels,))}


def group_normalised(
    x: Float[Array, "batch time channel"], layer: Layer
) -> Float[Array, "batch time channel"]:
    """Normalise each group of channels over time and channels, then scale and shift.

    Raises:
        ValueError: channels that do not make whole groups.
    """
    if x.shape[2] % GROUP:
        raise ValueError(f"{x.shape[2]} channels do not make groups of {GROUP}")
    centred = x - _group_means(jnp.mean(x, axis=1))[:, None]
    # As einsum: a sum over time of products, here and in the gradient of the scale below, is 50
    # times as slow in XLA on a CPU when the batch is one.
    squares = jnp.einsum("btc,btc->bc", centred, centred)
    variance = _group_means(squares / x.shape[1])
    scale = lax.rsqrt(variance + EPSILON) * layer["scale"][None]  # (batch, channel)
    return jnp.einsum("btc,bc->btc", centred, scale) + layer["shift"][None, None]


def _group_means(means: Float[Array, "batch channel"]) -> Float[Array, "batch channel"]:
    """Return for each channel the mean over its group of channels."""
    groups = jnp.mean(means.reshape(len(means), -1, GROUP), axis=2)
    return jnp.repeat(groups, GROUP, axis=1)


def batch_normalised(
    x: Float[Array, "batch *space channel"],
    layer: Layer,
    statistics: Layer | None,
    epsilon: float = EPSILON,
) -> tuple[Float[Array, "batch *space channel"], Layer]:
    """Normalise each channel, then scale and shift.

    Args:
        x: any axes of space.
        layer: `shift` and, unless the layer is one without, `scale`.
        statistics: `mean` and `variance` to use; None for those of this batch.
        epsilon: what is added to the variance.

    Returns:
        What is normalised; and the statistics of this batch, the variance unbiased, as they are
        averaged for later (or those that were given).
    """
    shape = (1,) * (x.ndim - 1) + (-1,)
    if statistics is None:
        axes = tuple(range(x.ndim - 1))
        mean, variance = jnp.mean(x, axes), jnp.var(x, axes)
        count = x.size // x.shape[-1]
        unbiased = variance * (count / max(count - 1, 1))
        statistics = jax.tree.map(lax.stop_gradient, {"mean": mean, "variance": unbiased})
    else:
        mean, variance = statistics["mean"], statistics["variance"]
    normal = (x - mean.reshape(shape)) * lax.rsqrt(variance.reshape(shape) + epsilon)
    return _scaled(normal, layer), statistics


def has_statistics(params: Params) -> bool:
    """Return whether any layer remembers what batches were like."""
    children = [node for node in params.values() if isinstance(node, dict)]
    return "variance" in params or any(has_statistics(node) for node in children)


def with_statistics(
    params: Params, found: Mapping[str, Mapping[str, Layer]], momentum: float
) -> Params:
    """Return parameters whose statistics have moved towards those of a batch.

    Args:
        params: net -> its layers, nested.
        found: net -> path of a layer -> the statistics that the batch had there.
        momentum: what stays of the stored ones.
    """
    for net, layers in found.items():
        for path, statistics in layers.items():
            params = _replaced(params, [net, *path.split("/")], statistics, momentum)
    return params


def _replaced(node: Params, path: list[str], statistics: Layer, momentum: float) -> Params:
    if path:
        first, *rest = path
        return {**node, first: _replaced(node[first], rest, statistics, momentum)}
    moved = {n: momentum * node[n] + (1 - momentum) * value for n, value in statistics.items()}
    return {**node, **moved}


def _scaled(x: Array, layer: Layer) -> Array:
    shape = (1,) * (x.ndim - 1) + (-1,)
    scaled = x * layer["scale"].reshape(shape) if "scale" in layer else x
    return scaled + layer["shift"].reshape(shape)
