"""Where labelled audio comes from: songs of the studio, or a user's examples.

A source answers one question, `examples(task)`: which audio, with which annotation, can this task
learn from? A song may serve a task several times, as mixture and as a single stem; its group is
always the song, so that it never stands on both sides of a split.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from umir.annotations import Labels, Stems
from umir.data.example import Example
from umir.studio.song import Song
from umir.tasks.base import AUDIBLE, Task
from umir.tasks.drum_transcription import DrumTranscription
from umir.tasks.instrument_recognition import InstrumentRecognition
from umir.tasks.source_separation import SourceSeparation


@runtime_checkable
class Source(Protocol):
    """Anything that has examples for a task."""

    def examples(self, task: Task) -> Sequence[Example]:
        """Return the examples that the task can learn from."""


class ExampleSource:
    """Fixed examples, for example of a user's folder: the same for whatever task."""

    def __init__(self, examples: Sequence[Example]):
        self._examples = list(examples)

    def examples(self, task: Task) -> list[Example]:
        """Return the examples."""
        del task
        return self._examples


class StudioSource:
    """Songs of the studio, as the examples that each task learns from.

    * separation: the mixture, with every part as a stem called `STEM/INSTRUMENT`;
    * drum transcription: the mixture, the mixture without vocals, the drums alone;
    * instrument recognition: each part alone, from its first to its last sound, without drums.
    """

    def __init__(self, songs: Sequence[Song]):
        self._songs = list(songs)
        self._cache: dict[type[Task], list[Example]] = {}

    def examples(self, task: Task) -> list[Example]:
        """Return the examples for a task (one list for all variants of it).

        Raises:
            ValueError: the studio's songs are not cut for this task.
        """
        cut = _CUTS.get(type(task))
        if cut is None:
            raise ValueError(
                f"the studio has no labels for task {task.name!r}, only for "
                + ", ".join(sorted(cls.__name__ for cls in _CUTS))
            )
        if type(task) not in self._cache:
            self._cache[type(task)] = [example for song in self._songs for example in cut(song)]
        return self._cache[type(task)]


def _separation(song: Song) -> list[Example]:
    stems: dict[str, np.ndarray] = {}
    for part in song.parts:
        name = f"{part.stem}/{part.instrument}"
        stems[name] = stems[name] + part.waveform if name in stems else part.waveform
    present = {name.split("/")[0] for name in stems}
    silent = {name: song.stems[name] for name in song.stems if name not in present}
    annotation = Stems({**stems, **silent}, song.rate)
    return [Example(song.mixture, song.rate, annotation, song.name, song.name)]


def _drums(song: Song) -> list[Example]:
    if not song.drums.labels:
        return []
    views = {
        "mixture": song.mixture,
        "without vocals": song.mixture - song.stems["vocals"],
        "drums": song.stems["drums"],
    }
    return [
        Example(waveform, song.rate, song.drums, song.name, f"{song.name} ({view})")
        for view, waveform in views.items()
    ]


def _solo_parts(song: Song) -> list[Example]:
    found = []
    for part in song.parts:
        heard = np.flatnonzero(np.abs(part.waveform).max(axis=1) > AUDIBLE)
        if part.stem == "drums" or not len(heard):
            continue
        waveform = part.waveform[heard[0] : heard[-1] + 1]
        label, name = Labels((part.instrument,)), f"{song.name} ({part.name})"
        found.append(Example(waveform, song.rate, label, song.name, name))
    return found


_CUTS: dict[type[Task], Callable[[Song], list[Example]]] = {
    SourceSeparation: _separation,
    DrumTranscription: _drums,
    InstrumentRecognition: _solo_parts,
}
