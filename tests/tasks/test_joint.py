"""Joint learning: one pass of the body gives what one pass per task gives."""

import jax
import numpy as np
import pytest
from tiny import TINY

from umir.annotations import Events, Intervals
from umir.data.example import Example
from umir.studio import render_song
from umir.tasks import Batch, StudioSource, get_task
from umir.tasks.joint import JointObjective, JointPool, joint_examples, shared_tasks
from umir.tasks.objective import Objective, as_arrays
from umir.wave_unet import Network, init_body, joint_outputs

TASKS = [
    get_task(name)
    for name in (
        "source_separation",
        "drum_transcription",
        "instrument_recognition",
        "beat_tracking",
        "onset_detection",
    )
]


@pytest.fixture(scope="module")
def source():
    return StudioSource([render_song(seed, rate=TINY.rate, duration=8.0) for seed in range(3)])


@pytest.fixture(scope="module")
def shared(source):
    return shared_tasks(source, TASKS)


@pytest.fixture(scope="module")
def params(shared):
    heads = {
        task.name: Network(TINY, task.head).init_head(jax.random.key(number))
        for number, task in enumerate(shared)
    }
    return {"body": init_body(TINY, jax.random.key(9)), "head": heads}


def test_tasks_that_share_waveforms_are_learnt_jointly(shared):
    names = {task.name for task in shared}
    assert names == {"drum_transcription", "beat_tracking", "onset_detection"}


def test_every_view_has_the_labels_of_all_its_tasks(source, shared):
    joint = joint_examples(source, shared)
    assert len({id(example.waveform) for example in joint}) == len(joint)
    for task in shared:
        for example in source.examples(task):
            view = next(other for other in joint if other.waveform is example.waveform)
            assert view.annotations[task.name] is example.annotation
            assert view.group == example.group


def test_outputs_are_those_of_each_network_alone(shared, params):
    waveform = 0.1 * jax.random.normal(jax.random.key(0), (2, 4 * TINY.total_stride, 1))
    heads = {task.name: task.head for task in shared}
    found = joint_outputs(TINY, heads, params, waveform)
    for task in shared:
        alone = {"body": params["body"], "head": params["head"][task.name]}
        expected, _ = Network(TINY, task.head).apply(alone, waveform)
        np.testing.assert_allclose(found[task.name], expected, atol=1e-6)


def test_the_gradient_is_the_mean_of_the_tasks_gradients(source, shared, params):
    batch = as_arrays(
        JointPool(shared, joint_examples(source, shared)).batch(
            np.random.default_rng(1), seconds=3.2
        )
    )
    key = jax.random.key(0)
    joint = JointObjective.of(TINY, shared)
    loss, gradient = jax.value_and_grad(joint)(params, batch, key)
    losses, bodies = [], []
    for task in shared:
        own = Batch(batch.waveform, batch.targets[task.name])
        alone = {"body": params["body"], "head": params["head"][task.name]}
        objective = Objective.of(Network(TINY, task.head), task)
        value, own_gradient = jax.value_and_grad(objective)(alone, own, key)
        losses.append(value)
        bodies.append(own_gradient["body"])
        expected = jax.tree.map(lambda leaf: leaf / len(shared), own_gradient["head"])
        jax.tree.map(_close, gradient["head"][task.name], expected)
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)
    jax.tree.map(_close, gradient["body"], jax.tree.map(lambda *g: sum(g) / len(g), *bodies))


def _close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_targets_are_those_of_the_segment_that_is_heard():
    """Every sample says where it is from: the target must be the encoding of that very place."""
    seconds, rate = 20.0, 1000
    waveform = 0.1 + np.linspace(0, 1, round(seconds * rate), dtype=np.float32)[:, None]
    events = Events(np.arange(0.25, 20, 0.5), ("kick",) * 40)
    voice = Intervals(np.array([[3.0, 9.0]]), ("voice",), seconds)
    drums, singing = get_task("drum_transcription"), get_task("singing_voice_detection")

    class Song:
        def examples(self, task):
            annotation = events if task == drums else voice
            return [Example(waveform, rate, annotation, "song", "song")]

    pool = JointPool([drums, singing], joint_examples(Song(), [drums, singing]))
    batch = pool.batch(np.random.default_rng(2), segments=3, seconds=4.0, augment=False)
    gain = pool.examples[0].gain
    for row in range(3):
        first = round(float(batch.waveform[row, 0, 0] / gain - 0.1) * (len(waveform) - 1))
        for task, annotation in ((drums, events), (singing, voice)):
            cut = annotation.crop(first / rate, first / rate + 4.0)
            expected = task.encode(cut, 4000, rate)
            found = batch.targets[task.name]
            np.testing.assert_allclose(found.values[row], expected.values, atol=1e-6)
            np.testing.assert_allclose(found.mask[row], expected.mask)


def test_what_a_view_has_no_labels_for_is_masked(source, shared):
    pool = JointPool(shared, joint_examples(source, shared))
    alone = [e for e in pool.examples if "drum_transcription" not in e.annotations]
    assert alone, "no view without drum labels"
    pool.examples, pool._shares = alone, np.full(len(alone), 1 / len(alone))
    pool.examples.append(joint_examples(source, shared)[0])  # for the shape of the target
    pool._shares = np.append(pool._shares, 0.0)
    batch = pool.batch(np.random.default_rng(0), seconds=1.6)
    assert not batch.targets["drum_transcription"].mask.any()
    assert batch.targets["onset_detection"].mask.any()


def test_a_song_shorter_than_the_segment_is_masked_past_its_end(source, shared):
    batch = JointPool(shared, joint_examples(source, shared)).batch(
        np.random.default_rng(0), seconds=12.8, augment=False
    )
    assert not batch.waveform[:, round(8.0 * TINY.rate) :].any()
    mask = batch.targets["onset_detection"].mask
    assert not mask[:, 801:].any() and mask[:, :790].all()


def test_a_task_without_examples_is_an_error(source):
    drums, onsets = TASKS[1], TASKS[4]
    with pytest.raises(ValueError, match="onset_detection"):
        JointPool([drums, onsets], joint_examples(source, [drums]))
