"""`umir meta-train` with each newer algorithm, and the inner loop that its model remembers."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import TINY

from umir.adaptation.start import Start
from umir.checkpoint import Model, load_model
from umir.cli import main
from umir.meta import Episode, fresh_rates, inner_loop
from umir.meta_training.algorithms import (
    ALGORITHMS,
    inner_loop_of,
    meta_learner,
    usual_body_rate,
)
from umir.meta_training.phases import FIRST_HELD_OUT_SONG, meta_episode
from umir.studio import render_song
from umir.tasks import EpisodeSampler, StudioSource, get_task
from umir.wave_unet import PRESETS

BODY = {"level": {"kernel": jnp.full((3, 2), 0.5), "bias": jnp.zeros(2)}}
PARAMS = {"body": BODY, "head": {"kernel": jnp.ones((2, 1)), "bias": jnp.zeros(1)}}


def loss(params, batch, key):
    del key
    level, head = params["body"]["level"], params["head"]
    features = jnp.tanh(batch["x"] @ level["kernel"] + level["bias"][None])
    return jnp.mean((features @ head["kernel"] + head["bias"][None] - batch["y"]) ** 2)


@pytest.fixture
def support(rng):
    shapes = {"x": (5, 3), "y": (5, 1)}
    return {name: jnp.asarray(rng.normal(size=s), jnp.float32) for name, s in shapes.items()}


def trained_by(name, params=None, **facts):
    """A model directory's content after a meta-training."""
    training = {"algorithm": name, "inner_steps": 2, "inner_optimizer": "sgd", **facts}
    return Model({"training": training}, {"body": BODY, **(params or {})})


@pytest.mark.parametrize("name", ["maml_plus_plus", "meta_sgd"])
def test_a_model_adapts_with_the_rates_that_it_learnt(support, name):
    given = {"body": 0.1, "head": 0.3}
    kind = {"granularity": "parameter"} if name == "meta_sgd" else {"steps": 2}
    rates = fresh_rates(BODY, given, **kind)
    learnt = jax.tree.map(lambda leaf: -2 * leaf, rates)
    stored = jax.tree.map(np.asarray, learnt)  # as safetensors gives them back
    key = jax.random.key(0)
    found = inner_loop_of(trained_by(name, {"rates": stored}))(PARAMS, loss, support, key)
    expected = inner_loop(
        loss,
        PARAMS,
        support,
        key,
        steps=2,
        rates={"body": -0.2, "head": -0.6},
        first_order=True,
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), found, expected)


def test_a_model_without_learnt_rates_adapts_with_the_given_ones(support):
    key = jax.random.key(0)
    expected = inner_loop(
        loss, PARAMS, support, key, steps=2, rates={"body": 0.1, "head": 0.3}, first_order=True
    )
    found = inner_loop_of(trained_by("fomaml"))(PARAMS, loss, support, key)
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    before_there_was_a_choice = Model({"training": {"algorithm": "anil", "inner_steps": 2}}, {})
    assert inner_loop_of(before_there_was_a_choice)(PARAMS, loss, support, key)["body"] is BODY
    adam = inner_loop_of(trained_by("reptile", inner_optimizer="adam"))
    moved = jnp.abs(adam(PARAMS, loss, support, key)["body"]["level"]["kernel"] - 0.5)
    np.testing.assert_allclose(moved, np.full((3, 2), 2e-3), rtol=0.2)  # a rate of 1e-3, two steps


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"training": {"algorithm": "multitask"}},
        # `--warm-up 1`: all steps were multi-task training, which leaves heads.
        {"training": {"algorithm": "fomaml", "inner_steps": 2}, "heads": {"onset_detection": {}}},
    ],
)
def test_a_model_that_was_not_meta_trained_has_no_inner_loop(config):
    assert inner_loop_of(Model(config, {})) is None


def test_a_model_that_lost_its_learnt_rates_is_an_error():
    with pytest.raises(ValueError, match="meta_sgd without the rates that it learnt"):
        inner_loop_of(trained_by("meta_sgd"))


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("inner_optimizer", ["sgd", "adam"])
def test_every_algorithm_takes_every_inner_optimizer(support, name, inner_optimizer):
    options = {"inner_optimizer": inner_optimizer, "first_order": 0.5}
    learner = meta_learner(name, 10, 2, body_rate=0.5, **options)
    assert learner.body_rate == 0.5 * (name != "anil")
    rates = learner.learnt_rates(learner.init(BODY))
    assert (rates is None) == (name not in ("maml_plus_plus", "meta_sgd"))


