"""Where labelled audio comes from: songs of the studio, or a user's examples.

A source answers one question, `examples(task)`: which audio, with which annotation, can this task
learn from? A song may serve a task several times, as mixture and as a single stem; its group is
always the song, so that it never stands on both sides of a split.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from umir.annotations import Annotation, Events, Intervals, Labels, Notes, Stems
from umir.data.example import Example
from umir.studio.labels import join_notes, join_over_pauses
from umir.studio.song import Part, Song
from umir.tasks.base import AUDIBLE, Task, entry_of
from umir.tasks.beat_tracking import BeatTracking
from umir.tasks.chord_recognition import ChordRecognition, SeventhChordRecognition
from umir.tasks.drum_transcription import DrumTranscription
from umir.tasks.genre_recognition import GenreRecognition
from umir.tasks.instrument_recognition import InstrumentRecognition
from umir.tasks.key_recognition import KeyRecognition
from umir.tasks.melody_extraction import MelodyExtraction
from umir.tasks.note_transcription import NoteTranscription
from umir.tasks.onset_detection import OnsetDetection
from umir.tasks.singing_voice_detection import SingingVoiceDetection
from umir.tasks.source_separation import SourceSeparation
from umir.tasks.tempo_estimation import TempoEstimation

LEADING = ("vocals", "lead")  # how the names of parts begin that may have the melody
STROKE = 0.3  # seconds that a drum is taken to sound
RINGS = 1.0  # seconds for which a note may ring on in its room


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
    * instrument recognition: each part alone, without its rests, without drums;
    * singing voice detection: the mixture, the mixture without vocals, the vocals alone, with the
      intervals of the voice and of every instrument;
    * chord and key recognition: the mixture, the mixture without vocals;
    * onset detection: the mixture, the mixture without vocals, the drums and the stem `other`
      alone, with the onsets of every instrument;
    * beat tracking: the mixture, the mixture without vocals, the drums alone;
    * melody extraction: the mixture, the leading parts (vocals and lead) alone;
    * note transcription: the mixture, the mixture without vocals, each pitched part alone, with the
      notes of every instrument;
    * genre recognition and tempo estimation: the mixture.

    The views are shared by the tasks: a song keeps its mixture, with and without vocals, once.
    """

    def __init__(self, songs: Sequence[Song]):
        self._songs = list(songs)
        self._cache: dict[type[Task], list[Example]] = {}

    def examples(self, task: Task) -> list[Example]:
        """Return the examples for a task (one list for all variants of it).

        Raises:
            ValueError: the studio's songs are not cut for this task.
        """
        cut = entry_of(_CUTS, task)
        if cut is None:
            raise ValueError(
                f"the studio has no labels for task {task.name!r}, only for "
                + ", ".join(sorted(cls.__name__ for cls in _CUTS))
            )
        if type(task) not in self._cache:
            label = entry_of(_LABELS, task) or ""
            known = [song for song in self._songs if label not in song.unknown]
            self._cache[type(task)] = [example for song in known for example in cut(song)]
        return self._cache[type(task)]


def _view(song: Song, view: str, waveform: np.ndarray, annotation: Annotation) -> Example:
    """Return one way to hear a song; all of them are of one group."""
    return Example(waveform, song.rate, annotation, song.name, f"{song.name} ({view})")


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
        "without vocals": song.accompaniment,
        "drums": song.stems["drums"],
    }
    return [_view(song, view, waveform, song.drums) for view, waveform in views.items()]


def _solo_parts(song: Song) -> list[Example]:
    found = []
    for part in song.parts:
        waveform = _without_rests(part, song.rate)
        heard = np.flatnonzero(np.abs(waveform).max(axis=1) > AUDIBLE)
        if part.stem == "drums" or not len(heard):
            continue
        waveform = waveform[heard[0] : heard[-1] + 1]
        found.append(_view(song, part.name, waveform, Labels((part.instrument,))))
    return found


def _without_rests(part: Part, rate: int) -> np.ndarray:
    """Return a part's waveform where its notes sound and ring on; a rest may be full of noise."""
    sung = np.zeros((0, 2)) if part.lyrics is None else part.lyrics.intervals
    spans = np.concatenate([part.notes.intervals, sung]) + np.array([0.0, RINGS])
    bounds = [[round(time * rate) for time in span] for span in join_over_pauses(spans.tolist())]
    if len(bounds) == 1:
        return part.waveform[slice(*bounds[0])]  # a view, not a copy
    return np.concatenate([part.waveform[:0], *(part.waveform[slice(*each)] for each in bounds)])


def _activity(song: Song) -> list[Example]:
    voice = song.voice_activity
    others = [part for part in song.parts if part.instrument != "voice"]
    found = [(*pair, "voice") for pair in voice.intervals.tolist()]
    rest = [(*pair, part.instrument) for part in others for pair in _sounding(part)]
    views = [
        ("mixture", song.mixture, found + rest),
        ("without vocals", song.accompaniment, rest),
        ("vocals", song.stems["vocals"], found),
    ]
    return [
        _view(song, view, waveform, _intervals(rows, song.duration))
        for view, waveform, rows in (views if found else views[:1])
    ]


