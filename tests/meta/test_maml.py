"""MAML of second order: its gradient is the finite difference, on two parameters and a network."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from quartic import RATES, descended, difference, quartic, start, value
from tiny import TINY

from umir.meta import ANIL, MAML, Episode
from umir.wave_unet import HeadSpec, Network

RATE_OF = {"body_rate": RATES["body"], "head_rate": RATES["head"]}
REMATERIALISED = {"rematerialise": True}


def test_the_loss_is_the_query_loss_of_the_adapted_parameters(problem):
    episode, body = problem
    loss, _ = MAML(optax.sgd(1.0), 3, **RATE_OF).gradient(body, episode)
    adapted = descended(start(body, episode), [episode.support] * 3)
    np.testing.assert_allclose(loss, value(adapted, episode.query), rtol=1e-12)


@pytest.mark.parametrize("rematerialise", [False, True])
def test_the_gradient_is_the_finite_difference(problem, rematerialise):
    episode, body = problem
    maml = MAML(optax.sgd(1.0), 3, **RATE_OF, rematerialise=rematerialise)

    def outer(body):
        params = descended(start(body, episode), [episode.support] * 3)
        return value(params, episode.query)

    _, gradient = maml.gradient(body, episode)
    np.testing.assert_allclose(gradient["w"], difference(outer, body["w"]), rtol=1e-8)


@pytest.fixture
def network_problem(rng):
    """An episode of the tiny network in float64."""
    with jax.enable_x64(True):
        network = Network(TINY, HeadSpec("frames", 2, rate=100.0))
        params = network.init(jax.random.key(0))
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), params)

        def loss(params, batch, key):
            del key
            output, _ = network.apply(params, batch["x"])
            return jnp.mean((output - batch["y"]) ** 2)

        def batch():
            x = jnp.asarray(rng.normal(size=(1, 2 * TINY.total_stride, 1)))
            output, _ = jax.eval_shape(network.apply, params, x)
            return {"x": x, "y": jnp.asarray(rng.normal(size=output.shape))}

        yield Episode("net", loss, params["head"], batch(), batch(), jax.random.key(1)), params


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "options"), [(MAML, {}), (MAML, REMATERIALISED), (ANIL, {})])
def test_a_networks_gradient_is_the_finite_difference(network_problem, rng, kind, options):
    """Along a random direction, through two inner steps."""
    episode, params = network_problem
    algorithm = kind(optax.sgd(1.0), 2, head_rate=0.3, **options)
    draw = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape)), params["body"])
    direction = jax.tree.map(lambda x: x / optax.tree.norm(draw), draw)

    def outer(step):
        body = jax.tree.map(lambda p, v: p + step * v, params["body"], direction)
        return algorithm.gradient(body, episode)[0]

    _, gradient = algorithm.gradient(params["body"], episode)
    slopes = jax.tree.map(jnp.vdot, gradient, direction)
    step = 1e-5
    expected = (outer(step) - outer(-step)) / (2 * step)
    np.testing.assert_allclose(sum(jax.tree.leaves(slopes)), expected, rtol=1e-6)


def test_a_step_descends_along_the_mean_gradient(problem, other):
    episode, body = problem
    maml = MAML(optax.sgd(0.5), 2, **RATE_OF)
    meta, metrics = maml.step(maml.init(body), [episode, other])
    (one, first), (two, second) = maml.gradient(body, episode), maml.gradient(body, other)
    mean = (first["w"] + second["w"]) / 2
    np.testing.assert_allclose(meta.body["w"], body["w"] - 0.5 * mean, rtol=1e-12)
    assert metrics["loss/quartic"] == one and metrics["loss/other"] == two
    np.testing.assert_allclose(metrics["gradient_norm/other"], abs(second["w"]))


def test_compiled_equals_not_compiled(problem):
    episode, body = problem
    maml = MAML(optax.sgd(1.0), 2, **RATE_OF)
    arguments = episode.head, quartic, episode.support, episode.query, episode.key
    with jax.disable_jit():
        expected = jax.grad(maml.outer_loss)(body, *arguments)
    np.testing.assert_allclose(maml.gradient(body, episode)[1]["w"], expected["w"], rtol=1e-12)


def noisy(params, batch, key):
    """A loss that draws: every step must see the key that is its own."""
    noise = 1 + 0.1 * jax.random.normal(key, dtype=jnp.float64)
    return noise * quartic(params, batch, key)


@pytest.mark.parametrize("kind", [MAML, ANIL])
def test_rematerialised_equals_kept(problem, kind):
    episode, body = problem
    episode = episode._replace(loss=noisy)
    kept = kind(optax.sgd(1.0), 3).gradient(body, episode)
    again = kind(optax.sgd(1.0), 3, rematerialise=True).gradient(body, episode)
    np.testing.assert_allclose(jax.tree.leaves(again), jax.tree.leaves(kept), rtol=1e-12)
