"""A convolution, its transpose and its kernel gradient, as they are asked of XLA on a CPU.

    convolve(x, kernel) -> y      y[n] = sum_k  x[n * stride + k * dilation - padding] kernel[k]
    transpose(y, kernel) -> x     the adjoint of convolve in x
    correlate(x, y) -> kernel     the adjoint of convolve in kernel

XLA's own derivatives of these are slow: `umir.wave_unet.bilinear` gives them others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array, lax

LONG, PARTS = 16_384, 16  # frames of a signal that is cut for its kernel's gradient; into how many
WIDE = 2**15  # pairs of channels of a kernel that takes long to turn round
SOME_CHANNELS = 16  # of a convolution of pictures that XLA may be slow at
# Convolutions of pictures that are faster in pairs: so many channels on the narrower side, or one
# channel and so many that come out.
FEW_CHANNELS, FEW_OF_ONE = 8, 16


@dataclass(frozen=True)
class Geometry:
    """Everything about a convolution but its numbers; one entry per axis of space.

    Attributes:
        stride: distance between output frames.
        dilation: distance between taps.
        padding: zeros before and after.
        space: size of x.
        window: size of the kernel.
        exact: whether nothing but what it is a sum of shows in an output, not even by rounding.
    """

    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    space: tuple[int, ...]
    window: tuple[int, ...]
    exact: bool = False

    @property
    def output(self) -> tuple[int, ...]:
        """Return the size of y."""
        axes = zip(self.space, self.window, self.stride, self.dilation, self.padding, strict=True)
        return tuple((n + sum(p) - (k - 1) * d - 1) // s + 1 for n, k, s, d, p in axes)

    @property
    def is_dense(self) -> bool:
        """Whether frames and taps are one sample apart."""
        return all(step == 1 for step in (*self.stride, *self.dilation))

    @property
    def _axes(self) -> list[tuple[int, int, int, int, int, tuple[int, int]]]:
        """Taps, their distance, frames, theirs, samples and padding of each axis."""
        parts = self.window, self.dilation, self.output, self.stride, self.space, self.padding
        return list(zip(*parts, strict=True))

    @property
    def padding_of_transpose(self) -> tuple[tuple[int, int], ...]:
        """The zeros around y, spread by the stride, over which the mirrored kernel runs."""
        return tuple(
            ((k - 1) * d - before, size - (n - 1) * s - 1 + before)
            for k, d, n, s, size, (before, _) in self._axes
        )

    @property
    def padding_of_correlation(self) -> tuple[tuple[int, int], ...]:
        """The zeros around x, over which y runs to give the taps."""
        return tuple(
            (before, (k - 1) * d + (n - 1) * s + 1 - size - before)
            for k, d, n, s, size, (before, _) in self._axes
        )


def convolve(geometry: Geometry, x: Array, kernel: Array) -> Array:
    """Return y."""
    if _is_narrow(geometry, kernel.shape):
        return _convolve_in_pairs(geometry, x, kernel)
    return _convolve(geometry, x, kernel)


def _convolve(geometry: Geometry, x: Array, kernel: Array) -> Array:
    padding = geometry.padding
    if detour := _is_slow(geometry, kernel.shape):
        padding = (padding[0], (0, 1))
    y = lax.conv_general_dilated(
        x,
        kernel,
        window_strides=geometry.stride,
        padding=padding,
        rhs_dilation=geometry.dilation,
        dimension_numbers=dimension_numbers(x.ndim),
    )
    return y[:, :, :-1] if detour else y


def _convolve_in_pairs(geometry: Geometry, x: Array, kernel: Array) -> Array:
    """Return y of a picture, two frames of a row at once, as channels.

    The kernel is two copies of itself, `stride` apart. Without a stride the samples go in by pairs
    as well. A third more is multiplied, in products that are wider: 1.4 to 2.5 times as fast, and 7
    times if one channel comes in.
    """
    (down, across), (_, frames) = geometry.stride, geometry.output
    pairs, (rows, taps, channels, width) = -(-frames // 2), kernel.shape
    fold = 2 if geometry.is_dense else 1
    taps += across + (taps + across) % fold
    kernel = shifted_copies(kernel, [(0, 0), (0, across)], (rows, taps))
    kernel = kernel.reshape(rows, taps // fold, fold * channels, 2 * width)
    above, (before, _) = geometry.padding
    samples = 2 * (pairs - 1) * across + taps
    x = pad_space(x, (above, (before, samples - before - geometry.space[1])))
    x = x.reshape(*x.shape[:2], samples // fold, fold * channels)
    stride, space, none = (down, 2 * across // fold), x.shape[1:3], ((0, 0), (0, 0))
    y = _convolve(Geometry(stride, (1, 1), none, space, kernel.shape[:2]), x, kernel)
    return y.reshape(*y.shape[:2], 2 * pairs, width)[:, :, :frames]


def transpose(geometry: Geometry, y: Array, kernel: Array) -> Array:
    """Return x: the mirrored kernel runs at stride 1 over y, which is spread by the stride."""
    undilated = all(step == 1 for step in geometry.dilation)
    if len(geometry.space) == 2 and undilated and not geometry.is_dense and kernel.shape[2] > 1:
        return _transpose_in_blocks(geometry, y, kernel)
    if geometry.is_dense and _is_narrow(geometry, kernel.shape):
        padding, window = geometry.padding_of_transpose, geometry.window
        own = Geometry(geometry.stride, geometry.dilation, padding, geometry.output, window)
        return _convolve_in_pairs(own, y, mirrored(kernel))
    return lax.conv_general_dilated(
        y,
        mirrored(kernel),
        window_strides=(1,) * len(geometry.space),
        padding=geometry.padding_of_transpose,
        lhs_dilation=geometry.stride,
        rhs_dilation=geometry.dilation,
        dimension_numbers=dimension_numbers(y.ndim),
    )


def _transpose_in_blocks(geometry: Geometry, y: Array, kernel: Array) -> Array:
    """Return x of a picture, a block of as many pixels as the stride at once, as channels.

    So no zeros are multiplied: 1.2 to 3 times as fast, but for pictures of one channel.
    """
    (down, across), channels = geometry.stride, kernel.shape[2]
    taps = tuple(-(-k // s) for k, s in zip(geometry.window, geometry.stride, strict=True))
    blocks = tuple(n - 1 + k for n, k in zip(geometry.output, taps, strict=True))
    surplus = [k * s - w for k, s, w in zip(taps, geometry.stride, geometry.window, strict=True)]
    kernel = jnp.pad(kernel, [*((0, n) for n in surplus), (0, 0), (0, 0)])
    kernel = kernel.reshape(taps[0], down, taps[1], across, channels, -1)
    kernel = kernel.transpose(0, 2, 1, 3, 4, 5).reshape(*taps, down * across * channels, -1)
    dense = Geometry((1, 1), (1, 1), ((0, 0), (0, 0)), blocks, taps)
    x = transpose(dense, y, kernel).reshape(len(y), *blocks, down, across, channels)
    x = x.transpose(0, 1, 3, 2, 4, 5).reshape(len(y), blocks[0] * down, blocks[1] * across, -1)
    axes = zip(geometry.padding, geometry.space, x.shape[1:3], strict=True)
    return pad_space(x, [(-before, size + before - had) for (before, _), size, had in axes])


def correlate(geometry: Geometry, x: Array, y: Array) -> Array:
    """Return the kernel.

    A convolution that sums over the batch: the batch is its channel, x's channels its batch, y its
    kernel. Faster than one matrix product per tap (2x), than im2col (2-8x) and than cutting time
    into blocks that join the batch (1.1-2x). Long signals are cut into parts that stay in the cache
    (1.3-1.7x).
    """
    # Padded by hand: XLA's own padding is slow where the kernel is as long as the signal.
    x = pad_space(x, geometry.padding_of_correlation)
    if len(geometry.space) == 2 and geometry.is_dense and geometry.window == (1, 1):
        return jnp.einsum("bhwi,bhwo->io", x, y)[None, None]  # 2 to 4 times as fast
    frames = y.shape[1]
    if not geometry.is_dense or len(geometry.space) > 1 or frames < LONG:
        return _sum_over_batch(x, y, geometry.dilation, geometry.stride)
    part, reach = -(-frames // PARTS), geometry.window[0] - 1
    parts = [
        _sum_over_batch(x[:, n : n + part + reach], y[:, n : n + part], (1,), (1,))
        for n in range(0, frames, part)
    ]
    return sum(parts[1:], parts[0])


def shifted_copies(kernel: Array, shifts: Sequence[Sequence[int]], window: Sequence[int]) -> Array:
    """Return a larger window that has a kernel at each of these places, side by side as channels.

    The outputs of the copies are those of the kernel at so many neighbouring frames.
    """

    def placed(shift: Sequence[int]) -> Array:
        axes = zip(shift, kernel.shape[:-2], window, strict=True)
        return jnp.pad(kernel, [*((n, size - taps - n) for n, taps, size in axes), (0, 0), (0, 0)])

    return jnp.concatenate([placed(shift) for shift in shifts], axis=-1)


def mirrored(kernel: Array) -> Array:
    """Return a kernel in reverse order, with its channels exchanged."""
    return jnp.flip(kernel, range(kernel.ndim - 2)).swapaxes(-1, -2)


def is_wide(channels_in: int, channels_out: int) -> bool:
    """Return whether a kernel had better not be `mirrored`: that takes longer than it gains."""
    return channels_in * channels_out >= WIDE


def pad_space(x: Array, padding: Sequence[tuple[int, int]]) -> Array:
    """Put zeros around the axes of space; negative numbers cut."""
    widths = ((0, 0, 0), *((before, after, 0) for before, after in padding), (0, 0, 0))
    return lax.pad(x, jnp.zeros((), x.dtype), widths)


def _is_narrow(geometry: Geometry, kernel_shape: tuple[int, ...]) -> bool:
    """Return whether a convolution of pictures has so few channels that pairs are faster."""
    if len(geometry.space) != 2 or geometry.window[1] == 1 or max(geometry.dilation) > 1:
        return False
    channels_in, channels_out = kernel_shape[2:]
    if channels_in == 1:
        return geometry.stride[1] > 1 and channels_out <= FEW_OF_ONE
    return geometry.is_dense and 1 < min(channels_in, channels_out) <= FEW_CHANNELS


def _is_slow(geometry: Geometry, kernel_shape: tuple[int, ...]) -> bool:
    """Return whether it pays to give XLA's CPU backend a column of zeros to convolve as well.

    With it, pictures of some sizes take a half to a seventh of the time, never much longer.
    """
    plain = geometry.padding == ((0, 0), (0, 0)) and geometry.is_dense
    return plain and min(kernel_shape[2:]) >= SOME_CHANNELS


def _sum_over_batch(x: Array, y: Array, steps: tuple[int, ...], gaps: tuple[int, ...]) -> Array:
    """Return `sum over batch and n of x[n * gap + k * step] y[n]`, shape `(*k, of x, of y)`.

    The narrower side should slide (1.2x), unless it takes longer to turn the kernel round.
    """
    dense = all(gap == 1 for gap in gaps)
    if dense and y.shape[-1] < x.shape[-1] and not is_wide(x.shape[-1], y.shape[-1]):
        reach = [(a - b, a - b) for a, b in zip(x.shape[1:-1], y.shape[1:-1], strict=True)]
        return mirrored(_slide(pad_space(y, reach), x, steps, gaps))
    return _slide(x, y, steps, gaps)


def _slide(x: Array, y: Array, steps: tuple[int, ...], gaps: tuple[int, ...]) -> Array:
    """Return what `_sum_over_batch` does, with y as the kernel that slides over x."""
    space = tuple(range(1, x.ndim - 1))
    numbers = lax.ConvDimensionNumbers(
        lhs_spec=(x.ndim - 1, 0, *space),
        rhs_spec=(x.ndim - 1, 0, *space),
        out_spec=(x.ndim - 2, x.ndim - 1, *range(x.ndim - 2)),
    )
    return lax.conv_general_dilated(
        x, y, window_strides=steps, padding="VALID", rhs_dilation=gaps, dimension_numbers=numbers
    )


def dimension_numbers(ndim: int) -> lax.ConvDimensionNumbers:
    """Return channels-last signals and `(*window, in, out)` kernels in XLA's terms."""
    space = tuple(range(1, ndim - 1))
    signal = (0, ndim - 1, *space)
    return lax.ConvDimensionNumbers(signal, (ndim - 1, ndim - 2, *range(ndim - 2)), signal)
