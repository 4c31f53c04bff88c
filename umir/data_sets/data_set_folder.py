"""A public data set on this machine, read for one task: the examples of each of its splits.

It answers as a user's folder does (`umir.data.manifest.Manifest`), so that programs need not know
which of the two they have. Groups and names begin with the name of the set, so that those of two
sets never meet.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from umir.annotations import renamed
from umir.data.example import Example
from umir.data.problems import Problem, describe
from umir.data.splits import assign_splits, hash_fraction, undecided
from umir.data_sets.catalogue import get_data_set
from umir.data_sets.data_set import (
    DAMAGE,
    SPLIT_NAMES,
    DataSet,
    DataSetError,
    Labelling,
    NotLabelled,
    Track,
)


@dataclass(frozen=True)
class DataSetFolder:
    """A data set in a folder, every track of it in a split.

    Attributes:
        data_set: which.
        path: the folder.
        task: the name of the task it is read for.
        labelling: what the set knows for that task.
        tracks: (group, track) of every track whose files are there.
        assignment: group -> split; plain JSON, to be kept with the model.
        hours: how much of each split is loaded at most, whole tracks, the groups chosen by the hash
            of their names; None: all. Everything that is loaded stays in memory.
        problems: what could not be used so far; `examples` adds to it.
        undecided: as of `umir.data.labelled_data.LabelledData`.
    """

    data_set: DataSet
    path: Path
    task: str
    labelling: Labelling = field(repr=False)
    tracks: tuple[tuple[str, Track], ...] = field(repr=False)
    assignment: Mapping[str, str] = field(repr=False)
    hours: float | None = None
    problems: list[Problem] = field(default_factory=list, repr=False)
    undecided: Mapping[str, Collection[str]] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> str:
        """The manifest's kind of annotation."""
        return self.labelling.kind

    @property
    def classes(self) -> frozenset[str]:
        """Of the kind `labels`, all that clips were labelled for."""
        return self.labelling.classes

    def versions(self, split: str | None) -> list[list[Any]]:
        """Return where it is, and what is read of it: what is published does not change."""
        del split
        return [[str(self.path.absolute()), self.task, self.hours]]

    def examples(self, split: str | None, rate: int, channels: int) -> list[Example]:
        """Load the examples of a split; see `stream`."""
        return list(self.stream(split, rate, channels))

    def stream(self, split: str | None, rate: int, channels: int) -> Iterator[Example]:
        """Load the examples of a split one after the other.

        Args:
            split: `train`, `valid`, `test`, or None for all.
            rate: sampling rate of the waveforms in Hz.
            channels: their number of channels.

        Raises:
            DataSetError: the split has tracks, but not one can be used.
        """
        wanted = self._wanted(split)
        before, unlabelled, seconds, found = len(self.problems), 0, 0.0, False
        for group, track in wanted:
            if self.hours and seconds >= self.hours * 3600:
                break
            try:
                example = self._example(group, track, rate, channels)
            except NotLabelled:
                unlabelled += 1
            except DAMAGE as error:
                self._report([self._damage(track, error)])
            else:
                found, seconds = True, seconds + example.duration
                yield example
        if unlabelled:
            reason = f"{unlabelled} of {len(wanted)} tracks have no annotation for {self.task}"
            self._report([Problem(self.path, 0, reason, whole=True)])
        if wanted and not found:
            raise DataSetError(
                f"{self.path}: none of the {len(wanted)} tracks of {self.data_set.name} in split "
                f"{split or 'any'} can be used:\n{describe(self.problems[before:], 5)}"
            )

    def _wanted(self, split: str | None) -> list[tuple[str, Track]]:
        """Return the tracks of a split, in the order in which they are loaded."""
        wanted = [item for item in self.tracks if split in (None, self.assignment[item[0]])]
        return sorted(wanted, key=lambda item: hash_fraction(item[0])) if self.hours else wanted

    def _example(self, group: str, track: Track, rate: int, channels: int) -> Example:
        waveform, annotation, problems = self.labelling.load(track, rate, channels)
        self._report(problems)
        annotation = renamed(annotation, self.labelling.label_map)
        name = f"{self.data_set.name}/{self.data_set.name_of(track)}"
        return Example(waveform, rate, annotation, group, name)

    def _damage(self, track: Track, error: Exception) -> Problem:
        """Return the problem with a track; loaders seldom say which file they could not read."""
        path = Path(self.labelling.files(track)[-1])
        reason = str(error) if isinstance(error, ValueError | OSError) else repr(error)
        told = f"cannot be used: {reason.removeprefix(f'{path}: ')}"
        return Problem(path, 0, told, whole=True)

    def _report(self, problems: Iterable[Problem]) -> None:
        """Add problems, once each however often a track is loaded."""
        known = set(self.problems)
        self.problems.extend(problem for problem in problems if problem not in known)


