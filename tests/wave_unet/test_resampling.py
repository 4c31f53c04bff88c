import jax.numpy as jnp
import numpy as np
import pytest

from umir.wave_unet.convolution import convolution
from umir.wave_unet.resampling import (
    depth_to_time,
    time_to_depth,
    upsample_linear,
    upsampled_convolution,
)


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_upsampling_is_linear_interpolation(rng, factor):
    x = rng.standard_normal((2, 7, 3)).astype(np.float32)
    y = upsample_linear(jnp.asarray(x), factor)
    times = np.arange(7 * factor) / factor
    for batch in range(2):
        for channel in range(3):
            expected = np.interp(times, np.arange(7), x[batch, :, channel])  # holds the end
            np.testing.assert_allclose(y[batch, :, channel], expected, atol=1e-6)


def test_every_factor_th_sample_is_kept(rng):
    x = jnp.asarray(rng.standard_normal((1, 9, 2)).astype(np.float32))
    np.testing.assert_array_equal(upsample_linear(x, 4)[:, ::4], x)


def test_upsampling_by_nothing_raises():
    with pytest.raises(ValueError, match="upsample by 0"):
        upsample_linear(jnp.zeros((1, 2, 1)), 0)


@pytest.mark.parametrize("factor", [1, 2, 5])
@pytest.mark.parametrize("taps", [1, 3, 5])
def test_convolving_the_interpolation(rng, factor, taps):
    x = rng.standard_normal((2, 7, 3)).astype(np.float32)
    kernel = rng.standard_normal((taps, 3, 2)).astype(np.float32)
    y = upsampled_convolution(jnp.asarray(x), jnp.asarray(kernel), factor)
    # Zeros beyond the ends take part in the interpolation; then cut what they add.
    long = upsample_linear(jnp.pad(jnp.asarray(x), ((0, 0), (3, 3), (0, 0))), factor)
    expected = convolution(long, jnp.asarray(kernel))[:, 3 * factor : 10 * factor]
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_convolving_the_interpolation_with_an_even_kernel_raises():
    with pytest.raises(ValueError, match="4 taps"):
        upsampled_convolution(jnp.zeros((1, 2, 1)), jnp.zeros((4, 1, 1)), 2)


def test_depth_and_time_fold_into_each_other():
    x = jnp.arange(12.0).reshape(1, 6, 2)
    folded = time_to_depth(x, 3)
    np.testing.assert_array_equal(folded[0, 0], [0, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(depth_to_time(folded, 3), x)


def test_sizes_that_do_not_fold_raise():
    with pytest.raises(ValueError, match="7 samples"):
        time_to_depth(jnp.zeros((1, 7, 1)), 3)
    with pytest.raises(ValueError, match="7 channels"):
        depth_to_time(jnp.zeros((1, 2, 7)), 3)
