"""What the published separators are made of: convolutions with a bias, cropping, clipping."""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from umir.wave_unet.convolution import Padding, convolution
from umir.wave_unet.parameters import Key

TOGETHER = "all"  # the one net, where sources have none of their own

Layer = dict[str, Array]


def init_convolution(
    key: Key, window: int | tuple[int, ...], channels_in: int, channels_out: int
) -> Layer:
    """Draw a convolution as TensorFlow 1 did: Glorot's uniform kernel, no bias yet.

    Args:
        key: what to draw from.
        window: taps, one number per axis of space.
        channels_in: channels of the input.
        channels_out: channels of the output.

    Returns:
        `kernel`, `(*window, in, out)`, and `bias`, `(out,)`.
    """
    window = (window,) if isinstance(window, int) else window
    draw = jax.nn.initializers.glorot_uniform()
    kernel = draw(key, (*window, channels_in, channels_out), jnp.float32)
    return {"kernel": kernel, "bias": jnp.zeros((channels_out,))}


def convolve(
    layer: Layer,
    x: Float[Array, "batch *space in_channel"],
    padding: Padding = "valid",
    stride: int | tuple[int, ...] = 1,
) -> Float[Array, "batch *frames out_channel"]:
    """Convolve, and add the bias."""
    y = convolution(x, layer["kernel"], padding=padding, stride=stride)
    return y + layer["bias"].reshape((1,) * (y.ndim - 1) + (-1,))


def crop(x: Float[Array, "batch time channel"], length: int) -> Float[Array, "batch _ channel"]:
    """Return the middle of a signal; where that is not whole, the earlier of the two middles.

    Raises:
        ValueError: the signal is shorter than that.
    """
    surplus = x.shape[1] - length
    if surplus < 0:
        raise ValueError(f"cannot crop {x.shape[1]} samples to {length}")
    return x[:, surplus // 2 : surplus // 2 + length]


def clip(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Hold amplitudes in [-1, 1], as audio files do."""
    return jnp.clip(x, -1.0, 1.0)
