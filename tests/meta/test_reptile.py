"""Reptile against the equations of its paper in numpy."""

import numpy as np
import optax
import pytest
from quartic import RATES, descended, quartic, start, value

from umir.meta import Reptile


def reptile(rate, steps=3):
    return Reptile(optax.sgd(rate), steps, RATES["body"], RATES["head"])


def test_a_step_goes_some_of_the_way_to_the_adapted_body(problem):
    """Algorithm 1: body + rate (adapted - body), after steps on support, query, support."""
    episode, body = problem
    algorithm = reptile(0.25)
    meta, metrics = algorithm.step(algorithm.init(body), [episode])
    batches = [episode.support, episode.query, episode.support]
    adapted = descended(start(body, episode), batches)
    before_the_last = descended(start(body, episode), batches[:2])
    expected = body["w"] + 0.25 * (adapted[0] - body["w"])
    np.testing.assert_allclose(meta.body["w"], expected, rtol=1e-12)
    np.testing.assert_allclose(
        metrics["loss/quartic"], value(before_the_last, episode.support), rtol=1e-12
    )


def test_several_tasks_move_by_their_mean(problem, other):
    """Algorithm 2, the batched version."""
    episode, body = problem
    algorithm = reptile(0.5, steps=2)
    meta, _ = algorithm.step(algorithm.init(body), [episode, other])
    ways = [
        descended(start(body, e), [e.support, e.query])[0] - body["w"] for e in (episode, other)
    ]
    np.testing.assert_allclose(meta.body["w"], body["w"] + 0.5 * np.mean(ways), rtol=1e-12)


def test_a_rate_of_one_lands_on_the_adapted_body(problem):
    episode, body = problem
    algorithm = reptile(1.0, steps=4)
    meta, _ = algorithm.step(algorithm.init(body), [episode])
    adapted = descended(start(body, episode), [episode.support, episode.query] * 2)
    np.testing.assert_allclose(meta.body["w"], adapted[0], rtol=1e-12)


def test_adaptation_to_a_task_is_the_inner_loop_on_its_support(problem):
    episode, body = problem
    params = {"body": body, "head": episode.head}
    adapted = reptile(1.0).adapt(params, quartic, episode.support, episode.key)
    expected = descended(start(body, episode), [episode.support] * 3)
    np.testing.assert_allclose([adapted["body"]["w"], adapted["head"]["b"]], expected, rtol=1e-12)


def test_one_inner_step_is_an_error():
    with pytest.raises(ValueError, match="two inner steps"):
        reptile(0.1, steps=1)
