"""Convolution with fewer multiplications than taps: minimal filtering (Toom-Cook, Winograd).

    S. Winograd: Arithmetic Complexity of Computations, 1980; A. Lavin, S. Gray: Fast Algorithms for
    Convolutional Neural Networks, CVPR 2016 (arXiv:1509.09308).

`m` outputs of a filter with `r` taps are a product of two polynomials, which is known by its values
at m + r - 1 points (one of them infinity): as many multiplications instead of m r. For 5 taps and 4
outputs that is 8 instead of 20. Over channels the multiplications are convolutions of one tap, one
for each point; the transforms to the points and back are sums, which pay where channels are many.

More taps come in groups of as many as a tile has outputs: each is a filter over tiles that begin
one later, so at every point the groups together are a convolution over tiles. For 15 taps that is
28 multiplications instead of 60.

With the points 0, 1, -1, 2, -2, 1/2, -1/2 rounding is some 1e-5 of the output's deviation.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from umir.wave_unet.direct_convolution import Geometry, convolve, correlate, is_wide, mirrored

OUTPUTS = 4  # of a tile
POINTS = (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2))


def minimal_convolution(
    x: Float[Array, "batch time in_channel"], kernel: Float[Array, "tap in_channel out_channel"]
) -> Float[Array, "batch frame out_channel"]:
    """Convolve without padding: `umir.wave_unet.convolution` with `padding="valid"`.

    Args:
        x: shape `(batch, time, in_channel)`.
        kernel: 2 taps or more, shape `(tap, in_channel, out_channel)`.

    Returns:
        Shape `(batch, time - tap + 1, out_channel)`.

    Raises:
        ValueError: one tap, or more than samples.
    """
    tiles = _tiles(x, kernel.shape[0])
    own, groups = taps_of(kernel.shape[0])
    signals = _at_points(x, own, tiles + groups - 1)
    kernels = _kernels_at_points(kernel, own, groups)
    geometry = _over_tiles(tiles, groups)
    found = [convolve(geometry, *both) for both in zip(signals, kernels, strict=True)]
    return _outputs(found, own)[:, : x.shape[1] - kernel.shape[0] + 1]


def minimal_transpose(
    y: Float[Array, "batch frame out_channel"], kernel: Float[Array, "tap in_channel out_channel"]
) -> Float[Array, "batch time in_channel"]:
    """Convolve with a kernel in reverse order, its channels exchanged.

    Of `y` with `tap - 1` zeros on both sides that is the adjoint of `minimal_convolution` in `x`.

    Raises:
        ValueError: one tap, or more than samples.
    """
    taps, channels_in, channels_out = kernel.shape
    own, groups = taps_of(taps)
    if groups > 1 or not is_wide(channels_in, channels_out):
        return minimal_convolution(y, mirrored(kernel))
    signals = _at_points(y, own, _tiles(y, taps))
    kernels = _kernels_at_points(kernel[::-1], own, groups)
    found = [
        jnp.einsum("bto,io->bti", signal, own_kernel[0])
        for signal, own_kernel in zip(signals, kernels, strict=True)
    ]
    return _outputs(found, own)[:, : y.shape[1] - taps + 1]


def minimal_correlation(
    x: Float[Array, "batch time in_channel"], y: Float[Array, "batch frame out_channel"]
) -> Float[Array, "tap in_channel out_channel"]:
    """Return the adjoint of `minimal_convolution` in its kernel, of `time - frame + 1` taps.

    Raises:
        ValueError: fewer than two taps.
    """
    taps = x.shape[1] - y.shape[1] + 1
    tiles = _tiles(x, taps)
    own, groups = taps_of(taps)
    signals = _at_points(x, own, tiles + groups - 1)
    _, filters, outputs = transforms(own)
    y = jnp.pad(y, ((0, 0), (0, tiles * OUTPUTS - y.shape[1]), (0, 0)))
    y = y.reshape(y.shape[0], tiles, OUTPUTS, -1)
    tile = [y[:, :, n] for n in range(OUTPUTS)]
    geometry = _over_tiles(tiles, groups)
    found = [
        correlate(geometry, signal, _combined(column, tile))
        for signal, column in zip(signals, outputs.T, strict=True)
    ]
    kernel = jnp.stack([_combined(column, found) for column in filters.T], axis=1)
    return kernel.reshape(groups * own, x.shape[2], -1)[:taps]


def taps_of(taps: int) -> tuple[int, int]:
    """Return the taps of a group, and the number of groups, that a filter is cut into."""
    most = len(POINTS) + 2 - OUTPUTS
    return (taps, 1) if taps <= most else (OUTPUTS, -(-taps // OUTPUTS))


def saved_multiplications(taps: int) -> float:
    """Return how many multiplications fewer there are for each output and pair of channels."""
    own, groups = taps_of(taps)
    return taps - groups * (OUTPUTS + own - 1) / OUTPUTS


@cache
def transforms(taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the matrices of a filter: of its input, its taps and its outputs.

    With points p_i and M(z) = prod (z - p_i), the input's rows are the coefficients of M without
    one of its factors, the taps' rows the powers of a point over that product at the point, and
    the outputs' columns the powers of a point; infinity comes last.

    Args:
        taps: of the filter, 2 to 5.

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


def _tiles(x: Array, taps: int) -> int:
    """Return the number of tiles that all outputs need."""
    length = x.shape[1] - taps + 1
    if taps < 2 or length < 1:
        raise ValueError(f"{taps} taps over {x.shape[1]} samples: give 2 taps and as many samples")
    return -(-length // OUTPUTS)


def _over_tiles(tiles: int, groups: int) -> Geometry:
    """Return the convolution at one point: over tiles, with a tap for each group."""
    return Geometry((1,), (1,), ((0, 0),), (tiles + groups - 1,), (groups,))


def _at_points(x: Array, own: int, tiles: int) -> list[Array]:
    """Return the values of every tile of a signal at each point, `(batch, tile, channel)`."""
    inputs = transforms(own)[0]
    size = len(inputs)
    needed = (tiles - 1 + -(-size // OUTPUTS)) * OUTPUTS
    x = jnp.pad(x, ((0, 0), (0, max(needed - x.shape[1], 0)), (0, 0)))[:, :needed]
    blocks = x.reshape(x.shape[0], -1, OUTPUTS, x.shape[2])
    # Sample n of every tile, for each n: a tile reaches into the next ones.
    samples = [blocks[:, n // OUTPUTS :, n % OUTPUTS][:, :tiles] for n in range(size)]
    return [_combined(row, samples) for row in inputs]


def _kernels_at_points(kernel: Array, own: int, groups: int) -> list[Array]:
    """Return the values of a kernel at each point, `(group, in_channel, out_channel)`."""
    kernel = jnp.pad(kernel, ((0, groups * own - kernel.shape[0]), (0, 0), (0, 0)))
    kernel = kernel.reshape(groups, own, *kernel.shape[1:])
    taps = [kernel[:, n] for n in range(own)]
    return [_combined(row, taps) for row in transforms(own)[1]]


def _outputs(found: Sequence[Array], own: int) -> Array:
    """Return the outputs of all tiles, whose values at the points were found."""
    y = jnp.stack([_combined(row, found) for row in transforms(own)[2]], axis=2)
    return y.reshape(y.shape[0], -1, y.shape[-1])


def _combined(row: np.ndarray, terms: Sequence[Array]) -> Array:
    """Return the sum of the terms, weighted by a row of a matrix."""
    total = None
    for weight, term in zip(row.tolist(), terms, strict=True):
        if weight:
            own = term if weight == 1 else weight * term
            total = own if total is None else total + own
    assert total is not None, "no row is empty"
    return total
