"""Changing the rate of features by whole factors; frame n of rate r stays at n / r seconds."""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from umir.wave_unet.convolution import convolution


def upsample_linear(x: Float[Array, "batch frame channel"], factor: int) -> Float[Array, "..."]:
    """Raise the rate by linear interpolation: `out[:, factor * n] == x[:, n]`.

    Written with two slices and a weighted sum: `jax.image.resize` multiplies by a dense matrix,
    which at audio rates costs more than the rest of a network.

    Args:
        x: shape `(batch, frame, channel)`.
        factor: whole number of output frames per input frame.

    Returns:
        Shape `(batch, frame * factor, channel)`; the last frame is held to the end.

    Raises:
        ValueError: a factor below 1.
    """
    if factor < 1:
        raise ValueError(f"cannot upsample by {factor}: the factor must be 1 or more")
    if factor == 1:
        return x
    batch, frame, channel = x.shape
    following = jnp.concatenate([x[:, 1:], x[:, -1:]], axis=1)
    weight = jnp.asarray(np.arange(factor) / factor, x.dtype)[None, None, :, None]
    mixed = (1 - weight) * x[:, :, None, :] + weight * following[:, :, None, :]
    return mixed.reshape(batch, frame * factor, channel)


def upsampled_convolution(
    x: Float[Array, "batch frame in_channel"],
    kernel: Float[Array, "tap in_channel out_channel"],
    factor: int,
) -> Float[Array, "batch time out_channel"]:
    """Convolve the linear interpolation of a signal, without computing the interpolation.

    Interpolation is a convolution with a hat, so both together are one convolution at the low rate
    that gives all `factor` samples of a frame:

        y[factor n + b] = sum_t x[n + t] W[t, b]
        W[t, b] = sum_k hat(b + k - centre - factor t) kernel[k]
        hat(i) = max(0, 1 - |i| / factor)

    That saves a fifth of the multiplications for 5 taps, and the memory of the interpolation.
    Beyond its ends the signal is zero, so that the interpolation falls to zero there: within
    `factor + tap // 2` samples of the ends this differs from `convolution` of `upsample_linear`.

    Args:
        x: shape `(batch, frame, in_channel)`.
        kernel: an odd number of taps at the high rate, shape `(tap, in_channel, out_channel)`.
        factor: whole number of output samples per frame.

    Returns:
        Shape `(batch, frame * factor, out_channel)`.

    Raises:
        ValueError: a factor below 1, an even number of taps.
    """
    taps, width_in, width_out = kernel.shape
    if factor < 1 or taps % 2 == 0:
        raise ValueError(f"cannot upsample by {factor} and convolve with {taps} taps (must be odd)")
    reach = taps // 2 + factor - 1
    before, after = reach // factor, (reach + factor - 1) // factor
    frame, sample, tap = np.ogrid[-before : after + 1, :factor, :taps]
    hat = np.maximum(0, 1 - np.abs(sample + tap - taps // 2 - factor * frame) / factor)
    low = jnp.einsum("tbk,kio->tibo", jnp.asarray(hat, kernel.dtype), kernel)
    low = low.reshape(before + 1 + after, width_in, factor * width_out)
    return depth_to_time(convolution(x, low, padding=((before, after),)), factor)


def depth_to_time(
    x: Float[Array, "batch frame depth"], factor: int
) -> Float[Array, "batch time channel"]:
    """Unfold channels into time (sub-pixel upsampling): `factor` samples from every frame.

    Args:
        x: shape `(batch, frame, factor * channel)`; the channels of one sample lie together.
        factor: samples per frame.

    Returns:
        Shape `(batch, frame * factor, channel)`.

    Raises:
        ValueError: channels that are no multiple of the factor.
    """
    batch, frame, depth = x.shape
    if depth % factor:
        raise ValueError(f"{depth} channels do not unfold into {factor} samples per frame")
    return x.reshape(batch, frame * factor, depth // factor)


def time_to_depth(
    x: Float[Array, "batch time channel"], factor: int
) -> Float[Array, "batch frame depth"]:
    """Fold `factor` samples into the channels of one frame: the inverse of `depth_to_time`.

    Args:
        x: shape `(batch, time, channel)`.
        factor: samples per frame.

    Returns:
        Shape `(batch, time / factor, factor * channel)`.

    Raises:
        ValueError: a length that is no multiple of the factor.
    """
    batch, time, channel = x.shape
    if time % factor:
        raise ValueError(f"{time} samples do not fold into frames of {factor}")
    return x.reshape(batch, time // factor, factor * channel)
