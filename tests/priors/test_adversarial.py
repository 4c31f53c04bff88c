"""The objective in the loop: schedules, resuming, bad batches, averages, few pairs."""

import contextlib
import json
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from matplotlib.figure import Figure
from scipy.stats import wasserstein_distance

from umir.priors import (
    Adversarial,
    Critic,
    Guard,
    Noise,
    Rows,
    Streams,
    Wasserstein,
    factor_gan,
    joint,
    marginals,
)
from umir.priors.adversarial import adam
from umir.priors.networks import DenseCritic, DenseGenerator, ImageUNet
from umir.priors.training_curves import draw_log
from umir.resuming import Checkpoints
from umir.training import JsonLog, train

PARTS = ("x", "y")
WIDE = 10  # from one end of the outputs to the other


@dataclass(frozen=True)
class WideGenerator(DenseGenerator):
    """Outputs from 0 to 10: a smooth critic can tell apart only what lies far apart."""

    def apply(self, params, inputs, *, training=False):
        made, features = super().apply(params, inputs, training=training)
        return {part: WIDE * x for part, x in made.items()}, features


GENERATOR = WideGenerator((), (("x", 1), ("y", 1)), noise=4, width=32)


def pairs(count, rng):
    """Two clusters of x, and y = 10 - x with little noise."""
    x = WIDE * (np.where(rng.random(count) < 0.5, 0.3, 0.7) + 0.08 * rng.normal(size=count))
    y = WIDE - x + 0.2 * rng.normal(size=count)
    return {"x": x[:, None].astype(np.float32), "y": y[:, None].astype(np.float32)}


def sources(few, rng):
    alone = {part: Rows({part: pairs(2000, rng)[part]}) for part in PARTS}
    return {"paired": Rows(pairs(few, rng)), "inputs": Noise(4), **alone}


def training(factors, rate=1e-3):
    critics = tuple(Critic(factor, DenseCritic(len(factor.parts), 32)) for factor in factors)
    return Adversarial(GENERATOR, critics, optimizer=adam(rate), critic_optimizer=adam(rate))


def equal(one, two):
    jax.tree.map(np.testing.assert_array_equal, one, two)


@pytest.fixture(scope="module")
def objective():
    return training(factor_gan(PARTS))


def test_limits_of_the_guard_compile_nothing_anew(objective):
    other = replace(objective, guard=replace(objective.guard, bad_steps=7))
    assert other == objective and hash(other) == hash(objective)
    assert other != replace(objective, weight=0.5)


def test_a_resumed_training_equals_an_uninterrupted_one(objective, tmp_path, rng):
    stream = Streams(objective, sources(10, rng), batch=8)
    start = objective.init(jax.random.key(0))
    whole = train(objective.step, start, stream, steps=6)
    train(objective.step, start, stream, steps=3, callbacks=[Checkpoints(tmp_path, 3, 3)])
    checkpoints = Checkpoints(tmp_path, 3, 6)
    state, step = checkpoints.latest(start)
    assert step == 3
    state = train(objective.step, state, stream, first_step=3, steps=6, callbacks=[checkpoints])
    equal(whole, state)
    assert not np.array_equal(
        start["networks"]["generator"]["layer1"]["kernel"],
        state["networks"]["generator"]["layer1"]["kernel"],
    )


def test_every_network_learns_from_its_own_loss_alone(objective, rng):
    """Other data for one critic change that critic and nothing else, until the generator moves."""
    stream = Streams(objective, sources(10, rng), batch=8)
    networks = objective.init(jax.random.key(0))["networks"]
    item = stream(0)
    batches, key = item["rounds"][0], item["keys"][0]
    one, _ = objective.critics_step(networks, batches, key)
    other = {**batches, "x": {"x": batches["x"]["x"] + 1}}
    two, _ = objective.critics_step(networks, other, key)
    for name in ("y", "real", "generated"):
        equal(one["critics"][name], two["critics"][name])
    assert not np.array_equal(
        one["critics"]["x"]["layer1"]["kernel"], two["critics"]["x"]["layer1"]["kernel"]
    )
    equal(one["generator"], networks["generator"])
    third, _ = objective.generator_step(one, item["generator"], np.float32(1))
    equal(third["critics"], one["critics"])
    # Power iteration goes on whenever a critic runs, in the generator's step as well.
    for name, vectors in third["vectors"].items():
        for path, vector in vectors.items():
            before = networks["vectors"][name][path], one["vectors"][name][path]
            # Of one output channel there is only one direction.
            assert len(vector) == 1 or not any(np.array_equal(vector, old) for old in before)


