"""ANIL: only the head is adapted, and the gradient goes to the body all the same."""

import numpy as np
import optax
import pytest
from quartic import descended, difference, gradient, start, value

from umir.meta import ANIL, MAML


@pytest.mark.parametrize("rematerialise", [False, True])
def test_the_gradient_is_the_finite_difference(problem, rematerialise):
    episode, body = problem
    anil = ANIL(optax.sgd(1.0), 3, head_rate=0.2, rematerialise=rematerialise)

    def outer(body):
        params = descended(start(body, episode), [episode.support] * 3, (0.0, 0.2))
        return value(params, episode.query)

    loss, found = anil.gradient(body, episode)
    np.testing.assert_allclose(loss, outer(body), rtol=1e-12)
    np.testing.assert_allclose(found["w"], difference(outer, body["w"]), rtol=1e-8)


@pytest.mark.parametrize("rematerialise", [False, True])
def test_first_order_is_the_query_gradient_with_the_adapted_head(problem, rematerialise):
    episode, body = problem
    options = {"first_order": True, "rematerialise": rematerialise}
    anil = ANIL(optax.sgd(1.0), 3, head_rate=0.2, **options)
    adapted = descended(start(body, episode), [episode.support] * 3, (0.0, 0.2))
    _, found = anil.gradient(body, episode)
    np.testing.assert_allclose(found["w"], gradient(adapted, episode.query)[0], rtol=1e-12)


def test_it_is_maml_with_the_body_masked(problem):
    episode, body = problem
    masked = MAML(optax.sgd(1.0), 3, body_rate=0.0, head_rate=0.2).gradient(body, episode)
    assert ANIL(optax.sgd(1.0), 3, head_rate=0.2).gradient(body, episode) == masked
    with pytest.raises(TypeError, match="body_rate"):
        ANIL(optax.sgd(1.0), body_rate=0.1)


def test_adaptation_leaves_the_body_as_it_is(problem):
    episode, body = problem
    params = {"body": body, "head": episode.head}
    algorithm = ANIL(optax.sgd(1.0))
    adapted = algorithm.adapt(params, episode.loss, episode.support, episode.key)
    assert adapted["body"] is body
    assert adapted["head"]["b"] != episode.head["b"]
