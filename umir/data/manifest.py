"""The user's folder: `manifest.jsonl` and the audio and annotations that it names.

One JSON object per line: `audio` (a path), optional `group` (song, artist, singer; default: the
audio path), optional `split` (`train`, `valid`, `test`), and annotations, at most one of each kind,
whose key is the kind:

| key | value |
|---|---|
| `label` | a name |
| `labels` | a list of names, possibly empty |
| `events`, `intervals`, `f0`, `notes` | path of a file (`umir.data.annotation_files`) |
| `stems` | an object: stem name -> audio path |

Paths are relative to the manifest, or absolute. Other keys are the user's own and ignored. What
cannot be used is collected in `Manifest.problems` while the run goes on without it.
"""

import math
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from umir.annotations import Annotation, Labels, Stems
from umir.audio import read_audio
from umir.data.annotation_files import READERS
from umir.data.example import Example
from umir.data.manifest_lines import Entry, ManifestError, kinds_in, read_entries
from umir.data.problems import Problem, describe
from umir.data.splits import assign_splits, undecided
from umir.files import version

MANIFEST_NAME = "manifest.jsonl"
# Stems that differ from the mixture by no more than this are cut or filled up with silence.
_STEM_SLACK_SECONDS = 0.1
# Level of what stems may fail to explain, in dB of the mixture's.
_MOST_RESIDUAL = -10.0

__all__ = ["Entry", "Manifest", "ManifestError", "read_manifest"]


class ResidualError(ManifestError):
    """Stems do not add up to their mixture; the mixture itself can be used."""


@dataclass(frozen=True)
class Manifest:
    """What a manifest says, checked and with every entry in a split.

    Attributes:
        path: the manifest file.
        kind: `label`, `labels`, `events`, `intervals`, `f0`, `notes` or `stems`.
        entries: the usable lines.
        assignment: group -> split; plain JSON, to be kept with the model.
        problems: what could not be used so far; `examples` adds to it.
        task: the named task that annotations are read for, if there is one.
        undecided: as of `umir.data.labelled_data.LabelledData`.
    """

    path: Path
    kind: str
    entries: tuple[Entry, ...] = field(repr=False)
    assignment: Mapping[str, str] = field(repr=False)
    problems: list[Problem] = field(default_factory=list, repr=False)
    task: str | None = None
    undecided: Mapping[str, Collection[str]] = field(default_factory=dict, repr=False)

    @property
    def classes(self) -> frozenset[str]:
        """Of the kind `labels`, all that clips were labelled for: the names that occur."""
        if self.kind != "labels":
            return frozenset()
        return frozenset(name for entry in self.entries for name in entry.labels)

    def of(self, split: str | None) -> list[Entry]:
        """Return the entries of a split, or all of them for None."""
        return [entry for entry in self.entries if split in (None, entry.split)]

    def versions(self, split: str | None) -> list[list[Any]]:
        """Return path, size and time of every file of a split: plain JSON."""
        files = [file for e in self.of(split) for file in (e.audio, *e.paths.values())]
        return [[str(file.absolute()), *version(file)] for file in files]

    def examples(self, split: str | None, rate: int, channels: int) -> list[Example]:
        """Load the examples of a split; see `stream`."""
        return list(self.stream(split, rate, channels))

    def stream(self, split: str | None, rate: int, channels: int) -> Iterator[Example]:
        """Load the examples of a split one after the other.

        Args:
            split: `train`, `valid`, `test`, or None for all.
            rate: sampling rate of the waveforms in Hz.
            channels: their number of channels.

        Yields:
            The examples that could be loaded; none if the split has no entries.

        Raises:
            ManifestError: the split has entries, but not one can be used.
        """
        entries, found = self.of(split), False
        for entry in entries:
            if (example := self._loaded(entry, rate, channels)) is not None:
                found = True
                yield example
        if entries and not found:
            raise ManifestError(
                f"{self.path}: none of the {len(entries)} entries of split {split or 'any'} can be "
                f"used:\n{describe(self.problems, 5)}"
            )

    def load(self, entry: Entry, rate: int, channels: int) -> Example:
        """Load one entry; lines of its annotation that cannot be used go to `problems`.

        Raises:
            ValueError: its audio or its annotation cannot be used.
        """
        waveform, _ = read_audio(entry.audio, rate, channels)
        annotation = self._annotation(entry, waveform, rate)
        return Example(waveform, rate, annotation, entry.group, entry.name)

    def _loaded(self, entry: Entry, rate: int, channels: int) -> Example | None:
        try:
            return self.load(entry, rate, channels)
        except (ValueError, OSError) as error:
            alone = entry.audio if isinstance(error, ResidualError) else None
            self._report([Problem(self.path, entry.line, str(error), alone, whole=True)])
            return None

    def _annotation(self, entry: Entry, waveform: np.ndarray, rate: int) -> Annotation:
        """Read the annotation that belongs to a waveform."""
        if self.kind in ("label", "labels"):
            return Labels(entry.labels)
        if self.kind == "stems":
            return _read_stems(entry.paths, waveform, rate)
        options = {"task": self.task} if self.kind in ("events", "intervals") else {}
        annotation, problems = READERS[self.kind](entry.paths[""], len(waveform) / rate, **options)
        self._report(problems)
        return annotation

    def _report(self, problems: Iterable[Problem]) -> None:
        """Add problems, once each however often an entry is loaded."""
        known = set(self.problems)
        self.problems.extend(problem for problem in problems if problem not in known)