def _intervals(rows: Sequence[tuple[float, float, str]], duration: float) -> Intervals:
    rows = sorted(rows)
    bounds = np.array([row[:2] for row in rows], float).reshape(-1, 2)
    return Intervals(bounds, tuple(row[2] for row in rows), duration)


def _sounding(part: Part) -> list[list[float]]:
    """Return where a part plays: its notes or strokes, joined over pauses shorter than 0.2 s."""
    played = part.notes.intervals
    if part.stem == "drums":
        played = part.onsets.times[:, None] + np.array([0.0, STROKE])
    return join_over_pauses(played.tolist())


def _chords(song: Song) -> list[Example]:
    return _with_and_without_vocals(song, song.chords)


def _key(song: Song) -> list[Example]:
    return _with_and_without_vocals(song, Labels((song.key,)))


def _genre(song: Song) -> list[Example]:
    return [Example(song.mixture, song.rate, Labels((song.style,)), song.name, song.name)]


def _with_and_without_vocals(song: Song, annotation: Annotation) -> list[Example]:
    views = {"mixture": song.mixture}
    # Of voices alone nothing is left, and nothing can be learnt from it.
    if song.accompaniment is not song.mixture and song.accompaniment.any():
        views["without vocals"] = song.accompaniment
    return [_view(song, view, waveform, annotation) for view, waveform in views.items()]


def _onsets(song: Song) -> list[Example]:
    accompaniment = [part for part in song.parts if part.stem != "vocals"]
    views: list[tuple[str, np.ndarray, Sequence[Part]]] = [("mixture", song.mixture, song.parts)]
    if song.accompaniment is not song.mixture:
        views.append(("without vocals", song.accompaniment, accompaniment))
    for stem in ("drums", "other"):
        played = [part for part in song.parts if part.stem == stem]
        views.append((stem, song.stems[stem], played))
    return [_view(song, view, waveform, _starts(parts)) for view, waveform, parts in views if parts]


def _starts(parts: Sequence[Part]) -> Events:
    """Return where the sounds of parts start, labelled with their instruments."""
    rows = [(time, part.instrument) for part in parts for time in part.onsets.times.tolist()]
    rows.sort()
    times = np.array([time for time, _ in rows], float)
    return Events(times, tuple(instrument for _, instrument in rows))


def _beats(song: Song) -> list[Example]:
    found = _with_and_without_vocals(song, song.beats)
    if song.drums.labels:
        found.append(_view(song, "drums", song.stems["drums"], song.beats))
    return found


def _melody(song: Song) -> list[Example]:
    views = {"mixture": song.mixture}
    leading = [part for part in song.parts if part.name.startswith(LEADING)]
    if leading:
        first, *others = (part.waveform for part in leading)
        views["leading parts"] = sum(others, first)
    return [_view(song, view, waveform, song.melody) for view, waveform in views.items()]


def _notes(song: Song) -> list[Example]:
    pitched = [part for part in song.parts if len(part.notes.frequencies)]
    unsung = [part for part in pitched if part.stem != "vocals"]
    views = [("mixture", song.mixture, pitched)]
    if song.accompaniment is not song.mixture:
        views.append(("without vocals", song.accompaniment, unsung))
    views += [(part.name, part.waveform, [part]) for part in pitched]
    return [_view(song, view, waveform, _played(parts)) for view, waveform, parts in views if parts]


def _played(parts: Sequence[Part]) -> Notes:
    """Return the notes of parts, labelled with their instruments."""
    named = ((part.notes, (part.instrument,) * len(part.notes.frequencies)) for part in parts)
    return join_notes([replace(notes, labels=labels) for notes, labels in named])


def _tempo(song: Song) -> list[Example]:
    label = Labels((f"{song.tempo:.2f}",))
    return [Example(song.mixture, song.rate, label, song.name, song.name)]


_CUTS: dict[type[Task], Callable[[Song], list[Example]]] = {
    SourceSeparation: _separation,
    DrumTranscription: _drums,
    InstrumentRecognition: _solo_parts,
    SingingVoiceDetection: _activity,
    ChordRecognition: _chords,
    SeventhChordRecognition: _chords,
    GenreRecognition: _genre,
    KeyRecognition: _key,
    OnsetDetection: _onsets,
    BeatTracking: _beats,
    MelodyExtraction: _melody,
    NoteTranscription: _notes,
    TempoEstimation: _tempo,
}

# What of a song each task learns from, where a song may not know it.
_LABELS: dict[type[Task], str] = {
    ChordRecognition: "chords",
    SeventhChordRecognition: "chords",
    GenreRecognition: "style",
    KeyRecognition: "key",
    BeatTracking: "beats",
    MelodyExtraction: "melody",
    TempoEstimation: "tempo",
}
