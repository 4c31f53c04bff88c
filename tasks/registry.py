"""The named tasks, the task that a kind of annotation poses, and tasks as JSON."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from umir.annotations import F0, Annotation, Events, Intervals, Labels, Notes, Stems
from umir.tasks.base import Task
from umir.tasks.beat_tracking import BeatTracking
from umir.tasks.chord_recognition import ChordRecognition, SeventhChordRecognition
from umir.tasks.classification import Classification, MultiLabelClassification
from umir.tasks.drum_transcription import DrumTranscription
from umir.tasks.event_detection import EventDetection
from umir.tasks.genre_recognition import GenreRecognition
from umir.tasks.instrument_recognition import InstrumentRecognition
from umir.tasks.interval_detection import IntervalDetection
from umir.tasks.key_recognition import KeyRecognition
from umir.tasks.melody_extraction import MelodyExtraction
from umir.tasks.note_transcription import NoteTranscription
from umir.tasks.onset_detection import OnsetDetection
from umir.tasks.pitch_axis import pitch_vocabulary
from umir.tasks.singing_voice_detection import SingingVoiceDetection
from umir.tasks.source_separation import (
    SourceSeparation,
    four_stem_separation,
    vocal_separation,
)
from umir.tasks.tempo_estimation import TempoEstimation
from umir.wave_unet import WaveUNetConfig

AnyTask = TypeVar("AnyTask", bound=Task)

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        four_stem_separation(),
        vocal_separation(),
        *map(DrumTranscription.with_classes, (3, 5, 8)),
        InstrumentRecognition(),
        SingingVoiceDetection(),
        ChordRecognition(),
        SeventhChordRecognition(),
        GenreRecognition(),
        KeyRecognition(),
        OnsetDetection(),
        BeatTracking(),
        MelodyExtraction(),
        NoteTranscription(),
        TempoEstimation(),
    )
}

# Named tasks that have no classes of their own but those of the data: name -> kind.
OPEN_TASKS: dict[str, str] = {"tagging": "labels"}

# What a folder's kind of annotation poses when no named task is asked for.
_KINDS: dict[str, type[Task]] = {
    "stems": SourceSeparation,
    "events": EventDetection,
    "intervals": IntervalDetection,
    "f0": MelodyExtraction,
    "notes": NoteTranscription,
    "label": Classification,
    "labels": MultiLabelClassification,
}

# Every class that a model directory may name (`register_task` adds to them).
_CLASSES: dict[str, type[Task]] = {
    cls.__name__: cls for cls in (*_KINDS.values(), *map(type, TASKS.values()))
}

# What a field meant in models that were made before their tasks had it: class -> field -> value.
_BEFORE: dict[str, dict[str, Any]] = {"SourceSeparation": {"masks": False}}

# Stems that take what is left come last: the network's last stem is mixture minus the others. Of
# several it is the one that stands last here, and after all of these `no_vocals` and its like.
_LEFT_OVER = (
    *("instruments", "band", "music", "karaoke", "playback", "backing", "backing track"),
    *("rest", "residual", "instrumental", "other", "accompaniment"),
)
_ALL_BUT = re.compile(r"(no|non|without|minus) ")  # `no_vocals`, `minus-drums`
_VOICES = {
    *("voice", "voices", "vocal", "vocals", "vox", "singing", "singer", "singers"),
    *("choir", "rap", "rapper", "speech"),
}


def get_task(name: str) -> Task:
    """Return a named task.

    Raises:
        ValueError: there is none of that name, which lists those there are; or its classes are
            those of the data (`OPEN_TASKS`).
    """
    if name in OPEN_TASKS:
        raise ValueError(
            f"task {name!r} has no classes of its own: give it data to learn them from, with "
            "`umir finetune`"
        )
    if name not in TASKS:
        raise ValueError(f"no task {name!r}: choose from {', '.join(sorted(TASKS))}")
    return TASKS[name]


def task_for_kind(kind: str, vocabulary: Sequence[str], name: str | None = None) -> Task:
    """Return the task that a user's folder poses.

    Args:
        kind: what its manifest's annotations are (`events`, `intervals`, ...).
        vocabulary: its classes or stems, from `vocabulary_of`.
        name: what to call it; default: as the kind.

    Raises:
        ValueError: a kind that is not supported, or a vocabulary that poses no task.
    """
    cls = check_kind(kind)
    if kind == "label" and len(vocabulary) < 2:
        raise ValueError(
            f"every clip to learn from has the same label, {', '.join(vocabulary)}: there is "
            "nothing to tell apart; add clips with another label, or give clips a `split`"
        )
    return cls(name or kind, tuple(vocabulary))


def for_body(task: AnyTask, config: WaveUNetConfig) -> AnyTask:
    """Return the task as a body can do it: on a causal one stems come sample by sample.

    Masks of a spectrogram look 100 ms ahead.
    """
    if config.causal and isinstance(task, SourceSeparation):
        return dataclasses.replace(task, masks=False)
    return task


def vocabulary_of(kind: str, annotations: Sequence[Annotation]) -> tuple[str, ...]:
    """Return the classes that occur in annotations of one kind, sorted.

    Events without a name make the class `event`, intervals the class `interval`. Of stems, the one
    that is the remainder by its name (`other`, `accompaniment`, `no_vocals`, ...) comes last, else
    the last that is no voice. Of f0 curves and notes, the classes are the semitones of the whole
    octaves that their pitches lie in.

    Raises:
        ValueError: a kind that is not supported, or no annotation that names anything.
    """
    check_kind(kind)
    if kind in ("f0", "notes"):
        return pitch_vocabulary([a.frequencies for a in annotations if isinstance(a, F0 | Notes)])
    names = {name for annotation in annotations for name in _names(annotation)}
    if not names:
        raise ValueError(f"the annotations of kind {kind!r} name nothing: no class to learn")
    return _remainder_last(names) if kind == "stems" else tuple(sorted(names))


def register_task(cls: type[AnyTask]) -> type[AnyTask]:
    """Let model directories name a class of tasks: a decorator for classes of one's own.

    A model of such a task loads wherever the class is registered, by its name.

    Raises:
        ValueError: another class of that name is registered.
    """
    known = _CLASSES.setdefault(cls.__name__, cls)
    if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(f"a task class {cls.__name__!r} is registered: choose another name")
    _CLASSES[cls.__name__] = cls  # a class that a notebook defines again takes its place
    return cls


def task_to_config(task: Task) -> dict[str, Any]:
    """Return a task as plain JSON, for a model directory."""
    fields = {field.name: getattr(task, field.name) for field in dataclasses.fields(task)}
    return {"class": type(task).__name__, **{name: _lists(value) for name, value in fields.items()}}


def task_from_config(config: Mapping[str, Any]) -> Task:
    """Return the task that `task_to_config` wrote down.

    Raises:
        ValueError: a class of task, or a field, that this version does not know.
    """
    fields = {name: _tuples(value) for name, value in config.items() if name != "class"}
    name = config.get("class")
    if name not in _CLASSES:
        known = ", ".join(sorted(_CLASSES))
        raise ValueError(
            f"the model's task is of class {name!r}; this umir knows {known}; if it is a class of "
            "your own, import the module that registers it first (`register_task`)"
        )
    try:
        return _of_today(_CLASSES[name](**{**_BEFORE.get(name, {}), **fields}))
    except TypeError as error:
        raise ValueError(f"the model's task {name} cannot be read: {error}") from None


def _of_today(task: Task) -> Task:
    """Return a named task of a model as it is now: `other` of four stems was not yet the rest."""
    if not isinstance(task, SourceSeparation):
        return task
    now = dataclasses.replace(four_stem_separation(), masks=task.masks)
    return now if task == dataclasses.replace(now, sources=()) else task


def check_kind(kind: str) -> type[Task]:
    """Return the class of task that a kind of annotation poses.

    Raises:
        ValueError: a kind that is not supported.
    """
    if kind not in _KINDS:
        raise ValueError(f"no kind {kind!r}: choose from {', '.join(_KINDS)}")
    return _KINDS[kind]


def _names(annotation: Annotation) -> tuple[str, ...]:
    if isinstance(annotation, Labels):
        return annotation.names
    if isinstance(annotation, Events):
        return tuple(label or EventDetection.unnamed for label in annotation.labels)
    if isinstance(annotation, Intervals):
        return tuple(label or IntervalDetection.unnamed for label in annotation.labels)
    assert isinstance(annotation, Stems)
    return tuple(annotation.waveforms)


def _remainder_last(stems: set[str]) -> tuple[str, ...]:
    """Return stems sorted, the remainder last: what no model hears of a voice would be missed."""
    last = max(stems, key=lambda name: (_left_over(name), not _is_voice(name), name))
    return tuple(sorted(stems, key=lambda name: (name == last, _left_over(name), name)))


def _left_over(stem: str) -> int:
    """Return how much a stem is the remainder, by its name; 0 if it is not."""
    plain = " ".join(_words(stem))
    if _ALL_BUT.match(plain):
        return len(_LEFT_OVER) + 1
    return _LEFT_OVER.index(plain) + 1 if plain in _LEFT_OVER else 0


def _is_voice(stem: str) -> bool:
    return not _VOICES.isdisjoint(_words(stem))


def _words(stem: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", stem.casefold())


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, tuple) else value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value
