"""The inner loop against gradient descent by hand."""

import jax
import numpy as np
import pytest
from quartic import RATES, descended, quartic, start

from umir.meta import inner_loop


def adapt(problem, steps, rates, first_order=True):
    episode, body = problem
    params = {"body": body, "head": episode.head}
    support, key = episode.support, episode.key
    return inner_loop(
        quartic, params, support, key, steps=steps, rates=rates, first_order=first_order
    )


@pytest.mark.parametrize("first_order", [False, True])
def test_inner_loop_is_gradient_descent(problem, first_order):
    episode, body = problem
    params = adapt(problem, 3, RATES, first_order=first_order)
    expected = descended(start(body, episode), [episode.support] * 3)
    np.testing.assert_allclose([params["body"]["w"], params["head"]["b"]], expected, rtol=1e-12)


@pytest.mark.parametrize("rates", [{"body": 0.0, "head": 0.2}, {"head": 0.2}])
def test_a_part_without_a_rate_is_masked(problem, rates):
    episode, body = problem
    params = adapt(problem, 2, rates)
    assert params["body"] is body
    expected = descended(start(body, episode), [episode.support] * 2, (0.0, 0.2))
    np.testing.assert_allclose(params["head"]["b"], expected[1], rtol=1e-12)


def test_a_masked_part_costs_no_gradient(problem):
    """The body's gradient is not even in the program: tanh of the body has no derivative there."""
    episode, body = problem

    def loss(params, batch, key):
        return quartic(params, batch, key) + 0 * jax.numpy.tanh(params["body"]["w"])

    def adapted(rates):
        params = {"body": body, "head": episode.head}
        run = lambda p: inner_loop(  # noqa: E731
            loss, p, episode.support, episode.key, steps=2, rates=rates, first_order=True
        )
        return str(jax.make_jaxpr(run)(params))

    # The derivative of tanh(w) is 1 - tanh(w)^2.
    assert adapted({"head": 0.1}).count("sub") < adapted(RATES).count("sub")


def test_no_steps_change_nothing(problem):
    episode, body = problem
    assert adapt(problem, 0, RATES) == {"body": body, "head": episode.head}


def test_rates_of_leaves_may_be_any_tree(problem):
    """A body that is a list has a list of rates; a rate for all of it is a number."""
    episode, body = problem

    def loss(params, batch, key):
        return quartic({**params, "body": {"w": params["body"][0]}}, batch, key)

    params = {"body": [body["w"]], "head": episode.head}
    for rate in (0.1, [0.1]):
        found = inner_loop(
            loss,
            params,
            episode.support,
            episode.key,
            steps=3,
            rates={"body": rate, "head": 0.2},
            first_order=True,
        )
        expected = descended(start(body, episode), [episode.support] * 3)
        np.testing.assert_allclose([found["body"][0], found["head"]["b"]], expected, rtol=1e-12)
