"""What was measured: scores of groups of songs, kept in a JSON file so that none is taken twice.

Scripts that print tables of what they keep have `--table` (`add_table_argument`), which prints them
and measures nothing.
"""

import argparse
import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from recordings.tables import HEADLINE
from umir.annotations import Annotation
from umir.data.example import Example
from umir.files import make_folder, write_beside
from umir.tasks import Task

# group -> metric -> value
Scores = dict[str, dict[str, float]]


def shown(found: Mapping[str, Any]) -> str:
    """Return a measurement in short: the headline's mean, for each number of steps if several."""
    if all(isinstance(value, float) for value in found.values()):
        return ", ".join(f"{step}: {value:.3f}" for step, value in found.items())
    if all(HEADLINE in metrics for metrics in found.values()):
        return f"{mean_headline(found):.3f}"
    return ", ".join(f"{step}: {mean_headline(groups):.3f}" for step, groups in found.items())


class Results:
    """What was measured, kept in a JSON file, which several processes may fill at the same time.

    Args:
        path: the file; need not be there yet.
        measuring: whether `once` measures what is missing; if not, the file stays as it is.
    """

    def __init__(self, path: Path, *, measuring: bool = True):
        self.path = path
        self.measuring = measuring
        self.values: dict[str, dict] = {}
        self.read()

    def part(self, *keys: str) -> dict:
        """Return the dictionary under these keys, made if it is not there."""
        found = self.values
        for key in keys:
            found = found.setdefault(key, {})
        return found

    def once(
        self,
        part: dict,
        key: str,
        measure: Callable[[], Any],
        what: str,
        show: Callable[[Any], str] = shown,
        counts: Callable[[Any], bool] = lambda found: True,
    ) -> Any:
        """Return `part[key]`; measure, keep and print it if it is not there yet.

        None if it is not there and nothing is measured.

        Args:
            part: of `part`.
            key: in it.
            measure: what is to be called.
            what: is measured, in words.
            show: result -> words.
            counts: result -> whether it is of what would be measured now.
        """
        wanted = key not in part or not counts(part[key])
        if wanted and not self.measuring:
            return None
        if wanted:  # maybe another process has measured it meanwhile
            self.read()
            wanted = key not in part or not counts(part[key])
        if wanted:
            start = time.perf_counter()
            found = measure()
            self._keep(part, key, found)
            seconds = time.perf_counter() - start
            print(f"{self.path.stem}, {what}: {show(found)} ({seconds:.0f} s)", flush=True)
        return part[key]

    def lacks(self, what: str, option: str) -> str:
        """Return in words that there is nothing of what is asked for, and what there is.

        Args:
            what: is asked for.
            option: of the command, that asks for something else.
        """
        there = ", ".join(name for name, found in self.values.items() if _holds(found)) or "nothing"
        return f"{self.path}: has {there}, and nothing of {what}: give {option}"

    def read(self) -> None:
        """Take over what the file has: everything of our own is in it."""
        if self.path.exists():
            _merge(self.values, json.loads(self.path.read_text()))

    def _keep(self, part: dict, key: str, found: Any) -> None:
        """Write a result, and all that others have written since."""
        with alone(self.path.parent):
            self.read()
            part[key] = found
            with write_beside(self.path) as temporary:
                temporary.write_text(json.dumps(self.values, indent=1) + "\n")


def _merge(mine: dict, other: Mapping) -> None:
    """Put what another has into nested dictionaries, which stay the same objects."""
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(mine.get(key), dict):
            _merge(mine[key], value)
        else:
            mine[key] = value


def _holds(found: Any) -> bool:
    """Return whether nested dictionaries hold any result."""
    return any(map(_holds, found.values())) if isinstance(found, dict) else True


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process writes into a folder, and hold it meanwhile."""
    handle = os.open(make_folder(folder), os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def add_table_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--table`; `Results` is told by `measuring=not args.table` where `once` is called."""
    parser.add_argument(
        "--table", action="store_true", help="print what is there, and measure nothing"
    )


def group_scores(
    task: Task,
    predict: Callable[[Float[np.ndarray, "time channel"], int], Annotation],
    examples: Sequence[Example],
    headline: Sequence[str] = (),
) -> Scores:
    """Return the metrics of each group: its songs or clips scored together.

    Args:
        task: what scores.
        predict: waveform and rate in Hz -> annotation.
        examples: songs with their annotations.
        headline: metrics whose mean is the group's score; none for the task's own.
    """
    estimates = [predict(example.waveform, example.rate) for example in examples]
    return scores_of_groups(task, estimates, examples, headline)


def scores_of_groups(
    task: Task,
    estimates: Sequence[Annotation],
    examples: Sequence[Example],
    headline: Sequence[str] = (),
) -> Scores:
    """Return what `group_scores` does, of estimates that are there already."""
    scores = {}
    for group in sorted({example.group for example in examples}):
        own = [index for index, example in enumerate(examples) if example.group == group]
        metrics, _ = task.evaluate_all(
            [examples[index].annotation for index in own], [estimates[index] for index in own]
        )
        names = headline or (task.headline,)
        found = [metrics[name] for name in names if not np.isnan(metrics.get(name, np.nan))]
        scores[group] = {**metrics, HEADLINE: float(np.mean(found)) if found else np.nan}
    return scores


def mean_headline(scores: Mapping[str, Mapping[str, float]]) -> float:
    """Return the mean of the headline metric over groups."""
    return float(np.nanmean([metrics[HEADLINE] for metrics in scores.values()]))
