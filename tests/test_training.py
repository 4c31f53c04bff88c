"""The training loop: order, callbacks, logs, and steps without a finite loss."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from umir.meta import Episode, FirstOrderMAML
from umir.training import (
    BAD_STEPS_IN_A_ROW,
    BadStreak,
    Diverged,
    JsonLog,
    ProgressBar,
    TensorBoard,
    prefetch,
    train,
)


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
    recorders = [Recorder(), Recorder()]

    def failing(state, item):
        raise FloatingPointError("as the test wants")

    with pytest.raises(FloatingPointError):
        train(failing, START, stream, steps=3, callbacks=recorders)
    assert all(recorder.closed for recorder in recorders)


def test_callbacks_are_closed_in_order_even_if_closing_one_fails():
    closed = []

    class Closing(Recorder):
        def close(self):
            closed.append(self)
            if len(closed) == 1:
                raise OSError("no space left on device")

    callbacks = [Closing(), Closing()]
    with pytest.raises(OSError, match="no space"):
        train(step_function, START, stream, steps=1, callbacks=callbacks)
    assert closed == callbacks


def test_prefetch_keeps_the_order_and_raises_what_the_stream_raises():
    assert list(prefetch(lambda step: step * step, range(2, 6))) == [4, 9, 16, 25]

    def broken(step):
        if step == 3:
            raise ValueError("no more")
        return step

    with pytest.raises(ValueError, match="no more"):
        list(prefetch(broken, range(6)))


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


def test_json_log_is_cut_back_to_where_a_training_goes_on(tmp_path):
    path = tmp_path / "log.jsonl"
    train(step_function, START, stream, steps=3, callbacks=[JsonLog(path, "warm-up")])
    train(step_function, START, stream, steps=5, callbacks=[JsonLog(path, "second")])
    whole = path.read_bytes()
    # Killed in the middle of a line, after a checkpoint at step 2.
    path.write_bytes(whole[:-20])
    state = train(step_function, START, stream, steps=2)
    log = JsonLog(path, "second", first_step=2)
    train(step_function, state, stream, steps=5, first_step=2, callbacks=[log])
    assert path.read_bytes() == whole


@pytest.mark.parametrize("line", ['{"mine": 1}', "no JSON", '{"phase": "second", "step": nu'])
def test_a_log_of_something_else_is_named(tmp_path, line):
    path = tmp_path / "log.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"log.jsonl: is not a log of umir, or damaged"):
        JsonLog(path, "second")
    assert path.read_text() == f"{line}\n"


def test_json_log_spells_what_is_not_finite_as_null(tmp_path):
    path = tmp_path / "log.jsonl"
    log = JsonLog(path, "warm-up")
    log(1, None, {"loss": float("nan"), "norm": float("inf")})
    log.close()
    assert json.loads(path.read_text(), parse_constant=pytest.fail) == {
        "phase": "warm-up",
        "step": 1,
        "loss": None,
        "norm": None,
    }


def events(path):
    from tensorboardX.proto.event_pb2 import Event

    return [Event.FromString(record) for record in records(path.read_bytes())]


def test_tensorboard_writes_every_value(tmp_path):
    recorder = Recorder()
    train(step_function, START, stream, steps=3, callbacks=[TensorBoard(tmp_path), recorder])
    (path,) = tmp_path.glob("events.*")
    values = [
        value.simple_value
        for event in events(path)
        for value in event.summary.value
        if value.tag == "loss"
    ]
    np.testing.assert_allclose(values, recorder.losses, rtol=1e-6)


def test_tensorboard_is_told_where_a_training_goes_on(tmp_path):
    """A session that starts at a step makes TensorBoard forget what it had from there on."""
    TensorBoard(tmp_path, first_step=2).close()
    (path,) = tmp_path.glob("events.*")
    starts = [event.step for event in events(path) if event.HasField("session_log")]
    assert starts == [3]


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


def bad_at(*steps):
    """A stream of episodes of w^2 + x^2 whose x is NaN at some steps."""

    def square(params, batch, key):
        return params["body"]["w"] ** 2 + params["head"]["b"] * batch + batch**2

    def draw(step):
        x = jnp.float32(np.nan if step + 1 in steps else 1)
        return [Episode("chords", square, {"b": jnp.float32(1)}, x, x, jax.random.key(step))]

    return draw


def meta_train(draw, steps, *callbacks):
    algorithm = FirstOrderMAML(optax.adam(0.1))
    start = algorithm.init({"w": jnp.float32(1)})
    return train(algorithm.step, start, draw, steps=steps, callbacks=callbacks)


def test_a_bad_loss_names_its_task_and_is_skipped(tmp_path, capsys):
    path = tmp_path / "log.jsonl"
    state = meta_train(bad_at(2, 4), 5, JsonLog(path, "meta-training"))
    expected = meta_train(bad_at(), 3)
    jax.tree.map(np.testing.assert_array_equal, state, expected)
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line.split(":")[0] for line in lines] == ["step 2 is skipped", "step 4 is skipped"]
    assert "loss/chords is nan" in lines[0]
    losses = [json.loads(line)["loss/chords"] for line in path.read_text().splitlines()]
    assert [loss is None for loss in losses] == [False, True, False, True, False]


def test_nothing_but_bad_losses_is_an_error():
    counter = Counter()
    with pytest.raises(Diverged, match="lower the learning rate"):
        meta_train(bad_at(*range(3, 100)), 100, counter)
    assert counter.steps == list(range(1, BAD_STEPS_IN_A_ROW + 3))


def test_steps_that_say_nothing_of_themselves_end_no_streak():
    streak = BadStreak()
    for step in range(BAD_STEPS_IN_A_ROW - 1):
        streak.see(2 * step, {"loss": np.nan})
        streak.see(2 * step + 1, {})
    with pytest.raises(Diverged, match=f"{BAD_STEPS_IN_A_ROW} steps in a row, the last .* step 99"):
        streak.see(99, {"loss": np.nan})


def test_bad_losses_with_good_ones_between_are_no_error(capsys):
    counter = Counter()
    meta_train(bad_at(*range(1, 50, 2)), 50, counter)
    assert len(counter.steps) == 50
    assert capsys.readouterr().err.count("is skipped") == 25


class Counter:
    """Counts the steps."""

    def __init__(self):
        self.steps = []

    def __call__(self, step, state, metrics):
        self.steps.append(step)

    def close(self):
        pass
