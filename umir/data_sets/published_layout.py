"""Tracks of data sets that no loader library reads, found by the layout they are published in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# Lossless and other copies of audio that was published as WAV count as well.
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True)
class FolderTrack:
    """A track of such a set.

    Attributes:
        track_id: its name in the set.
        files: what the file is -> where it is, there or not.
    """

    track_id: str
    files: dict[str, Path] = field(default_factory=dict)


def audio_file(path: Path) -> Path:
    """Return the audio file of this name with whatever suffix it has; `path`, if there is none."""
    for suffix in AUDIO_SUFFIXES:
        for spelled in (suffix, suffix.upper()):
            if (found := path.with_name(path.name + spelled)).is_file():
                return found
    return path.with_name(path.name + AUDIO_SUFFIXES[0])


def file_named(name: str) -> Callable[[FolderTrack], Path]:
    """Return what gives the file of this name of a track."""
    return lambda track: track.files[name]


def inner_folder(home: Path, name: str) -> Path:
    """Return the folder called `name` in `home`, or `home` where that is the folder itself."""
    return home / name if (home / name).is_dir() else home
