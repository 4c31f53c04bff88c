"""Convolution with fewer multiplications than taps: minimal filtering (Toom-Cook, Winograd).

    S. Winograd: Arithmetic Complexity of Computations, 1980; A. Lavin, S. Gray: Fast Algorithms for
    Convolutional Neural Networks, CVPR 2016 (arXiv:1509.09308).

`m` outputs of a filter with `r` taps are a product of two polynomials, which is known by its values
at m + r - 1 points (one of them infinity): as many multiplications instead of m r. For 5 taps and 4
outputs that is 8 instead of 20. Over channels the multiplications are matrix products, one for each
point; the transforms to the points and back are sums, which pay where channels are many.

With the points 0, 1, -1, 2, -2, 1/2, -1/2 rounding is some 2e-5 of the output's deviation.
"""

from fractions import Fraction
from functools import cache

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float

OUTPUTS = 4  # of a tile
POINTS = (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2))


def minimal_convolution(
    x: Float[Array, "batch time in_channel"], kernel: Float[Array, "tap in_channel out_channel"]
) -> Float[Array, "batch frame out_channel"]:
    """Convolve without padding: `umir.wave_unet.convolution` with `padding="valid"`.

    Args:
        x: shape `(batch, time, in_channel)`.
        kernel: 2 to 5 taps, shape `(tap, in_channel, out_channel)`.

    Returns:
        Shape `(batch, time - tap + 1, out_channel)`.

    Raises:
        ValueError: another number of taps, or more than samples.
    """
    taps, batch, length = kernel.shape[0], x.shape[0], x.shape[1] - kernel.shape[0] + 1
    if not 2 <= taps <= len(POINTS) + 2 - OUTPUTS or length < 1:
        raise ValueError(f"{taps} taps over {x.shape[1]} samples: 2 to 5 taps, and as many samples")
    inputs, filters, outputs = transforms(taps)
    tiles = -(-length // OUTPUTS)
    seen = _tiles(x, tiles, len(inputs))
    signals = jnp.stack([_combined(row, seen) for row in inputs])
    signals = signals.reshape(len(inputs), batch * tiles, -1)
    kernels = jnp.stack([_combined(row, list(kernel)) for row in filters])
    found = lax.dot_general(signals, kernels, (((2,), (1,)), ((0,), (0,))))
    found = found.reshape(len(inputs), batch, tiles, -1)
    y = jnp.stack([_combined(row, list(found)) for row in outputs], axis=2)
    return y.reshape(batch, tiles * OUTPUTS, -1)[:, :length]


@cache
def transforms(taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the matrices of a filter: of its input, its taps and its outputs.

    With points p_i and M(z) = prod (z - p_i), the input's rows are the coefficients of M without
    one of its factors, the taps' rows the powers of a point over that product at the point, and
    the outputs' columns the powers of a point; infinity comes last.

    Args:
        taps: of the filter.

    Returns:
        Shapes `(point, sample)`, `(point, tap)` and `(output, point)`.
    """
    finite = [Fraction(p) for p in POINTS[: OUTPUTS + taps - 2]]
    count = len(finite) + 1
    inputs = np.zeros((count, count))
    filters, outputs = np.zeros((count, taps)), np.zeros((OUTPUTS, count))
    for n, point in enumerate(finite):
        others = [p for p in finite if p != point]
        inputs[n, : count - 1] = _coefficients(others)
        scale = np.prod([float(point - p) for p in others])
        filters[n] = [float(point**k) / scale for k in range(taps)]
        outputs[:, n] = [float(point**k) for k in range(OUTPUTS)]
    inputs[-1] = _coefficients(finite)
    filters[-1, -1] = outputs[-1, -1] = 1
    return inputs, filters, outputs


def _coefficients(roots: list[Fraction]) -> list[float]:
    """Return the coefficients of `prod (z - root)`, that of 1 first."""
    found = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *found], [*(-root * c for c in found), Fraction(0)]
        found = [a + b for a, b in zip(shifted, scaled, strict=True)]
    return [float(c) for c in found]


def _tiles(x: Array, tiles: int, size: int) -> list[Array]:
    """Return sample n of every tile, `(batch, tile, channel)`, for each n below `size`."""
    needed = (tiles - 1 + -(-size // OUTPUTS)) * OUTPUTS
    x = jnp.pad(x, ((0, 0), (0, max(needed - x.shape[1], 0)), (0, 0)))[:, :needed]
    blocks = x.reshape(x.shape[0], -1, OUTPUTS, x.shape[2])
    return [blocks[:, n // OUTPUTS :, n % OUTPUTS][:, :tiles] for n in range(size)]


def _combined(row: np.ndarray, terms: list[Array]) -> Array:
    """Return the sum of the terms, weighted by a row of a matrix."""
    total = None
    for weight, term in zip(row.tolist(), terms, strict=True):
        if weight:
            own = term if weight == 1 else weight * term
            total = own if total is None else total + own
    assert total is not None, "no row is empty"
    return total
