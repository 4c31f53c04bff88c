"""First-order MAML against its definition in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from quartic import RATES, descended, gradient, start, value

from umir.meta import MAML, Episode, FirstOrderMAML


def test_the_gradient_is_the_query_gradient_at_the_adapted_parameters(problem):
    episode, body = problem
    rates = RATES["body"], RATES["head"]
    loss, found = FirstOrderMAML(optax.sgd(1.0), 3, *rates).gradient(body, episode)
    adapted = descended(start(body, episode), [episode.support] * 3)
    np.testing.assert_allclose(loss, value(adapted, episode.query), rtol=1e-12)
    np.testing.assert_allclose(found["w"], gradient(adapted, episode.query)[0], rtol=1e-12)
    _, second = MAML(optax.sgd(1.0), 3, *rates).gradient(body, episode)
    assert abs(found["w"] - second["w"]) > 1e-3


def test_it_learns_a_shared_start(rng):
    """Tasks y = w x with w near 3: the body that adapts best is near 3, not at 0."""
    algorithm = FirstOrderMAML(optax.sgd(0.05), 1, body_rate=0.05, head_rate=0.0)
    meta = algorithm.init({"w": jnp.float32(0)})
    for step in range(60):
        slope = 3 + 0.5 * rng.normal()
        x = rng.normal(size=(2, 8)).astype(np.float32)
        batches = [{"x": jnp.asarray(b), "y": jnp.asarray(np.float32(slope) * b)} for b in x]
        episode = Episode("line", square, {"b": jnp.float32(0)}, *batches, jax.random.key(step))
        meta, _ = algorithm.step(meta, [episode])
    assert abs(meta.body["w"] - 3) < 0.5


def square(params, batch, key):
    del key
    return jnp.mean((params["body"]["w"] * batch["x"] + params["head"]["b"] - batch["y"]) ** 2)
