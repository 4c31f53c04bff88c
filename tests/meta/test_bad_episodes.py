"""An episode whose loss or gradient is not finite changes nothing, and can be seen."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from quartic import quartic

from umir.meta import (
    ANIL,
    MAML,
    FirstOrderMAML,
    ImplicitMAML,
    MAMLPlusPlus,
    MetaSGD,
    MultiTask,
    Reptile,
    outer_update,
)


def nan_loss(params, batch, key):
    return quartic(params, batch, key) + jnp.nan


def nan_gradient(params, batch, key):
    """sqrt(0) is 0, and its derivative is not finite."""
    return quartic(params, batch, key) + jnp.sqrt(0 * params["body"]["w"])


def infinite_loss(params, batch, key):
    """An infinite loss with a finite gradient."""
    return quartic(params, batch, key) + jnp.inf


BAD = {"nan loss": nan_loss, "nan gradient": nan_gradient, "infinite loss": infinite_loss}
LEARNERS = [MAML, FirstOrderMAML, ANIL, Reptile, MultiTask, MAMLPlusPlus, MetaSGD, ImplicitMAML]


def started(kind, body, head):
    """The algorithm with Adam, whose state must not see NaN either."""
    adam = optax.adam(0.1)
    if kind is MultiTask:
        algorithm = MultiTask(adam, {"quartic": adam, "bad": adam})
        return algorithm, algorithm.init(body, {"quartic": head, "bad": head})
    return kind(adam), kind(adam).init(body)


def assert_same(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.parametrize("loss", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("kind", LEARNERS)
def test_a_bad_episode_changes_nothing(problem, kind, loss):
    episode, body = problem
    algorithm, meta = started(kind, body, episode.head)
    meta, good = algorithm.step(meta, [episode])
    after, metrics = algorithm.step(meta, [episode._replace(name="bad", loss=loss)])
    assert_same(after, meta)
    assert not np.all(np.isfinite(list(metrics.values())))
    assert np.all(np.isfinite(list(good.values())))


@pytest.mark.parametrize("kind", LEARNERS)
def test_the_others_of_a_step_are_used(problem, kind):
    episode, body = problem
    algorithm, meta = started(kind, body, episode.head)
    bad = episode._replace(name="bad", loss=nan_loss)
    both, metrics = algorithm.step(meta, [episode, bad])
    alone, _ = algorithm.step(meta, [episode])
    assert_same(both, alone)
    assert np.isnan(metrics["loss/bad"]) and np.isfinite(metrics["loss/quartic"])


@pytest.mark.parametrize("kind", LEARNERS)
def test_a_bad_episode_is_seen_among_others_of_its_name(problem, kind):
    episode, body = problem
    algorithm, meta = started(kind, body, episode.head)
    _, mixed = algorithm.step(meta, [episode._replace(loss=nan_loss), episode])
    assert np.isnan(mixed["loss/quartic"])
    other = episode._replace(query=episode.support)
    alone = [algorithm.step(meta, [one])[1] for one in (episode, other)]
    _, both = algorithm.step(meta, [episode, other])
    for name in both if kind is not MultiTask else ():
        np.testing.assert_allclose(both[name], (alone[0][name] + alone[1][name]) / 2, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_update_along_a_gradient_that_is_not_finite_is_none(bad):
    optimizer = optax.adam(0.1)
    params = {"a": jnp.ones(3, jnp.float32), "b": jnp.ones(2, jnp.float32)}
    state = optimizer.init(params)
    gradient = {"a": jnp.asarray([1, bad, 1], jnp.float32), "b": jnp.ones(2, jnp.float32)}
    assert_same(outer_update(optimizer, gradient, params, state), (params, state))