def open_data_set(
    name: str,
    path: str | Path,
    task: str | None = None,
    kind: str | None = None,
    assignment: Mapping[str, str] | None = None,
    *,
    hours: float | None = None,
    index: str | Path | None = None,
) -> DataSetFolder:
    """Read which tracks of a data set are there, without loading audio or annotations.

    Args:
        name: of the data set (`umir data list`).
        path: its folder.
        task: what to read it for; None: the only task of that kind that it serves.
        kind: the kind of annotation wanted; None: whichever the task has.
        assignment: the splits of an earlier run (see `umir.data.splits`).
        hours: how much of each split to load at most; None: all of it.
        index: a list of its files other than mirdata's, for excerpts of a set.

    Raises:
        DataSetError: there is no such set or folder, it does not serve the task, or not one of its
            tracks is complete.
    """
    data_set, home = get_data_set(name), folder_of(name, path)
    task = _served(data_set, task, kind)
    labelling = data_set.tasks[task]
    try:
        tracks = list(data_set.tracks(home, Path(index) if index else None))
        labelled = [track for track in tracks if labelling.has(track)]
        complete, problems = _complete(data_set, home, labelling, labelled)
        groups = _groups(data_set, complete)
    except DAMAGE as error:
        if isinstance(error, DataSetError):
            raise
        raise DataSetError(
            f"{home}: cannot be read as {name} ({error}); to get it: {data_set.access}"
        ) from error
    explicit = {group: split for group, split, _ in groups}
    splits = assign_splits(explicit, assignment)
    kept = tuple((group, track) for group, _, track in groups)
    choices = undecided(explicit, assignment)
    return DataSetFolder(data_set, home, task, labelling, kept, splits, hours, problems, choices)


def folder_of(name: str, path: str | Path) -> Path:
    """Return the folder that a data set is said to lie in.

    Raises:
        DataSetError: there is no such folder; says how to get the set.
    """
    home = Path(path).expanduser()
    if not home.is_dir():
        raise DataSetError(
            f"{home}: {'is not a' if home.exists() else 'no such'} folder; to get {name}: "
            f"{get_data_set(name).access}"
        )
    return home


def _served(data_set: DataSet, task: str | None, kind: str | None) -> str:
    """Return the task to read a data set for."""
    served = data_set.task_for(task) if task is not None else None
    if served is not None:
        known = data_set.tasks[served].kind
        if kind not in (None, known):
            raise DataSetError(
                f"{data_set.name}/{task} has annotations of kind {known!r}, not {kind!r}"
            )
        return served
    fitting = [name for name, known in data_set.tasks.items() if kind in (None, known.kind)]
    if task is None and len({id(data_set.tasks[name]) for name in fitting}) == 1:
        return fitting[0]  # the only one, or of several that read the same
    if task is None and fitting:
        raise DataSetError(
            f"{data_set.name} serves several tasks: {', '.join(fitting)}; choose one with --task"
        )
    raise DataSetError(
        f"{data_set.name} has no labels for {task or kind!r}, only for {', '.join(data_set.tasks)}"
    )


def _complete(
    data_set: DataSet, home: Path, labelling: Labelling, tracks: list[Track]
) -> tuple[list[Track], list[Problem]]:
    """Return the tracks whose files are all there, and one problem that sums up the others."""
    missing: dict[str, None] = {}
    kept = []
    for track in tracks:
        files = labelling.files(track)
        absent = [str(f) for f in files if f is not None and not Path(f).is_file()]
        missing.update(dict.fromkeys(absent))
        if not absent and None not in files:
            kept.append(track)
    if len(kept) == len(tracks) and kept:
        return kept, []
    some = ", ".join(Path(file).name for file in list(missing)[:3])
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    lost = f"{len(missing)} of their files missing" if missing else "no such annotation"
    reason = (
        f"{len(tracks) - len(kept)} of {len(tracks)} tracks of {data_set.name} left out: {lost}"
        + (f" ({some}{more}); to get them: {data_set.access}" if missing else "")
    )
    if not kept:
        raise DataSetError(f"{home}: no track of {data_set.name} can be used: {reason}")
    return kept, [Problem(home, 0, reason, whole=True)]


def _groups(data_set: DataSet, tracks: list[Track]) -> list[tuple[str, str | None, Track]]:
    """Return group, published split and track of every track.

    Where a published split divides a group, it holds: each part becomes a group of its own.
    """
    found = []
    published = defaultdict(set)
    for track in tracks:
        group = (data_set.group_of or data_set.name_of)(track)
        named = data_set.split_of(track)
        split = SPLIT_NAMES.get(named.lower()) if named else None
        found.append((f"{data_set.name}/{group}", split, track))
        published[found[-1][0]].add(split)
    return [
        (f"{group} ({split or 'no split'})" if len(published[group]) > 1 else group, split, track)
        for group, split, track in found
    ]
