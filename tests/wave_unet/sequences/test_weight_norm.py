import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose

from umir.wave_unet.sequences.weight_norm import init_normed, normed_kernel


def test_lengths_are_those_asked_for():
    params = init_normed(jax.random.key(0), 3, 4, 5)
    params |= {"length": jnp.asarray([1.0, 2.0, 3.0, 4.0, 5.0])}
    norms = np.linalg.norm(np.reshape(normed_kernel(params), (12, 5)), axis=0)
    assert_allclose(norms, [1, 2, 3, 4, 5], rtol=1e-6)


def test_directions_count_by_their_direction_only():
    params = init_normed(jax.random.key(0), 3, 4, 5)
    longer = params | {"direction": 7 * params["direction"]}
    assert_allclose(normed_kernel(longer), normed_kernel(params), rtol=1e-5)


def test_a_fresh_kernel_is_its_directions():
    params = init_normed(jax.random.key(0), 5, 40, 50)
    assert_allclose(normed_kernel(params), params["direction"], rtol=1e-5)
