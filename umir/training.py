"""The one training loop: a step function, a stream of batches, callbacks.

Meta-training, multi-task training and fine-tuning all run in `train`. A stream is a function from
the step number to what the step needs, so that the step number is the whole state of the data and a
resumed training sees what an uninterrupted one would have seen.
"""

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from tqdm import tqdm

from umir.files import write_beside

# After so many steps in a row without a finite loss and gradient, nothing will come any more.
BAD_STEPS_IN_A_ROW = 20

State = TypeVar("State")
Item = TypeVar("Item")
Metrics = Mapping[str, Any]


@runtime_checkable
class Callback(Protocol):
    """Something that watches a training: progress, log, checkpoint, evaluation."""

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Look at the state after `step` steps and at the metrics of the last one."""

    def close(self) -> None:
        """Finish: the training has ended, well or not."""


def train(
    step_function: Callable[[State, Item], tuple[State, Metrics]],
    state: State,
    stream: Callable[[int], Item],
    *,
    steps: int,
    first_step: int = 0,
    callbacks: Sequence[Callback] = (),
) -> State:
    """Return the state after the steps `first_step` to `steps`.

    Args:
        step_function: takes the state and an item of the stream, returns the new state and metrics.
        state: where to start.
        stream: step number -> item; called once for each step, one step ahead, on a thread.
        steps: the number of steps at which to stop.
        first_step: the number of steps that are already done.
        callbacks: called after each step, and closed in this order at the end in any case.

    A step with a loss or gradient that is not finite is reported, by the names of its metrics; it
    is for the step function to leave the state alone then, as `umir.meta.outer_update` does.

    Raises:
        Diverged: no step has had finite metrics for a while.
    """
    streak = BadStreak()
    with ExitStack() as stack:
        for callback in reversed(callbacks):  # the stack closes the last one first
            stack.callback(callback.close)
        for step, item in enumerate(prefetch(stream, range(first_step, steps)), first_step + 1):
            state, metrics = step_function(state, item)
            numbers = {name: float(value) for name, value in metrics.items()}
            if bad := _not_finite(numbers):
                _report(step, bad)
            for callback in callbacks:
                callback(step, state, numbers)
            streak.see(step, numbers)
    return state


class Diverged(ValueError):
    """Nothing is learnt any more."""

    def __init__(self, step: int, bad: Mapping[str, float]):
        super().__init__(
            f"no finite loss in {BAD_STEPS_IN_A_ROW} steps in a row, the last of them step {step} "
            f"({_spelled(bad)}): lower the learning rate, or look for broken audio or labels"
        )


class BadStreak:
    """Counts the steps in a row whose metrics are not all finite."""

    def __init__(self) -> None:
        self._length = 0

    def see(self, step: int, metrics: Mapping[str, float]) -> None:
        """Count a step, unless it says nothing of itself.

        Raises:
            Diverged: no step has had finite metrics for a while.
        """
        if not metrics:
            return
        bad = _not_finite(metrics)
        self._length = self._length + 1 if bad else 0
        if self._length >= BAD_STEPS_IN_A_ROW:
            raise Diverged(step, bad)


def _not_finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if not math.isfinite(value)}


def _report(step: int, bad: Mapping[str, float]) -> None:
    """Say on standard error, above a progress bar, that a step was skipped, and whose it was."""
    tqdm.write(f"step {step} is skipped: {_spelled(bad)}", file=sys.stderr)


def _spelled(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} is {value}" for name, value in metrics.items())


def prefetch(stream: Callable[[int], Item], steps: Iterable[int]) -> Iterator[Item]:
    """Yield `stream(step)` for each step, working one step ahead on a thread."""
    with ThreadPoolExecutor(1) as pool:
        following = None
        for step in steps:
            current, following = following, pool.submit(stream, step)
            if current is not None:
                yield current.result()
        if following is not None:
            yield following.result()


class ProgressBar:
    """A bar with the running mean of each loss."""

    def __init__(self, title: str, steps: int, first_step: int = 0, smoothing: float = 0.9):
        self._bar = tqdm(
            total=steps, initial=first_step, desc=title, unit="step", dynamic_ncols=True
        )
        self._smoothing = smoothing
        self._means: dict[str, float] = {}

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Move the bar and show the means."""
        for name, value in metrics.items():
            if name.startswith("loss") and math.isfinite(value):
                mean = self._means.get(name, value)
                self._means[name] = self._smoothing * mean + (1 - self._smoothing) * value
        shown = {name.removeprefix("loss/"): f"{mean:.3f}" for name, mean in self._means.items()}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(step - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()


class JsonLog:
    """One JSON object per step, appended to a `.jsonl` file; what is not finite is null.

    Args:
        path: the file; may hold other phases, and earlier steps of this one.
        phase: written into each object.
        first_step: the number of steps that are already done: what the file says of later ones of
            this phase, and a line cut off, was written by a run that was killed, and is removed.
    """

    def __init__(self, path: Path, phase: str, first_step: int = 0):
        self._phase = phase
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            self._cut_back(path, first_step)
        self._file = path.open("a", encoding="utf-8")

    def _cut_back(self, path: Path, first_step: int) -> None:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if self._stays(line, first_step, path)]
        if kept != lines:
            with write_beside(path) as temporary:
                temporary.write_text("".join(kept), encoding="utf-8")

    def _stays(self, line: str, first_step: int, path: Path) -> bool:
        if not line.endswith("\n"):
            return False
        try:
            row = json.loads(line)
            return row["phase"] != self._phase or row["step"] <= first_step
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f"{path}: is not a log of umir, or damaged ({line.strip()[:40]!r}); move it away"
            ) from None

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Append the metrics of one step."""
        values = {name: x if math.isfinite(x) else None for name, x in metrics.items()}
        self._file.write(json.dumps({"phase": self._phase, "step": step, **values}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class WithMetrics:
    """Hands on only the steps that have metrics, of a training that does not measure every step.

    Args:
        callback: to whom.
    """

    def __init__(self, callback: Callback):
        self._callback = callback

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Hand the step on, if it has metrics."""
        if metrics:
            self._callback(step, state, metrics)

    def close(self) -> None:
        """Close the callback."""
        self._callback.close()


class TensorBoard:
    """TensorBoard events, one scalar per metric.

    Args:
        directory: where event files lie.
        first_step: the number of steps that are already done: TensorBoard shall forget what an
            earlier run, since killed, wrote of later ones.
    """

    def __init__(self, directory: Path, first_step: int = 0):
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(logdir=str(directory), purge_step=first_step + 1)

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Write the metrics of one step."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close the event file."""
        self._writer.close()
