"""Convolution whose derivatives of every order stay fast.

A convolution, its transpose and its kernel gradient are three bilinear functions

    forward(x, kernel) -> y      y[n] = sum_k  x[n * stride + k * dilation - padding] kernel[k]
    transpose(y, kernel) -> x    the adjoint of forward in x
    correlate(x, y) -> kernel    the adjoint of forward in kernel

and the adjoints of each are the other two, so the set is closed: each is a `jax.custom_vjp` whose
rule calls the others, and reverse over reverse to any order runs on these three alone.
Differentiating `jax.lax.conv_general_dilated` twice makes convolutions that XLA's CPU backend runs
tens of times more slowly. The price: no forward mode (`jax.jvp`, `jax.jacfwd`); write a Hessian
product as reverse over reverse.

Layout: `(batch, *space, channel)` signals and `(*window, in, out)` kernels, with one or two axes of
space. Flop rates below were measured on two CPU cores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

# Samples of a mono signal that are convolved together; of a picture of one channel, on each axis.
FOLD, TILE = 8, 2
SOME_CHANNELS = 16  # of a convolution of pictures that XLA may be slow at

Padding = str | Sequence[tuple[int, int]]


@dataclass(frozen=True)
class _Geometry:
    """Everything about a convolution but its numbers; one entry per axis of space."""

    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    space: tuple[int, ...]  # size of x
    window: tuple[int, ...]  # size of the kernel

    @property
    def output(self) -> tuple[int, ...]:
        """Return the size of y."""
        axes = zip(self.space, self.window, self.stride, self.dilation, self.padding, strict=True)
        return tuple((n + sum(p) - (k - 1) * d - 1) // s + 1 for n, k, s, d, p in axes)


def convolution(
    x: Float[Array, "batch *space in_channel"],
    kernel: Float[Array, "*window in_channel out_channel"],
    *,
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    padding: Padding = "same",
) -> Float[Array, "batch *frames out_channel"]:
    """Convolve (correlate, as networks do) a batch of signals of one or two axes.

    Args:
        x: signals, shape `(batch, *space, in_channel)`.
        kernel: shape `(*window, in_channel, out_channel)`, of the dtype of `x`.
        stride: distance between output frames, in samples; one number or one per axis.
        dilation: distance between taps, in samples; one number or one per axis.
        padding: `"valid"` (none), `"same"` (output size `ceil(space / stride)`, zeros shared
            out evenly, the odd one at the end), or `(before, after)` zeros for every axis.

    Returns:
        Shape `(batch, *frames, out_channel)`.

    Raises:
        ValueError: shapes that do not fit, a window longer than the padded signal.
    """
    geometry = _geometry(x.shape, kernel.shape, stride, dilation, padding)
    if geometry.dilation == (1,):
        if geometry.stride[0] > 1:
            return _folded(x, kernel, geometry, 1)  # 1.3-1.8x faster
        if x.shape[-1] == 1 and kernel.shape[0] > 1 and geometry.output[0] % FOLD == 0:
            return _folded(x, kernel, geometry, FOLD)  # 3-4x faster
    if geometry.dilation == geometry.stride == (1, 1) and x.shape[-1] == 1:
        return _tiled(x, kernel, geometry)  # 7x faster, its kernel's gradient as fast
    return _forward(geometry, x, kernel)


def transposed_convolution(
    y: Float[Array, "batch *frames out_channel"],
    kernel: Float[Array, "*window in_channel out_channel"],
    *,
    space: Sequence[int],
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    padding: Padding = "same",
) -> Float[Array, "batch *space in_channel"]:
    """Apply the adjoint of `convolution` with the same kernel and options.

    Args:
        y: shape `(batch, *frames, out_channel)`: what `convolution` would return.
        kernel: shape `(*window, in_channel, out_channel)`, as `convolution` takes it.
        space: the size of the signal to return (several sizes have as many frames).
        stride: as in `convolution`.
        dilation: as in `convolution`.
        padding: as in `convolution`.

    Returns:
        Shape `(batch, *space, in_channel)`.

    Raises:
        ValueError: shapes that do not fit.
    """
    shape = (y.shape[0], *space, kernel.shape[-2])
    geometry = _geometry(shape, kernel.shape, stride, dilation, padding)
    if y.shape[1:] != (*geometry.output, kernel.shape[-1]):
        raise ValueError(f"a signal of shape {shape} has {geometry.output} frames, not {y.shape}")
    return _transpose(geometry, y, kernel)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _forward(geometry: _Geometry, x: Array, kernel: Array) -> Array:
    padding = geometry.padding
    if detour := _is_slow(geometry, kernel.shape):
        padding = (padding[0], (0, 1))
    y = lax.conv_general_dilated(
        x,
        kernel,
        window_strides=geometry.stride,
        padding=padding,
        rhs_dilation=geometry.dilation,
        dimension_numbers=_dimension_numbers(x.ndim),
    )
    return y[:, :, :-1] if detour else y


def _is_slow(geometry: _Geometry, kernel_shape: tuple[int, ...]) -> bool:
    """Return whether it pays to give XLA's CPU backend a column of zeros to convolve as well.

    With it, pictures of some sizes take a half to a seventh of the time, never much longer.
    """
    plain = geometry.padding == ((0, 0), (0, 0)) and geometry.stride == geometry.dilation == (1, 1)
    return plain and min(kernel_shape[2:]) >= SOME_CHANNELS


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _transpose(geometry: _Geometry, y: Array, kernel: Array) -> Array:
    # Spread y by the stride, pad it, and run the mirrored kernel over it at stride 1.
    padding = []
    for axis, (before, _) in enumerate(geometry.padding):
        reach = (geometry.window[axis] - 1) * geometry.dilation[axis]
        spread = (y.shape[axis + 1] - 1) * geometry.stride[axis] + 1
        padding.append((reach - before, geometry.space[axis] - spread + before))
    mirrored = jnp.flip(kernel, range(kernel.ndim - 2)).swapaxes(-1, -2)
    return lax.conv_general_dilated(
        y,
        mirrored,
        window_strides=(1,) * len(padding),
        padding=padding,
        lhs_dilation=geometry.stride,
        rhs_dilation=geometry.dilation,
        dimension_numbers=_dimension_numbers(y.ndim),
    )


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _correlate(geometry: _Geometry, x: Array, y: Array) -> Array:
    # A convolution that sums over the batch: the batch is its channel, x's channels its batch, y
    # its kernel. Faster than one matrix product per tap (2x), than im2col (2-8x) and than cutting
    # time into blocks that join the batch (1.1-2x). Its narrower side should slide (1.2x).
    dense = all(stride == 1 for stride in geometry.stride)
    if dense and x.shape[-1] > y.shape[-1]:
        return _correlate_mirrored(geometry, x, y)
    # Padded by hand: XLA's own padding is slow where the kernel is as long as the signal.
    x = _pad_space(x, _padding_of_correlation(geometry, y.shape[1:-1]))
    return _sum_over_batch(x, y, geometry.dilation, geometry.stride)


def _correlate_mirrored(geometry: _Geometry, x: Array, y: Array) -> Array:
    """Slide y over x instead of x over y (stride 1 only): the taps come out in reverse order."""
    padding = []
    for axis, (before, _) in enumerate(geometry.padding):
        reach = (geometry.window[axis] - 1) * geometry.dilation[axis]
        first = reach - before
        padding.append((first, x.shape[axis + 1] + reach - y.shape[axis + 1] - first))
    kernel = _sum_over_batch(_pad_space(y, padding), x, geometry.dilation, geometry.stride)
    return jnp.flip(kernel, range(kernel.ndim - 2)).swapaxes(-1, -2)


def _padding_of_correlation(geometry: _Geometry, frames: tuple[int, ...]) -> list[tuple[int, int]]:
    padding = []
    for axis, (before, _) in enumerate(geometry.padding):
        reach = (geometry.window[axis] - 1) * geometry.dilation[axis]
        spread = (frames[axis] - 1) * geometry.stride[axis] + 1
        padding.append((before, reach + spread - geometry.space[axis] - before))
    return padding


def _sum_over_batch(x: Array, y: Array, steps: tuple[int, ...], gaps: tuple[int, ...]) -> Array:
    """Return `sum over batch and n of x[n * gap + k * step] y[n]`, shape `(*k, of x, of y)`."""
    space = tuple(range(1, x.ndim - 1))
    numbers = lax.ConvDimensionNumbers(
        lhs_spec=(x.ndim - 1, 0, *space),
        rhs_spec=(x.ndim - 1, 0, *space),
        out_spec=(x.ndim - 2, x.ndim - 1, *range(x.ndim - 2)),
    )
    return lax.conv_general_dilated(
        x, y, window_strides=steps, padding="VALID", rhs_dilation=gaps, dimension_numbers=numbers
    )


def _pad_space(x: Array, padding: Sequence[tuple[int, int]]) -> Array:
    """Put zeros around the axes of space; negative numbers cut."""
    widths = ((0, 0, 0), *((before, after, 0) for before, after in padding), (0, 0, 0))
    return lax.pad(x, jnp.zeros((), x.dtype), widths)


def _keep(function):
    """Return a custom_vjp forward rule: both arguments are what the backward rule needs."""
    return lambda geometry, a, b: (function(geometry, a, b), (a, b))


def _forward_adjoint(geometry, saved, y):
    x, kernel = saved
    return _transpose(geometry, y, kernel), _correlate(geometry, x, y)


def _transpose_adjoint(geometry, saved, x):
    y, kernel = saved
    return _forward(geometry, x, kernel), _correlate(geometry, x, y)


def _correlate_adjoint(geometry, saved, kernel):
    x, y = saved
    return _transpose(geometry, y, kernel), _forward(geometry, x, kernel)


_forward.defvjp(_keep(_forward), _forward_adjoint)
_transpose.defvjp(_keep(_transpose), _transpose_adjoint)
_correlate.defvjp(_keep(_correlate), _correlate_adjoint)


def _folded(x: Array, kernel: Array, geometry: _Geometry, outputs: int) -> Array:
    """Fold `outputs` strides of samples into the channels, and give as many frames at once.

    The convolution becomes one of stride 1 on long samples, its kernel one shifted copy of the
    original for each of the `outputs` frames.
    """
    (stride,), (frames,), ((before, _),) = geometry.stride, geometry.output, geometry.padding
    fold, (size, _, width) = stride * outputs, kernel.shape
    blocks, taps = frames // outputs, -(-(size + fold - stride) // fold)
    x = _pad_space(x, [(before, (blocks - 1 + taps) * fold - before - x.shape[1])])
    x = x.reshape(x.shape[0], blocks - 1 + taps, -1)
    shifts = range(0, fold, stride)
    copies = [_pad_front(kernel, shift, taps * fold - size - shift) for shift in shifts]
    kernel = jnp.stack(copies, axis=2).reshape(taps, x.shape[2], outputs * width)
    y = _forward(_Geometry((1,), (1,), ((0, 0),), x.shape[1:2], (taps,)), x, kernel)
    return y.reshape(y.shape[0], frames, width)


def _tiled(x: Array, kernel: Array, geometry: _Geometry) -> Array:
    """Give squares of frames at once, as channels: four shifted copies of the kernel, stride 2."""
    tile, taps = (TILE, TILE), tuple(n + TILE - 1 for n in geometry.window)
    tiles = tuple(-(-n // TILE) for n in geometry.output)
    shifts = [(down, across) for down in range(TILE) for across in range(TILE)]
    copies = [
        jnp.pad(kernel, (*((n, TILE - 1 - n) for n in shift), (0, 0), (0, 0))) for shift in shifts
    ]
    axes = zip(geometry.padding, tiles, taps, geometry.space, strict=True)
    padding = tuple((b, (n - 1) * TILE + k - size - b) for (b, _), n, k, size in axes)
    own = _Geometry(tile, (1, 1), padding, geometry.space, taps)
    y = _forward(own, x, jnp.concatenate(copies, axis=3))
    y = y.reshape(len(y), *tiles, *tile, -1).transpose(0, 1, 3, 2, 4, 5)
    y = y.reshape(len(y), tiles[0] * TILE, tiles[1] * TILE, -1)
    return y[:, : geometry.output[0], : geometry.output[1]]


def _pad_front(kernel: Array, before: int, after: int) -> Array:
    return jnp.pad(kernel, ((before, after), (0, 0), (0, 0)))


def _geometry(shape, kernel_shape, stride, dilation, padding: Padding) -> _Geometry:
    """Check and complete the options of a convolution of a signal of this shape."""
    rank = len(shape) - 2
    if rank not in (1, 2) or len(kernel_shape) != rank + 2 or shape[-1] != kernel_shape[-2]:
        raise ValueError(f"a kernel of shape {kernel_shape} does not fit a signal {shape}")
    strides, dilations = _per_axis(stride, rank, "stride"), _per_axis(dilation, rank, "dilation")
    space, window = tuple(shape[1:-1]), tuple(kernel_shape[:-2])
    if padding == "same":
        pads = tuple(map(_same_padding, space, window, strides, dilations))
    elif padding == "valid":
        pads = ((0, 0),) * rank
    elif isinstance(padding, str) or len(padding) != rank:
        raise ValueError(f"padding {padding!r}: give 'same', 'valid' or {rank} (before, after)")
    else:
        pads = tuple((int(before), int(after)) for before, after in padding)
    geometry = _Geometry(strides, dilations, pads, space, window)
    if min(geometry.output) < 1:
        raise ValueError(f"a window of {window} taps is longer than the padded signal {space}")
    return geometry


def _same_padding(size: int, taps: int, stride: int, dilation: int) -> tuple[int, int]:
    frames = -(-size // stride)
    total = max((frames - 1) * stride + (taps - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def _per_axis(value: int | Sequence[int], rank: int, name: str) -> tuple[int, ...]:
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(values) != rank or min(values) < 1:
        raise ValueError(f"{name} {value}: give one number above 0, or one for each of {rank} axes")
    return values


def _dimension_numbers(ndim: int) -> lax.ConvDimensionNumbers:
    """Return channels-last signals and `(*window, in, out)` kernels in XLA's terms."""
    space = tuple(range(1, ndim - 1))
    signal = (0, ndim - 1, *space)
    return lax.ConvDimensionNumbers(signal, (ndim - 1, ndim - 2, *range(ndim - 2)), signal)
