"""Training: the published rule of the rate, one step against PyTorch, resuming, bad steps."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from nano_sequence_tasks import MUSIC, RECIPE, piano_rolls
from numpy.testing import assert_allclose

from umir.sequence_tasks.training import ADAM, SequenceTraining, _update, is_worse


@pytest.fixture
def training():
    return SequenceTraining(MUSIC, replace(RECIPE, batch=1), piano_rolls(), seed=3)


totals_of = jax.jit(MUSIC.totals)


class Seen:
    """Keeps all metrics, and stops after a step."""

    def __init__(self, last=None):
        self.metrics, self.last, self.kept = [], last, None

    def __call__(self, step, state, metrics):
        self.metrics.append(metrics)
        if step == self.last:
            self.kept = state
            raise KeyboardInterrupt

    def close(self):
        pass


def same(one, other):
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b), one, other)


def rates(losses, recipe):
    """The published rule, as its code has it: after epoch 10, worse than the worst of the last."""
    rate, past, found = 1.0, [], []
    for epoch, loss in enumerate(losses, 1):
        if epoch > recipe.warm_epochs and loss > max(past[-recipe.patience :]):
            rate /= 2
        past.append(loss)
        found.append(rate)
    return found


@pytest.mark.parametrize("patience", [2, 5, 10])
def test_the_rate_is_halved_as_published(patience, rng):
    recipe = replace(RECIPE, patience=patience, warm_epochs=10)
    losses = np.round(rng.normal(size=60), 1).tolist()
    rate, recent, found = 1.0, [-np.inf] * patience, []
    for epoch, loss in enumerate(losses, 1):
        rate /= 2 if is_worse(loss, recent, epoch, recipe) else 1
        recent = [*recent[1:], loss]
        found.append(rate)
    assert found == rates(losses, recipe) and found[9] == 1 and found[-1] < 1
    assert not is_worse(9.0, recent, 50, replace(recipe, patience=None))


def test_looks_keep_the_best_and_halve_the_rate(training, monkeypatch):
    losses = iter([3.0, 1.0, 2.0, 4.0, 1.0])
    monkeypatch.setattr(SequenceTraining, "validation_loss", lambda self, params: next(losses))
    training = replace(training, recipe=replace(training.recipe, epochs=5))
    seen = Seen()
    state = training.run(training.init(), 0, [seen])
    valid = [m["loss/valid"] for m in seen.metrics if "loss/valid" in m]
    assert valid == [3.0, 1.0, 2.0, 4.0, 1.0]
    assert (float(state["best_loss"]), int(state["best_epoch"])) == (1.0, 2)
    assert float(state["learning_rate"]) == pytest.approx(RECIPE.learning_rate / 2)  # of epoch 4
    assert state["recent"].tolist() == [4.0, 1.0]


def test_resumed_is_uninterrupted(training):
    whole = training.run(training.init(), 0, [])
    for last in (4, 6):  # in the middle of an epoch of 3 pieces, and at its end
        seen = Seen(last)
        with pytest.raises(KeyboardInterrupt):
            training.run(training.init(), 0, [seen])
        kept = jax.tree.map(np.asarray, seen.kept)  # as a checkpoint keeps it
        same(training.run(kept, last, []), whole)
    other = replace(training, seed=4)
    assert float(other.run(other.init(), 0, [])["best_loss"]) != float(whole["best_loss"])


def test_it_learns_and_reports(training):
    training = replace(training, recipe=replace(training.recipe, epochs=12))
    seen = Seen()
    state = training.run(training.init(), 0, [seen])
    assert [bool(m) for m in seen.metrics][:4] == [False, False, True, False]
    assert seen.metrics[19].keys() == {"loss/train"}  # between two looks
    valid = [m["loss/valid"] for m in seen.metrics if "loss/valid" in m]
    assert len(valid) == 12 and min(valid) < 0.6 * valid[0]
    scores = training.scores(state["best"])
    assert list(scores) == ["train", "valid", "test"]
    assert scores["valid"]["nats_per_frame"] == pytest.approx(min(valid))
    best = training.totals(state["best"], "valid")
    assert best["count"] == 11 + 29


def test_a_report_is_the_mean_of_all_frames_since_the_last(training):
    state, nats, count = training.init(), 0.0, 0.0
    for number in range(3):
        key = jax.random.fold_in(jax.random.key(3), number)
        totals = totals_of(state["params"], training.data.batch(number, 3), key)
        nats, count = nats + float(totals["nats"]), count + float(totals["count"])
        state, metrics = training.step(state, training.item(number))
    assert metrics["loss/train"] == pytest.approx(nats / count, rel=1e-5)
    assert float(state["seen"]["count"]) == 0


@pytest.mark.parametrize("clip", [None, 0.5])
def test_a_step_is_that_of_pytorch(clip, rng):
    torch = pytest.importorskip("torch")
    params = {"a": rng.normal(size=(3, 2)), "b": rng.normal(size=4)}
    params = {name: np.float32(value) for name, value in params.items()}
    theirs = {name: torch.nn.Parameter(torch.tensor(v)) for name, v in params.items()}
    adam = torch.optim.Adam(theirs.values(), lr=0.03)
    one = {"nats": jnp.float32(1), "count": jnp.float32(1)}
    before = params, ADAM.init(params), one
    for _ in range(4):
        gradient = {name: np.float32(rng.normal(size=v.shape)) for name, v in params.items()}
        for name, value in gradient.items():
            theirs[name].grad = torch.tensor(value)
        if clip:
            torch.nn.utils.clip_grad_norm_(theirs.values(), clip)
        adam.step()
        before = _update(clip, before, np.float32(0.03), one, gradient)
    for name, value in theirs.items():
        assert_allclose(before[0][name], value.detach().numpy(), atol=1e-5)
    assert float(before[2]["count"]) == 5


def test_a_step_that_is_not_finite_moves_nothing(training):
    state = training.init()
    before = state["params"], state["adam"], state["seen"]
    gradient = jax.tree.map(np.zeros_like, state["params"])
    bad = jax.tree.map(lambda x: x + np.float32(np.nan), gradient)
    totals = {"nats": np.float32(1), "count": np.float32(1)}
    rate = np.float32(1)
    same(_update(1.0, before, rate, totals, bad), before)
    same(_update(1.0, before, rate, {**totals, "nats": np.float32(np.inf)}, gradient), before)
    assert float(_update(1.0, before, rate, totals, gradient)[2]["count"]) == 1


def test_the_gradient_is_of_the_sum_over_a_piece(training):
    state = training.init()
    batch = training.data.batch(0, 3)
    key = jax.random.fold_in(jax.random.key(3), 0)
    gradient = jax.jit(jax.grad(lambda p: MUSIC.totals(p, batch, key)["nats"]))(state["params"])
    clipped = jax.tree.map(lambda g: g / jnp.maximum(optax.tree.norm(gradient), 1.0), gradient)
    state, _ = training.step(state, training.item(0))
    moments = state["adam"].mu  # 0.1 of the gradient after the first step
    jax.tree.map(lambda m, g: assert_allclose(m, 0.1 * g, rtol=1e-4, atol=1e-7), moments, clipped)