def read_manifest(
    path: str | os.PathLike,
    kind: str | None = None,
    assignment: Mapping[str, str] | None = None,
    *,
    common_stems: bool = True,
    task: str | None = None,
) -> Manifest:
    """Read a manifest without loading audio or annotations.

    Args:
        path: the manifest, or the folder that holds `manifest.jsonl`.
        kind: which annotation to use, where lines have several or different ones: lines without
            this kind are then skipped. None: the only kind there is.
        assignment: the splits of an earlier run (see `umir.data.splits`).
        common_stems: whether to leave out the lines whose stems are not the most common ones; a
            task that names its stems judges for itself.
        task: the named task that annotations are read for: JAMS files may have those of several.

    Returns:
        The manifest; lines that cannot be used are in `problems`.

    Raises:
        ManifestError: there is no manifest or no usable line in it, it mixes kinds and none was
            chosen, or a group is in two splits.
    """
    path = _manifest_file(Path(path))
    kind, entries, problems = read_entries(path, kind)
    if kind == "stems" and common_stems:
        entries, odd = _with_common_stems(path, entries)
        problems += odd
    explicit = _explicit_splits(path, entries)
    splits = assign_splits(explicit, assignment)
    placed = tuple(replace(entry, split=splits[entry.group]) for entry in entries)
    choices = undecided(explicit, assignment)
    return Manifest(path, kind, placed, splits, problems, task, choices)


def manifest_kinds(path: str | Path) -> frozenset[str]:
    """Return the kinds of annotation that the lines of a manifest have.

    Raises:
        ManifestError: there is no manifest or no usable line in it.
    """
    found = kinds_in(_manifest_file(Path(path)))
    return found if len(found) > 1 else frozenset([read_manifest(path).kind])


def _manifest_file(path: Path) -> Path:
    """Return the manifest that a path means."""
    if path.is_dir():
        path = path / MANIFEST_NAME
    if not path.is_file():
        raise ManifestError(
            f"{path}: no such file; write one JSON object per line, such as "
            '{"audio": "song.wav", "events": "song.csv"}'
        )
    return path


def _explicit_splits(path: Path, entries: Iterable[Entry]) -> dict[str, str | None]:
    """Return group -> the split its lines name, or None; raise if they name two."""
    named: dict[str, Entry] = {}
    groups: dict[str, str | None] = {}
    for entry in entries:
        groups.setdefault(entry.group, None)
        if not entry.split:
            continue
        first = named.setdefault(entry.group, entry)
        if first.split != entry.split:
            raise ManifestError(
                f"{path}: group {entry.group!r} is in split {first.split} (line {first.line}) and "
                f"in {entry.split} (line {entry.line}); put it in one"
            )
        groups[entry.group] = entry.split
    return groups


def _with_common_stems(path: Path, entries: list[Entry]) -> tuple[list[Entry], list[Problem]]:
    """Keep the entries whose stems have the most common set of names."""
    (common, _), *_ = Counter(frozenset(entry.paths) for entry in entries).most_common(1)
    names = ", ".join(sorted(common))
    problems = [
        Problem(
            path,
            entry.line,
            f"has stems {', '.join(sorted(entry.paths))}; others have {names}",
            whole=True,
        )
        for entry in entries
        if entry.paths.keys() != common
    ]
    kept = [entry for entry in entries if entry.paths.keys() == common]
    order = list(kept[0].paths)  # one order of stems for all, that of the first line
    return [replace(e, paths={name: e.paths[name] for name in order}) for e in kept], problems


def _read_stems(paths: Mapping[str, Path], mixture: np.ndarray, rate: int) -> Stems:
    """Read the stems of a mixture at its rate, channels and length.

    Where only one stem is given, what is left of the mixture becomes the stem `rest` (`other`, if
    the one is called `rest`); several must add up to the mixture, or nearly so (a mastered mixture
    is not the plain sum).
    """
    stems = {}
    for name, path in paths.items():
        stem, _ = read_audio(path, rate, mixture.shape[1])
        extra = len(stem) - len(mixture)
        if abs(extra) > _STEM_SLACK_SECONDS * rate:
            longer = "longer" if extra > 0 else "shorter"
            raise ManifestError(
                f"{path}: stem {name!r} is {abs(extra) / rate:.2f} s {longer} than the mixture"
            )
        stems[name] = np.pad(stem[: len(mixture)], ((0, max(0, -extra)), (0, 0)))
    rest = mixture - np.sum(list(stems.values()), axis=0)
    if len(stems) == 1:
        stems["other" if "rest" in stems else "rest"] = rest
    elif (residual := level_difference(rest, mixture)) > _MOST_RESIDUAL:
        raise ResidualError(
            f"the stems {', '.join(stems)} do not add up to the mixture: what is missing is at "
            f"{residual:.1f} dB of it (above {_MOST_RESIDUAL:.0f} dB); name it as a stem too"
        )
    return Stems(stems, rate)


def level_difference(
    one: Float[np.ndarray, "time channel"], other: Float[np.ndarray, "time channel"]
) -> float:
    """Return the level of a waveform in dB of that of another, 20 log10 of the ratio of RMS."""
    power, whole = (float(np.mean(np.square(x), dtype=np.float64)) for x in (one, other))
    if not power:
        return -math.inf
    return 10 * math.log10(power / whole) if whole else math.inf
