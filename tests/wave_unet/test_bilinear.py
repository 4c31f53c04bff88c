"""The closed set, computed with fewer multiplications: against the direct way, in float64."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from umir.wave_unet import bilinear, direct_convolution
from umir.wave_unet.bilinear import correlate, forward, transpose
from umir.wave_unet.convolution import convolution
from umir.wave_unet.direct_convolution import Geometry

# (time, taps, zeros before and after); negative ones cut the signal.
SHAPES = [(9, 2, (0, 1)), (16, 3, (1, 1)), (21, 5, (0, 0)), (30, 7, (6, 0)), (23, 15, (7, 7))]
CUT = (20, 4, (-1, -2))


@pytest.fixture
def minimal_everywhere(monkeypatch):
    for name in ("ENOUGH_CHANNELS", "ENOUGH_SAVED", "LONG"):
        monkeypatch.setattr(bilinear, name, 1e-9)
    with jax.enable_x64(True):
        yield


def geometry_of(time, taps, padding):
    return Geometry((1,), (1,), (padding,), (time,), (taps,))


@pytest.mark.parametrize("shape", [*SHAPES, CUT])
@pytest.mark.parametrize("wide", [1, 1000])  # pairs of channels
def test_all_three_are_those_of_xla(shape, wide, rng, minimal_everywhere, monkeypatch):
    monkeypatch.setattr(direct_convolution, "WIDE", wide)
    geometry = geometry_of(*shape)
    x = jnp.asarray(rng.normal(size=(2, *geometry.space, 3)))
    y = jnp.asarray(rng.normal(size=(2, *geometry.output, 4)))
    kernel = jnp.asarray(rng.normal(size=(*geometry.window, 3, 4)))
    for own, other, pair in (
        (forward, direct_convolution.convolve, (x, kernel)),
        (transpose, direct_convolution.transpose, (y, kernel)),
        (correlate, direct_convolution.correlate, (x, y)),
    ):
        np.testing.assert_allclose(own(geometry, *pair), other(geometry, *pair), atol=1e-11)


@pytest.mark.parametrize("channels", [(3, 4), (4, 3)])
@pytest.mark.parametrize("frames", [47, 48])
def test_long_signals_are_cut_for_the_kernels_gradient(channels, frames, rng, monkeypatch):
    geometry = geometry_of(frames, 5, (2, 2))
    with jax.enable_x64(True):
        x, y = (jnp.asarray(rng.normal(size=(2, frames, n))) for n in channels)
        expected = direct_convolution.correlate(geometry, x, y)
        for wide, long in ((1, 10), (1000, 10), (1, 1000)):
            monkeypatch.setattr(direct_convolution, "WIDE", wide)
            monkeypatch.setattr(direct_convolution, "LONG", long)
            found = direct_convolution.correlate(geometry, x, y)
            np.testing.assert_allclose(found, expected, atol=1e-11)


def test_each_is_computed_with_fewer_multiplications(minimal_everywhere):
    geometry = geometry_of(64, 15, (7, 7))
    x, y = jnp.zeros((2, 64, 32)), jnp.zeros((2, 64, 48))
    kernel = jnp.zeros((15, 32, 48))
    for function, pair in ((forward, (x, kernel)), (transpose, (y, kernel)), (correlate, (x, y))):
        fewer = _flops(function, geometry, *pair)
        with bilinear.directly():
            assert fewer < 0.75 * _flops(function, geometry, *pair)


def _flops(function, geometry, *pair):
    return jax.jit(lambda *pair: function(geometry, *pair)).lower(*pair).cost_analysis()["flops"]


def test_second_derivatives_are_those_of_jax(rng, minimal_everywhere):
    x = jnp.asarray(rng.normal(size=(1, 18, 2)))
    kernel = jnp.asarray(rng.normal(size=(6, 2, 3)))

    def ours(x, kernel):
        return convolution(x, kernel, padding="valid")

    def theirs(x, kernel):
        numbers = ("NWC", "WIO", "NWC")
        return lax.conv_general_dilated(x, kernel, (1,), "VALID", dimension_numbers=numbers)

    def norm_of_gradient(function):
        loss = jax.grad(lambda *pair: jnp.sum(jnp.sin(function(*pair))), (0, 1))
        return jax.jit(jax.grad(lambda *pair: sum(jnp.sum(g**3) for g in loss(*pair)), (0, 1)))

    found, expected = norm_of_gradient(ours)(x, kernel), norm_of_gradient(theirs)(x, kernel)
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-8, atol=1e-8 * float(jnp.abs(other).max()))


def test_few_channels_dilations_and_half_precision_go_the_direct_way(rng):
    wide = geometry_of(100, 5, (2, 2))
    dilated = Geometry((1,), (2,), ((4, 4),), (100,), (5,))

    def pays(geometry, channels, dtype=jnp.float32):
        return bilinear._pays(geometry, jnp.zeros((1, 100, channels), dtype), channels)

    assert pays(wide, 64)
    assert not (pays(wide, 16) or pays(dilated, 64) or pays(wide, 64, jnp.bfloat16))


def test_signals_beyond_the_cache_need_more_channels():
    def pays(channels):
        signal = jnp.zeros((8, 10_000, channels))
        return bilinear._pays(geometry_of(10_000, 5, (2, 2)), signal, channels)

    assert pays(64) and not pays(48)


@pytest.mark.parametrize("channels", [32, 256])
def test_rounding(channels, rng):
    x = rng.normal(size=(1, 300, channels)).astype(np.float32)
    kernel = rng.normal(size=(15, channels, 32)).astype(np.float32)
    found = convolution(jnp.asarray(x), jnp.asarray(kernel), padding="valid")
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), 15, axis=1)
    expected = np.einsum("bnik,kio->bno", windows, kernel)
    assert np.abs(found - expected).max() < 1e-4 * expected.std()


def test_an_exact_convolution_shows_nothing_from_beyond_its_taps(rng):
    x = jnp.asarray(rng.normal(size=(1, 400, 64)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(5, 64, 64)), jnp.float32)
    louder = x.at[:, 201:].multiply(1e6)

    def before(x, exact):
        return convolution(x, kernel, padding="valid", exact=exact)[:, :197]

    np.testing.assert_array_equal(before(x, True), before(louder, True))
    assert jnp.any(before(x, False) != before(louder, False))  # else `exact` is not needed


# Signals and pictures: (space, window, stride, dilation, padding, channels in and out).
PLAIN = [
    ((21,), (5,), (1,), (1,), ((2, 2),), (3, 4)),
    ((23,), (4,), (3,), (2,), ((0, 5),), (1, 2)),
    ((9, 8), (3, 3), (1, 1), (1, 1), ((0, 0), (1, 1)), (1, 8)),
    ((10, 12), (4, 4), (2, 2), (1, 1), ((1, 1), (1, 1)), (8, 16)),
    ((7, 5), (2, 1), (2, 1), (1, 3), ((0, 1), (0, 0)), (2, 1)),
]


@pytest.mark.parametrize("shape", PLAIN)
def test_on_other_backends_all_three_are_xlas_own(shape, rng, monkeypatch):
    space, window, stride, dilation, padding, (channels_in, channels_out) = shape
    geometry = Geometry(stride, dilation, padding, space, window)
    with jax.enable_x64(True):
        x = jnp.asarray(rng.normal(size=(2, *space, channels_in)))
        kernel = jnp.asarray(rng.normal(size=(*window, channels_in, channels_out)))
        y = jnp.asarray(rng.normal(size=(2, *geometry.output, channels_out)))
        calls = ((forward, (x, kernel)), (transpose, (y, kernel)), (correlate, (x, y)))
        expected = [function(geometry, *pair) for function, pair in calls]
        monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
        programs = [jax.jit(partial(function, geometry)) for function, _ in calls]
        for (_, pair), program, other in zip(calls, programs, expected, strict=True):
            np.testing.assert_allclose(program(*pair), other, atol=1e-11)
            assert str(jax.make_jaxpr(program)(*pair)).count("conv_general_dilated") == 1


def test_on_other_backends_a_picture_of_one_channel_is_not_tiled(rng, monkeypatch):
    x, kernel = (jnp.asarray(rng.normal(size=shape)) for shape in ((1, 6, 6, 1), (3, 3, 1, 4)))
    expected = convolution(x, kernel)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    np.testing.assert_allclose(convolution(x, kernel), expected, atol=1e-5)
    assert "reshape" not in str(jax.make_jaxpr(convolution)(x, kernel))
