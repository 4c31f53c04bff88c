"""Adaptation and its report: what a step does, what is watched, how songs are dealt."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from tiny import TINY

from umir.adaptation.network_fitting import (
    Recipe,
    adapt,
    relative_size,
    validation_batches,
    validation_loss,
)
from umir.annotations import Labels
from umir.checkpoint import load_model
from umir.data.example import Example
from umir.meta import outer_update
from umir.meta_training.report import HeldOut, curves, deal_songs, table, write_report
from umir.released_models import find_model
from umir.tasks import Classification
from umir.wave_unet import PRESETS, Network, WaveUNetConfig, init_body

RATE = 16_000
TASK = Classification("tones", ("high", "low"))
NETWORK = Network(TINY, TASK.head)


def tone(index):
    """Three seconds of a low or a high tone, somewhere within an octave."""
    name, lowest = ("low", 150.0) if index % 2 else ("high", 2000.0)
    frequency = lowest * (1 + 0.618 * (index // 2) % 1)
    times = np.arange(int(3.2 * RATE)) / RATE
    waveform = 0.2 * np.sin(2 * np.pi * frequency * times)[:, None]
    return Example(waveform.astype(np.float32), RATE, Labels((name,)), f"song{index}", f"{index}")


@pytest.fixture(scope="module")
def body():
    return init_body(TINY, jax.random.key(0))


@pytest.mark.parametrize("larger", [1.0, 3.0])
def test_the_first_step_moves_the_body_by_its_size_and_the_head_by_its_factor(body, larger):
    seen = {}
    recipe = Recipe(1, learning_rate=1e-3, head_factor=5.0)
    examples = [tone(index) for index in range(4)]
    body = jax.tree.map(lambda weights: larger * weights, body)
    adapt(NETWORK, TASK, body, examples, recipe, watch=seen.__setitem__, watch_at=[0, 1])
    moved = {
        part: max(
            float(np.abs(after - before).max())
            for before, after in zip(
                jax.tree.leaves(seen[0][part]), jax.tree.leaves(seen[1][part]), strict=True
            )
        )
        for part in ("body", "head")
    }
    # Adam's first update is the learning rate in every coordinate that has a gradient.
    np.testing.assert_allclose(moved["body"], larger * 1e-3, rtol=1e-2)
    np.testing.assert_allclose(moved["head"], 5e-3, rtol=1e-2)


def test_one_compiled_update_serves_all_bodies_and_recipes(body):
    examples = [tone(index) for index in range(2)]
    adapt(NETWORK, TASK, body, examples, Recipe(1))
    compiled = outer_update._cache_size()
    larger = jax.tree.map(lambda weights: 2.5 * weights, body)
    adapt(NETWORK, TASK, larger, examples, Recipe(1, learning_rate=2e-3, head_factor=3.0))
    assert outer_update._cache_size() == compiled


def test_a_fresh_body_has_the_size_of_a_fresh_one_whatever_its_seed():
    network = Network(PRESETS["nano"], TASK.head)
    sizes = [
        relative_size(network.init_body(jax.random.key(seed)), network.init_body) for seed in (1, 2)
    ]
    np.testing.assert_allclose(sizes, 1.0, atol=0.01)


def test_the_size_of_a_released_body_is_that_of_its_kernels():
    model = load_model(find_model("umir-nano"))
    config = WaveUNetConfig.from_json(model.config["network"])
    kernels = [leaf for leaf in jax.tree.leaves(model.params["body"]) if leaf.ndim == 3]
    # Fresh kernels are drawn with a variance of 2 / (taps * channels_in): He et al. 2015, eq. 10.
    drawn = sum(2 / (k.shape[0] * k.shape[1]) * k.size for k in kernels)
    expected = np.sqrt(sum(np.sum(np.square(k, dtype=float)) for k in kernels) / drawn)
    size = relative_size(model.params["body"], Network(config, TASK.head).init_body)
    np.testing.assert_allclose(size, expected, rtol=0.02)
    assert size > 5  # it has grown, so that this test is of something


def test_the_body_that_is_adapted_is_not_changed(body):
    before = jax.tree.map(np.array, body)
    adapt(NETWORK, TASK, body, [tone(0), tone(1)], Recipe(2))
    assert jax.tree.all(jax.tree.map(np.array_equal, before, body))


def test_adaptation_lowers_the_validation_loss(body):
    batches = validation_batches(NETWORK, TASK, [tone(index) for index in range(12, 20)], 2)
    losses = {}

    def watch(step, params):
        losses[step] = validation_loss(NETWORK, TASK, params, batches)

    recipe = Recipe(40, learning_rate=1e-3, augment=False)
    examples = [tone(index) for index in range(12)]
    adapt(NETWORK, TASK, body, examples, recipe, watch=watch, watch_at=[0, 40])
    assert 0.9 < losses[0] < 1.2  # a fresh head guesses
    assert losses[40] < 0.3


def test_the_seed_decides_head_and_batches(body):
    examples = [tone(index) for index in range(4)]
    first, again, other = (
        adapt(NETWORK, TASK, body, examples, Recipe(2, seed=seed)) for seed in (0, 0, 1)
    )
    assert jax.tree.all(jax.tree.map(np.array_equal, first, again))
    assert not np.array_equal(first["head"]["kernel"], other["head"]["kernel"])


def test_songs_are_dealt_without_overlap():
    data = deal_songs(TASK, [tone(index % 9) for index in range(18)])
    sides = [{e.group for e in side} for side in (data.support, data.valid, data.query)]
    assert [len(side) for side in sides] == [4, 2, 3]
    assert len(set.union(*sides)) == 9
    assert [len(side) for side in (data.support, data.valid, data.query)] == [8, 2, 3]
    with pytest.raises(ValueError, match="three are needed"):
        deal_songs(TASK, [tone(0), tone(1)])


def test_programs_of_a_task_do_not_stay(body):
    songs = [tone(index) for index in range(12)]
    data = HeldOut(TASK, songs[:4], songs[4:8], songs[8:])
    adapt(NETWORK, TASK, body, songs[:4], Recipe(1))
    assert outer_update._cache_size() > 0
    curves(TINY, {"start": body}, [data], Recipe(1), [0, 1])
    assert outer_update._cache_size() == 0


def test_only_what_the_task_knows_is_dealt():
    strange = [replace(tone(index % 9), annotation=Labels(("noise",))) for index in range(18)]
    data = deal_songs(TASK, [*strange, *(tone(index) for index in range(9))])
    sides = [*data.support, *data.valid, *data.query]
    assert len(sides) == 9 and all(TASK.can_use(example.annotation) for example in sides)
    with pytest.raises(ValueError, match="0 songs, three are needed"):
        deal_songs(TASK, strange)


def test_report(tmp_path, body):
    songs = [tone(index) for index in range(12)]
    data = HeldOut(TASK, songs[:4], songs[4:8], songs[8:])
    starts = {"first": body, "second": init_body(TINY, jax.random.key(1))}
    found = curves(TINY, starts, [data], Recipe(2), [0, 2])
    assert {start: set(tasks["tones"]) for start, tasks in found.items()} == {
        "first": {0, 2},
        "second": {0, 2},
    }
    shown = write_report(found, [data], tmp_path)
    assert shown == table(found, [data])
    (row,) = [line for line in shown.splitlines() if line.startswith("tones")]
    numbers = [found[start]["tones"][step] for start in starts for step in (0, 2)]
    np.testing.assert_allclose([float(cell) for cell in row.split()[2:]], numbers, atol=5e-4)
    stored = json.loads((tmp_path / "adaptation.json").read_text())
    assert stored["first"]["tones"]["2"] == found["first"]["tones"][2]
