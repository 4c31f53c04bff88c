"""MAML and multi-task training on problems small enough to be solved by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from umir.meta import MAML, Episode, MultiTask, inner_loop

RATES = {"body": 0.1, "head": 0.2}


def quartic(params, batch, key):
    """A loss with a curvature that changes, so that first and second order differ."""
    del key
    error = params["body"]["w"] * batch["x"] + params["head"]["b"] - batch["y"]
    return jnp.mean(error**4 + error**2)


@pytest.fixture
def problem(rng):
    with jax.enable_x64(True):
        draw = lambda: jnp.asarray(rng.normal(size=5))  # noqa: E731
        support, query = {"x": draw(), "y": draw()}, {"x": draw(), "y": draw()}
        body, head = {"w": jnp.asarray(0.3)}, {"b": jnp.asarray(-0.2)}
        key = jax.random.key(0)
        yield Episode("quartic", quartic, head, support, query, key), body


def gradient(params, batch):
    """The gradient of `quartic`, written by hand in numpy."""
    x, y = np.asarray(batch["x"]), np.asarray(batch["y"])
    error = params[0] * x + params[1] - y
    slope = 4 * error**3 + 2 * error
    return np.array([np.mean(slope * x), np.mean(slope)])


def adapted_by_hand(body, head, support, steps):
    params = np.array([float(body["w"]), float(head["b"])])
    for _ in range(steps):
        params = params - np.array([0.1, 0.2]) * gradient(params, support)
    return params


def test_inner_loop_is_gradient_descent(problem):
    episode, body = problem
    params = inner_loop(
        quartic,
        {"body": body, "head": episode.head},
        episode.support,
        episode.key,
        steps=3,
        rates=RATES,
        first_order=True,
    )
    expected = adapted_by_hand(body, episode.head, episode.support, 3)
    np.testing.assert_allclose([params["body"]["w"], params["head"]["b"]], expected, rtol=1e-12)


def test_a_rate_of_zero_leaves_the_body_alone(problem):
    episode, body = problem
    params = inner_loop(
        quartic,
        {"body": body, "head": episode.head},
        episode.support,
        episode.key,
        steps=2,
        rates={"body": 0.0, "head": 0.2},
        first_order=True,
    )
    assert params["body"]["w"] == body["w"]
    assert params["head"]["b"] != episode.head["b"]


def outer_gradient(algorithm, episode, body):
    return jax.grad(algorithm.outer_loss)(
        body, episode.head, quartic, episode.support, episode.query, episode.key
    )["w"]


def test_second_order_gradient_is_the_finite_difference(problem):
    episode, body = problem
    maml = MAML(optax.sgd(1.0), 3, RATES["body"], RATES["head"], first_order=False)

    def value(w):
        arguments = episode.head, quartic, episode.support, episode.query, episode.key
        return maml.outer_loss({"w": body["w"] + w}, *arguments)

    difference = (value(1e-5) - value(-1e-5)) / 2e-5
    np.testing.assert_allclose(outer_gradient(maml, episode, body), difference, rtol=1e-7)


def test_first_order_gradient_is_the_query_gradient_at_the_adapted_parameters(problem):
    episode, body = problem
    maml = MAML(optax.sgd(1.0), 3, RATES["body"], RATES["head"], first_order=True)
    adapted = adapted_by_hand(body, episode.head, episode.support, 3)
    expected = gradient(adapted, episode.query)[0]
    np.testing.assert_allclose(outer_gradient(maml, episode, body), expected, rtol=1e-12)
    second = MAML(optax.sgd(1.0), 3, RATES["body"], RATES["head"], first_order=False)
    assert abs(outer_gradient(second, episode, body) - expected) > 1e-3


def test_a_step_descends_along_the_mean_gradient(problem):
    episode, body = problem
    other = episode._replace(name="other", support=episode.query, query=episode.support)
    maml = MAML(optax.sgd(0.5), 2, RATES["body"], RATES["head"])
    meta, metrics = maml.step(maml.init(body), [episode, other])
    mean = (outer_gradient(maml, episode, body) + outer_gradient(maml, other, body)) / 2
    np.testing.assert_allclose(meta.body["w"], body["w"] - 0.5 * mean, rtol=1e-12)
    assert set(metrics) == {"loss/quartic", "loss/other"}


def test_multitask_moves_each_head_by_its_own_task_only(problem):
    episode, body = problem
    other = episode._replace(name="other", support=episode.query)
    algorithm = MultiTask(optax.sgd(0.1))
    heads = {"quartic": episode.head, "other": episode.head}
    meta, _ = algorithm.step(algorithm.init(body, heads), [episode, other])
    w, first, second = float(body["w"]), float(episode.head["b"]), float(episode.head["b"])
    for batches in ((episode.support, other.support), (episode.query, other.query)):
        one, two = gradient([w, first], batches[0]), gradient([w, second], batches[1])
        w -= 0.1 * (one[0] + two[0]) / 2
        first, second = first - 0.1 * one[1], second - 0.1 * two[1]
    np.testing.assert_allclose(meta.heads["quartic"]["b"], first)
    np.testing.assert_allclose(meta.heads["other"]["b"], second)
    np.testing.assert_allclose(meta.body["w"], w)


def test_multitask_heads_persist(problem):
    episode, body = problem
    algorithm = MultiTask(optax.sgd(0.1))
    meta, _ = algorithm.step(algorithm.init(body, {"quartic": episode.head}), [episode])
    again, _ = algorithm.step(meta, [episode._replace(head={"b": jnp.asarray(99.0)})])
    assert abs(again.heads["quartic"]["b"]) < 1


def test_first_order_learns_a_shared_start(rng):
    """Tasks y = w x with w near 3: the body that adapts best is near 3, not at 0."""
    maml = MAML(optax.sgd(0.05), 1, body_rate=0.05, head_rate=0.0)
    meta = maml.init({"w": jnp.float32(0)})
    for step in range(60):
        slope = 3 + 0.5 * rng.normal()
        x = rng.normal(size=(2, 8)).astype(np.float32)
        batches = [{"x": jnp.asarray(b), "y": jnp.asarray(np.float32(slope) * b)} for b in x]
        episode = Episode("line", square, {"b": jnp.float32(0)}, *batches, jax.random.key(step))
        meta, _ = maml.step(meta, [episode])
    assert abs(meta.body["w"] - 3) < 0.5


def square(params, batch, key):
    del key
    return jnp.mean((params["body"]["w"] * batch["x"] + params["head"]["b"] - batch["y"]) ** 2)
