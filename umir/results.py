"""What is made of audio files lies where it replaces nothing else.

Results are named after their audio: `song.txt` may be what another `song.wav` came to, or labels
that somebody wrote. So beside results, in a hidden folder, lies a note for each: which audio it was
made of, and the size and time of its files. Who runs a program on the same audio again finds there
that the results are its own, and as they were left; only those are replaced.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from umir.files import version, write_json

NOTES = ".umir"  # the folder beside results


@contextlib.contextmanager
def made_of(audio: Path, result: Path, files: Sequence[Path] = ()) -> Iterator[None]:
    """Let the block write what is made of an audio file, and note that it did.

    Args:
        audio: the file.
        result: a file, or a folder of files.
        files: those that the block writes into the folder.

    Raises:
        ValueError: something else is where the result should be, or it was changed since.
    """
    files = files or [result]
    known = _known(audio, result)
    if _holds_something(result) and (known is None or _changed(files, known)):
        raise ValueError(
            f"{audio}: nothing is written: {result} is there already, and is not what an earlier "
            "run made of this file; move it away, or give another --out"
        )
    yield
    facts = {"result": result.name, "audio": _spelled(audio, result.parent)}
    kept = {name: value for name, value in (known or {}).items() if (result / name).exists()}
    write_json(_note(result), {**facts, "files": {**kept, **_versions(files)}})


def _known(audio: Path, result: Path) -> dict[str, Any] | None:
    """Return the files that were made of the audio, with their versions; None if none were."""
    try:
        note = json.loads(_note(result).read_text(encoding="utf-8"))
        same = note["audio"] == _spelled(audio, result.parent)
        return dict(note["files"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):  # there is no note, or none of ours
        return None


def _changed(files: Sequence[Path], known: dict[str, Any]) -> bool:
    """Return whether a file that is to be written is there, and not as it was left."""
    there = _versions([file for file in files if file.exists()])
    return any(known.get(name) != value for name, value in there.items())


def _versions(files: Sequence[Path]) -> dict[str, list[int]]:
    return {file.name: list(version(file)) for file in files}


def _holds_something(result: Path) -> bool:
    if not result.is_dir():
        return result.exists()
    return any(not path.name.startswith(".") for path in result.iterdir())


def _note(result: Path) -> Path:
    """Return where the note on a result lies: names may be as long as the system allows."""
    digest = hashlib.sha256(os.fsencode(result.name)).hexdigest()
    return result.parent / NOTES / f"{digest[:16]}.json"


def _spelled(audio: Path, folder: Path) -> str:
    """Return the path of an audio file from a folder on, so that both may be moved together."""
    path = os.path.realpath(audio)
    try:
        return os.path.relpath(path, os.path.realpath(folder))
    except ValueError:  # Windows: on another drive
        return path
