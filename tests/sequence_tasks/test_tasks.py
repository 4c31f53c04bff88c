"""What tasks compute: costs against numpy, mu-law against its formula, the tied decoder."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nano_sequence_tasks import AUDIO, CHARACTERS, COPY, WORDS
from numpy.testing import assert_allclose

from umir.sequence_tasks.copy_memory import CopyMemory, copy_batch
from umir.sequence_tasks.language import Characters
from umir.sequence_tasks.mu_law import CLASSES, SILENCE, from_mu_law, mu_law
from umir.sequence_tasks.raw_audio import RawAudio
from umir.sequence_tasks.task import class_totals
from umir.wave_unet.sequences import TCN, SeqUNet


@partial(jax.jit, static_argnums=0)
def run(network, params, x):
    return network.apply(params, x, padding="valid")[0]


def some_batch(task, size=3, seed=0):
    rng = np.random.default_rng(seed)
    inputs, outputs = task.sizes.inputs, task.sizes.outputs
    symbols = getattr(task, "symbols", CLASSES)
    mask = np.ones((size, outputs), np.float32)
    mask[-1, 2:] = 0
    return {
        "inputs": rng.integers(0, symbols, (size, inputs)).astype(np.int32),
        "targets": rng.integers(0, symbols, (size, outputs)).astype(np.int32),
        "mask": mask,
    }


def test_costs_are_those_of_numpy(rng):
    logits = rng.normal(size=(2, 3, 4)).astype(np.float32)
    targets = rng.integers(0, 4, (2, 3)).astype(np.int32)
    mask = np.array([[1, 1, 0], [1, 0, 0]], np.float32)
    found = class_totals(jnp.asarray(logits), targets, mask)
    chances = np.exp(np.float64(logits)) / np.exp(np.float64(logits)).sum(-1, keepdims=True)
    picked = np.take_along_axis(chances, targets[..., None], -1)[..., 0]
    assert_allclose(found["nats"], -(np.log(picked) * mask).sum(), rtol=1e-6)
    assert found["count"] == 3
    assert found["correct"] == ((logits.argmax(-1) == targets) * mask).sum()


@pytest.mark.parametrize("task", [CHARACTERS, WORDS, AUDIO], ids=lambda task: task.kind)
def test_an_output_sees_the_inputs_before_its_target_only(task):
    params, batch = task.init(jax.random.key(0)), some_batch(task)
    logits = jax.jit(task.logits)
    whole = logits(params, jnp.asarray(batch["inputs"]))
    assert whole.shape[1] == task.sizes.outputs
    changed = batch["inputs"].copy()
    changed[:, -2:] = (changed[:, -2:] + 1) % 5
    other = logits(params, jnp.asarray(changed))
    assert_allclose(whole[:, :-2], other[:, :-2], atol=1e-6)
    assert (whole[:, -2:] != other[:, -2:]).any(axis=(0, 2)).all()


def test_a_padded_batch_costs_what_its_windows_cost():
    params, batch = CHARACTERS.init(jax.random.key(0)), some_batch(CHARACTERS)
    totals = jax.jit(CHARACTERS.totals)
    each = [totals(params, {k: v[n : n + 1] for k, v in batch.items()}) for n in range(3)]
    together = totals(params, batch)
    for name in ("nats", "count", "correct"):
        assert_allclose(together[name], sum(float(one[name]) for one in each), rtol=1e-5)
    assert float(together["count"]) == 2 * CHARACTERS.sizes.outputs + 2


def test_dropout_needs_a_key():
    params, batch = CHARACTERS.init(jax.random.key(0)), some_batch(CHARACTERS)
    totals = jax.jit(CHARACTERS.totals)
    plain, same = (totals(params, batch)["nats"] for _ in range(2))
    dropped = totals(params, batch, jax.random.key(1))["nats"]
    assert plain == same != dropped


def test_the_decoder_is_the_embedding():
    params = CHARACTERS.init(jax.random.key(0))
    assert set(params) == {"network", "embedding", "bias"}
    assert np.abs(params["embedding"]).max() <= 0.1 and not params["bias"].any()
    params["bias"] = jnp.arange(7.0)
    inputs = jnp.asarray(some_batch(CHARACTERS)["inputs"])
    x = params["embedding"][inputs]
    y = run(CHARACTERS.network, params["network"], x)
    expected = np.float64(y) @ np.float64(params["embedding"]).T + np.arange(7)
    assert_allclose(jax.jit(CHARACTERS.logits)(params, inputs), expected, atol=1e-5)
    with pytest.raises(ValueError, match="4 channels in and 3 out"):
        Characters(TCN(4, (5,), 3), symbols=7, targets=9)


def test_scores_are_in_the_papers_units():
    totals = {"nats": 12.0, "count": 8.0, "correct": 2.0}
    assert CHARACTERS.scores(totals) == {
        "bits_per_character": pytest.approx(1.5 / np.log(2)),
        "accuracy": 0.25,
    }
    assert WORDS.scores(totals)["perplexity"] == pytest.approx(np.exp(1.5))
    assert AUDIO.scores(totals)["bits_per_sample"] == pytest.approx(1.5 / np.log(2))
    assert COPY.scores(totals)["nats_per_digit"] == 1.5
    assert WORDS.scores({**totals, "nats": 8 * 800.0})["perplexity"] == np.exp(700)


def test_copy_memory_is_asked_for_its_last_digits():
    params = COPY.init(jax.random.key(0))
    batch = copy_batch(np.array([[3, 1, 4], [1, 5, 2]]), COPY.blanks)
    x = np.float32(batch["inputs"])[..., None]
    logits = jax.jit(COPY.logits)(params, jnp.asarray(batch["inputs"]))
    wanted = COPY.network.input_length(3)
    assert wanted < x.shape[1]  # this one forgets the digits
    y = run(COPY.network, params["network"], x[:, -wanted:])
    assert_allclose(logits, y[:, -3:], atol=1e-6)
    wide = CopyMemory(SeqUNet(1, (3, 4, 4, 4), 10, 7), blanks=12, digits=3)
    padded = np.pad(x, ((0, 0), (wide.network.input_length(3) - x.shape[1], 0), (0, 0)))
    params = wide.init(jax.random.key(0))
    y = run(wide.network, params["network"], padded)
    logits = jax.jit(wide.logits)(params, jnp.asarray(batch["inputs"]))
    assert_allclose(logits, y[:, -3:], atol=1e-6)
    with pytest.raises(ValueError, match="0 blanks"):
        CopyMemory(COPY.network, blanks=0)


def test_mu_law_is_its_formula():
    x = np.linspace(-1, 1, 4001)
    formula = np.floor((np.sign(x) * np.log1p(255 * abs(x)) / np.log1p(255) + 1) / 2 * 255 + 0.5)
    assert (mu_law(x) == formula).all()
    assert mu_law(np.array([-1.0, 0.0, 1.0, -7.0, 7.0])).tolist() == [0, SILENCE, 255, 0, 255]


def test_mu_law_and_back():
    classes = np.arange(CLASSES, dtype=np.uint8)
    assert (mu_law(from_mu_law(classes)) == classes).all()
    x = np.linspace(-1, 1, 4001)
    back = from_mu_law(mu_law(x))
    assert (np.abs(back - x) <= 0.0225 * np.abs(x) + 1e-4).all()  # half a class: log(256) / 255


def test_audio_takes_networks_of_256_classes():
    with pytest.raises(ValueError, match="256 channels in and out"):
        RawAudio(TCN(255, (3,), 256))
