"""Checkpoints resume exactly, whatever ended the training; Ctrl-C ends it in order."""

import os
import signal
import subprocess
import sys
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from folders import finetune

from umir.interrupts import exit_status, interrupts_heard
from umir.program import going_on_with
from umir.resuming import Checkpoints, Interruption
from umir.task_model import TaskModel
from umir.training import train

START = {"x": jnp.zeros(3, jnp.float32), "n": jnp.int32(0)}


def stream(step):
    return jnp.asarray(np.random.default_rng(step).normal(size=3), jnp.float32)


def step_function(state, item):
    """A step whose result depends on the order of all items before it."""
    state = {"x": jnp.sin(state["x"] * 1.1 + item), "n": state["n"] + 1}
    return state, {"loss": jnp.sum(state["x"])}


def run(steps, *callbacks, state=START, first_step=0):
    return train(
        step_function, state, stream, steps=steps, first_step=first_step, callbacks=callbacks
    )


def resume(folder, steps):
    checkpoints = Checkpoints(folder, every=3, last=steps)
    state, step = checkpoints.latest(START)
    return run(steps, checkpoints, state=state, first_step=step), step


def test_resumed_equals_uninterrupted(tmp_path):
    run(4, Checkpoints(tmp_path, every=3, last=4))
    resumed, step = resume(tmp_path, 7)
    assert step == 4
    np.testing.assert_array_equal(resumed["x"], run(7)["x"])
    assert int(resumed["n"]) == 7


def test_there_is_nothing_to_resume_at_first(tmp_path):
    checkpoints = Checkpoints(tmp_path / "new", every=1, last=1)
    assert checkpoints.latest(START) is None
    checkpoints.close()


def test_structure_and_types_are_kept(tmp_path):
    run(1, Checkpoints(tmp_path, every=1, last=1))
    checkpoints = Checkpoints(tmp_path, every=1, last=1)
    state, _ = checkpoints.latest(START)
    checkpoints.close()
    assert jax.tree.structure(state) == jax.tree.structure(START)
    assert [leaf.dtype for leaf in jax.tree.leaves(state)] == [jnp.int32, jnp.float32]


class Stop:
    """A callback that ends the training with an error."""

    def __init__(self, at, error):
        self.at, self.error = at, error

    def __call__(self, step, state, metrics):
        if step == self.at:
            raise self.error

    def close(self):
        pass


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("no space left on device")])
@pytest.mark.parametrize("stop", [1, 3, 5])
def test_whatever_ends_a_training_the_last_step_is_saved(tmp_path, error, stop):
    with pytest.raises(type(error)):
        run(7, Checkpoints(tmp_path, every=3, last=7), Stop(stop, error))
    resumed, step = resume(tmp_path, 7)
    assert step == stop
    np.testing.assert_array_equal(resumed["x"], run(7)["x"])


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_serves(tmp_path):
    run(5, Checkpoints(tmp_path, every=1, last=5))
    (tmp_path / "5" / "stream" / "metadata").write_text("{")
    with pytest.raises(ValueError, match=r"5: this checkpoint cannot be read; delete the folder"):
        resume(tmp_path, 7)
    (tmp_path / "5").rename(tmp_path.parent / "damaged")
    resumed, step = resume(tmp_path, 7)
    assert step == 4
    np.testing.assert_array_equal(resumed["x"], run(7)["x"])


def test_another_trainings_checkpoint_is_named(tmp_path):
    run(1, Checkpoints(tmp_path, every=1, last=1))
    checkpoints = Checkpoints(tmp_path, every=1, last=1)
    with pytest.raises(ValueError, match="cannot be read"):
        checkpoints.latest({"other": jnp.zeros(2, jnp.float32)})
    checkpoints.close()


class Press(Stop):
    """Ctrl-C, or another signal, at one step."""

    def __init__(self, at, number=signal.SIGINT):
        super().__init__(at, None)
        self.number = number

    def __call__(self, step, state, metrics):
        if step == self.at:
            signal.raise_signal(self.number)


