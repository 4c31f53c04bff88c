"""Ctrl-C is not lost where Python drops what is raised; SIGTERM, SIGHUP end programs likewise."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from jax._src.lib import _jax

from umir.interrupts import ENDING, exit_status, interrupts_as_such, interrupts_heard, is_heard

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def default_handler():
    usual = {signal.SIGINT: signal.default_int_handler, **dict.fromkeys(ENDING, signal.SIG_DFL)}
    earlier = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in earlier.items():
        signal.signal(number, handler)


class Finalised:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        for _ in range(3):  # where Python would have called the handler, at the latest
            pass


def test_in_a_finaliser():
    thing = Finalised()
    with pytest.raises(KeyboardInterrupt), interrupts_heard():
        del thing
        time.sleep(30)


def test_in_the_callback_of_jax(monkeypatch):
    collect, pressed = _jax.collect_garbage, []

    def press():
        collect()
        if not pressed:  # it is called when a collection starts, and when it ends
            pressed.append(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), interrupts_heard():
        with monkeypatch.context() as patch:
            patch.setattr(_jax, "collect_garbage", press)
            gc.collect()
        assert pressed
        time.sleep(30)


def test_in_any_callback_of_the_collector():
    pressed = []

    def press(phase, info):
        if not pressed:
            pressed.append(phase)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), interrupts_heard():
        gc.callbacks.append(press)
        try:
            gc.collect()
        finally:
            gc.callbacks.remove(press)
        time.sleep(30)
    assert pressed


def test_while_the_main_thread_waits_for_a_lock():
    thing, lock = Finalised(), threading.Lock()
    lock.acquire()
    with pytest.raises(KeyboardInterrupt), interrupts_heard():
        del thing
        lock.acquire(timeout=30)


def test_elsewhere_it_comes_at_once():
    with pytest.raises(KeyboardInterrupt), interrupts_heard():
        signal.raise_signal(signal.SIGINT)
        pytest.fail("not interrupted")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_meaning_of_ctrl_c_stays():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts_heard():
        signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_changes_nothing():
    seen = []

    def program():
        with interrupts_heard():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=program)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_no_frame_is_heard():
    assert is_heard(None)


class Sequence:
    """Presses Ctrl-C while NumPy asks how long it is."""

    def __len__(self):
        signal.raise_signal(signal.SIGINT)
        return 3

    def __getitem__(self, index):
        return 0.0


def test_numpy_makes_no_value_error_of_it():
    with pytest.raises(ValueError, match="sequence"), interrupts_heard():
        np.asarray(Sequence(), np.float32)
    with pytest.raises(KeyboardInterrupt), interrupts_heard(), interrupts_as_such():
        np.asarray(Sequence(), np.float32)


@pytest.mark.parametrize("error", [ValueError("bad audio"), OSError("no space left on device")])
def test_errors_after_one_that_was_handled_stay(error):
    with (
        pytest.raises(type(error), match=str(error)),
        interrupts_heard(),
        interrupts_as_such(),
    ):
        with pytest.raises(KeyboardInterrupt), interrupts_as_such():
            np.asarray(Sequence(), np.float32)
        raise error


def test_a_full_disk_after_ctrl_c_is_told():
    with pytest.raises(OSError, match="no space"), interrupts_heard(), interrupts_as_such():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise OSError("no space left on device") from None


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_each_signal_has_its_status(name, status):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), interrupts_heard():
        signal.raise_signal(number)
        pytest.fail("not interrupted")
    assert exit_status() == status
    assert signal.getsignal(number) == before
    with interrupts_heard():
        assert exit_status() == 130


@pytest.mark.parametrize("number", ENDING)
def test_who_is_told_to_end_cleans_up_in_peace(number):
    cleaned = []
    with pytest.raises(KeyboardInterrupt), interrupts_heard():
        try:
            signal.raise_signal(number)
        finally:
            for again in ENDING:
                signal.raise_signal(again)
            cleaned.append(number)
    assert cleaned


def test_nohup_stays():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interrupts_heard():
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_who_is_told_to_end_begins_nothing_more():
    begun = []

    def stages(number):
        with interrupts_heard():
            for stage in range(3):
                try:
                    with interrupts_as_such():
                        begun.append(stage)
                        if stage == 0:
                            signal.raise_signal(number)
                except KeyboardInterrupt:
                    pass

    stages(signal.SIGINT)
    assert begun == [0, 1, 2]
    stages(signal.SIGTERM)
    assert begun == [0, 1, 2, 0]
    with interrupts_as_such():  # the program has ended
        pass


# The child has a terminal of its own, which is closed; it prints all the same, and does its work.
_CLOSED_TERMINAL = """
import os, pty, signal, sys, time
child, terminal = pty.fork()
if child:
    os.read(terminal, 1)
    os.close(terminal)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
from umir.interrupts import exit_status, interrupts_heard
signal.signal(signal.SIGHUP, signal.SIG_DFL)
try:
    with interrupts_heard():
        print("ready", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    print("interrupted", file=sys.stderr, flush=True)
    open(sys.argv[1], "w").close()
    sys.exit(exit_status())
"""


def test_a_closed_terminal_is_no_error_of_its_own(tmp_path):
    command = [sys.executable, "-c", _CLOSED_TERMINAL, str(tmp_path / "saved")]
    assert subprocess.run(command, timeout=60, check=False).returncode == 129
    assert (tmp_path / "saved").exists()
