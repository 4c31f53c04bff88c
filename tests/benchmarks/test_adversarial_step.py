"""The step with critics against the same step in PyTorch: the losses of both, twice in a row."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from benchmark_scripts import benchmark_module

STEP = benchmark_module("adversarial_step")


def test_batches_have_the_shapes_that_a_training_draws(tmp_path, rng):
    from umir.priors import Streams
    from umir.separation.data import SeparationData
    from umir.separation.prior_training import prior_training
    from umir.separation.recipes import SeparationPreset
    from umir.separation.stem_songs import stored_song

    network, recipe = STEP.setting("nano")
    noise = rng.normal(size=(2000, 2, 1)).astype(np.float32)
    songs = [stored_song(tmp_path / "song.npy", noise)]
    training = prior_training(
        SeparationPreset(network, recipe), "adversarial", SeparationData(songs)
    )
    drawn = Streams(training.objective, training.sources, recipe.stages[0].batch, recipe.rounds)(0)
    made = STEP.item_of(network, recipe)
    shapes = [jax.tree.map(np.shape, item) for item in (drawn, made)]
    assert shapes[0] == shapes[1]
    # But for the floors of the guard, which songs decide.
    own = replace(training.objective, guard=STEP.objective_of(network, recipe).guard)
    assert own == STEP.objective_of(network, recipe)


def test_both_sides_take_the_same_steps():
    torch = pytest.importorskip("torch")
    peers = benchmark_module("torch_adversarial")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    network, recipe = STEP.setting("nano")
    objective = STEP.objective_of(network, recipe)
    state = objective.init(jax.random.key(0))
    # So steep that the penalty on gradients counts.
    critics = state["networks"]["critics"]
    for critic in critics.values():
        critic["output"] = {"kernel": 30 * critic["output"]["kernel"]}
    peer = peers.AdversarialPeer(objective, state, recipe.stages[0].learning_rate)
    for seed in range(2):
        item = STEP.item_of(network, recipe, seed)
        state, metrics = objective.step(state, item)
        between = peers.drawn_between([*critics], item["keys"], recipe.stages[0].batch)
        losses = peer.step(
            {
                "rounds": [peers.tensors(batches) for batches in item["rounds"]],
                "generator": peers.tensors(item["generator"]),
                "between": between,
            }
        )
        assert {*losses} == {"loss/generator", "loss/supervised", *(f"loss/{n}" for n in critics)}
        for name, value in losses.items():
            assert value == pytest.approx(metrics[name], rel=1e-4, abs=1e-5), name
        assert losses["loss/vocals"] > 1  # the penalty, not the distance
    torch.set_num_threads(threads)
