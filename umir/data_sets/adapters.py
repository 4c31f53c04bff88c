"""What adapters of one kind share: a set read by `mirdata`, and annotation files beside audio."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

from umir.annotations import Annotation, Labels
from umir.audio import read_audio
from umir.data.problems import Problem
from umir.data_sets.data_set import DataSet, Labelling, Loaded, NotLabelled, Track
from umir.data_sets.mirdata_tracks import MirdataLoader
from umir.data_sets.tidy import tidy

Read = Annotation | tuple[Annotation, list[Problem]] | None


def mirdata_set(
    name: str, tasks: Mapping[str, Labelling], *, loader: MirdataLoader | None = None, **fields: Any
) -> DataSet:
    """Return a data set that mirdata has a loader for, with an open download unless `access` says.

    Args:
        name: mirdata's name of it.
        tasks: name of a task -> what the set knows for it.
        loader: default: of everything in its newest version.
        fields: the others of `DataSet`; with `access`, the set has no download of its own.
    """
    loader = loader or MirdataLoader(name)
    if "access" not in fields:
        fields |= {"access": f"umir data get {name}", "download": loader.download}
    fields = {"tracks": loader.tracks, "fetch_index": loader.fetch_index} | fields
    return DataSet(name=name, tasks=tasks, **fields)


def file_labelling(
    kind: str,
    audio: Callable[[Track], str | Path],
    file: Callable[[Track], str | Path],
    read: Callable[[Path], Read],
    *,
    label_map: Mapping[str, str] | None = None,
    has: Callable[[Track], bool] = lambda track: True,
) -> Labelling:
    """Return the labelling of one audio file by one annotation file.

    Args:
        kind: the manifest's kind of annotation.
        audio: track -> its audio file.
        file: track -> its annotation file.
        read: annotation file -> annotation, with or without the lines that could not be used; None
            where it has none. What lies outside the audio is left out afterwards.
        label_map: name in the set -> umir's name.
        has: which tracks are labelled so.
    """

    def load(track: Track, rate: int, channels: int) -> Loaded:
        waveform, _ = read_audio(audio(track), rate, channels)
        path = Path(file(track))
        found = read(path)
        if found is None:
            raise NotLabelled
        annotation, problems = found if isinstance(found, tuple) else (found, [])
        annotation, reasons = tidy(annotation, len(waveform) / rate)
        return waveform, annotation, [*problems, *(Problem(path, 0, r) for r in reasons)]

    return Labelling(kind, lambda track: (audio(track), file(track)), load, label_map or {}, has)


def tempo_in(path: Path) -> Labels:
    """Return the beats per minute that a file begins with, as the label of a clip.

    Raises:
        ValueError: it begins with no number above 0; names the file.
    """
    first, *_ = path.read_text(encoding="utf-8").split() or ["nothing"]
    try:
        tempo = float(first)
    except ValueError:
        tempo = 0.0
    if not 0.0 < tempo < float("inf"):
        raise ValueError(f"{path}:1: begins with {first!r}, not with a tempo in beats per minute")
    return Labels((f"{tempo:g}",))


def files_there(*attributes: str) -> Callable[[Track], bool]:
    """Return whether the set has these files of a track at all (missing here or not)."""
    paths = [attrgetter(name) for name in attributes]
    return lambda track: all(path(track) is not None for path in paths)
