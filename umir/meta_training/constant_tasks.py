"""Tasks whose labels say the same everywhere: named, and left out of a training.

Where every song has the same label, or none that is known, the loss is that of a constant answer:
there is nothing to learn, and steps spent on it are lost for the other tasks.
"""

import sys
from collections.abc import Iterable, Sequence

import numpy as np

from umir.data.example import Example
from umir.tasks import Source, Task


def that_vary(source: Source, tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Return the tasks that a source has different labels for; name the others on standard error.

    A task without any example stays: what draws from it says what is missing.

    Raises:
        ValueError: no task is left.
    """
    kept = []
    for task in tasks:
        examples = source.examples(task)
        if not examples or varies(task, examples):
            kept.append(task)
        else:
            _say(task.name, len(examples))
    if not kept:
        raise ValueError("no task is left to train on: give songs whose labels differ")
    return tuple(kept)


def varies(task: Task, examples: Iterable[Example]) -> bool:
    """Return whether what is known differs between two moments or examples, in any channel."""
    lowest, highest = np.inf, -np.inf
    for example in examples:
        target = task.encode(example.annotation, len(example.waveform), example.rate)
        values, known = np.broadcast_arrays(target.values, np.asarray(target.mask) > 0)
        values, known = (a.reshape(-1, values.shape[-1]) for a in (values, known))
        lowest = np.minimum(lowest, np.where(known, values, np.inf).min(axis=0))
        highest = np.maximum(highest, np.where(known, values, -np.inf).max(axis=0))
        if np.any(lowest < highest):
            return True
    return False


def _say(name: str, count: int) -> None:
    print(
        f"task {name!r} is left out: the labels of its {count} example(s) say the same everywhere, "
        "so that its loss is constant",
        file=sys.stderr,
    )
