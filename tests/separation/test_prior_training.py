"""Separation with critics: the training itself."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from small_prior import PRESET, RECIPE, VOICE

from umir.priors import Collapsed, Guard, Logistic, Wasserstein
from umir.separation.folders import NamedData
from umir.separation.prior_training import prior_training
from umir.separation.recipes import PRESETS
from umir.separation.trained_separator import Origin, finished
from umir.training import Diverged


def test_resumed_equals_uninterrupted(data):
    training = prior_training(PRESET, "adversarial", data)
    assert isinstance(training.objective.criterion, Wasserstein)
    assert not any(critic.spectral_norm for critic in training.objective.critics)
    state = training.run(training.init(), 0, lambda first, last: [])
    assert int(state["looks"]) == 2 and training.is_over(state)
    losses = [training.validation_loss(state[name], 3) for name in ("best", "params")]
    assert losses[0] == pytest.approx(float(state["best_loss"])) and losses[0] <= losses[1]

    resumed = training.run(stopped_at(training, 3), 3, lambda first, last: [])
    jax.tree.map(np.testing.assert_array_equal, resumed, state)


def stopped_at(training, last):
    """The state of a training that somebody stops after a step."""

    class Stop:
        def __call__(self, step, state, metrics):
            if step == last:
                self.state = state
                raise KeyboardInterrupt

        def close(self):
            pass

    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        training.run(training.init(), 0, lambda first, last: [stop])
    return stop.state


def test_the_factorised_prior_and_none_at_all(data):
    training = prior_training(PRESET, "factorgan", data)
    assert isinstance(training.objective.criterion, Logistic)
    assert [c.network.channels for c in training.objective.critics] == [1, 1, 2, 2]
    _, metrics = training.step(
        RECIPE.stages[0], training.init(), training._batch(RECIPE.stages[0], 0)
    )
    assert {f"balance/{n}" for n in (*VOICE, "real", "generated")} <= set(metrics)
    assert all(np.isfinite(value) for value in metrics.values())
    alone = prior_training(PRESET, "none", data)
    state = alone.init()
    before = alone.validation_loss(state["params"], 3)
    for n in range(60):
        state, metrics = alone.step(RECIPE.stages[0], state, alone._batch(RECIPE.stages[0], n))
    assert metrics["loss/generator"] == 0
    assert alone.validation_loss(state["params"], 3) < 0.9 * before
    with pytest.raises(ValueError, match="SpectrogramUNet: priors are of a MagnitudeUNet"):
        prior_training(PRESETS["u7"], "adversarial", data)
    with pytest.raises(ValueError, match="loss 'squared' alone: it has no critics"):
        prior_training(PRESETS["m4"], "adversarial", data)


def half_way(training):
    """The state after the first of two epochs."""
    recipe = replace(training.recipe, steps=2)
    half = replace(training, recipe=recipe)
    return half.run(half.init(), 0, lambda first, last: [])


def test_a_training_that_is_given_up_ends_with_what_it_had(data, capsys):
    """Whatever the critics do, the separator counts as collapsed from the second epoch on."""

    class Falling(Guard):
        def watched(self, state, metrics):
            if state["guard"]["step"] >= 3:
                memory = {**state["guard"], "collapses": np.float32(10)}
                good = {**state, "networks": memory["good"], "guard": memory}
                raise Collapsed("collapsed", good)
            if state["guard"]["step"] == 0:
                state["guard"]["good"] = state["networks"]
            step = {**state["guard"], "step": state["guard"]["step"] + 1}
            numbers = {**metrics, "adversarial_weight": 1.0, "collapses": 0.0}
            return {**state, "guard": step}, numbers

    training = prior_training(PRESET, "adversarial", data)
    falling = replace(training, objective=replace(training.objective, guard=Falling()))
    state = falling.run(falling.init(), 0, lambda first, last: [])
    assert falling.is_over(state) and np.isfinite(state["best_loss"])
    assert "collapsed; training ends here, the best parameters" in capsys.readouterr().err
    assert state["adversarial"]["guard"]["collapses"] == 10
    whole = training.run(training.init(), 0, lambda first, last: [])
    assert int(whole["stage"]) == 0 and int(state["stage"]) == 1
    first = stopped_at(training, 1)
    good = first["adversarial"]["networks"]["average"]
    jax.tree.map(np.testing.assert_array_equal, state["params"], good)
    # Stopped in the middle of an epoch, it ends with the same.
    resumed = falling.run(stopped_at(falling, 3), 3, lambda first, last: [])
    jax.tree.map(np.testing.assert_array_equal, resumed, state)


def test_a_training_without_finite_losses_ends_with_what_it_had(data, monkeypatch, capsys):
    training = prior_training(PRESET, "adversarial", data)

    class Lost:
        def __call__(self, step, state, metrics):
            if step == 3:
                raise Diverged(step, metrics)

        def close(self):
            pass

    state = training.run(training.init(), 0, lambda first, last: [Lost()])
    assert training.is_over(state) and np.isfinite(state["best_loss"])
    assert "training ends here, the best parameters" in capsys.readouterr().err
    jax.tree.map(np.testing.assert_array_equal, state["params"], half_way(training)["params"])


def test_a_validation_loss_that_was_never_finite_makes_no_model(data, tmp_path):
    training = prior_training(PRESET, "none", data)
    state = {**training.init(), "best_loss": np.inf}
    with pytest.raises(ValueError, match="no model was written: no look had a finite validation"):
        finished(training, state, NamedData(), Origin((), "nano", "command"), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_without_answers_a_smaller_weight_shortens_the_steps(data):
    unpaired = replace(data, train=(), valid=(), solos={n: data.mixtures for n in VOICE})
    training = prior_training(
        replace(PRESET, recipe=replace(RECIPE, beta=0.0)), "adversarial", unpaired
    )
    assert training.objective.supervision is None
    assert training.used[-1].startswith("only critics teach: their weight, --alpha, makes no")
    networks = training.init()["adversarial"]["networks"]
    batches = training._batch(RECIPE.stages[0], 0)["generator"]
    whole, half = (
        training.objective.generator_step(networks, batches, np.float32(size))[0]["generator"]
        for size in (1.0, 0.5)
    )
    jax.tree.map(
        lambda a, b, c: np.testing.assert_allclose(b - a, (c - a) / 2, atol=1e-7),
        networks["generator"],
        half,
        whole,
    )
