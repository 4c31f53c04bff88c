"""Resampling by a fixed low-pass filter, as the PyTorch Wave-U-Net has it.

The filter is a sinc of 15 taps with a window that its code means to be Blackman's,
`0.42 - 0.5 cos(2 pi i / 14) + 0.08 cos(4 pi i / 14)`; but the last cosine lacks `i / 14`, is
always 1, and what is left is a Hann window. Weights that were trained with it need it as it is.
Neither is there a gain of `stride` where samples are put in between: what comes out is quieter by
that, which a normalisation after it hides.

Signals are mirrored at their ends, and lengths are such that both end samples are kept: n samples
become (n - 1) / stride + 1, and n become (n - 1) stride + 1.
"""

from functools import cache

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
    length = x.shape[1]
    if length % stride != 1 % stride:
        raise ValueError(f"{length} samples: not 1 more than a multiple of the stride {stride}")
    frames, blocks = (length - 1) // stride + 1, -(-TAPS // stride)
    x = _mirrored(x, TAPS // 2)
    x = jnp.pad(x, ((0, 0), (0, (frames - 1 + blocks) * stride - x.shape[1]), (0, 0)))
    x = x.reshape(x.shape[0], -1, stride, x.shape[2])  # (batch, block, phase, channel)
    taps = np.zeros(blocks * stride, np.float32)
    taps[:TAPS] = low_pass(stride)
    terms = [
        tap * x[:, n // stride : n // stride + frames, n % stride]
        for n, tap in enumerate(taps)
        if tap
    ]
    return _sum(terms)


def filtered_up(
    x: Float[Array, "batch frame channel"], stride: int
) -> Float[Array, "batch time channel"]:
    """Put `stride - 1` zeros between every two samples, and filter each channel.

    Raises:
        ValueError: too short to mirror.
    """
    batch, frames, channels = x.shape
    reach = -(-(TAPS // 2) // stride)  # frames around that matter
    x = _mirrored(x, reach)
    taps = low_pass(stride)
    phases = []
    for phase in range(stride):
        # y[stride q + phase] = sum over d of x[q - d] taps[stride d + phase + TAPS // 2]
        places = {d: stride * d + phase + TAPS // 2 for d in range(-reach, reach + 1)}
        terms = [
            taps[place] * x[:, reach - d : reach - d + frames]
            for d, place in places.items()
            if 0 <= place < TAPS and taps[place]
        ]
        phases.append(_sum(terms))
    y = jnp.stack(phases, axis=2).reshape(batch, frames * stride, channels)
    return y[:, : (frames - 1) * stride + 1]


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
