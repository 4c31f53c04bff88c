"""Muon for the body: against a singular value decomposition; which parameters are matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from umir.meta import outer_update
from umir.meta_training.schedules import ADAM_RATE, LIKE_ADAM, body_optimizer

RATE, STEPS, WARM_UP = 1e-2, 100, 10


@pytest.fixture(scope="module")
def updates():
    """The updates of a few parameters along a constant gradient: at first, and at full rate."""
    rng = np.random.default_rng(0)
    shapes = {"kernel": (3, 2, 4), "bias": (4,), "number": ()}
    gradient = {name: jnp.asarray(rng.normal(size=s), jnp.float32) for name, s in shapes.items()}
    params = jax.tree.map(jnp.zeros_like, gradient)
    optimizer, moves = body_optimizer(RATE, STEPS), []
    state = optimizer.init(params)
    for _ in range(WARM_UP + 1):
        new, state = outer_update(optimizer, gradient, params, state)
        moves.append(jax.tree.map(lambda a, b: np.asarray(a - b, float), new, params))
        params = new
    return gradient, moves[0], moves[-1]


def test_the_rate_starts_at_zero(updates):
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(updates[1]))


def test_a_kernel_moves_alike_in_all_directions_of_its_matrix(updates):
    """The matrix is (taps and inputs, outputs); Muon's singular values are near each other."""
    gradient, _, move = updates
    before = np.linalg.svd(np.reshape(gradient["kernel"], (6, 4)))
    after = np.linalg.svd(move["kernel"].reshape(6, 4))
    assert after[1].max() / after[1].min() < 1.7 < before[1].max() / before[1].min()
    # The same singular vectors, the other way: the product with them is diagonal.
    turned = -before[0].T @ move["kernel"].reshape(6, 4) @ before[2].T
    assert np.all(np.diag(turned) > 0)
    np.testing.assert_allclose(turned[:4], np.diag(np.diag(turned)), atol=1e-2 * turned.max())
    assert np.sqrt(np.mean(move["kernel"] ** 2)) == pytest.approx(LIKE_ADAM * RATE, rel=0.2)


@pytest.mark.parametrize("name", ["bias", "number"])
def test_what_is_no_matrix_moves_by_adams_rate_against_its_gradient(updates, name):
    gradient, _, move = updates
    expected = -ADAM_RATE * np.sign(gradient[name])
    np.testing.assert_allclose(move[name], expected, rtol=0.02)


def test_what_a_gradient_does_not_reach_stays_where_it_is():
    """Also after updates that gave it momentum; the rest moves as without it."""
    params = {"often": jnp.ones((3, 2)), "seldom": jnp.ones((3, 2)), "bias": jnp.ones(2)}
    optimizer = body_optimizer(RATE, STEPS)
    state = optimizer.init(params)
    reached = jax.tree.map(jnp.ones_like, params)
    for _ in range(WARM_UP):
        params, state = outer_update(optimizer, reached, params, state)
    missed = {**reached, "seldom": jnp.zeros((3, 2)), "bias": jnp.zeros(2)}
    moved, _ = outer_update(optimizer, missed, params, state)
    for name in ("seldom", "bias"):
        np.testing.assert_array_equal(moved[name], params[name])
    assert np.all(np.asarray(moved["often"]) < np.asarray(params["often"]))
