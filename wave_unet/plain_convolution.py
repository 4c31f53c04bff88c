"""The three functions of `umir.wave_unet.direct_convolution` in XLA's own way, for other backends.

What makes them faster on a CPU hides from a GPU what they are: it has kernels for the gradients of
a convolution, which XLA recognises in the form in which JAX's derivatives write them.
"""

from collections.abc import Callable
from functools import partial

import jax
from jax import Array, ShapeDtypeStruct, lax

from umir.wave_unet.direct_convolution import Geometry, dimension_numbers


def convolve(geometry: Geometry, x: Array, kernel: Array) -> Array:
    """Return y."""
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=geometry.stride,
        padding=geometry.padding,
        rhs_dilation=geometry.dilation,
        dimension_numbers=dimension_numbers(x.ndim),
    )


def transpose(geometry: Geometry, y: Array, kernel: Array) -> Array:
    """Return x."""
    shape = (len(y), *geometry.space, kernel.shape[-2])
    return _adjoint(lambda x: convolve(geometry, x, kernel), shape, y)


def correlate(geometry: Geometry, x: Array, y: Array) -> Array:
    """Return the kernel."""
    shape = (*geometry.window, x.shape[-1], y.shape[-1])
    return _adjoint(partial(convolve, geometry, x), shape, y)


def _adjoint(linear: Callable[[Array], Array], shape: tuple[int, ...], y: Array) -> Array:
    """Return the adjoint of a linear function of arrays of this shape, applied to y."""
    (found,) = jax.linear_transpose(linear, ShapeDtypeStruct(shape, y.dtype))(y)
    return found
