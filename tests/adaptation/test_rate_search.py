"""The search for rate and step, on a problem of two numbers whose answers are known."""

import json
import math
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from umir.adaptation.network_fitting import Adaptation, Recipe
from umir.adaptation.rate_search import INTERRUPTED, Budget, search
from umir.adaptation.search_progress import SearchProgress
from umir.adaptation.validation import Look
from umir.training import BAD_STEPS_IN_A_ROW

TARGET = 3.0  # of the training loss


def distance(params, batch, key):
    del key
    return jnp.square(params["body"]["w"] - batch) + 0.0 * params["head"]["b"]


def nan_far_away(params, batch, key):
    near = jnp.abs(params["body"]["w"]) < 5.0
    return jnp.where(near, distance(params, batch, key), jnp.nan)


def constant(params, batch, key):
    return 0.0 * distance(params, batch, key) + 0.5


def not_a_number(params, batch, key):
    return distance(params, batch, key) * jnp.nan


def start(loss=distance):
    params = {"body": {"w": jnp.zeros(())}, "head": {"b": jnp.zeros(())}}
    draw = lambda step: jnp.float32(TARGET)  # noqa: E731
    return Adaptation.of(loss, draw, params, Recipe())


def far_from(target):
    """The validation loss: like that of training, but with a target of its own."""
    return lambda params: float((params["body"]["w"] - target) ** 2)


def found(budget, target=TARGET, loss=distance, validate=None, **options):
    validate = validate or far_from(target)
    bar = SearchProgress("test", 1, "accuracy", shown=False)
    return search(start(loss), budget, looks_of(validate), bar, **options)


def looks_of(validate):
    """Looks of a function that gives a loss, or a loss and a score."""
    return lambda params: Look(*np.atleast_1d(validate(params)).tolist())


def losses_of(result, rate):
    return {step: look.loss for step, look in result.tried[rate].items()}


def test_a_budget_is_counted():
    default = Budget.of()
    assert default.rungs == [25, 75]
    assert default.looks == list(range(25, 601, 25))
    assert default.most_steps == 3 * 25 + 2 * 50 + 525
    assert default.count(default.looks) == 3 * 1 + 2 * 2 + 21
    assert Budget.of(steps=10).rungs == Budget.of(steps=10).looks[-1:] == [10]
    assert Budget.of(steps=10).most_steps == 30
    assert Budget.of(steps=1).most_steps == 3


def test_what_the_user_gives_is_not_searched():
    both = Budget.of(steps=60, learning_rate=0.01)
    assert (both.rates, both.rungs, both.most_steps, both.patience) == ((0.01,), [], 60, None)
    assert Budget.of(learning_rate=0.01).patience is not None
    result = found(Budget.of(steps=7, learning_rate=0.02))
    assert (result.learning_rate, result.steps) == (0.02, 7)
    assert list(result.tried) == [0.02]


@pytest.mark.parametrize("absurd", [1e-6, 300.0])
def test_the_better_of_a_good_and_an_absurd_rate_is_taken(absurd):
    result = found(Budget((absurd, 0.03), 200, None))
    assert result.learning_rate == 0.03
    np.testing.assert_allclose(result.params["body"]["w"], TARGET, atol=0.2)
    assert max(result.tried[absurd]) == 25  # it went no further than the first rung
    assert max(result.tried[0.03]) == result.steps == 200


def test_three_rates_are_halved():
    result = found(Budget((1e-5, 1e-3, 0.03), 100, None))
    assert {rate: max(losses) for rate, losses in result.tried.items()} == {
        1e-5: 25,
        1e-3: 75,
        0.03: 100,
    }


def test_early_stopping_goes_back_to_the_best_step():
    """Training leads from 0 to 3, and validation wants 1: the best step is on the way."""
    result = found(Budget((0.02,), 600, 150), target=1.0)
    losses = losses_of(result, 0.02)
    assert result.step == min(losses, key=losses.get) in (50, 75)
    assert result.steps == result.step + 150
    assert far_from(1.0)(result.params) == pytest.approx(result.loss)
    again = start().at_rate(0.02).until(result.step)
    np.testing.assert_array_equal(again.params["body"]["w"], result.params["body"]["w"])
    assert "no lower validation loss for 150 steps" in result.stopped


