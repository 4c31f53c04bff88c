"""Implicit MAML against the closed form on a quadratic, and its memory."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from quartic import quartic

from umir.meta import MAML, Episode, FirstOrderMAML, ImplicitMAML, hessian_product
from umir.meta.gradients import _loss_and_gradient
from umir.meta.maml import outer_gradient

STRENGTH = 0.7


def quadratic(params, batch, key):
    """1/2 (theta - centre)' A (theta - centre), theta the body and the head."""
    del key
    away = jnp.concatenate([params["body"]["w"], params["head"]["b"]]) - batch["centre"]
    return away @ batch["matrix"] @ away / 2


@pytest.fixture
def task(rng):
    """An episode, its body, and the same as numpy arrays."""
    roots = rng.normal(size=(2, 5, 5))
    matrices = roots @ roots.transpose(0, 2, 1) / 5 + 0.2 * np.eye(5)
    centres, theta = rng.normal(size=(2, 5)), rng.normal(size=5)
    with jax.enable_x64(True):
        batches = [
            {"matrix": jnp.asarray(m), "centre": jnp.asarray(c)}
            for m, c in zip(matrices, centres, strict=True)
        ]
        head, body = {"b": jnp.asarray(theta[3:])}, {"w": jnp.asarray(theta[:3])}
        episode = Episode("quadratic", quadratic, head, *batches, jax.random.key(0))
        yield episode, body, (matrices, centres, theta)


def implicit(steps, **options):
    return ImplicitMAML(optax.sgd(1.0), steps, 0.3, 0.3, proximity=STRENGTH, **options)


def test_the_gradient_is_the_closed_form(task):
    """theta* = (A + lambda)^-1 (A centre + lambda theta_0), and its derivative in theta_0."""
    episode, body, (matrices, centres, theta) = task
    inverse = np.linalg.inv(matrices[0] + STRENGTH * np.eye(5))
    end = inverse @ (matrices[0] @ centres[0] + STRENGTH * theta)
    expected = (STRENGTH * inverse @ matrices[1] @ (end - centres[1]))[:3]
    value, found = implicit(80).gradient(body, episode)
    np.testing.assert_allclose(value, (end - centres[1]) @ matrices[1] @ (end - centres[1]) / 2)
    np.testing.assert_allclose(found["w"], expected, rtol=1e-7)
    # It is what the way through the inner loop gives, too, once that is long enough.
    unlike = FirstOrderMAML(optax.sgd(1.0), 80, 0.3, 0.3).gradient(body, episode)[1]
    assert np.abs(unlike["w"] - expected).max() > 1e-2


def test_adaptation_is_descent_that_is_drawn_back(task):
    episode, body, (matrices, centres, theta) = task
    end = theta
    for _ in range(3):
        end = end - 0.3 * (matrices[0] @ (end - centres[0]) + STRENGTH * (end - theta))
    params = {"body": body, "head": episode.head}
    found = implicit(3).adapt(params, quadratic, episode.support, episode.key)
    np.testing.assert_allclose([*found["body"]["w"], *found["head"]["b"]], end, rtol=1e-12)


def test_the_inner_loop_may_have_any_optimizer(task):
    """Another way to the same minimum."""
    episode, body, _ = task
    momentum = optax.sgd(1.0, momentum=0.3)
    other = ImplicitMAML(optax.sgd(1.0), 80, 0.2, 0.2, momentum, proximity=STRENGTH)
    _, expected = implicit(80).gradient(body, episode)
    np.testing.assert_allclose(other.gradient(body, episode)[1]["w"], expected["w"], rtol=1e-6)


def test_without_a_solver_it_is_first_order(task):
    episode, body, (matrices, centres, theta) = task
    algorithm = implicit(2, solver_steps=0)
    params = {"body": body, "head": episode.head}
    end = algorithm.adapt(params, quadratic, episode.support, episode.key)
    end = np.array([*end["body"]["w"], *end["head"]["b"]])
    expected = (matrices[1] @ (end - centres[1]))[:3]
    np.testing.assert_allclose(algorithm.gradient(body, episode)[1]["w"], expected, rtol=1e-10)


def test_no_program_depends_on_the_number_of_inner_steps(problem):
    """So memory does not either; that of MAML, as one program, does."""
    episode, body = problem

    def compiled():
        return _loss_and_gradient._cache_size(), hessian_product._cache_size()

    ImplicitMAML(optax.sgd(1.0), 2).gradient(body, episode)
    before = compiled()
    ImplicitMAML(optax.sgd(1.0), 7).gradient(body, episode)
    assert compiled() == before
    arguments = quartic, body, episode.head, episode.support, episode.query, episode.key
    sizes = [
        outer_gradient.lower(MAML(optax.sgd(1.0), steps), *arguments).as_text().count("\n")
        for steps in (2, 7)
    ]
    assert sizes[1] > sizes[0]


@pytest.mark.parametrize("options", [{"proximity": 0.0}, {"body_rate": 0.0}, {"head_rate": 0.0}])
def test_what_has_no_implicit_gradient_is_an_error(options):
    with pytest.raises(ValueError, match="needs a proximity above 0, and adapts body and head"):
        ImplicitMAML(optax.sgd(1.0), **options)


def test_the_hessian_product_is_numpys(task):
    episode, body, (matrices, _, _) = task
    params, key = {"body": body, "head": episode.head}, episode.key
    vector = {"head": {"b": jnp.asarray([1.0, -2.0])}}
    found = hessian_product(quadratic, params, episode.support, key, vector)
    expected = matrices[0] @ [0, 0, 0, 1, -2]
    np.testing.assert_allclose([*found["body"]["w"], *found["head"]["b"]], expected, rtol=1e-12)
