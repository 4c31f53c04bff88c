"""The audio files of folders: what can be read is taken, what only looks like audio is named."""

import sys
from collections.abc import Sequence
from pathlib import Path

# What is taken for audio in a folder: what libsndfile reads.
AUDIO_SUFFIXES = frozenset(
    (
        *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus"),
        *(".mp3", ".mp2", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".sph", ".voc"),
    )
)
# Audio that libsndfile does not read.
_OTHER_SUFFIXES = frozenset(
    (
        *(".m4a", ".m4b", ".m4p", ".mp4", ".aac", ".alac", ".wma", ".webm", ".mka", ".3gp"),
        *(".ac3", ".eac3", ".dts", ".amr", ".ape", ".mpc", ".tak", ".tta", ".wv", ".dsf", ".dff"),
    )
)
_NAMED = 3  # files that are named, of those that cannot be read


def audio_in(folder: Path, *, below: bool = False) -> list[Path]:
    """Return the audio files of a folder, sorted, without hidden ones (`._song.wav`).

    Args:
        folder: where to look.
        below: also in the folders that it holds.
    """
    return _files_in(folder, AUDIO_SUFFIXES, below)


def audio_files(paths: Sequence[Path]) -> list[Path]:
    """Return the audio files that are given or lie below folders that are given, sorted.

    What else looks like audio in the folders is named on standard error.

    Raises:
        ValueError: there are none, or a path is missing.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += audio_in(path, below=True)
        elif path.exists():
            found.append(path)
        else:
            raise ValueError(f"{path}: no such file or folder; give audio")
    nothing = f"{', '.join(map(str, paths))}: no audio files there"
    say_what_is_left_out(paths, "" if found else nothing, below=True)
    return sorted(set(found))


def say_what_is_left_out(paths: Sequence[Path], nothing: str = "", *, below: bool = False) -> None:
    """Name on standard error what looks like audio in folders, and cannot be read.

    A file beside which lies one of the same name that can be is not missed.

    Args:
        paths: files and folders; of files nothing is said.
        nothing: what is wrong if that was all there is.
        below: also in the folders that they hold.

    Raises:
        ValueError: `nothing` is given; says it and what cannot be read.
    """
    found = [file for path in paths if path.is_dir() for file in _missed_in(path, below)]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    names = ", ".join(map(str, found[:_NAMED])) + more
    told = f"{names}: cannot be read; convert to WAV or FLAC" if found else ""
    if nothing:
        raise ValueError("; ".join(filter(None, (nothing, told))))
    if told:
        print(f"left out: {told}", file=sys.stderr)


def _missed_in(folder: Path, below: bool) -> list[Path]:
    files = _files_in(folder, AUDIO_SUFFIXES | _OTHER_SUFFIXES, below)
    read = {path.with_suffix("") for path in files if path.suffix.lower() in AUDIO_SUFFIXES}
    others = (path for path in files if path.suffix.lower() in _OTHER_SUFFIXES)
    return [path for path in others if path.with_suffix("") not in read]


def _files_in(folder: Path, suffixes: frozenset[str], below: bool) -> list[Path]:
    return sorted(
        path
        for path in (folder.rglob("*") if below else folder.glob("*"))
        if path.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
