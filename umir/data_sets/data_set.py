"""What a public data set is: its licence and size, its tracks, and what it knows for each task.

An adapter is one `DataSet`: how the tracks are found (`mirdata`'s loader, or a published layout),
which group (artist, player, song) and published split each is in, and one `Labelling` for every
task that it serves. Labels stay as the set writes them; where its names differ from those of umir,
the labelling has a label map, through which several sets of one task train together.

A track is whatever the loader gives: an object whose attributes name its files.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from umir.annotations import Annotation
from umir.audio import read_audio
from umir.data.problems import Problem
from umir.data_sets.tidy import tidy

# A track of a data set, as its loader gives it.
Track = Any
Loaded = tuple[np.ndarray, Annotation, list[Problem]]

# What the splits of the field are called, and what they are called here.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


# What parsers of damaged annotation files raise.
DAMAGE = (ValueError, OSError, LookupError, TypeError, AttributeError, ArithmeticError)

# Reads an annotation, with the lines that could not be used, or not as they stand.
ByLine = Callable[[Path], tuple[Annotation, list[Problem]]]


class DataSetError(ValueError):
    """A data set that cannot be used; the message names it, says what is wrong and what to do."""


class NotLabelled(Exception):
    """A track about which the set says nothing for this task: it is counted and left out."""


@dataclass(frozen=True)
class Labelling:
    """What a data set knows for one task.

    Attributes:
        kind: the manifest's kind of annotation (`events`, `f0`, `stems`, ...).
        files: track -> the files that must be there, the audio first.
        load: (track, rate in Hz, channels) -> waveform `(time, channel)`, annotation, problems.
        label_map: name in the set -> umir's name; names that are not in it stay as they are.
        has: track -> whether the set is labelled so there at all.
        classes: of the kind `labels`, all that clips were labelled for, by umir's names: of others
            the set says nothing.
    """

    kind: str
    files: Callable[[Track], Sequence[str | Path]]
    load: Callable[[Track, int, int], Loaded]
    label_map: Mapping[str, str] = field(default_factory=dict)
    has: Callable[[Track], bool] = lambda track: True
    classes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DataSet:
    """A public data set.

    Attributes:
        name: as users write it (`ballroom`).
        licence: of annotations and audio, in short.
        size: download and duration, in words.
        access: how to get it, in one line.
        splits: which splits and groups it has, in words.
        tracks: (folder, index or None) -> its tracks; raises DataSetError.
        tasks: name of a task -> what the set knows for it.
        download: (folder) -> None, fetching everything; None where there is no open download.
        fetch_index: fetches what is needed beside the set itself; None if there is no such thing.
        name_of: track -> its name in the set.
        group_of: track -> artist, player or song; default: its name.
        split_of: track -> the published split (any of `SPLIT_NAMES`), or None.
    """

    name: str
    licence: str
    size: str
    access: str
    splits: str
    tracks: Callable[[Path, Path | None], Sequence[Track]] = field(repr=False)
    tasks: Mapping[str, Labelling] = field(repr=False)
    download: Callable[[Path | None], Path] | None = field(default=None, repr=False)
    fetch_index: Callable[[], None] | None = field(default=None, repr=False)
    name_of: Callable[[Track], str] = field(default=attrgetter("track_id"), repr=False)
    group_of: Callable[[Track], str] | None = field(default=None, repr=False)
    split_of: Callable[[Track], str | None] = field(default=lambda track: None, repr=False)

    def task_for(self, name: str) -> str | None:
        """Return the task of the set whose labels a task reads, None if it has none for it.

        It has the same name, or the name begins with it: `drum_transcription_5` reads the labels of
        `drum_transcription`.
        """
        fitting = (task for task in self.tasks if name == task or name.startswith(f"{task}_"))
        return max(fitting, key=len, default=None)


def labelling(
    kind: str,
    read: Callable[[Track], Annotation | tuple[Annotation, list[Problem]] | None],
    *,
    audio: str = "audio_path",
    needs: Sequence[str] = (),
    label_map: Mapping[str, str] | None = None,
    has: Callable[[Track], bool] = lambda track: True,
    classes: Iterable[str] = (),
    by_line: ByLine | None = None,
) -> Labelling:
    """Return the labelling of one audio file by one annotation: anything but stems.

    Args:
        kind: the manifest's kind of annotation.
        read: track -> its annotation, with or without the lines that could not be used; None where
            the set has none. What lies outside the audio or is no number is left out afterwards.
        audio: the attribute of a track that is the path of its audio.
        needs: the attributes that are paths of its annotation; the last is named in messages.
        label_map: name in the set -> umir's name.
        has: which tracks are labelled so.
        classes: as of `Labelling`.
        by_line: reads the last of `needs` where `read` gives up: one bad line (a blank cell, a word
            among numbers, a gap) makes mirdata refuse a whole file.
    """
    paths = [attrgetter(name) for name in (audio, *needs)]

    def files(track: Track) -> list[str | Path]:
        return [path(track) for path in paths]

    def load(track: Track, rate: int, channels: int) -> Loaded:
        waveform, _ = read_audio(files(track)[0], rate, channels)
        source = Path(files(track)[-1])
        try:
            found = read(copy(track))  # what mirdata parses stays with a track
        except DAMAGE:
            if by_line is None:
                raise
            found = by_line(source)
        if found is None:
            raise NotLabelled
        annotation, problems = found if isinstance(found, tuple) else (found, [])
        annotation, reasons = tidy(annotation, len(waveform) / rate)
        return waveform, annotation, [*problems, *(Problem(source, 0, r) for r in reasons)]

    return Labelling(kind, files, load, label_map or {}, has, frozenset(classes))
