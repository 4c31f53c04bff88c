import jax
import jax.numpy as jnp
import numpy as np
import pytest
from by_hand import as_float64, unit, up_unit
from nano_nets import noise
from numpy.testing import assert_allclose

from umir.wave_unet.sequences.gated_unit import gated_unit, gated_upsampling, init_gated_unit
from umir.wave_unet.sequences.history import Nothing, Zeros
from umir.wave_unet.sequences.signal import Signal


def test_a_tiny_case_by_hand():
    kernel = jnp.asarray([[[0.0, 0.0]], [[2.0, 0.0]]])  # tanh of twice the present, half open
    params = {"kernel": kernel, "bias": jnp.zeros(2)}
    x = Signal(jnp.asarray([1.0, -1.0, 3.0]).reshape(1, 3, 1), 0)
    y = gated_unit(params, x, Zeros(), "")
    expected = [n + np.tanh(2 * n) / 2 for n in (1.0, -1.0, 3.0)]
    assert_allclose(y.values.ravel(), expected, rtol=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("zeros", [True, False])
def test_values_are_those_of_the_definition(stride, zeros):
    params, x = init_gated_unit(jax.random.key(0), 3, 2), noise(1, 7)
    y = gated_unit(params, Signal(x, 0), Zeros() if zeros else Nothing(), "", stride=stride)
    expected = unit(as_float64(params), np.float64(x[0]), zeros, stride)
    assert_allclose(y.values[0], expected, atol=1e-5)


def test_a_condition_is_read_and_not_added():
    params = init_gated_unit(jax.random.key(0), 3, 2, conditioned=True)
    x, condition = noise(1, 7), noise(1, 5, seed=2)
    y = gated_unit(params, Signal(x, 0), Nothing(), "", condition=Signal(condition, 2))
    assert (y.first, y.end) == (4, 7)
    args = np.float64(x[0]), False, 1, np.float64(condition[0])
    assert_allclose(y.values[0], unit(as_float64(params), *args), atol=1e-5)


def test_a_transposed_unit_repeats_frames():
    params, x = init_gated_unit(jax.random.key(0), 3, 2), noise(1, 4)
    y = gated_upsampling(params, Signal(x, 0), Zeros(), "", 0, 7)
    expected = up_unit(as_float64(params), np.float64(x[0]), True)
    assert_allclose(y.values[0], expected, atol=1e-5)
    still = {"kernel": jnp.zeros((3, 2, 4)), "bias": jnp.zeros(4)}
    y = gated_upsampling(still, Signal(x, 0), Zeros(), "", 0, 8)
    assert_allclose(y.values, jnp.repeat(x, 2, axis=1))
