"""Which files teach without an answer: mixtures of unknown stems, solos of one source.

All audio below a folder does, and every line of a manifest that is not there to be scored, by its
own `split`, by that of another line with the same file, or because the pairs have its `group` in
another split than `train`.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from umir.audio_folders import audio_files
from umir.data.manifest import MANIFEST_NAME
from umir.data.manifest_lines import Entry, audio_entries, spelled_once
from umir.data.problems import Problem, describe, gathered

TRAIN = "train"


@dataclass(frozen=True)
class UnpairedFiles:
    """Audio files that may teach.

    Attributes:
        path: the folder or manifest.
        files: the audio, sorted.
        groups: those of a manifest's lines; none of a folder without a manifest.
        problems: lines that do not teach, and why.
    """

    path: Path
    files: tuple[Path, ...]
    groups: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def unpaired_files(path: Path, pairs: Mapping[str, str] = MappingProxyType({})) -> UnpairedFiles:
    """Return what a manifest names and may teach, or all audio below a folder.

    Args:
        path: a manifest, a folder with one in it, or any other folder.
        pairs: group -> split of the songs with stems, which the groups that lines name keep.

    Raises:
        ValueError: there is none.
    """
    manifest = path / MANIFEST_NAME if path.is_dir() else path
    if manifest.suffix != ".jsonl" or not manifest.is_file():
        return UnpairedFiles(path, tuple(audio_files([path])))
    entries, problems = audio_entries(manifest)
    held_out = dict(_held_out(manifest, entries, pairs))
    problems += [Problem(manifest, line, told, whole=True) for line, told in held_out.items()]
    taught = [entry for entry in entries if entry.line not in held_out]
    if not taught:
        told = f" ({describe(gathered(problems), 5)})" if problems else ""
        raise ValueError(f"{path}: no recording there can be used{told}")
    files = tuple(sorted({entry.audio for entry in taught}))
    return UnpairedFiles(
        path, files, tuple(sorted({entry.group for entry in taught})), tuple(problems)
    )


def _held_out(
    manifest: Path, entries: list[Entry], pairs: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    """Yield the lines that do not teach, and why.

    A group that is only the name of its file says nothing of a file of that name elsewhere.
    """
    files = [(os.path.realpath(entry.audio), entry) for entry in entries]
    scored = {file: entry.split for file, entry in files if entry.split not in (None, TRAIN)}
    for file, entry in files:
        if split := scored.get(file):
            yield entry.line, f"is of the split {split!r}; left out"
        elif entry.group == spelled_once(manifest.parent, entry.audio):
            continue
        elif (held := pairs.get(entry.group, TRAIN)) != TRAIN:
            reason = f"group {entry.group!r} is in the split {held!r} of the pairs; left out"
            yield entry.line, reason
