"""The one training loop: a step function, a stream of batches, callbacks.

Meta-training, multi-task training and fine-tuning all run in `train`. A stream is a function from
the step number to what the step needs, so that the step number is the whole state of the data and a
resumed training sees what an uninterrupted one would have seen.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from tqdm import tqdm

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
        callbacks: called after each step, and closed at the end in any case.
    """
    try:
        for step, item in enumerate(prefetch(stream, range(first_step, steps)), first_step + 1):
            state, metrics = step_function(state, item)
            numbers = {name: float(value) for name, value in metrics.items()}
            for callback in callbacks:
                callback(step, state, numbers)
    finally:
        for callback in callbacks:
            callback.close()
    return state


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
    """A bar with the running mean of each metric."""

    def __init__(self, title: str, steps: int, first_step: int = 0, smoothing: float = 0.9):
        self._bar = tqdm(
            total=steps, initial=first_step, desc=title, unit="step", dynamic_ncols=True
        )
        self._smoothing = smoothing
        self._means: dict[str, float] = {}

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Move the bar and show the means."""
        for name, value in metrics.items():
            mean = self._means.get(name, value)
            self._means[name] = self._smoothing * mean + (1 - self._smoothing) * value
        shown = {name.removeprefix("loss/"): f"{mean:.3f}" for name, mean in self._means.items()}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(step - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()


class JsonLog:
    """One JSON object per step, appended to a `.jsonl` file."""

    def __init__(self, path: Path, phase: str):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._phase = phase

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Append the metrics of one step."""
        self._file.write(json.dumps({"phase": self._phase, "step": step, **metrics}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoard:
    """TensorBoard events, one scalar per metric."""

    def __init__(self, directory: Path):
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(logdir=str(directory))

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Write the metrics of one step."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close the event file."""
        self._writer.close()


class Checkpoints:
    """The training state every so many steps and at the end, in orbax format, for `--resume`.

    Args:
        directory: where the checkpoints lie, one folder per step.
        every: number of steps between two checkpoints.
        last: the step at which training ends.
    """

    def __init__(self, directory: Path, every: int, last: int):
        import orbax.checkpoint as ocp

        self._args = ocp.args
        self._every, self._last = every, last
        options = ocp.CheckpointManagerOptions(max_to_keep=2)
        self._manager = ocp.CheckpointManager(directory.absolute(), options=options)

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Save the state, if it is time to."""
        if step % self._every == 0 or step == self._last:
            self._manager.save(step, args=self._args.StandardSave(state), force=True)

    @property
    def latest_step(self) -> int | None:
        """The number of steps of the newest checkpoint; None if there is none."""
        return self._manager.latest_step()

    def restore(self, step: int, like: State) -> State:
        """Return the state saved at `step`, in the structure and types of `like`."""
        return self._manager.restore(step, args=self._args.StandardRestore(like))

    def close(self) -> None:
        """Wait until the last checkpoint is written."""
        self._manager.wait_until_finished()
        self._manager.close()
