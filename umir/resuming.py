"""What lets a training be stopped at any moment and go on as if it had not been.

`Checkpoints` keeps the newest states on disk; a process that is killed loses the steps since the
last one, never more. `Interruption` turns Ctrl-C into the end of the running step. Both are
callbacks of `umir.training.train`.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

from umir.interrupts import ENDING, leave_lost_terminal, raise_interrupt

State = TypeVar("State")


class Checkpoints:
    """The training state every so many steps and at the end, in orbax format, for `--resume`.

    A checkpoint is written beside under another name, while training goes on, and renamed when it
    is complete: what a killed process leaves half-written is not seen. Beside the state lies the
    state of the stream, which is the number of steps that it has served.

    Args:
        directory: where the checkpoints lie, one folder per step.
        every: number of steps between two checkpoints.
        last: the step at which training ends.
    """

    def __init__(self, directory: Path, every: int, last: int):
        import orbax.checkpoint as ocp

        self._args = ocp.args
        self._directory, self._every, self._last = directory, every, last
        options = ocp.CheckpointManagerOptions(max_to_keep=2)
        self._manager = ocp.CheckpointManager(directory.absolute(), options=options)
        self._unsaved: tuple[int, Any] | None = None

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Save the state, if it is time to."""
        self._unsaved = step, state
        if step % self._every == 0 or step == self._last:
            self._save()

    def _save(self) -> None:
        if self._unsaved is not None:
            step, state = self._unsaved
            parts = {
                "state": self._args.StandardSave(state),
                "stream": self._args.JsonSave({"step": step}),
            }
            self._unsaved = None
            with _as_os_error(f"{self._directory}: the checkpoint of step {step}"):
                self._manager.save(step, args=self._args.Composite(**parts), force=True)

    def latest(self, like: State) -> tuple[State, int] | None:
        """Return the newest state, in the structure and types of `like`, and its step.

        None if there is no checkpoint yet.

        Raises:
            ValueError: the checkpoint is damaged or another training's; names its folder.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        parts = {"state": self._args.StandardRestore(like), "stream": self._args.JsonRestore()}
        try:
            found = self._manager.restore(step, args=self._args.Composite(**parts))
        except Exception as error:  # tensorstore raises whatever it likes, plain Exception too
            raise ValueError(
                f"{self._directory / str(step)}: this checkpoint cannot be read; delete the folder "
                "to go on from the one before it, or start anew in another --out"
            ) from error
        return found.state, found.stream["step"]

    def close(self) -> None:
        """Save the last step if it is not saved yet, and wait until all is written.

        So whatever ends a training but a kill loses nothing: Ctrl-C, an error, a full log disk.
        """
        try:
            self._save()
            with _as_os_error(f"{self._directory}: the last checkpoint"):
                self._manager.wait_until_finished()
        finally:
            self._manager.close()


@contextlib.contextmanager
def _as_os_error(what: str) -> Iterator[None]:
    """Turn whatever writing a checkpoint comes to into one line; tensorstore raises what it likes.

    Raises:
        OSError: it could not be written.
    """
    try:
        yield
    except Exception as error:
        reason = str(error).split("\n")[0][:200]
        raise OSError(
            f"{what} could not be written ({reason}); make room, then go on with --resume from the "
            "one before it"
        ) from error


def steps_done(checkpoints: Path, without: Collection[str] = ()) -> int:
    """Return the step of the newest checkpoint of any phase; 0 if there is none.

    Args:
        checkpoints: the folder that holds a folder of `Checkpoints` for each phase.
        without: names of phases that do not count.
    """
    found = (path for path in checkpoints.glob("*/*") if path.is_dir())
    steps = (path.name for path in found if path.parent.name not in without)
    return max((int(name) for name in steps if name.isdecimal()), default=0)


class Interruption:
    """Turns Ctrl-C into the end of the running step; a second Ctrl-C kills at once.

    So it does, in programs, with the signals that `umir.interrupts` treats likewise. The last of
    the callbacks: it raises when all others have seen the step. A second Ctrl-C needs no care,
    because a process may be killed at any moment (`Checkpoints`).

    Outside the main thread, where Python sends no signals, it does nothing.
    """

    def __init__(self) -> None:
        self._asked: int | None = None
        self._earlier: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            heard = [number for number in ENDING if signal.getsignal(number) is raise_interrupt]
            for number in (signal.SIGINT, *heard):
                self._earlier[number] = signal.signal(number, self._ask)

    def _ask(self, number: int, frame: Any) -> None:
        self._asked = number
        message = b"finishing this step, then saving"
        if number in ENDING:
            signal.signal(number, signal.SIG_IGN)
            leave_lost_terminal()
        else:
            signal.signal(number, signal.SIG_DFL)
            message += b"; Ctrl-C again stops at once"
        # Not print: a signal may come while something else is being printed.
        os.write(2, b"\n" + message + b"\n")

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Stop if Ctrl-C was pressed.

        Raises:
            KeyboardInterrupt: it was.
        """
        if self._asked is not None:
            raise_interrupt(self._asked, None)

    def close(self) -> None:
        """Give the signals their earlier meaning back.

        Raises:
            KeyboardInterrupt: one came after the last step.
        """
        for number, handler in self._earlier.items():
            signal.signal(number, handler)
        self(0, None, {})
