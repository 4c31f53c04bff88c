"""Minimal filtering against NumPy's convolution in float64, and its gradients against XLA's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from umir.wave_unet.convolution import convolution
from umir.wave_unet.minimal_filtering import (
    minimal_convolution,
    minimal_correlation,
    saved_multiplications,
    transforms,
)


@pytest.mark.parametrize("taps", [2, 3, 4, 5])
def test_the_matrices_make_a_filter(taps, rng):
    inputs, filters, outputs = transforms(taps)
    assert inputs.shape == (taps + 3, taps + 3)  # multiplications, for 4 outputs
    x, kernel = rng.normal(size=taps + 3), rng.normal(size=taps)
    found = outputs @ ((inputs @ x) * (filters @ kernel))
    np.testing.assert_allclose(found, np.correlate(x, kernel), atol=1e-12)


@pytest.mark.parametrize(
    ("length", "taps"),
    [(5, 5), (6, 5), (12, 5), (33, 3), (34, 2), (47, 4), (40, 6), (33, 15), (31, 31)],
)
def test_against_numpy(length, taps, rng):
    x = rng.normal(size=(2, length, 3)).astype(np.float32)
    kernel = rng.normal(size=(taps, 3, 4)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(float), taps, axis=1)
    expected = np.einsum("bnik,kio->bno", windows, kernel)
    found = minimal_convolution(jnp.asarray(x), jnp.asarray(kernel))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(("length", "taps"), [(5, 5), (12, 3), (33, 15)])
def test_the_correlation_is_the_gradient_of_the_kernel(length, taps, rng):
    x = jnp.asarray(rng.normal(size=(2, length, 3)), jnp.float32)
    y = jnp.asarray(rng.normal(size=(2, length - taps + 1, 4)), jnp.float32)
    _, pull_back = jax.vjp(
        lambda kernel: convolution(x, kernel, padding="valid"), jnp.zeros((taps, 3, 4))
    )
    np.testing.assert_allclose(minimal_correlation(x, y), pull_back(y)[0], atol=1e-4)


@pytest.mark.parametrize(("taps", "saved"), [(3, 1.5), (5, 3), (15, 8)])
def test_multiplications(taps, saved):
    assert saved_multiplications(taps) == saved


def test_many_channels_stay_exact_enough(rng):
    x = jnp.asarray(rng.normal(size=(1, 300, 256)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(5, 256, 32)) / 36, jnp.float32)
    found = minimal_convolution(x, kernel)
    expected = convolution(x, kernel, padding="valid", exact=True)
    assert float(jnp.abs(found - expected).max() / jnp.std(expected)) < 1e-4


def test_bad_input():
    with pytest.raises(ValueError, match="1 taps over 9 samples: give 2 taps and as many"):
        minimal_convolution(jnp.zeros((1, 9, 1)), jnp.zeros((1, 1, 1)))
    with pytest.raises(ValueError, match="5 taps over 4 samples"):
        minimal_convolution(jnp.zeros((1, 4, 1)), jnp.zeros((5, 1, 1)))