def test_ctrl_c_ends_the_training_after_the_step_is_saved(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(7, Press(2), Checkpoints(tmp_path, every=5, last=7), Interruption())
    assert signal.getsignal(signal.SIGINT) is before
    resumed, step = resume(tmp_path, 7)
    assert step == 2
    np.testing.assert_array_equal(resumed["x"], run(7)["x"])


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_program_that_is_told_to_end_saves_the_step(tmp_path, capfd, name):
    number = getattr(signal, name)
    earlier = signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(KeyboardInterrupt), interrupts_heard():
            pressed = [Press(2, number), Press(2, number)]  # as a terminal does that is closed
            run(7, *pressed, Checkpoints(tmp_path, every=5, last=7), Interruption())
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, earlier)
    assert exit_status() == 128 + number
    assert capfd.readouterr().err == "\nfinishing this step, then saving\n"
    assert resume(tmp_path, 7)[1] == 2


def test_what_ends_other_programs_stays_theirs():
    before = signal.getsignal(signal.SIGTERM)
    interruption = Interruption()
    assert signal.getsignal(signal.SIGTERM) == before
    interruption.close()


def test_ctrl_c_after_the_last_step_is_not_lost(tmp_path):
    class Late(Press):
        def close(self):
            self(self.at, None, {})

    with pytest.raises(KeyboardInterrupt):
        run(2, Late(3), Checkpoints(tmp_path, every=5, last=2), Interruption())
    assert resume(tmp_path, 2)[1] == 2


def test_without_ctrl_c_nothing_happens():
    before = signal.getsignal(signal.SIGINT)
    run(3, Interruption())
    assert signal.getsignal(signal.SIGINT) is before


def test_a_training_may_run_outside_the_main_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(run(3, Interruption())))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(results[0]["x"], run(3)["x"])


SLOW_STEP = """
import sys, time
from umir.resuming import Interruption
from umir.task_model import TaskModel
from umir.training import train

def step(state, item):
    print("ready", flush=True)
    time.sleep(60)

train(step, None, lambda step: step, steps=1, callbacks=[Interruption()])
"""


def test_a_second_ctrl_c_stops_at_once():
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_STEP], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == b"\n"
        assert b"Ctrl-C again stops at once" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == -signal.SIGINT


def test_ctrl_c_in_fine_tuning_leaves_nothing_half_written(
    events_folder, tiny_preset, tmp_path, capsys
):
    # A shell that starts the tests in the background lets them ignore Ctrl-C.
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)

    def press():
        while not list(tmp_path.glob("model/.lock")):
            time.sleep(0.01)
        # Again if need be: what is raised in a destructor, Python drops. Not soon: while steps run,
        # a second Ctrl-C would end the tests.
        wait = 2.0
        while not done.wait(wait):
            os.kill(os.getpid(), signal.SIGINT)
            wait = 20.0

    done = threading.Event()
    threading.Thread(target=press, daemon=True).start()
    try:
        assert finetune(events_folder, "--steps", "1000000") == 130
    finally:
        done.set()
        signal.signal(signal.SIGINT, earlier)
    shown = capsys.readouterr().err
    assert not list(tmp_path.glob("model/.*"))
    if "interrupted; kept step" in shown:
        assert TaskModel.load(tmp_path / "model").facts["search"]["stopped"] == "interrupted"
    else:
        assert "umir finetune: interrupted" in shown
        assert not list(tmp_path.glob("model/*"))


def test_what_could_not_be_saved_is_not_said_to_be(tmp_path, monkeypatch):
    """Ctrl-C on a full disk: the error is what the program ends with, in a line."""
    checkpoints, interruption = Checkpoints(tmp_path, every=3, last=9), Interruption()

    def full(*args, **kwargs):
        raise RuntimeError("RESOURCE_EXHAUSTED: no space left\nmany more lines")

    monkeypatch.setattr(checkpoints._manager, "save", full)

    class Press:
        def __call__(self, step, state, metrics):
            signal.raise_signal(signal.SIGINT)

        def close(self):
            pass

    pattern = "checkpoint of step 1 could not be written .RESOURCE_EXHAUSTED: no space left.; make"
    with pytest.raises(OSError, match=pattern), going_on_with("umir x --resume"):
        run(9, Press(), checkpoints, interruption)
