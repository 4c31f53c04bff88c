"""How heads start: from the network's own features, for every kind of head, in an adaptation."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import Ridge
from tiny import TINY

from umir.adaptation.closed_form import chosen_penalty
from umir.adaptation.head_initialisation import HEAD_INITIALISATIONS, head_initialisation
from umir.adaptation.head_inputs import head_inputs, in_folds, moments_of
from umir.adaptation.network_fitting import Recipe, adapt
from umir.annotations import Labels
from umir.checkpoint import Model, save_model
from umir.data.example import Example
from umir.task_model import FORMAT, INITIALISATION
from umir.tasks import (
    Batch,
    BeatTracking,
    ChordRecognition,
    Classification,
    EventDetection,
    MelodyExtraction,
    MultiLabelClassification,
    SourceSeparation,
    Target,
    task_to_config,
)
from umir.tasks.objective import fresh_params
from umir.wave_unet import Network, init_body

RATE, SAMPLES = 16_000, 2 * TINY.total_stride
TONES = Classification("tones", ("high", "low"))
KEY = jax.random.key(1)
# Of fresh networks the features of a deeper one tell more apart.
DEEP = replace(
    TINY,
    strides=(4, 4, 5, 2, 4),
    kernels=(7, 7, 15, 3, 7),
    widths=(4, 8, 8, 8, 8),
    decoder_kernels=(3, 3, 3, 3),
)


@pytest.fixture(scope="module")
def body():
    return init_body(TINY, jax.random.key(0))


def noise(task, number=6, seed=0):
    """A batch of noise with targets that any task of frames or clips could have."""
    rng = np.random.default_rng(seed)
    frames = () if task.head.kind == "clip" else (round(SAMPLES * task.head.rate / RATE),)
    shape = (number, *frames, task.head.channels)
    values = np.eye(shape[-1], dtype=np.float32)[rng.integers(0, shape[-1], shape[:-1])]
    waveform = 0.1 * rng.normal(size=(number, SAMPLES, 1)).astype(np.float32)
    return Batch(waveform, Target(values, np.ones((*shape[:-1], 1), np.float32)))


def tones(number=8):
    """A batch of low and high tones."""
    rng, times = np.random.default_rng(0), np.arange(SAMPLES) / RATE
    low = np.arange(number) % 2
    frequency = np.where(low, 150.0, 2000.0) * rng.uniform(1, 1.5, number)
    waveform = 0.2 * np.sin(2 * np.pi * frequency[:, None] * times)[..., None]
    target = Target(np.eye(2, dtype=np.float32)[low], np.ones((number, 1), np.float32))
    return Batch(waveform.astype(np.float32), target)


@pytest.mark.parametrize("task", [TONES, EventDetection("clicks", ("a", "b"))])
def test_heads_are_linear_maps_of_their_inputs(body, task):
    network, batch = Network(TINY, task.head), noise(task)
    params = {"body": body, "head": network.init_head(KEY, np.ones(2, np.float32))}
    x = head_inputs(network, body, batch.waveform)
    expected = network.apply(params, jnp.asarray(batch.waveform))[0]
    np.testing.assert_allclose(x @ params["head"]["kernel"] + 1, expected, atol=1e-5)


def test_separable_tones_are_told_apart_before_the_first_step():
    body, network, batch = init_body(DEEP, jax.random.key(0)), Network(DEEP, TONES.head), tones()
    for name in ("prototype", "ridge"):
        head = HEAD_INITIALISATIONS[name](network, TONES, body, [batch], KEY)
        logits = network.apply({"body": body, "head": head}, jnp.asarray(batch.waveform))[0]
        assert np.array_equal(logits.argmax(axis=1), batch.target.values.argmax(axis=1)), name
        confidence = softmax(np.asarray(logits), axis=1).max(axis=1)
        assert confidence.mean() > 0.7


def test_ridge_is_scikit_learns_up_to_scale_and_offset(body):
    network, batch = Network(TINY, TONES.head), noise(TONES, 20)
    x = np.asarray(head_inputs(network, body, batch.waveform), np.float64)
    penalty = chosen_penalty(in_folds([(x, batch.target)]))
    direction = Ridge(alpha=penalty).fit(x, batch.target.values).coef_
    head = HEAD_INITIALISATIONS["ridge"](network, TONES, body, [batch], KEY)
    expected = (direction - direction.mean(axis=0)).T
    cosine = np.sum(head["kernel"] * expected) / (
        np.linalg.norm(head["kernel"]) * np.linalg.norm(expected)
    )
    assert cosine == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    "task",
    [TONES, EventDetection("clicks", ("a", "b")), ChordRecognition(), MelodyExtraction()],
    ids=lambda task: task.name,
)
def test_without_any_target_a_head_starts_as_the_prior_has_it(body, task):
    chords = replace(TINY, strides=(16, 10, 8))  # ends at 12.5 Hz; the same parameters
    network = Network(chords if isinstance(task, ChordRecognition) else TINY, task.head)
    batch = noise(task)
    target = Target(batch.target.values, np.zeros_like(batch.target.values))
    if task.head.activation == "softmax":
        target = Target(batch.target.values, np.zeros_like(batch.target.mask))
    expected = fresh_params(network, body, task, target, KEY)["head"]
    for name in HEAD_INITIALISATIONS:
        batches = [Batch(batch.waveform, target)]
        head = HEAD_INITIALISATIONS[name](network, task, body, batches, KEY)
        np.testing.assert_allclose(head["kernel"], expected["kernel"], atol=1e-6)
        np.testing.assert_allclose(head["bias"], expected["bias"], atol=1e-5)


def test_melody_has_voicing_and_pitches_of_their_own(body):
    task = MelodyExtraction(vocabulary=("C4", "C#4", "D4"))
    network, batch = Network(TINY, task.head), noise(task, 10)
    voiced = np.random.default_rng(1).uniform(size=batch.target.values.shape[:2]) < 0.6
    pitch = np.eye(2)[np.random.default_rng(2).integers(0, 2, voiced.shape)] * voiced[..., None]
    values = np.concatenate([voiced[..., None], pitch, np.zeros((*voiced.shape, 1))], axis=2)
    mask = np.concatenate([np.ones((*voiced.shape, 1)), *[voiced[..., None]] * 3], axis=2)
    target = Target(values.astype(np.float32), mask.astype(np.float32))
    head = HEAD_INITIALISATIONS["prototype"](
        network, task, body, [Batch(batch.waveform, target)], KEY
    )
    x = np.asarray(head_inputs(network, body, batch.waveform), np.float64)
    means = [x[voiced].mean(axis=0) - x[~voiced].mean(axis=0)]
    first, second = (x[pitch[..., k] == 1].mean(axis=0) for k in range(2))
    means.append(first - second)
    found = [head["kernel"][:, 0], head["kernel"][:, 1] - head["kernel"][:, 2]]
    for one, other in zip(found, means, strict=True):
        one = np.asarray(one, np.float64)
        assert one @ other == pytest.approx(np.linalg.norm(one) * np.linalg.norm(other), rel=1e-3)
    fresh = network.init_head(KEY)["kernel"]
    np.testing.assert_array_equal(head["kernel"][:, 3], fresh[:, 3])  # D4 never sounds
    # At the middle between its classes, a channel says what the prior of all rows says.
    expected = task.head_prior(target)
    np.testing.assert_allclose(head["bias"][3], expected[3], atol=1e-5)


def test_stems_start_at_random_and_say_so(body, capsys):
    task = SourceSeparation("stems", ("vocals", "rest"))
    network = Network(TINY, task.head)
    waveform = np.zeros((2, SAMPLES, 1), np.float32)
    batch = Batch(waveform, Target(np.zeros((2, SAMPLES, 2, 1)), np.ones((2, SAMPLES, 1, 1))))
    head = HEAD_INITIALISATIONS["ridge"](network, task, body, [batch], KEY)
    assert "stems: its head is not one of logits" in capsys.readouterr().err
    jax.tree.map(np.testing.assert_array_equal, head, network.init_head(KEY))
    with pytest.raises(ValueError, match="no linear map"):
        moments_of(network, body, [batch])


def test_every_class_that_is_masked_in_part_keeps_its_own_rows(body):
    task = BeatTracking()
    network, batch = Network(TINY, task.head), noise(task)
    mask = np.ones((*batch.target.values.shape[:2], 2), np.float32)
    mask[3:, :, 1] = 0  # downbeats are known in some segments only
    wrong = batch.target.values.copy()
    wrong[3:, :, 1] = 1 - wrong[3:, :, 1]
    heads = [
        HEAD_INITIALISATIONS["ridge"](
            network, task, body, [Batch(batch.waveform, Target(values, mask))], KEY
        )
        for values in (batch.target.values, wrong)
    ]
    for name in ("kernel", "bias"):
        np.testing.assert_array_equal(heads[0][name], heads[1][name])


def example(index):
    batch = tones(4)
    waveform = np.tile(batch.waveform[index % 4], (8, 1))
    return Example(waveform, RATE, Labels((TONES.vocabulary[index % 2],)), f"{index}", f"{index}")


def test_an_adaptation_starts_with_the_head_of_its_recipe(body):
    network, seen = Network(TINY, TONES.head), {}
    examples, recipe = [example(index) for index in range(4)], Recipe(0, segments=4)
    for name in HEAD_INITIALISATIONS:
        seen[name] = adapt(network, TONES, body, examples, replace(recipe, head=name))["head"]
    again = adapt(network, TONES, body, examples, recipe)["head"]
    assert jax.tree.all(jax.tree.map(np.array_equal, seen["prior"], again))
    assert not np.allclose(seen["ridge"]["kernel"], seen["prior"]["kernel"], atol=1e-3)
    with pytest.raises(ValueError, match="no head initialisation 'x': choose prior, prototype"):
        adapt(network, TONES, body, examples, replace(recipe, head="x"))


def test_heads_are_learnt_from_those_of_other_tasks(body, tmp_path, capsys):
    others = [EventDetection("one", ("a", "b")), EventDetection("two", ("c",)), TONES]
    heads = {
        task.name: Network(TINY, task.head).init_head(jax.random.key(number))
        for number, task in enumerate(others)
    }
    config = {
        "format": INITIALISATION,
        "heads": {task.name: {"task": task_to_config(task), "decoder": {}} for task in others},
    }
    save_model(tmp_path / "model", Model(config, {"body": body, "heads": heads}), "card")
    start, task = head_initialisation(str(tmp_path / "model")), EventDetection("new", ("x", "y"))
    network = Network(TINY, task.head)
    head = start(network, task, body, [noise(task)], KEY)
    fresh = HEAD_INITIALISATIONS["prior"](network, task, body, [noise(task)], KEY)
    columns = np.concatenate([heads["one"]["kernel"], heads["two"]["kernel"]], axis=1)
    added = np.asarray(head["kernel"]) - np.asarray(fresh["kernel"])
    np.testing.assert_allclose(added, np.repeat(columns.mean(axis=1)[:, None], 2, 1), atol=1e-6)
    tags = MultiLabelClassification("tags", ("x", "y"))
    start(Network(TINY, tags.head), tags, body, [noise(tags)], KEY)
    assert "has no head of its kind" in capsys.readouterr().err
    save_model(tmp_path / "bare", Model({"format": INITIALISATION}, {"body": body}), "card")
    with pytest.raises(ValueError, match="has no heads to learn from"):
        head_initialisation(str(tmp_path / "bare"))


@pytest.mark.parametrize("made", ["now", "before there were masks"])
def test_a_head_that_gives_stems_goes_on_too(body, tmp_path, made):
    task = SourceSeparation("stems", ("vocals", "rest"), masks=made == "now")
    network = Network(TINY, task.head)
    params = {"body": body, "head": network.init_head(jax.random.key(5))}
    of_task = task_to_config(task)
    if made != "now":
        del of_task["masks"]
    save_model(tmp_path / "model", Model({"format": FORMAT, "task": of_task}, params), "card")
    found = head_initialisation(str(tmp_path / "model"))(network, task, body, [], KEY)
    assert jax.tree.all(jax.tree.map(np.array_equal, found, params["head"]))


@pytest.mark.parametrize("form", ["several tasks", "one task"])
def test_a_head_for_the_very_task_goes_on_as_it_is(body, tmp_path, form):
    """Of the same name, class and classes; one with other classes is another task's."""
    head = Network(TINY, TONES.head).init_head(jax.random.key(5))
    of_task, params = task_to_config(TONES), {"body": body, "head": head}
    config: dict = {"format": FORMAT, "task": of_task}
    if form == "several tasks":
        config = {"format": INITIALISATION, "heads": {"tones": {"task": of_task, "decoder": {}}}}
        params = {"body": body, "heads": {"tones": head}}
    save_model(tmp_path / "model", Model(config, params), "card")
    start, batches = head_initialisation(str(tmp_path / "model")), [noise(TONES)]
    found = start(Network(TINY, TONES.head), TONES, body, batches, KEY)
    assert jax.tree.all(jax.tree.map(np.array_equal, found, head))
    other = Classification("tones", ("high", "middle"))
    found = start(Network(TINY, other.head), other, body, batches, KEY)
    assert not np.allclose(found["kernel"], head["kernel"], atol=1e-3)


def test_heads_are_float32(body):
    head = HEAD_INITIALISATIONS["ridge"](Network(TINY, TONES.head), TONES, body, [tones()], KEY)
    assert {leaf.dtype for leaf in jax.tree.leaves(head)} == {jnp.dtype("float32")}
