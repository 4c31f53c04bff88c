"""Muon with its iterations in the Gram matrix: equal to optax's, which takes them in the kernel."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax.contrib import MuonDimensionNumbers
from optax.contrib import muon as optax_muon

from umir.meta_training.muon import muon, orthogonal

SHAPES = {"tall": (5, 8, 6), "wide": (1, 3, 7), "matrix": (4, 4)}
RATE, SIZE = 0.1, 0.2


def kernels(seed):
    rng = np.random.default_rng(seed)
    return {name: jnp.asarray(rng.normal(size=s), jnp.float32) for name, s in SHAPES.items()}


def of_optax():
    axes = {
        name: MuonDimensionNumbers(tuple(range(len(shape) - 1)), len(shape) - 1)
        for name, shape in SHAPES.items()
    }
    return optax_muon(RATE, consistent_rms=SIZE, muon_weight_dimension_numbers=axes)


def test_updates_are_those_of_optax_over_several_steps():
    params, ours, theirs = kernels(0), muon(RATE, SIZE), of_optax()
    state, other = ours.init(params), theirs.init(params)
    with jax.numpy_dtype_promotion("standard"):  # as in `umir.meta.outer_update`
        for step in range(1, 6):
            moved, state = ours.update(kernels(step), state, params)
            expected, other = theirs.update(kernels(step), other, params)
            for name in SHAPES:
                np.testing.assert_allclose(moved[name], expected[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40), (5, 5), (3, 1)])
def test_the_singular_vectors_stay_and_the_values_are_near_one(shape):
    matrix = np.random.default_rng(1).normal(size=shape)
    matrix /= np.linalg.norm(matrix)
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    found = np.asarray(orthogonal(jnp.asarray(matrix, jnp.float32)), float)
    turned = left.T @ found @ right.T
    assert np.all((np.diag(turned) > 0.6) & (np.diag(turned) < 1.3))
    np.testing.assert_allclose(turned, np.diag(np.diag(turned)), atol=1e-4)
    # The same polynomial of each singular value, taken in float64.
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    np.testing.assert_allclose(np.diag(turned), values, atol=1e-4)


def test_nothing_stays_nothing():
    """A kernel whose momentum is zero has no direction: no NaN, and no step."""
    nothing = jax.tree.map(jnp.zeros_like, kernels(0))
    with jax.numpy_dtype_promotion("standard"):
        optimizer: optax.GradientTransformation = muon(RATE, SIZE)
        moved, _ = optimizer.update(nothing, optimizer.init(nothing), nothing)
    assert not any(np.any(np.asarray(leaf)) for leaf in jax.tree.leaves(moved))
