"""Ctrl-C that is not lost.

Python prints and drops what is raised in a finaliser or in a callback of the garbage collector, and
JAX registers such a callback. A Ctrl-C that comes in that moment would leave the program running:
here it is put off until the callback is through. NumPy makes a ValueError of a Ctrl-C that comes
while it reads a sequence: here it is KeyboardInterrupt again.
"""

import contextlib
import gc
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_AGAIN_SECONDS = 0.01

_on_its_way = False  # raised by `raise_interrupt`, and not yet seen by `interrupts_as_such`


@contextlib.contextmanager
def interrupts_heard() -> Iterator[None]:
    """Let Ctrl-C in the block raise KeyboardInterrupt where it is heard.

    Outside the main thread, where Python sends no signals, and where Ctrl-C has another meaning
    already, nothing changes.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, raise_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def interrupts_as_such() -> Iterator[None]:
    """Raise KeyboardInterrupt in place of an error that a library made of it.

    Blocks may lie in each other: what an inner one raises and somebody handles is over with. An
    error of the system, such as a full disk, is one of its own.

    Raises:
        KeyboardInterrupt: `raise_interrupt` raised it in the block, and an error came of it.
    """
    global _on_its_way
    _on_its_way = False
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

    Args:
        number: of the signal.
        frame: where the main thread is.

    Raises:
        KeyboardInterrupt: unless an exception would be dropped here.
    """
    global _on_its_way
    if is_heard(frame):
        _on_its_way = True
        raise KeyboardInterrupt
    again = threading.Timer(_AGAIN_SECONDS, _send, (number,))
    again.daemon = True
    again.start()


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
