"""What was measured: scores of groups of songs, kept in a JSON file so that none is taken twice."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from recordings.tables import HEADLINE
from umir.annotations import Annotation
from umir.data.example import Example
from umir.files import write_beside
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
    """What was measured, kept in a JSON file.

    Args:
        path: the file; need not be there yet.
    """

    def __init__(self, path: Path):
        self.path = path
        self.values: dict[str, dict] = json.loads(path.read_text()) if path.exists() else {}

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
    ) -> Any:
        """Return `part[key]`; measure, keep and print it if it is not there yet."""
        if key not in part:
            start = time.perf_counter()
            part[key] = measure()
            with write_beside(self.path) as temporary:
                temporary.write_text(json.dumps(self.values, indent=1) + "\n")
            seconds = time.perf_counter() - start
            print(f"{self.path.stem}, {what}: {show(part[key])} ({seconds:.0f} s)", flush=True)
        return part[key]


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
