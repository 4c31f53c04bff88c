"""Convolution of signals and pictures, and its transpose, whose derivatives stay fast.

Layout: `(batch, *space, channel)` signals and `(*window, in, out)` kernels, with one or two axes of
space. What they are made of, and why they have no forward mode of differentiation, says
`umir.wave_unet.bilinear`. Flop rates below were measured on two CPU cores.
"""

from collections.abc import Sequence

from jax import Array
from jaxtyping import Float

from umir.wave_unet.bilinear import forward, on_cpu, transpose
from umir.wave_unet.direct_convolution import Geometry, pad_space, shifted_copies

# Samples of a mono signal that are convolved together; of a picture of one channel, on each axis.
FOLD, TILE = 8, 2

Padding = str | Sequence[tuple[int, int]]


def convolution(
    x: Float[Array, "batch *space in_channel"],
    kernel: Float[Array, "*window in_channel out_channel"],
    *,
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    padding: Padding = "same",
    exact: bool = False,
) -> Float[Array, "batch *frames out_channel"]:
    """Convolve (correlate, as networks do) a batch of signals of one or two axes.

    Args:
        x: signals, shape `(batch, *space, in_channel)`.
        kernel: shape `(*window, in_channel, out_channel)`, of the dtype of `x`.
        stride: distance between output frames, in samples; one number or one per axis.
        dilation: distance between taps, in samples; one number or one per axis.
        padding: `"valid"` (none), `"same"` (output size `ceil(space / stride)`, zeros shared
            out evenly, the odd one at the end), or `(before, after)` zeros for every axis.
        exact: whether each output is the plain sum over its own taps. Otherwise neighbours may
            share multiplications (`umir.wave_unet.minimal_filtering`): rounding is some 1e-5 of the
            output's deviation, and what is loud within four samples shows in it. Of finite signals:
            other samples may be multiplied by zeros, of which NaN and infinities are not.

    Returns:
        Shape `(batch, *frames, out_channel)`.

    Raises:
        ValueError: shapes that do not fit, a window longer than the padded signal.
    """
    geometry = _geometry(x.shape, kernel.shape, stride, dilation, padding, exact)
    if geometry.dilation == (1,):
        mono = x.shape[-1] == 1 and geometry.output[0] % FOLD == 0
        if geometry.stride[0] > 1:
            to_mono = mono and kernel.shape[-1] == 1  # 6x faster, others 1.3-1.8x
            return _folded(x, kernel, geometry, FOLD if to_mono else 1)
        if mono and kernel.shape[0] > 1:
            return _folded(x, kernel, geometry, FOLD)  # 3-4x faster
    if geometry.dilation == geometry.stride == (1, 1) and x.shape[-1] == 1 and on_cpu():
        return _tiled(x, kernel, geometry)  # 7x faster, its kernel's gradient as fast
    return forward(geometry, x, kernel)


def transposed_convolution(
    y: Float[Array, "batch *frames out_channel"],
    kernel: Float[Array, "*window in_channel out_channel"],
    *,
    space: Sequence[int],
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    padding: Padding = "same",
    exact: bool = False,
) -> Float[Array, "batch *space in_channel"]:
    """Apply the adjoint of `convolution` with the same kernel and options.

    Args:
        y: shape `(batch, *frames, out_channel)`: what `convolution` would return.
        kernel: shape `(*window, in_channel, out_channel)`, as `convolution` takes it.
        space: the size of the signal to return (several sizes have as many frames).
        stride: as in `convolution`.
        dilation: as in `convolution`.
        padding: as in `convolution`.
        exact: as in `convolution`.

    Returns:
        Shape `(batch, *space, in_channel)`.

    Raises:
        ValueError: shapes that do not fit.
    """
    shape = (y.shape[0], *space, kernel.shape[-2])
    geometry = _geometry(shape, kernel.shape, stride, dilation, padding, exact)
    if y.shape[1:] != (*geometry.output, kernel.shape[-1]):
        raise ValueError(f"a signal of shape {shape} has {geometry.output} frames, not {y.shape}")
    return transpose(geometry, y, kernel)


def _folded(x: Array, kernel: Array, geometry: Geometry, outputs: int) -> Array:
    """Fold `outputs` strides of samples into the channels, and give as many frames at once.

    The convolution becomes one of stride 1 on long samples, its kernel one shifted copy of the
    original for each of the `outputs` frames.
    """
    (stride,), (frames,), ((before, _),) = geometry.stride, geometry.output, geometry.padding
    fold, (size, _, width) = stride * outputs, kernel.shape
    blocks, taps = frames // outputs, -(-(size + fold - stride) // fold)
    x = pad_space(x, [(before, (blocks - 1 + taps) * fold - before - x.shape[1])])
    x = x.reshape(x.shape[0], blocks - 1 + taps, -1)
    kernel = shifted_copies(kernel, [(n,) for n in range(0, fold, stride)], (taps * fold,))
    kernel = kernel.reshape(taps, x.shape[2], outputs * width)
    own = Geometry((1,), (1,), ((0, 0),), x.shape[1:2], (taps,), geometry.exact)
    y = forward(own, x, kernel)
    return y.reshape(y.shape[0], frames, width)


def _tiled(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """Give squares of frames at once, as channels: four shifted copies of the kernel, stride 2."""
    tile, taps = (TILE, TILE), tuple(n + TILE - 1 for n in geometry.window)
    tiles = tuple(-(-n // TILE) for n in geometry.output)
    shifts = [(down, across) for down in range(TILE) for across in range(TILE)]
    axes = zip(geometry.padding, tiles, taps, geometry.space, strict=True)
    padding = tuple((b, (n - 1) * TILE + k - size - b) for (b, _), n, k, size in axes)
    own = Geometry(tile, (1, 1), padding, geometry.space, taps)
    y = forward(own, x, shifted_copies(kernel, shifts, taps))
    y = y.reshape(len(y), *tiles, *tile, -1).transpose(0, 1, 3, 2, 4, 5)
    y = y.reshape(len(y), tiles[0] * TILE, tiles[1] * TILE, -1)
    return y[:, : geometry.output[0], : geometry.output[1]]


def _geometry(shape, kernel_shape, stride, dilation, padding: Padding, exact: bool) -> Geometry:
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
    geometry = Geometry(strides, dilations, pads, space, window, exact)
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
