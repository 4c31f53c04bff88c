"""The training loop: order, callbacks, checkpoints that resume exactly."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from umir.training import Checkpoints, JsonLog, ProgressBar, TensorBoard, prefetch, train


def stream(step):
    return jnp.asarray(np.random.default_rng(step).normal(size=3), jnp.float32)


def step_function(state, item):
    """A step whose result depends on the order of all items before it."""
    state = {"x": jnp.sin(state["x"] * 1.1 + item), "n": state["n"] + 1}
    return state, {"loss": jnp.sum(state["x"])}


START = {"x": jnp.zeros(3, jnp.float32), "n": jnp.int32(0)}


class Recorder:
    def __init__(self):
        self.steps, self.losses, self.closed = [], [], False

    def __call__(self, step, state, metrics):
        self.steps.append(step)
        self.losses.append(metrics["loss"])
        assert int(state["n"]) == step

    def close(self):
        self.closed = True


def test_train_equals_a_plain_loop():
    recorder = Recorder()
    state = train(step_function, START, stream, steps=5, callbacks=[recorder])
    expected = START
    for step in range(5):
        expected, _ = step_function(expected, stream(step))
    np.testing.assert_array_equal(state["x"], expected["x"])
    assert recorder.steps == [1, 2, 3, 4, 5]
    assert recorder.closed


def test_no_steps_change_nothing():
    assert train(step_function, START, stream, steps=0) is START


def test_callbacks_are_closed_when_a_step_fails():
    recorder = Recorder()

    def failing(state, item):
        raise FloatingPointError("as the test wants")

    with pytest.raises(FloatingPointError):
        train(failing, START, stream, steps=3, callbacks=[recorder])
    assert recorder.closed


def test_prefetch_keeps_the_order_and_raises_what_the_stream_raises():
    assert list(prefetch(lambda step: step * step, range(2, 6))) == [4, 9, 16, 25]

    def broken(step):
        if step == 3:
            raise ValueError("no more")
        return step

    with pytest.raises(ValueError, match="no more"):
        list(prefetch(broken, range(6)))


def test_resumed_equals_uninterrupted(tmp_path):
    whole = train(step_function, START, stream, steps=7)
    train(step_function, START, stream, steps=4, callbacks=[Checkpoints(tmp_path, every=3, last=4)])
    checkpoints = Checkpoints(tmp_path, every=3, last=7)
    assert checkpoints.latest_step == 4
    state = checkpoints.restore(4, START)
    resumed = train(step_function, state, stream, steps=7, first_step=4, callbacks=[checkpoints])
    np.testing.assert_array_equal(resumed["x"], whole["x"])
    assert int(resumed["n"]) == 7


def test_restore_keeps_structure_and_types(tmp_path):
    checkpoints = Checkpoints(tmp_path, every=1, last=1)
    checkpoints(1, START, {})
    checkpoints.close()
    restored = Checkpoints(tmp_path, every=1, last=1).restore(1, START)
    assert jax.tree.structure(restored) == jax.tree.structure(START)
    assert [leaf.dtype for leaf in jax.tree.leaves(restored)] == [jnp.int32, jnp.float32]


def test_json_log_appends_one_object_per_step(tmp_path):
    path = tmp_path / "run" / "log.jsonl"
    train(step_function, START, stream, steps=2, callbacks=[JsonLog(path, "warm-up")])
    train(step_function, START, stream, steps=1, callbacks=[JsonLog(path, "second")])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["phase"], row["step"]) for row in rows] == [
        ("warm-up", 1),
        ("warm-up", 2),
        ("second", 1),
    ]
    assert all(isinstance(row["loss"], float) for row in rows)


def test_tensorboard_writes_every_value(tmp_path):
    from tensorboardX.proto.event_pb2 import Event

    recorder = Recorder()
    train(step_function, START, stream, steps=3, callbacks=[TensorBoard(tmp_path), recorder])
    (path,) = tmp_path.glob("events.*")
    values = [
        value.simple_value
        for event in map(Event.FromString, records(path.read_bytes()))
        for value in event.summary.value
        if value.tag == "loss"
    ]
    np.testing.assert_allclose(values, recorder.losses, rtol=1e-6)


def records(data):
    """Yield the records of a TensorBoard file: length (8), checksum (4), data, checksum (4)."""
    while data:
        length = int.from_bytes(data[:8], "little")
        yield data[12 : 12 + length]
        data = data[16 + length :]


def test_progress_bar_shows_the_running_means(capsys):
    bar = ProgressBar("warm-up", 2, smoothing=0.5)
    bar(1, None, {"loss/drums": 1.0})
    bar(2, None, {"loss/drums": 0.0})
    bar.close()
    assert "warm-up: 100%" in (shown := capsys.readouterr().err)
    assert "drums=0.500" in shown