def test_the_bodys_rate_goes_with_its_size():
    trained = Start.load("umir-nano")
    fresh = Start.load("scratch", trained.config)
    assert usual_body_rate("sgd", trained.body) == pytest.approx(100, rel=0.02)
    assert usual_body_rate("sgd", fresh.body) == pytest.approx(1.3, rel=0.1)
    assert usual_body_rate("adam", trained.body) == pytest.approx(9e-3, rel=0.02)
    assert usual_body_rate("adam", fresh.body) == pytest.approx(1e-3, rel=0.1)


@pytest.mark.parametrize("name", ["fomaml", "reptile", "imaml", "maml_plus_plus"])
def test_adam_is_adam_where_nothing_goes_through_it(support, name):
    """With its `eps_root`, a gradient of 1e-6 moves a parameter by a hundredth of the rate."""
    learner = meta_learner(name, 10, 2, body_rate=1e-3, inner_optimizer="adam")
    small = jax.tree.map(lambda leaf: jnp.full_like(leaf, 1e-6), BODY)
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = learner.inner_optimizer.update(small, learner.inner_optimizer.init(BODY))
    jax.tree.map(lambda leaf: np.testing.assert_allclose(leaf, -1.0, rtol=0.02), updates)


@pytest.mark.parametrize("name", ["maml_plus_plus", "meta_sgd"])
def test_a_learnt_rate_moves_by_a_share_of_its_own(support, name):
    """The first outer step of Adam is its rate, which a warm-up of one step in ten begins."""
    learner = meta_learner(name, 10, 2, body_rate=0.5)
    state = learner.init(BODY)
    head = {"kernel": jnp.full((2, 1), 0.5), "bias": jnp.zeros(1)}
    for step in range(2):
        episode = Episode("x", loss, head, support, support, jax.random.key(step))
        state, _ = learner.step(state, [episode])
    learnt, given = learner.learnt_rates(state), learner.fresh_rates(BODY)
    for part in ("body", "head"):
        moved = jax.tree.map(lambda a, b: np.max(np.abs(a - b) / b), learnt[part], given[part])
        assert 0 < max(jax.tree.leaves(moved)) < 0.03


@pytest.mark.slow
def test_a_body_that_is_adapted_learns_more_than_a_head_alone():
    """Of the body that comes along, on onsets and drums of songs that it never heard."""
    known = Start.load("umir-nano")
    config, body = known.config, jax.tree.map(jnp.asarray, known.body)
    seeds = range(FIRST_HELD_OUT_SONG, FIRST_HELD_OUT_SONG + 4)
    source = StudioSource([render_song(seed, rate=config.rate, duration=12.0) for seed in seeds])
    for name in ("onset_detection", "drum_transcription"):
        sampler = EpisodeSampler([get_task(name)], source, rate=config.rate, seed=0)
        episode = meta_episode(config, sampler, 0, seed=0, variants=False)

        def after(rate, episode=episode):
            learner = meta_learner("fomaml", 10, 3, body_rate=rate)
            return float(learner.gradient(body, episode)[0])

        alone, both = after(0.0), after(usual_body_rate("sgd", body))
        assert both < 0.97 * alone


def test_annealing_is_a_part_of_the_training():
    plus_plus = meta_learner("maml_plus_plus", 100, 2, body_rate=0.1, first_order=0.25)
    assert plus_plus.multi_step_until == 10 and plus_plus.second_order_from == 25
    assert plus_plus.loss_weights(0) == [0.5, 0.5] and plus_plus.loss_weights(10) == [0, 1]
    assert meta_learner("meta_sgd", 100, 2, body_rate=0.1).second_order_from is None


@pytest.mark.parametrize(
    "name",
    [
        "maml_plus_plus",
        pytest.param("meta_sgd", marks=pytest.mark.slow),
        pytest.param("imaml", marks=pytest.mark.slow),
    ],
)
def test_the_program_trains_with_it(tmp_path, monkeypatch, remembered_songs, name):
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    out = tmp_path / "model"
    options = "--preset tiny --songs 6 --song-seconds 8 --held-out-songs 4 --evaluation-steps 1 "
    options += "--new-tasks --tasks drum_transcription --steps 6 --warm-up 0.5 --inner-steps 2 "
    options += f"--algorithm {name}"
    assert main(["meta_train", *options.split(), "--out", str(out)]) == 0
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert all(np.isfinite(row["loss/drum_transcription"]) for row in rows)
    model = load_model(out)
    assert inner_loop_of(model) is not None
    learns = name != "imaml"
    assert set(model.params) == {"body", *(["rates"] if learns else [])}
    if learns:
        rates = model.params["rates"]
        assert rates["head"]["weight"].shape == ((2,) if name == "maml_plus_plus" else (1,))
        assert np.any(rates["head"]["weight"] != np.float32(0.3))
    body = Start.load(str(out)).body  # what fine-tuning takes of it
    assert set(body) == set(model.params["body"])
