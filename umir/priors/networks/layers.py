"""What networks on pictures and spectrograms are made of, beside convolutions."""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from umir.wave_unet.convolution import transposed_convolution
from umir.wave_unet.parameters import init_uniform
from umir.wave_unet.separators.layers import Layer

LEAK = 0.01  # of critics, as PyTorch has it


def init_transposed(
    key: PRNGKeyArray, window: tuple[int, ...], channels_in: int, channels_out: int
) -> Layer:
    """Draw a transposed convolution, whose kernel is that of the convolution that it undoes.

    The kernel is drawn as PyTorch does; the bias is zero.

    Returns:
        `kernel`, `(*window, out, in)`, and `bias`, `(out,)`.
    """
    layer = init_uniform(key, window, channels_out, channels_in)
    return {"kernel": layer["kernel"], "bias": jnp.zeros((channels_out,), jnp.float32)}


def dense(layer: Layer, x: Float[Array, "batch feature"]) -> Float[Array, "batch out"]:
    """Multiply by the kernel and add the bias, if there is one."""
    y = x @ layer["kernel"]
    return y + layer["bias"][None] if "bias" in layer else y


def spread(
    layer: Layer,
    y: Float[Array, "batch height width channel"],
    stride: int,
    padding: int = 0,
) -> Float[Array, "batch high wide out"]:
    """Run a transposed convolution, `stride` times as large less what the padding takes."""
    taps = layer["kernel"].shape[:2]
    space = [(n - 1) * stride + k - 2 * padding for n, k in zip(y.shape[1:3], taps, strict=True)]
    x = transposed_convolution(
        y, layer["kernel"], space=space, stride=stride, padding=((padding, padding),) * 2
    )
    return x + layer["bias"][None, None, None]


def halved(
    x: Float[Array, "batch height width channel"],
) -> Float[Array, "batch high wide channel"]:
    """Return the maximum of every two by two pixels; what is odd is cut off.

    Not by `jnp.max`: its gradient is divided by the number of pixels that equal the maximum, and
    where XLA computes them a second time, rounded otherwise, none does (0 / 0).
    """
    batch, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    x = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
    x = jnp.maximum(x[:, :, 0], x[:, :, 1])
    return jnp.maximum(x[:, :, :, 0], x[:, :, :, 1])


def doubled(
    x: Float[Array, "batch height width channel"],
) -> Float[Array, "batch high wide channel"]:
    """Interpolate bilinearly to twice the size, corners on corners."""
    down, across = (jnp.asarray(_between(n), x.dtype) for n in x.shape[1:3])
    x = jnp.einsum("bhwc,hH->bHwc", x, down)
    return jnp.einsum("bhwc,wW->bhWc", x, across)


def _between(size: int) -> np.ndarray:
    """Return the weights `(size, 2 * size)` of linear interpolation with corners on corners."""
    places = np.arange(2 * size) * max(size - 1, 0) / max(2 * size - 1, 1)
    return np.maximum(0, 1 - np.abs(places[None] - np.arange(size)[:, None]))


def cropped(
    x: Float[Array, "batch height width channel"], space: tuple[int, ...]
) -> Float[Array, "batch high wide channel"]:
    """Return the middle of a picture; where that is not whole, the earlier of the two."""
    top, left = (x.shape[1] - space[0]) // 2, (x.shape[2] - space[1]) // 2
    return x[:, top : top + space[0], left : left + space[1]]


def named(
    x: Float[Array, "batch *space channel"], parts: tuple[tuple[str, int], ...]
) -> dict[str, Float[Array, "batch *space _"]]:
    """Return the channels of an array as parts, by name and number of channels."""
    found, first = {}, 0
    for name, channels in parts:
        found[name] = x[..., first : first + channels]
        first += channels
    return found