def test_the_best_step_of_a_rate_that_was_dropped_is_kept():
    """The higher rate passes the validation target at once, and is far past it at the rung."""
    result = found(Budget((0.1, 1e-3), 25, None), target=1.0)
    assert losses_of(result, 1e-3)[25] < losses_of(result, 0.1)[25]
    assert result.learning_rate == 0.1
    assert 8 <= result.step <= 14


def test_a_search_ends_at_its_limit_and_says_whether_more_would_help():
    result = found(Budget((1e-3,), 100, 150))
    assert (result.step, result.steps) == (100, 100)
    assert result.stopped == "that is the limit; more --steps may help"


def test_a_run_that_goes_on_is_the_run_that_never_paused():
    whole = start().at_rate(0.02).until(10)
    parts = start().at_rate(0.02).until(4).until(10)
    assert jax.tree.all(jax.tree.map(np.array_equal, whole.state, parts.state))


def test_a_search_is_deterministic():
    first, second = (found(Budget((1e-3, 0.02), 60, None)) for _ in range(2))
    assert first.tried == second.tried
    np.testing.assert_array_equal(first.params["body"]["w"], second.params["body"]["w"])


@pytest.mark.parametrize("steps", [60, 300], ids=["looks at every 6 steps", "at every 25"])
def test_a_rate_that_diverges_is_dropped(capsys, steps):
    result = found(Budget((10.0, 0.02), steps, None), loss=nan_far_away)
    assert result.learning_rate == 0.02
    # Broken off after so many steps without a finite loss, however many a leg has.
    assert max(result.tried[10.0], default=0) <= 1 + BAD_STEPS_IN_A_ROW
    assert math.isfinite(result.loss)
    assert "is skipped" in capsys.readouterr().err


def test_validation_losses_that_are_never_finite_are_an_error(capsys):
    looks = []

    def finite_before_the_first_step_only(params):
        looks.append(params)
        return 1.0 if len(looks) == 1 else math.nan

    budget = Budget((0.02,), 6, None)
    with pytest.raises(ValueError, match="no finite loss at the rates 0.02: give a lower"):
        found(budget, validate=finite_before_the_first_step_only, keep_start=False)


@pytest.mark.parametrize(
    ("loss", "validate", "words"),
    [
        (constant, None, "its loss is constant"),
        (not_a_number, None, "its loss or gradient is NaN"),
        (distance, lambda params: 0.25, "its validation loss stays at 0.25"),
        (distance, lambda params: math.nan, "validation loss is nan before the first step"),
    ],
)
@pytest.mark.parametrize("steps", [3, 60])
def test_what_cannot_be_learnt_is_said(loss, validate, words, steps):
    with pytest.raises(ValueError, match=words):
        found(Budget(steps=steps), loss=loss, validate=validate)


def test_ctrl_c_keeps_the_best_so_far():
    calls = []

    def pressed_at_the_third_look(params):
        calls.append(params)
        if len(calls) == 4:  # the first is before the first step
            signal.raise_signal(signal.SIGINT)
        return far_from(TARGET)(params)

    result = found(Budget((0.02,), 600, 150), validate=pressed_at_the_third_look)
    assert (result.step, result.stopped) == (50, INTERRUPTED)
    np.testing.assert_array_equal(result.params["body"]["w"], calls[2]["body"]["w"])


def test_ctrl_c_before_anything_is_learnt_gives_nothing():
    calls = []

    def pressed_at_the_first_look(params):
        calls.append(params)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return far_from(TARGET)(params)

    with pytest.raises(KeyboardInterrupt, match="before anything was learnt"):
        found(Budget((0.02,), 600, 150), validate=pressed_at_the_first_look)


def test_a_start_that_nothing_improves_is_said():
    """Validation wants what training leads away from."""
    result = found(Budget((0.02,), 50, None), target=-1.0)
    assert result.step == 0
    assert result.lines()[-1].endswith("so nothing was learnt from this audio")
    assert "nothing" not in found(Budget((0.02,), 50, None)).lines()[-1]


