"""Public data sets and users' folders as a source of examples for meta-training.

A data set gives to each task what it knows for it, so that `guitarset:PATH` serves notes, chords
and beats at once. A user's folder has one kind of annotation and serves every task that reads it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from umir.data.example import Example
from umir.data.manifest import manifest_kinds
from umir.data.problems import Problem
from umir.data.splits import of_both
from umir.data_sets import folder_of, get_data_set
from umir.data_specification import DataPart, LabelledData, data_parts, open_parts
from umir.tasks import Source, Task
from umir.tasks.base import quoted
from umir.user_data import known_examples


class DataSource:
    """The examples of one split of what a specification names, loaded when a task asks for them.

    Attributes:
        problems: what could not be used so far.
        splits: group -> split, of all that was read so far; of a group that has several, the one
            in which it teaches most.
    """

    def __init__(self, data: str | Path, rate: int, channels: int, split: str = "train"):
        """Name the data; nothing is read yet but what users' manifests say.

        Args:
            data: a specification (`umir.data_specification`).
            rate: sampling rate of the waveforms in Hz.
            channels: their number of channels.
            split: `train`, `valid` or `test`.

        Raises:
            ValueError: it names a data set or a folder that there is none of, or a folder without
                a manifest or with annotations of several kinds.
        """
        self.problems: list[Problem] = []
        self.splits: dict[str, str] = {}
        self._data, self._split = str(data), split
        self._format = rate, channels
        self._parts = data_parts(data)
        for part in self._parts:
            if part.data_set:
                folder_of(part.data_set, part.path)
        self._kinds = {p.path: manifest_kinds(p.path) for p in self._parts if not p.data_set}
        self._useless: set[str] = set()
        self._cache: dict[str, list[Example]] = {}
        self._waveforms: dict[tuple[bytes, int], np.ndarray] = {}

    def serves(self, task: Task) -> bool:
        """Return whether any of the data has labels for a task."""
        return task.name not in self._useless and any(
            self._serves(part, task) for part in self._parts
        )

    def load(self, tasks: Sequence[Task]) -> None:
        """Load what there is for tasks; those that nothing can be used for are served no more.

        Raises:
            ValueError: there is nothing for any task; says why there is nothing for the first. Or
                a folder or data set serves none of them.
        """
        for part in self._parts:
            if not any(self._serves(part, task) for task in tasks):
                raise ValueError(
                    f"{part.data_set or part.path}: {self._unread(part)}; leave it out"
                )
        errors = {}
        served = [task for task in tasks if self.serves(task)]
        for task in served:
            try:
                self.examples(task)
            except ValueError as error:
                errors[task.name] = error
        if served and len(errors) == len(served):
            raise next(iter(errors.values()))
        self._useless |= errors.keys()
        self.problems += [
            Problem(Path(self._data), 0, str(error), whole=True) for error in errors.values()
        ]

    def examples(self, task: Task) -> list[Example]:
        """Return the examples of all data that has labels for a task.

        Raises:
            ValueError: none has, or nothing of it can be used; says what to do.
        """
        if task.name not in self._cache:
            self._cache[task.name] = self._loaded(task)
        return self._cache[task.name]

    def _loaded(self, task: Task) -> list[Example]:
        parts = [part for part in self._parts if self._serves(part, task)]
        if not parts:
            raise ValueError(f"{self._data}: has no labels for task {task.name!r}")
        data = self._opened(parts, task)
        self.splits |= of_both(self.splits, data.assignment)
        known = known_examples(task, data.examples(self._split, *self._format), data)
        found = [example for example in known if task.is_about(example.annotation)]
        if found and len(found) < len(known):
            told = f"{len(known) - len(found)} song(s) say nothing of {task.name}: left out there"
            data.problems.append(Problem(data.path, 0, told, whole=True))
        self.problems += [problem for problem in data.problems if problem not in self.problems]
        if not found:
            raise ValueError(
                f"{self._data}: no recording in the split {self._split!r} has what task "
                f"{task.name!r} reads: {task.wanted}"
            )
        return self._with_shared_waveforms(found)

    def _opened(self, parts: Sequence[DataPart], task: Task) -> LabelledData:
        """Return the data for a task, its groups in the splits that they have for earlier tasks.

        Unless none of them would train: then they are dealt anew, and count as what taught.
        """
        data = open_parts(parts, task.kind, task.name, self.splits, common_stems=False)
        if "train" in data.assignment.values():
            return data
        return open_parts(parts, task.kind, task.name, common_stems=False)

    def _with_shared_waveforms(self, examples: Sequence[Example]) -> list[Example]:
        """Return the examples with the arrays of earlier tasks where the samples are the same.

        So a recording is held once, and `umir.tasks.joint` sees that it is one. Two examples of one
        task stay two, as where two people have annotated one recording.
        """
        shared, times = [], Counter[bytes]()
        for example in examples:
            samples = np.ascontiguousarray(example.waveform).data
            key = blake2b(samples, digest_size=16).digest()
            waveform = self._waveforms.setdefault((key, times[key]), example.waveform)
            times[key] += 1
            shared.append(replace(example, waveform=waveform))
        return shared

    def _unread(self, part: DataPart) -> str:
        """Return that none of the tasks reads a part, in words."""
        kinds = self._kinds.get(part.path)
        what = f"labels of the kind {quoted(kinds)}" if kinds else "its labels"
        return f"none of the tasks reads {what}"

    def _serves(self, part: DataPart, task: Task) -> bool:
        if part.data_set is None:
            return task.kind in self._kinds[part.path]
        task_for = get_data_set(part.data_set).task_for
        served = task_for(task.name)
        return served is not None and (part.task is None or task_for(part.task) == served)


class JoinedSource:
    """What a source has for a task, and what data has beside it."""

    def __init__(self, source: Source, data: DataSource):
        self._source, self._data = source, data

    def examples(self, task: Task) -> list[Example]:
        """Return the examples of the source, followed by those of the data if it serves the task.

        Raises:
            ValueError: as of the source, or of the data.
        """
        beside = self._data.examples(task) if self._data.serves(task) else []
        return [*self._source.examples(task), *beside]
