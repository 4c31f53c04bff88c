"""Resampling by a fixed low-pass filter, as the PyTorch Wave-U-Net has it.

The filter is a sinc of 15 taps with a window that its code means to be Blackman's,
`0.42 - 0.5 cos(2 pi i / 14) + 0.08 cos(4 pi i / 14)`; but the last cosine lacks `i / 14`, is
always 1, and what is left is a Hann window. Weights that were trained with it need it as it is.
Neither is there a gain of `stride` where samples are put in between: what comes out is quieter by
that, which a normalisation after it hides.

Signals are mirrored at their ends, and lengths are such that both end samples are kept: n samples
become (n - 1) / stride + 1, and n become (n - 1) stride + 1.

Filtering and decimating, and spreading and filtering, are each other's adjoint, and each is the
other's derivative here: what XLA derives by itself takes 20 to 50 times as long.
"""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

TAPS = 15


@cache
def low_pass(stride: int) -> np.ndarray:
    """Return the filter's taps, which sum to 1: cut off at half of the lower rate."""
    reach = TAPS // 2
    at = np.arange(-reach, reach + 1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(TAPS) / (TAPS - 1))
    # In the middle, the code has the sinc alone, where its window is 1.
    taps = np.sinc(at / stride) * np.where(at == 0, 1.0, window)
    return (taps / taps.sum()).astype(np.float32)


def filtered_down(
    x: Float[Array, "batch time channel"], stride: int
) -> Float[Array, "batch frame channel"]:
    """Filter each channel, and keep every `stride`-th sample.

    Raises:
        ValueError: the length is not 1 more than a multiple of the stride, or too short to mirror.
    """
    if x.shape[1] % stride != 1 % stride:
        raise ValueError(f"{x.shape[1]} samples: not 1 more than a multiple of the stride {stride}")
    return _decimate(stride, _mirrored(x, TAPS // 2))


def filtered_up(
    x: Float[Array, "batch frame channel"], stride: int
) -> Float[Array, "batch time channel"]:
    """Put `stride - 1` zeros between every two samples, and filter each channel.

    Raises:
        ValueError: too short to mirror.
    """
    reach = -(-(TAPS // 2) // stride)  # frames around that matter
    first, length = TAPS // 2 + stride * reach, (x.shape[1] - 1) * stride + 1
    return _spread(stride, _mirrored(x, reach))[:, first : first + length]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _decimate(stride: int, x: Array) -> Array:
    """Return `y[n] = sum over k of taps[k] x[stride n + k]`."""
    frames, blocks = (x.shape[1] - TAPS) // stride + 1, -(-TAPS // stride)
    x = _with_length(x, (frames - 1 + blocks) * stride)
    x = x.reshape(x.shape[0], -1, stride, x.shape[2])  # (batch, block, phase, channel)
    taps = enumerate(low_pass(stride))
    return _sum([t * x[:, k // stride :, k % stride][:, :frames] for k, t in taps if t])


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _spread(stride: int, y: Array) -> Array:
    """Return `x[m] = sum over n of y[n] taps[m - stride n]`."""
    batch, frames, channels = y.shape
    blocks = -(-TAPS // stride)
    padded = jnp.pad(y, ((0, 0), (blocks - 1, blocks - 1), (0, 0)))
    count = frames + blocks - 1

    def phase(first: int) -> Array:
        taps = enumerate(low_pass(stride)[first::stride])
        return _sum([t * padded[:, blocks - 1 - j :][:, :count] for j, t in taps if t])

    x = jnp.stack([phase(first) for first in range(stride)], axis=2)
    return x.reshape(batch, count * stride, channels)[:, : (frames - 1) * stride + TAPS]


_decimate.defvjp(
    lambda stride, x: (_decimate(stride, x), x.shape[1]),
    lambda stride, length, y: (_with_length(_spread(stride, y), length),),
)
_spread.defvjp(
    lambda stride, y: (_spread(stride, y), None),
    lambda stride, saved, x: (_decimate(stride, x),),
)


def _with_length(x: Array, length: int) -> Array:
    """Cut, or fill up with zeros."""
    return jnp.pad(x[:, :length], ((0, 0), (0, max(length - x.shape[1], 0)), (0, 0)))


def _mirrored(x: Array, reach: int) -> Array:
    """Put `reach` samples before and after a signal, mirrored at its end samples."""
    if x.shape[1] <= reach:
        raise ValueError(f"{x.shape[1]} samples are too few to mirror {reach}")
    before, after = x[:, reach:0:-1], x[:, -2 : -reach - 2 : -1]
    return jnp.concatenate([before, x, after], axis=1)


def _sum(terms: list[Array]) -> Array:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
