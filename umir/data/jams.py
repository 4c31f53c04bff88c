"""JAMS files as annotation rows, read as the plain JSON that they are.

A JAMS file holds several annotations, each in a namespace. For every kind of annotation here, the
first namespace of its list that occurs in the file counts, and in it the first annotation. A named
task has a list of its own, so that onsets are not taken for beats where there are no beats. Notes
are the exception: all annotations of the namespace are joined, because guitar and ensemble
recordings have one for each string or player.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from umir.data.problems import Problem
from umir.data.rows import AnnotationError, Row, read_bytes

NAMESPACES = {
    "events": ("beat", "beat_position", "onset"),
    "intervals": (
        *("chord", "chord_harte", "segment_open", "segment_salami_function"),
        *("segment_salami_upper", "segment_salami_lower", "segment_tut", "key_mode"),
        *("tag_open", "lyrics"),
    ),
    "f0": ("pitch_contour", "pitch_hz"),
    "notes": ("note_hz", "note_midi", "pitch_midi"),
}
# Task -> the namespaces that say what it wants to know, of tasks that read events or intervals.
OF_TASKS: dict[str, tuple[str, ...]] = {
    "onset_detection": ("onset",),
    "beat_tracking": ("beat", "beat_position"),
    "chord_recognition": ("chord", "chord_harte"),
    "chord_recognition_sevenths": ("chord", "chord_harte"),
    "singing_voice_detection": ("tag_open",),
    # Events of JAMS are beats or onsets: none says which drum is hit.
    **dict.fromkeys(("drum_transcription", "drum_transcription_5", "drum_transcription_8"), ()),
}


def jams_rows(path: Path, kind: str, task: str | None = None) -> Iterator[Row | Problem]:
    """Yield the rows of a JAMS file, and a problem for each observation that is none.

    Args:
        path: the file.
        kind: `events`, `intervals`, `f0` or `notes`.
        task: the named task that it is read for, if there is one.

    Raises:
        AnnotationError: the file is no JAMS file, or holds nothing of this kind or for this task.
    """
    namespace, observations, unread = _observations(path, kind, task)
    if unread:
        yield Problem(path, 0, f"read as {namespace!r}; left out: {unread}")
    for number, observation in enumerate(observations, 1):
        try:
            yield _row(number, namespace, kind, observation)
        except (KeyError, TypeError, ValueError):
            reason = f"observation {number} is not of namespace {namespace!r}"
            yield Problem(path, number, reason)


def _observations(path: Path, kind: str, task: str | None) -> tuple[str, list[dict[str, Any]], str]:
    """Return the namespace that is used, its observations, and in words what is not."""
    try:
        annotations = json.loads(read_bytes(path))["annotations"]
        present = [annotation["namespace"] for annotation in annotations]
        data = [_listed(annotation["data"]) for annotation in annotations]
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, AnnotationError):
            raise
        raise AnnotationError(f"{path}: is not a JAMS file; export it again") from error
    for namespace in OF_TASKS.get(task or "", NAMESPACES[kind]):
        found = [item for name, item in zip(present, data, strict=True) if name == namespace]
        if found:
            others = sorted({repr(n) for n in present if n in NAMESPACES[kind]} - {repr(namespace)})
            if kind == "notes":
                return namespace, sum(found, []), ", ".join(others)
            further = [f"{len(found) - 1} more of {namespace!r}"] if len(found) > 1 else []
            return namespace, found[0], ", ".join(further + others)
    raise AnnotationError(f"{path}: {_missing(kind, task, present)}")


def _missing(kind: str, task: str | None, present: list[str]) -> str:
    """Return what a file does not hold, what it holds instead and what to do, in words."""
    held = ", ".join(sorted(set(present))) or "nothing"
    if task not in OF_TASKS:
        return f"holds no {kind} (namespaces {', '.join(NAMESPACES[kind])}) but {held}"
    if not OF_TASKS[task]:
        return f"no namespace of JAMS says what {task} reads; give a text file (it holds {held})"
    return (
        f"holds nothing that {task} reads (namespaces {', '.join(OF_TASKS[task])}) but {held}; "
        "give a file that does, or name another task"
    )


def _listed(data: Any) -> list[dict[str, Any]]:
    """Return the observations as a list; older files hold a mapping of lists."""
    if isinstance(data, dict):
        return [dict(zip(data, values, strict=True)) for values in zip(*data.values(), strict=True)]
    return list(data)


def _row(number: int, namespace: str, kind: str, observation: dict[str, Any]) -> Row:
    """Return one observation as a row."""
    time, value = _number(observation["time"]), observation["value"]
    if kind == "events":
        return Row(number, (time,), _event_label(namespace, value))
    end = time + _number(observation["duration"])
    if kind == "intervals":
        if not isinstance(value, str):
            raise TypeError("a label is a string")
        return Row(number, (time, end), value)
    if kind == "notes":
        return Row(number, (time, end, _hz(namespace, _number(value))))
    if namespace == "pitch_contour":
        return Row(number, (time, _number(value["frequency"]) if value["voiced"] else 0.0))
    return Row(number, (time, _number(value)))


def _number(value: Any) -> float:
    """Return a finite number: Python reads NaN and Infinity in JSON, which has neither."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number")
    return number


def _event_label(namespace: str, value: Any) -> str:
    """Return the position in the bar of a beat; an onset has no name."""
    if namespace == "beat_position":
        value = value["position"]
    if namespace == "onset" or value is None:
        return ""
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _hz(namespace: str, value: float) -> float:
    """Return Hz; the note numbers of MIDI have A4 = 440 Hz at 69."""
    return value if namespace == "note_hz" else float(440.0 * np.exp2((value - 69.0) / 12.0))