def test_a_batch_that_is_not_finite_moves_only_whom_it_does_not_reach(objective, rng, capsys):
    stream = Streams(objective, sources(10, rng), batch=8)
    state = objective.init(jax.random.key(0))
    item = stream(0)
    for batches in item["rounds"]:
        batches["x"]["x"][0] = np.nan
    moved, metrics = objective.step(state, item)
    assert np.isnan(metrics["loss/x"]) and np.isfinite(metrics["loss/y"])
    equal(moved["networks"]["critics"]["x"], state["networks"]["critics"]["x"])
    assert moved["guard"]["bad"] == 1
    for number in range(Guard().bad_steps - 1):
        moved, metrics = objective.step(moved, item)
        assert number < Guard().bad_steps - 2 or metrics["collapses"] == 1
    equal(moved["networks"], state["networks"])  # back where it was well
    assert metrics["adversarial_weight"] == 0.5
    assert "no finite loss in 5 steps; goes back" in capsys.readouterr().err


def test_of_what_was_given_the_spread_does_not_count(rng):
    """A critic of what is given and made sees the one vary, whatever became of the other."""
    objective = training(joint(PARTS))
    stream = Streams(objective, {**sources(10, rng), "inputs": Noise(4)}, batch=8)
    networks = objective.init(jax.random.key(0))["networks"]
    batches, key = stream(0)["rounds"][0], stream(0)["keys"][0]
    _, metrics = objective.critics_step(networks, batches, key)
    made, _ = objective.generated(networks["generator"], batches["inputs"], training=True)
    spread = {part: np.std(np.asarray(made[part]), axis=0).mean() for part in PARTS}
    real = {part: np.std(batches["paired"][part], axis=0).mean() for part in PARTS}
    expected = sum(spread.values()) / sum(real.values())
    assert float(metrics["spread/joint"]) == pytest.approx(expected, rel=1e-4)
    given = {**batches, "inputs": {**batches["inputs"], "x": batches["paired"]["x"]}}
    _, metrics = objective.critics_step(networks, given, key)
    assert float(metrics["spread/joint"]) == pytest.approx(spread["y"] / real["y"], rel=1e-4)


def test_beside_silence_the_spread_is_not_known(rng):
    objective = training(joint(PARTS))
    stream = Streams(objective, {**sources(10, rng), "inputs": Noise(4)}, batch=8)
    state, item = objective.init(jax.random.key(0)), stream(0)
    assert "spread/joint" in objective.step(state, item)[1]
    for batches in item["rounds"]:
        batches["paired"] = jax.tree.map(np.zeros_like, batches["paired"])
    silent, metrics = objective.step(state, item)
    assert "spread/joint" not in metrics and silent["guard"]["bad"] == 0


def test_an_average_gets_statistics_of_its_own(rng):
    """Batch normalisation with the statistics of other weights is another network."""
    generator = ImageUNet(("photo", 1), (("map", 2),), (4, 4), width=2, levels=1, whole=True)
    objective = Adversarial(generator, ())
    params = generator.init(jax.random.key(0))
    batches = [
        {"photo": rng.normal(3, 2, (64, 4, 4, 1)), "noise": rng.normal(size=(64, 50))}
        for _ in range(60)
    ]
    batches = jax.tree.map(lambda x: x.astype(np.float32), batches)
    settled = objective.settled(params, batches)
    layer = settled["encoder"]["level0"]["first"]
    _, statistics = generator.apply(params, batches[0], training=True)
    mean = statistics["encoder"]["level0/first"]["mean"]
    np.testing.assert_allclose(layer["mean"], mean, atol=0.3)
    assert np.abs(mean).max() > 0.5  # and not the 0 of before
    in_training, _ = generator.apply(settled, batches[0], training=True)
    used, _ = generator.apply(settled, batches[0])
    np.testing.assert_allclose(used["map"], in_training["map"], atol=0.1)
    dense = GENERATOR.init(jax.random.key(0))
    assert training(()).settled(dense, ()) is dense


def test_less_weight_makes_shorter_steps_where_only_critics_teach(objective, rng):
    stream = Streams(objective, sources(10, rng), batch=8)
    networks = objective.init(jax.random.key(0))["networks"]
    batches = stream(0)["generator"]

    def change(size):
        moved, _ = objective.generator_step(networks, batches, np.float32(size))
        return jax.tree.map(jnp.subtract, moved["generator"], networks["generator"])

    whole, half = change(1), change(0.25)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a / 4, b, atol=1e-7), whole, half)


@dataclass(frozen=True)
class Squares:
    """Supervision: y of labelled noise."""

    streams: tuple[str, ...] = ("labelled",)

    def loss(self, generator, params, batches, features):
        made, _ = generator.apply(params, batches["labelled"])
        return jnp.mean(jnp.square(made["y"] - batches["labelled"]["y"]))


