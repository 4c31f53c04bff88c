"""The lines of a manifest, each checked on its own: what `umir.data.manifest` is made of."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from umir.data.problems import Problem, describe
from umir.data.splits import SPLITS
from umir.data.text_coding import as_utf_8

KINDS = ("label", "labels", "events", "intervals", "f0", "notes", "stems")


class ManifestError(ValueError):
    """A manifest that cannot be used; the message names it and says why."""


@dataclass(frozen=True)
class Entry:
    """One line of a manifest.

    Attributes:
        line: its line number.
        audio: the audio file (for `stems`: the mixture).
        name: the audio path as the manifest writes it.
        group: the song, artist or singer.
        split: `train`, `valid` or `test`; None until it is assigned.
        labels: of the kinds `label` and `labels`.
        paths: the annotation file under `""`, or stem name -> audio file.
    """

    line: int
    audio: Path
    name: str
    group: str
    split: str | None
    labels: tuple[str, ...] = ()
    paths: Mapping[str, Path] = field(default_factory=dict)


def read_entries(path: Path, kind: str | None) -> tuple[str, list[Entry], list[Problem]]:
    """Return the kind of a manifest, its usable lines, and the problems with the others.

    Args:
        path: the manifest.
        kind: the kind to use; None for the only one there is.

    Raises:
        ManifestError: the file is no text, no line is usable, or there are several kinds and none
            was chosen.
    """
    if kind is not None and kind not in KINDS:
        raise ManifestError(f"no kind {kind!r}; choose from {', '.join(KINDS)}")
    problems: list[Problem] = []
    objects = dict(_objects(path, problems))
    kind = kind or _only_kind(path, objects, problems)
    chosen = {  # a line without any kind is a problem, one of another kind is none
        line: item
        for line, item in objects.items()
        if kind in item or not any(key in item for key in KINDS)
    }
    entries = _readable(path, chosen, partial(_entry, kind=kind), problems)
    entries, doubtful = _one_group_per_audio(path, entries)
    problems += doubtful
    if not entries:
        raise _nothing_left(path, problems, f" of kind {kind}")
    return kind, entries, problems


def kinds_in(path: Path) -> frozenset[str]:
    """Return the kinds of annotation that any line of a manifest has."""
    return frozenset(key for _, item in _objects(path, []) for key in KINDS if key in item)


def audio_entries(path: Path) -> tuple[list[Entry], list[Problem]]:
    """Return the lines of a manifest whose audio is there, without annotation, and the problems."""
    problems: list[Problem] = []
    objects = dict(_objects(path, problems))
    return _readable(path, objects, _audio_entry, problems), problems


def _readable(
    path: Path,
    objects: Mapping[int, dict[str, Any]],
    read: Callable[[Path, int, dict[str, Any]], Entry],
    problems: list[Problem],
) -> list[Entry]:
    """Return the entries of lines; report those that have none."""
    entries: list[Entry] = []
    for line, item in objects.items():
        try:
            entries.append(read(path.parent, line, item))
        except (ValueError, OSError) as error:  # a path may be too long, or not to be looked at
            problems.append(Problem(path, line, str(error), whole=True))
    return entries


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the number, from 1, and the bytes of each line of a manifest that is not blank.

    Raises:
        ManifestError: the file is no text.
    """
    try:
        content = as_utf_8(path.read_bytes())
    except ValueError as error:
        told = f"{path}: {error}; save it as UTF-8 with one JSON object per line"
        raise ManifestError(told) from error
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            yield number, line