def test_a_start_that_does_not_listen_is_not_kept():
    """Even where nothing is better on validation: the first look is the least bad."""
    result = found(Budget((0.02, 0.01), 50, None), target=-1.0, keep_start=False)
    assert (result.step, result.learning_rate) == (5, 0.01)
    assert result.loss > result.before.loss == 1.0
    assert "higher than 1.000 before the first step" in result.lines()[-1]
    assert result.facts()["validation_loss_before"] == 1.0
    assert "higher" not in found(Budget((0.02,), 50, None), keep_start=False).lines()[-1]


def test_what_was_found_is_told_and_stored(capsys):
    result = found(Budget((10.0, 0.02), 60, None), loss=nan_far_away)
    first, second = result.lines()
    assert first.startswith("learning rates tried, with their validation loss: ")
    assert "0.02 (" in first
    assert second.startswith(f"stopped after 60 steps: that is the limit; kept step {result.step}")
    facts = json.loads(json.dumps(result.facts(), allow_nan=False))
    assert facts["learning_rate"] == 0.02
    assert facts["validation_loss"] == pytest.approx(result.tried[0.02][result.step].loss)
    assert facts["tried"]["0.02"][str(result.step)] == facts["validation_loss"]
    assert len(found(Budget((0.02,), 60, None)).lines()) == 1


def surer_and_better(params):
    """A loss that wants 1, as of a network that grows too sure, and a score that wants 3."""
    w = float(params["body"]["w"])
    return (w - 1.0) ** 2, -abs(w - TARGET)


def test_where_there_is_a_score_it_decides():
    """The rate that the loss would have dropped goes on, and stops where the score does."""
    by_loss = found(Budget((1e-3, 0.03), 300, 150), target=1.0)
    result = found(Budget((1e-3, 0.03), 300, 150), validate=surer_and_better)
    assert (by_loss.learning_rate, by_loss.chosen_by) == (0.03, "loss")
    assert (result.learning_rate, result.chosen_by) == (0.03, "accuracy")
    assert result.step > by_loss.step and result.loss > by_loss.loss
    np.testing.assert_allclose(result.params["body"]["w"], TARGET, atol=0.1)
    assert result.look.score == max(look.score for look in result.tried[0.03].values())
    assert result.lines()[0].startswith("learning rates tried, with their validation accuracy: ")
    assert f"(validation accuracy {result.look.score:.3f})" in result.lines()[1]
    facts = json.loads(json.dumps(result.facts(), allow_nan=False))
    assert facts["validation_score"] == facts["tried_scores"]["0.03"][str(result.step)]
    assert facts["validation_score_before"] == -TARGET


def test_of_equal_scores_the_lower_loss_decides():
    result = found(Budget((0.02,), 600, 150), validate=lambda p: (far_from(1.0)(p), 0.5))
    losses = losses_of(result, 0.02)
    assert result.step == min(losses, key=losses.get)
    assert result.stopped == "no better validation accuracy for 150 steps"


def test_scores_that_are_not_defined_are_worst():
    def undefined_later(params):
        w = float(params["body"]["w"])
        return (w - TARGET) ** 2, math.nan if w > 1.0 else w

    result = found(Budget((0.02,), 100, None), validate=undefined_later)
    assert 0.0 < result.look.score <= 1.0
    assert math.isnan(result.tried[0.02][100].score)
    assert result.facts()["tried_scores"]["0.02"]["100"] is None


@pytest.mark.parametrize("keep_start", [True, False])
def test_a_score_that_only_falls_is_said(keep_start):
    def falls(params):
        return far_from(TARGET)(params), 0.9 - float(params["body"]["w"])

    result = found(Budget((0.02,), 50, None), validate=falls, keep_start=keep_start)
    said = result.lines()[-1]
    if keep_start:
        assert result.step == 0 and "no other had a better validation accuracy" in said
    else:
        assert result.step == 5 and "worse than 0.900 before the first step" in said


def test_the_bar_sees_steps_and_scores(capsys):
    progress = SearchProgress("test", 60, "F-measure")
    scores = []

    def score(params):
        scores.append(float(params["body"]["w"]))
        return scores[-1]

    search(start(), Budget((0.02,), 60, None), looks_of(far_from(TARGET)), progress, score)
    progress.close()
    shown = capsys.readouterr().err
    assert "60/60" in shown
    assert f"valid F-measure={scores[-1]:.3f}" in shown
    assert "rate=0.02" in shown
