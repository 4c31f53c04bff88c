"""Every algorithm meta-trains on episodes of songs; fresh heads are fresh."""

import jax
import numpy as np
import optax
import pytest
from tiny import TINY

from umir import meta_train, meta_training
from umir.meta_training import ALGORITHMS, meta_episode
from umir.studio import render_song
from umir.tasks import EpisodeSampler, StudioSource, get_task
from umir.tasks.objective import fresh_params
from umir.wave_unet import Network, init_body

TASK = get_task("instrument_recognition")


@pytest.fixture(scope="module")
def sampler():
    songs = [render_song(seed, rate=TINY.rate, duration=8.0) for seed in range(4)]
    return EpisodeSampler([TASK], StudioSource(songs), rate=TINY.rate)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_takes_steps(sampler, name):
    algorithm = ALGORITHMS[name](optax.adam(1e-2), 2)
    body = init_body(TINY, jax.random.key(0))
    meta = algorithm.init(body)
    for step in range(2):
        meta, metrics = algorithm.step(meta, [meta_episode(TINY, sampler, step, variants=False)])
        assert set(metrics) == {f"loss/{TASK.name}", f"gradient_norm/{TASK.name}"}
        assert np.all(np.isfinite(list(metrics.values())))
    moved = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), meta.body, body)
    assert max(jax.tree.leaves(moved)) > 1e-3


def test_the_program_offers_every_algorithm():
    assert set(meta_train.ALGORITHMS) == {*ALGORITHMS, "multitask"}


def test_a_persistent_head_is_not_the_fresh_head_of_the_same_seed(sampler):
    """Otherwise the body would have been trained for the very head that adaptation starts from."""
    key = jax.random.key(3)
    body, heads = meta_training.starting_parameters(TINY, sampler, key)
    target = sampler.episode(0, variants=False).support.target
    fresh = fresh_params(Network(TINY, TASK.head), body, TASK, target, key)["head"]
    persistent = heads[TASK.name]
    assert jax.tree.structure(fresh) == jax.tree.structure(persistent)
    np.testing.assert_array_equal(fresh["bias"], persistent["bias"])  # class frequencies
    assert np.abs(fresh["kernel"] - persistent["kernel"]).max() > 1e-3
