"""Multi-task training against two updates by hand."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from quartic import gradient, value

from umir.meta import MultiTask


def test_each_head_is_moved_by_its_own_task_only(problem):
    episode, body = problem
    other = episode._replace(name="other", support=episode.query)
    algorithm = MultiTask(optax.sgd(0.1), {"quartic": optax.sgd(0.3), "other": optax.sgd(0.3)})
    heads = {"quartic": episode.head, "other": episode.head}
    meta, metrics = algorithm.step(algorithm.init(body, heads), [episode, other])
    w, first, second = float(body["w"]), float(episode.head["b"]), float(episode.head["b"])
    losses = []
    for batches in ((episode.support, other.support), (episode.query, other.query)):
        losses.append(value([w, first], batches[0]))
        one, two = gradient([w, first], batches[0]), gradient([w, second], batches[1])
        w -= 0.1 * (one[0] + two[0]) / 2
        first, second = first - 0.3 * one[1], second - 0.3 * two[1]
    np.testing.assert_allclose(meta.heads["quartic"]["b"], first)
    np.testing.assert_allclose(meta.heads["other"]["b"], second)
    np.testing.assert_allclose(meta.body["w"], w)
    np.testing.assert_allclose(metrics["loss/quartic"], np.mean(losses))


def test_heads_persist(problem):
    episode, body = problem
    algorithm = MultiTask(optax.sgd(0.1), dict.fromkeys(("quartic", "other"), optax.sgd(0.1)))
    meta, _ = algorithm.step(algorithm.init(body, {"quartic": episode.head}), [episode])
    again, _ = algorithm.step(meta, [episode._replace(head={"b": jnp.asarray(99.0)})])
    assert abs(again.heads["quartic"]["b"]) < 1


def test_a_task_without_a_head_is_an_error(problem):
    episode, body = problem
    algorithm = MultiTask(optax.sgd(0.1), dict.fromkeys(("quartic", "other"), optax.sgd(0.1)))
    with pytest.raises(KeyError, match="quartic"):
        algorithm.step(algorithm.init(body, {"other": episode.head}), [episode])