def test_supervision_beside_wasserstein_critics(rng):
    """The gradient is that of the sum, by hand; five rounds of critics; each has a stream."""
    critics = tuple(
        Critic(factor, DenseCritic(1, 8), spectral_norm=False) for factor in marginals(PARTS)
    )
    objective = Adversarial(
        GENERATOR,
        critics,
        criterion=Wasserstein(),
        optimizer=optax.sgd(1.0),
        weight=0.01,
        supervision=Squares(),
    )
    assert objective.critic_streams == ("inputs", "x", "y")
    assert objective.generator_streams == ("inputs", "labelled")
    noise = Noise(4).draw(rng, 50)
    own = sources(10, rng)
    own["labelled"] = Rows({"noise": noise["noise"], "y": pairs(50, rng)["y"]})
    stream = Streams(objective, own, batch=16, rounds=5)
    state = objective.init(jax.random.key(0))
    item = stream(0)
    state, metrics = objective.step(state, item)
    assert len(item["rounds"]) == 5
    assert state["networks"]["optimizer"]["critics"]["x"][0].count == 5
    networks, named = state["networks"], dict(zip(PARTS, critics, strict=True))
    batches = jax.tree.map(jnp.asarray, stream(1)["generator"])

    def loss(params, weight):
        made, _ = GENERATOR.apply(params, batches["inputs"])
        judges = networks["critics"]
        found = [critic.network.apply(judges[part], made[part]) for part, critic in named.items()]
        adversarial = -jnp.mean(found[0] + found[1])
        return Squares().loss(GENERATOR, params, batches, {}) + weight * adversarial

    for size in (1.0, 0.5):
        moved, metrics = objective.generator_step(networks, batches, np.float32(size))
        gradient = jax.jit(jax.grad(loss))(networks["generator"], 0.01 * size)
        expected = jax.tree.map(jnp.subtract, networks["generator"], gradient)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), moved["generator"], expected
        )
    assert set(metrics) == {"loss/generator", "loss/supervised", "gradient_norm/generator"}


def distance(objective, few, steps):
    """How far marginals are off, and the correlation, after a training with few pairs."""
    rng = np.random.default_rng(0)
    stream = Streams(objective, sources(few, rng), batch=64)
    state = train(objective.step, objective.init(jax.random.key(0)), stream, steps=steps)
    made, _ = objective.generated(state["networks"]["average"], Noise(4).draw(rng, 4000))
    true = pairs(4000, rng)
    found = {part: np.asarray(made[part])[:, 0] for part in PARTS}
    off = [wasserstein_distance(found[part], true[part][:, 0]) for part in PARTS]
    return max(off), np.corrcoef(found["x"], found["y"])[0, 1]


@pytest.mark.slow
def test_few_pairs_are_enough_for_factors_and_not_for_a_plain_gan():
    """A plain GAN makes the eight pairs again, a FactorGAN what all unpaired samples look like."""
    off, correlation = distance(training(factor_gan(PARTS), 3e-4), few=8, steps=1200)
    plain, _ = distance(training(joint(PARTS), 3e-4), few=8, steps=1200)
    assert correlation < -0.5  # parts that are independent have none
    assert off < 0.1 * WIDE and plain > 1.5 * off


def test_the_log_is_drawn(objective, tmp_path, rng, monkeypatch):
    stream = Streams(objective, sources(10, rng), batch=8)
    log = tmp_path / "log.jsonl"
    state = objective.init(jax.random.key(0))
    train(objective.step, state, stream, steps=3, callbacks=[JsonLog(log, "adversarial")])
    row = json.loads(log.read_text().splitlines()[-1])
    names = ("generator", "x", "y", "real", "generated")
    assert {f"{kind}/{name}" for kind in ("loss", "gradient_norm") for name in names} <= {*row}
    assert all(0 <= row[f"balance/{name}"] <= 1 for name in names[1:])
    assert row["spread/x"] > 0 and row["collapses"] == 0
    draw_log(log, tmp_path / "training.png")
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
    del row["spread/x"]  # all of the batch was silent
    log.write_text("".join([*log.read_text().splitlines(keepends=True)[:-1], json.dumps(row)]))
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    with contextlib.suppress(FileNotFoundError):  # nothing was saved
        draw_log(log, tmp_path / "training.png")
    panels = {axes.get_title(): axes.get_legend_handles_labels()[1] for axes in drawn[0].axes}
    assert panels["spread of what is generated (1: as real)"] == ["x", "y"]
    with pytest.raises(ValueError, match="no steps of an adversarial training"):
        draw_log(tmp_path / "none.jsonl", tmp_path / "none.png")
