"""A convolution whose derivatives of every order stay fast.

The three bilinear functions of `umir.wave_unet.direct_convolution`,

    forward(x, kernel) -> y      the convolution
    transpose(y, kernel) -> x    its adjoint in x
    correlate(x, y) -> kernel    its adjoint in kernel

are closed under taking adjoints: those of each are the other two. Each is a `jax.custom_vjp` whose
rule calls the others, so reverse over reverse to any order runs on these three alone.
Differentiating `jax.lax.conv_general_dilated` twice makes convolutions that XLA's CPU backend runs
tens of times more slowly. The price: no forward mode (`jax.jvp`, `jax.jacfwd`); write a Hessian
product as reverse over reverse.

How each is computed is its own affair: on a CPU by detours that are faster there, some with fewer
multiplications, elsewhere as XLA has it.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType

import jax
import jax.numpy as jnp
from jax import Array

from umir.wave_unet import direct_convolution, plain_convolution
from umir.wave_unet.direct_convolution import Geometry, pad_space
from umir.wave_unet.minimal_filtering import (
    minimal_convolution,
    minimal_correlation,
    minimal_transpose,
    saved_multiplications,
    taps_of,
)

# Minimal filtering pays from so many channels on, and from so many saved multiplications for each
# sum that its transforms cost instead: more where the signal does not fit into the cache.
ENOUGH_CHANNELS, ENOUGH_SAVED, ENOUGH_SAVED_OF_MUCH = 32, 40, 80
MUCH = 2**21  # numbers of a signal, 8 MB
LONG = 64  # frames: shorter signals gain nothing

_directly = False


@contextmanager
def directly() -> Iterator[None]:
    """Let what is traced in the block be computed as it is written, to count its operations."""
    global _directly
    before, _directly = _directly, True
    try:
        yield
    finally:
        _directly = before


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def forward(geometry: Geometry, x: Array, kernel: Array) -> Array:
    """Return y."""
    if _pays(geometry, x, kernel.shape[-1]):
        return minimal_convolution(pad_space(x, geometry.padding), kernel)
    return _way().convolve(geometry, x, kernel)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def transpose(geometry: Geometry, y: Array, kernel: Array) -> Array:
    """Return x."""
    if _pays(geometry, y, kernel.shape[-2]):
        return minimal_transpose(pad_space(y, geometry.padding_of_transpose), kernel)
    return _way().transpose(geometry, y, kernel)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def correlate(geometry: Geometry, x: Array, y: Array) -> Array:
    """Return the kernel."""
    several = taps_of(geometry.window[0])[1] > 1  # of few taps both signals' transforms cost more
    if several and _pays(geometry, x, y.shape[-1]):
        return minimal_correlation(pad_space(x, geometry.padding_of_correlation), y)
    return _way().correlate(geometry, x, y)


def on_cpu() -> bool:
    """Return whether what is traced will run on a CPU, whose detours cost time on a GPU."""
    return jax.default_backend() == "cpu"


def _way() -> ModuleType:
    """Return what computes the three functions where fewer multiplications do not pay."""
    return direct_convolution if on_cpu() else plain_convolution


def _pays(geometry: Geometry, signal: Array, other_channels: int) -> bool:
    """Return whether minimal filtering is possible, wanted, and faster.

    Its transforms are as many sums as there are channels on both sides.
    """
    channels = signal.shape[-1], other_channels
    precise = signal.dtype in (jnp.float32, jnp.float64)
    possible = len(geometry.space) == 1 and geometry.is_dense and geometry.window[0] > 1
    wanted = not (geometry.exact or _directly) and on_cpu()
    if not (precise and possible and wanted) or min(channels) < ENOUGH_CHANNELS:
        return False
    if min(geometry.space[0], geometry.output[0]) < LONG:
        return False
    saved = saved_multiplications(geometry.window[0]) * math.prod(channels) / sum(channels)
    return saved >= (ENOUGH_SAVED if signal.size <= MUCH else ENOUGH_SAVED_OF_MUCH)


def _keep(function):
    """Return a custom_vjp forward rule: both arguments are what the backward rule needs."""
    return lambda geometry, a, b: (function(geometry, a, b), (a, b))


def _forward_adjoint(geometry, saved, y):
    x, kernel = saved
    return transpose(geometry, y, kernel), correlate(geometry, x, y)


def _transpose_adjoint(geometry, saved, x):
    y, kernel = saved
    return forward(geometry, x, kernel), correlate(geometry, x, y)


def _correlate_adjoint(geometry, saved, kernel):
    x, y = saved
    return transpose(geometry, y, kernel), forward(geometry, x, kernel)


forward.defvjp(_keep(forward), _forward_adjoint)
transpose.defvjp(_keep(transpose), _transpose_adjoint)
correlate.defvjp(_keep(correlate), _correlate_adjoint)
