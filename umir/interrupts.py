"""Ctrl-C that is not lost, and what ends programs from outside, which is treated likewise.

Whoever ends a program in order, the `kill` of a shell or the scheduler of a cluster, sends SIGTERM;
a terminal that is closed sends SIGHUP. Both raise KeyboardInterrupt, as Ctrl-C does, so that what
is half-written is removed and trainings save. As there may be little time left, nothing is begun
after them that Ctrl-C would leave for another Ctrl-C to end.

Python prints and drops what is raised in a finaliser or in a callback of the garbage collector, and
JAX registers such a callback. A Ctrl-C that comes in that moment would leave the program running:
here it is put off until the callback is through. NumPy makes a ValueError of a Ctrl-C that comes
while it reads a sequence: here it is KeyboardInterrupt again.
"""

import contextlib
import gc
import os
import signal
import stat
import threading
from collections.abc import Iterator
from types import FrameType

# Signals that end a program for good. Windows has no SIGHUP.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
_AGAIN_SECONDS = 0.01

_on_its_way = False  # raised by `raise_interrupt`, and not yet seen by `interrupts_as_such`
_heard: int = signal.SIGINT  # the last signal that raised one
_ending = False  # whether the program was told to end, and has not yet


@contextlib.contextmanager
def interrupts_heard() -> Iterator[None]:
    """Let Ctrl-C and the signals that end programs raise KeyboardInterrupt where it is heard.

    Outside the main thread, where Python sends no signals, and of a signal that has another meaning
    already (`nohup` ignores SIGHUP), nothing changes.
    """
    global _heard, _ending
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _heard, _ending = signal.SIGINT, False
    usual = {signal.SIGINT: signal.default_int_handler, **dict.fromkeys(ENDING, signal.SIG_DFL)}
    taken = {number: own for number, own in usual.items() if signal.getsignal(number) == own}
    for number in taken:
        signal.signal(number, raise_interrupt)
    try:
        yield
    finally:
        _ending = False
        for number, own in taken.items():
            signal.signal(number, own)


def exit_status() -> int:
    """Return what a program that was interrupted ends with, as shells have it: 130 of Ctrl-C."""
    return 128 + _heard


@contextlib.contextmanager
def interrupts_as_such() -> Iterator[None]:
    """Raise KeyboardInterrupt in place of an error that a library made of it.

    Blocks may lie in each other: what an inner one raises and somebody handles is over with. An
    error of the system, such as a full disk, is one of its own. A program that was told to end
    enters none.

    Raises:
        KeyboardInterrupt: `raise_interrupt` raised it in the block, and an error came of it; or the
            program was told to end before.
    """
    global _on_its_way
    _on_its_way = False
    if _ending:
        raise KeyboardInterrupt
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if _on_its_way:
            raise KeyboardInterrupt from error
        raise
    finally:
        _on_its_way = False


def raise_interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, now or as soon as it is heard; a handler of signals.

    Of those that end a program, terminals and schedulers may send several: what cleans up and saves
    after the first is not interrupted by others.

    Args:
        number: of the signal.
        frame: where the main thread is.

    Raises:
        KeyboardInterrupt: unless an exception would be dropped here.
    """
    global _on_its_way, _heard, _ending
    if is_heard(frame):
        _on_its_way, _heard = True, number
        if number in ENDING:
            _ending = True
            for other in ENDING:
                signal.signal(other, signal.SIG_IGN)
            leave_lost_terminal()
        raise KeyboardInterrupt
    again = threading.Timer(_AGAIN_SECONDS, _send, (number,))
    again.daemon = True
    again.start()


def leave_lost_terminal() -> None:
    """Print to nowhere from now on where the terminal is gone, or any word would be an error."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            device = stat.S_ISCHR(os.fstat(descriptor).st_mode)
            if device and not os.isatty(descriptor):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)


def is_heard(frame: FrameType | None) -> bool:
    """Return whether an exception that is raised in a frame reaches the program.

    Not from finalisers and callbacks of the collector, which have no caller that it could go to.
    """
    callbacks = [getattr(callback, "__code__", None) for callback in gc.callbacks]
    while frame is not None:
        if frame.f_code.co_name == "__del__" or frame.f_code in callbacks:
            return False
        frame = frame.f_back
    return True


def _send(number: int) -> None:
    """Send a signal to the main thread, whatever it waits for."""
    if hasattr(signal, "pthread_kill"):
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, number)
    else:  # Windows
        signal.raise_signal(number)
