"""Any optax optimiser in the inner loop: against optax run by hand, and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from quartic import RATES, difference, gradient, quartic, start, value

from umir.meta import MAML, FirstOrderMAML, Reptile, inner_loop

# With an `eps_root`, without which Adam has no derivative at a gradient of 0.
ADAM = optax.adam(1.0, eps_root=1e-8)


def adapted(problem, optimizer, steps=3, rates=RATES):
    episode, body = problem
    params = {"body": body, "head": episode.head}
    support, key = episode.support, episode.key
    options = {"steps": steps, "rates": rates, "first_order": True, "optimizer": optimizer}
    found = inner_loop(quartic, params, support, key, **options)
    return np.array([found["body"]["w"], found["head"]["b"]])


def adam_by_hand(params, batch, steps, rates=(0.1, 0.2)):
    """(w, b) after steps of `ADAM` (Kingma and Ba 2015, algorithm 1) times the rates."""
    first, second = np.zeros(2), np.zeros(2)
    for number in range(1, steps + 1):
        slope = gradient(params, batch)
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        mean, square = first / (1 - 0.9**number), second / (1 - 0.999**number)
        params = params - np.array(rates) * mean / (np.sqrt(square + 1e-8) + 1e-8)
    return params


def test_optax_sgd_is_plain_descent(problem):
    np.testing.assert_array_equal(adapted(problem, optax.sgd(1.0)), adapted(problem, None))
    halves = adapted(problem, optax.sgd(0.5), rates={"body": 0.2, "head": 0.4})
    np.testing.assert_allclose(halves, adapted(problem, None), rtol=1e-12)


def test_adam_is_adam_by_hand(problem):
    episode, body = problem
    expected = adam_by_hand(start(body, episode), episode.support, 3)
    np.testing.assert_allclose(adapted(problem, ADAM), expected, rtol=1e-10)


def test_an_optimizer_that_looks_at_the_parameters_is_optax_by_hand(problem):
    episode, body = problem
    optimizer = optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(0.1, weight_decay=0.3))
    params = {"body": body, "head": episode.head}
    state = optimizer.init(params)
    with jax.numpy_dtype_promotion("standard"):
        for _ in range(3):
            slope = jax.grad(quartic)(params, episode.support, episode.key)
            updates, state = optimizer.update(slope, state, params)
            params = optax.apply_updates(params, updates)
    found = adapted(problem, optimizer, rates={"body": 1.0, "head": 1.0})
    np.testing.assert_allclose(found, [params["body"]["w"], params["head"]["b"]], rtol=1e-12)


def test_a_masked_part_has_no_state(problem):
    """Clipping by the norm of the head's gradient alone shows that the body's is not there."""
    episode, body = problem
    clipped = adapted(
        problem, optax.chain(optax.clip_by_global_norm(1e-3), optax.sgd(1.0)), 1, {"head": 0.2}
    )
    slope = gradient(start(body, episode), episode.support)[1]
    np.testing.assert_allclose(clipped[1], episode.head["b"] - 0.2e-3 * np.sign(slope), rtol=1e-9)
    assert clipped[0] == body["w"]


@pytest.mark.parametrize("rematerialise", [False, True])
def test_mamls_gradient_through_adam_is_the_finite_difference(problem, rematerialise):
    episode, body = problem
    options = {"inner_optimizer": ADAM, "rematerialise": rematerialise}
    maml = MAML(optax.sgd(1.0), 3, *RATES.values(), **options)

    def outer(body):
        return value(adam_by_hand(start(body, episode), episode.support, 3), episode.query)

    loss, found = maml.gradient(body, episode)
    np.testing.assert_allclose(loss, outer(body), rtol=1e-10)
    np.testing.assert_allclose(found["w"], difference(outer, body["w"]), rtol=1e-7)


def test_first_order_algorithms_take_it_too(problem):
    episode, body = problem
    end = adam_by_hand(start(body, episode), episode.support, 2)
    first = FirstOrderMAML(optax.sgd(1.0), 2, *RATES.values(), inner_optimizer=ADAM)
    np.testing.assert_allclose(
        first.gradient(body, episode)[1]["w"], gradient(end, episode.query)[0], rtol=1e-9
    )
    episode = episode._replace(query=episode.support)
    reptile = Reptile(optax.sgd(1.0), 2, *RATES.values(), inner_optimizer=ADAM)
    np.testing.assert_allclose(
        reptile.gradient(body, episode)[1]["w"], body["w"] - end[0], rtol=1e-9
    )


def test_it_is_differentiable_where_a_gradient_is_zero(problem):
    """Without the `eps_root`, Adam's square root would give NaN there."""
    episode, _ = problem
    body = {"w": jnp.asarray(0.3), "unused": jnp.asarray(1.0)}
    maml = MAML(optax.sgd(1.0), 2, *RATES.values(), inner_optimizer=ADAM)
    assert np.all(np.isfinite(jax.tree.leaves(maml.gradient(body, episode)[1])))