def _objects(path: Path, problems: list[Problem]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and object of each line that is one; report the others."""
    for number, line in numbered_lines(path):
        try:
            item = json.loads(line)
        except ValueError as error:  # also bytes that are no UTF-8
            problems.append(Problem(path, number, f"is not JSON ({error})", whole=True))
            continue
        if isinstance(item, dict):
            yield number, item
        else:
            told = 'is not a JSON object like {"audio": ...}'
            problems.append(Problem(path, number, told, whole=True))


def _only_kind(path: Path, objects: Mapping[int, dict], problems: list[Problem]) -> str:
    """Return the kind of annotation that the lines have."""
    first_line: dict[str, int] = {}
    for line, item in objects.items():
        for key in KINDS:
            if key in item:
                first_line.setdefault(key, line)
    if not first_line:
        without = [Problem(path, line, _no_annotation()) for line in objects]
        raise _nothing_left(path, sorted([*problems, *without], key=lambda p: p.line), "")
    if len(first_line) > 1:
        found = ", ".join(f"{kind} (line {line})" for kind, line in first_line.items())
        raise ManifestError(
            f"{path}: several kinds of annotation: {found}; choose one with --kind or --task"
        )
    return next(iter(first_line))


def _entry(folder: Path, line: int, item: dict[str, Any], kind: str) -> Entry:
    """Return the entry of one line; raises ValueError with the reason if it is unusable."""
    if kind not in item:
        raise ValueError(_no_annotation())
    entry = _audio_entry(folder, line, item)
    return replace(entry, **_annotation(folder, item[kind], kind))


def _audio_entry(folder: Path, line: int, item: dict[str, Any]) -> Entry:
    """Return the entry of one line without its annotation; raises as `_entry` does."""
    audio = _file(folder, item.get("audio"), "audio")
    split = item.get("split")
    if split is not None and split not in SPLITS:
        raise ValueError(f"split {split!r}: must be one of {', '.join(SPLITS)}")
    group = item.get("group")
    if group is not None and not isinstance(group, str | int):
        raise ValueError(f"group {group!r}: must be a name")
    if group in (None, ""):
        group = spelled_once(folder, audio)
    return Entry(line, audio, str(item["audio"]), str(group), split)


def _annotation(folder: Path, value: Any, kind: str) -> dict[str, Any]:
    """Return the fields of an entry that hold its annotation."""
    if kind == "label":
        return {"labels": (_name(value, kind),)}
    if kind == "labels":
        if not isinstance(value, list):
            raise ValueError(f"labels must be a list of names, not {json.dumps(value)}")
        return {"labels": tuple(dict.fromkeys(_name(name, kind) for name in value))}
    if kind == "stems":
        return {"paths": _stem_files(folder, value)}
    return {"paths": {"": _file(folder, value, kind)}}


def _stem_files(folder: Path, value: Any) -> dict[str, Path]:
    """Return stem name -> file. Names become file names when stems are written."""
    if not isinstance(value, dict) or not value:
        raise ValueError("stems must be an object: stem name -> audio path")
    for name in value:
        if not name.strip() or name != Path(name).name or "\\" in name:
            raise ValueError(f"stems: {name!r} cannot be a file name; call the stem otherwise")
    return {name: _file(folder, file, f"stem {name}") for name, file in value.items()}


def _name(value: Any, kind: str) -> str:
    """Return a label as a string: numbers (a year, a tempo) are names too."""
    text = "" if isinstance(value, bool) else str(value).strip()
    if not isinstance(value, str | int | float) or text in ("", "nan", "inf", "-inf"):
        raise ValueError(f"{kind}: {json.dumps(value)} is not a name")
    return text


def _file(folder: Path, value: Any, key: str) -> Path:
    """Return the existing file that a path in the manifest means."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key}: must be a path, not {json.dumps(value)}")
    file = folder / value
    if not file.exists():
        raise ValueError(f"{key}: {value}: no such file")
    if file.is_dir():
        raise ValueError(f"{key}: {value}: is a folder, not a file")
    return file


def spelled_once(folder: Path, file: Path) -> str:
    """Return one name for a file however a path is spelled: the group of a line that has none."""
    full, root = os.path.abspath(file), os.path.abspath(folder)
    inside = Path(full).is_relative_to(root)  # not so on another drive
    return Path(os.path.relpath(full, root) if inside else full).as_posix()


def _one_group_per_audio(path: Path, entries: list[Entry]) -> tuple[list[Entry], list[Problem]]:
    """Leave out lines that put an audio file into a second group, which might be tested on."""
    first: dict[str, Entry] = {}
    kept, problems = [], []
    for entry in entries:
        other = first.setdefault(os.path.realpath(entry.audio), entry)
        if other.group == entry.group:
            kept.append(entry)
        else:
            reason = f"{entry.name} is already in group {other.group!r} (line {other.line})"
            problems.append(Problem(path, entry.line, reason, whole=True))
    return kept, problems


def _no_annotation() -> str:
    return f"has no annotation; add one of {', '.join(KINDS)}"


def _nothing_left(path: Path, problems: list[Problem], what: str) -> ManifestError:
    """Return the error for a manifest without a single usable line."""
    if not problems:
        return ManifestError(f"{path}: holds no line{what}")
    return ManifestError(f"{path}: no usable line{what}:\n{describe(problems, 5)}")
