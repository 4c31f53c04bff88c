"""What `--data` names: a user's folder, public data sets, or several of them to be read together.

    FOLDER                          a folder with manifest.jsonl, or that file
    NAME:PATH                       a public data set (`umir data list`) that lies in PATH
    NAME/TASK:PATH                  the same, read for this task whatever is asked for
    NAME@HOURS:PATH                 tracks of each split until so many hours: what is used of a set
                                    is held in memory (an hour at 16 kHz, mono, takes 0.23 GB)
    NAME:PATH,NAME:PATH,FOLDER      all of them as one; paths must not contain commas then

Groups of public data sets begin with the name of the set. Those of users' folders are as their
manifests write them, and begin with the folder's name where several parts are read together.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from umir.annotations import Labels
from umir.data.example import Example
from umir.data.labelled_data import LabelledData as LabelledData
from umir.data.labelled_data import UnseenData
from umir.data.manifest import read_manifest
from umir.data.manifest_lines import ManifestError
from umir.data.problems import Problem, describe
from umir.data_sets import DATA_SETS, DataSetError, get_data_set, open_data_set

OWN_FOLDER = "the user's own folder"


@dataclass(frozen=True)
class DataPart:
    """One of the things that a specification names.

    Attributes:
        path: a folder or a manifest.
        data_set: name of the public data set that is there; None for a user's folder.
        task: what to read the data set for; None: what is asked for.
        hours: of each split, after which no more tracks are taken; None: all.
        prefix: what its groups begin with beyond the names that it gives them itself.
    """

    path: str
    data_set: str | None = None
    task: str | None = None
    hours: float | None = None
    prefix: str = ""


@dataclass(frozen=True)
class JointData:
    """Several data sets and folders with one kind of annotation, read as one.

    Attributes:
        path: their names, for messages.
        kind: the manifest's kind of annotation.
        parts: what the groups of each begin with here, and what it is.
        assignment: group -> split.
        problems: what could not be used so far; `examples` adds to it.
    """

    path: Path
    kind: str
    parts: Sequence[tuple[str, LabelledData]] = field(repr=False)
    assignment: Mapping[str, str] = field(repr=False)
    problems: list[Problem] = field(default_factory=list, repr=False)

    @property
    def undecided(self) -> dict[str, Collection[str]]:
        """Return the splits that groups may be in which nobody has decided on."""
        return {
            prefix + group: choices
            for prefix, part in self.parts
            for group, choices in part.undecided.items()
        }

    @property
    def classes(self) -> frozenset[str]:
        """Of the kind `labels`, all that clips of any part were labelled for."""
        return frozenset().union(*(part.classes for _, part in self.parts))

    def versions(self, split: str | None) -> list[list[Any]]:
        """Return what the examples of a split depend on, of all parts."""
        return [file for _, part in self.parts for file in part.versions(split)]

    def examples(self, split: str | None, rate: int, channels: int) -> list[Example]:
        """Load the examples of a split of all parts; see `stream`."""
        return list(self.stream(split, rate, channels))

    def stream(self, split: str | None, rate: int, channels: int) -> Iterator[Example]:
        """Load the examples of a split of all parts, one after the other.

        A part of which nothing can be used is reported; the others serve without it. What clips of
        one part were not labelled for, but those of another were, is unknown of them.

        Raises:
            DataSetError: parts have examples in the split, but not one can be used.
        """
        found = failed = False
        for prefix, part in self.parts:
            try:
                unknown = self.classes - part.classes
                for example in part.stream(split, rate, channels):
                    found = True
                    yield _joined(example, prefix, unknown)
            except (ManifestError, DataSetError) as error:
                failed = True
                first = str(error).splitlines()[0]
                whole = Problem(part.path, 0, f"left out: {first}", whole=True)
                self._report([*part.problems, whole])
            self._report(part.problems)
        if failed and not found:
            raise DataSetError(f"{self.path}: nothing can be used:\n{describe(self.problems, 5)}")

    def _report(self, problems: Sequence[Problem]) -> None:
        known = set(self.problems)
        self.problems.extend(problem for problem in problems if problem not in known)


def _joined(example: Example, prefix: str, unknown: Set[str]) -> Example:
    """Return an example under the name of its group among others, with what nobody said of it."""
    annotation = example.annotation
    if isinstance(annotation, Labels):
        open_questions = {*annotation.unknown, *unknown}.difference(annotation.names)
        annotation = replace(annotation, unknown=tuple(sorted(open_questions)))
    return replace(example, group=prefix + example.group, annotation=annotation)


def data_parts(text: str | Path) -> list[DataPart]:
    """Return what a specification names.

    Raises:
        DataSetError: it names a data set that there is none of, or one without its folder.
    """
    text = str(text)
    if os.path.exists(text):  # which holds of a long text that no path can be so long
        return [DataPart(text)]
    parts = [_part(piece.strip()) for piece in text.split(",")]
    if len(parts) == 1:
        return parts
    names = [_folder_name(part.path) for part in parts if part.data_set is None]
    return [
        part
        if part.data_set
        else replace(part, prefix=_prefix(part.path, names.count(_folder_name(part.path)) > 1))
        for part in parts
    ]


def sources_of(text: str | Path) -> list[str]:
    """Return what a specification names in words, for model cards; nothing of an empty one."""
    named = [part.data_set for part in data_parts(text)] if str(text) else []
    return [f"{name} ({get_data_set(name).licence})" if name else OWN_FOLDER for name in named]


def open_data(
    text: str | Path,
    kind: str | None = None,
    task: str | None = None,
    assignment: Mapping[str, str] | None = None,
    *,
    common_stems: bool = True,
) -> LabelledData:
    """Read which recordings there are, without loading audio or annotations.

    Args:
        text: a specification.
        kind: the kind of annotation wanted; None: the only one there is.
        task: the named task that data sets are read for; None: the only one of that kind.
        assignment: the splits of an earlier run, from `stored_splits`: groups keep them, and what
            has taught then neither validates nor judges (`umir.data.labelled_data.UnseenData`).
        common_stems: as of `read_manifest`.

    Raises:
        DataSetError: a data set cannot be used, or the parts have different kinds of annotation.
        ManifestError: a folder cannot be used.
    """

    parts = data_parts(text)
    data = open_parts(parts, kind, task, assignment, common_stems=common_stems)
    return UnseenData(data, assignment) if assignment else data


def open_parts(
    parts: Sequence[DataPart],
    kind: str | None = None,
    task: str | None = None,
    assignment: Mapping[str, str] | None = None,
    *,
    common_stems: bool = True,
) -> LabelledData:
    """Read parts of a specification as `open_data` does all of it."""
    opened = [
        (part.prefix, _opened(part, kind, task, assignment or {}, common_stems)) for part in parts
    ]
    if len(opened) == 1 and not parts[0].prefix:
        return opened[0][1]
    name = Path(" + ".join(part.data_set or _folder_name(part.path) for part in parts))
    kinds = {data.kind: str(data.path) for _, data in opened}
    if len(kinds) > 1:
        named = ", ".join(f"{kind} ({path})" for kind, path in kinds.items())
        raise DataSetError(f"{name}: several kinds of annotation: {named}; choose with --task")
    splits = {
        prefix + group: split for prefix, data in opened for group, split in data.assignment.items()
    }
    problems = [problem for _, data in opened for problem in data.problems]
    return JointData(name, opened[0][1].kind, opened, splits, problems)


def stored_splits(text: str | Path, stored: Mapping[str, str] | None) -> dict[str, str]:
    """Return the splits of an earlier run under the names that groups have in a specification.

    A user's folder may have been read alone then and together with others now, or the other way
    round, or with another one of its name: its groups have another prefix, or none.
    """
    stored = stored or {}
    found = dict(stored)
    for part in data_parts(text):
        if part.data_set is None:
            own = _renamed(part, stored)
            found = own | found if part.prefix else found | own
    return found


def _renamed(part: DataPart, stored: Mapping[str, str]) -> dict[str, str]:
    """Return the splits of what may be groups of a folder, under the names that they have now."""
    prefixes = ("", *(_prefix(part.path, ambiguous) for ambiguous in (False, True)))
    return {
        part.prefix + group.removeprefix(prefix): split
        for prefix in prefixes
        for group, split in stored.items()
        if group.startswith(prefix)
    }


def _opened(
    part: DataPart,
    kind: str | None,
    task: str | None,
    assignment: Mapping[str, str],
    common_stems: bool,
) -> LabelledData:
    """Read one part, its groups called as it calls them itself."""
    own = {
        group.removeprefix(part.prefix): split
        for group, split in assignment.items()
        if group.startswith(part.prefix)
    }
    if part.data_set is None:
        return read_manifest(part.path, kind, own, common_stems=common_stems, task=task)
    task = part.task or task
    return open_data_set(part.data_set, part.path, task, kind, own, hours=part.hours)


def _part(piece: str) -> DataPart:
    """Return what one piece of a specification names."""
    name, colon, path = piece.partition(":")
    name, at, hours = name.partition("@")
    data_set, _, task = name.partition("/")
    if not piece:
        raise DataSetError("nothing before, after or between commas: name a folder or a data set")
    if colon and path and data_set in DATA_SETS:
        return DataPart(path.strip(), data_set, task or None, _hours(piece, hours) if at else None)
    if os.path.exists(piece):
        return DataPart(piece)
    bare = piece.rstrip(":")
    if bare in DATA_SETS:
        raise DataSetError(f"{bare}: say in which folder it is, as {bare}:PATH")
    if colon and re.fullmatch(r"\w{2,}", data_set):
        get_data_set(data_set)  # says which there are
    return DataPart(piece)


def _hours(piece: str, text: str) -> float:
    """Return the number of hours that a piece of a specification spells."""
    hours = float(text) if re.fullmatch(r"\d+(\.\d*)?|\.\d+", text) else 0.0
    if not hours > 0:
        raise DataSetError(f"{piece}: {text!r} is no number of hours above 0")
    return hours


def _folder_name(path: str) -> str:
    folder = Path(path).absolute()
    return (folder.parent if folder.suffix == ".jsonl" else folder).name


def _prefix(path: str, ambiguous: bool) -> str:
    return f"{path if ambiguous else _folder_name(path)}/"
