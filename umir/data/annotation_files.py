"""Annotation files in and out: events, intervals, f0 curves, notes, labels.

Every reader takes a path and the duration of the audio, and returns the annotation and the lines
that could not be used, or not as they stand (`Problem`: file, line, reason). What is unsorted is
sorted. What lies outside the audio is left out and reported, and so are events and intervals that
repeat another one of their name (notes may: two players in unison; so may events without a name:
two drums at once). Only a file with nothing usable raises `AnnotationError`. Every writer writes
beside and renames; what it writes, the reader reads back (of notes, all but labels).

| kind | columns | other formats |
|---|---|---|
| `events` | time, [label] | JAMS |
| `intervals` | start, end, label | JAMS |
| `f0` | time, frequency (0 or negative: unvoiced) | JAMS |
| `notes` | onset, offset, frequency | JAMS, MIDI |

Times are in seconds, frequencies in Hz.
"""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from umir.annotations import F0, Annotation, Events, Intervals, Labels, Notes
from umir.data.jams import jams_rows
from umir.data.midi import midi_rows, write_midi
from umir.data.problems import Problem, gathered
from umir.data.rows import AnnotationError, Row, quoted, row_text, unquoted, usable_rows
from umir.data.text_coding import as_utf_8
from umir.data.text_rows import Columns, text_rows
from umir.files import write_beside

_COLUMNS = {
    "events": Columns(("time",), "optional"),
    "intervals": Columns(("start", "end"), "required"),
    "f0": Columns(("time", "frequency")),
    "notes": Columns(("onset", "offset", "frequency")),
}
_MIDI_SUFFIXES = (".mid", ".midi")
# Annotations often end a little after the audio; only more than this is worth a word.
_SLACK_SECONDS = 1.0
_UNVOICED_HOP = 0.01  # seconds, of a curve that says nothing but that there is no pitch
_KEYS = (
    "all frequencies are whole numbers from 21 to 108: read as Hz; if they are numbers of MIDI, "
    "write Hz or give a MIDI file"
)
# What notes may have, in Hz: below is no pitch but another column, above nothing that is heard.
_LOWEST, _HIGHEST = 8.0, 20_000.0


def read_events(
    path: str | os.PathLike, duration: float = math.inf, task: str | None = None
) -> tuple[Events, list[Problem]]:
    """Read points in time; the label is `""` where a line has none.

    Args:
        path: text or JAMS file.
        duration: length of the audio in seconds; events at or after it are left out.
        task: the named task that they are read for: a JAMS file may have beats and onsets.

    Raises:
        AnnotationError: nothing in the file can be used.
    """

    def bad(row: Row) -> str | None:
        return _outside(row.numbers[0], duration)

    rows, problems = _rows(Path(path), "events", bad, task)
    rows = _without_repeats(Path(path), rows, problems)
    times = np.array([row.numbers[0] for row in rows], float)
    return Events(times, tuple(row.label for row in rows)), problems


def read_intervals(
    path: str | os.PathLike, duration: float = math.inf, task: str | None = None
) -> tuple[Intervals, list[Problem]]:
    """Read labelled stretches of time; they may overlap.

    Args:
        path: text or JAMS file.
        duration: length of the audio in seconds; intervals are cut there, and at 0.
        task: the named task that they are read for: a JAMS file may have chords and tags.

    Raises:
        AnnotationError: nothing in the file can be used.
    """

    def bad(row: Row) -> str | None:
        return _bad_interval(row, duration)

    rows, problems = _rows(Path(path), "intervals", bad, task)
    rows = _without_repeats(Path(path), rows, problems)
    problems += _overhangs(Path(path), rows, duration)
    known = float(duration) if math.isfinite(duration) else None
    labels = tuple(row.label for row in rows)
    return Intervals(_interval_array(rows, duration), labels, known), problems


def read_notes(path: str | os.PathLike, duration: float = math.inf) -> tuple[Notes, list[Problem]]:
    """Read notes; the tracks of a MIDI file, if they have names, say who plays them.

    Args:
        path: text, JAMS or MIDI file.
        duration: length of the audio in seconds; notes are cut there, and at 0.

    Raises:
        AnnotationError: nothing in the file can be used.
    """
    rows, problems = _rows(Path(path), "notes", lambda row: _bad_note(row, duration))
    problems += _overhangs(Path(path), rows, duration)
    frequencies = np.array([row.numbers[2] for row in rows], float)
    if _may_be_keys(frequencies):
        problems.append(Problem(Path(path), 0, _KEYS))
    labels = tuple(row.label for row in rows)
    players = labels if any(labels) else ()
    return Notes(_interval_array(rows, duration), frequencies, players), problems


def read_f0(path: str | os.PathLike, duration: float = math.inf) -> tuple[F0, list[Problem]]:
    """Read a fundamental-frequency curve; a file with a comment only is unvoiced throughout.

    Args:
        path: text or JAMS file.
        duration: length of the audio in seconds; frames at or after it are left out, and reported
            together if they are more than a second late.

    Raises:
        AnnotationError: nothing in the file can be used.
    """
    path = Path(path)
    rows, problems = _rows(path, "f0", _bad_frame)
    rows.sort(key=lambda row: (row.numbers[0], row.line))  # the first of two at one time stays
    late = [row for row in rows if row.numbers[0] >= duration]
    if late and late[-1].numbers[0] > duration + _SLACK_SECONDS:
        reason = f"past the end of the audio ({duration:.2f} s), frames from here on: {len(late)}"
        problems.append(Problem(path, late[0].line, reason))
    curve: dict[float, float] = {}
    repeats = []
    for row in rows[: len(rows) - len(late)]:
        time, frequency = row.numbers
        if time in curve:
            repeats.append(Problem(path, row.line, f"a second frequency at {time:.6g} s"))
        curve.setdefault(time, frequency)
    problems += gathered(repeats, whatever_numbers=True)
    if not rows and not problems and math.isfinite(duration):
        times = np.arange(0, duration, _UNVOICED_HOP)
        return F0(times, np.zeros_like(times)), problems
    if not curve:
        raise AnnotationError(f"{path}: has no frame within the audio; give an f0 curve")
    return F0(np.array(list(curve), float), np.array(list(curve.values()), float)), problems


def read_labels(path: str | os.PathLike) -> tuple[Labels, list[Problem]]:
    """Read the labels of a clip, one per line.

    Raises:
        AnnotationError: the file cannot be read.
    """
    path = Path(path)
    try:
        lines = as_utf_8(path.read_bytes()).decode("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise AnnotationError(f"{path}: cannot be read as labels ({error})") from error
    names = (unquoted(line.strip()) for line in lines if not line.startswith("#"))
    return Labels(tuple(dict.fromkeys(filter(None, names)))), []


READERS: Mapping[str, Callable[..., tuple[Annotation, list[Problem]]]] = {
    "events": read_events,
    "intervals": read_intervals,
    "f0": read_f0,
    "notes": read_notes,
}


def write_events(path: str | os.PathLike, events: Events) -> None:
    """Write points in time; the label column is left out where labels are `""`."""
    rows = zip(events.times, events.labels, strict=True)
    _write(path, "events", (((time,), label or None) for time, label in rows))


def write_intervals(path: str | os.PathLike, intervals: Intervals) -> None:
    """Write labelled stretches of time."""
    _write(path, "intervals", zip(intervals.intervals, intervals.labels, strict=True))


def write_f0(path: str | os.PathLike, f0: F0) -> None:
    """Write a fundamental-frequency curve."""
    rows = zip(f0.times, f0.frequencies, strict=True)
    _write(path, "f0", ((row, None) for row in rows))


def write_notes(path: str | os.PathLike, notes: Notes) -> None:
    """Write notes, as MIDI if the suffix is `.mid` or `.midi`."""
    if Path(path).suffix.lower() in _MIDI_SUFFIXES:
        write_midi(path, notes)
        return
    rows = zip(notes.intervals, notes.frequencies, strict=True)
    _write(path, "notes", (((*interval, frequency), None) for interval, frequency in rows))


def write_labels(path: str | os.PathLike, labels: Labels) -> None:
    """Write the labels of a clip, one per line, in quotes where they would be read otherwise."""
    lines = [
        quoted(name) if name.startswith(("#", '"')) or name != name.strip() else name
        for name in labels.names
    ]
    with write_beside(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_annotation(path: str | os.PathLike, annotation: Annotation) -> None:
    """Write any annotation that is a file of its own: all but stems, which are audio.

    Raises:
        ValueError: stems, or a label that cannot be written.
    """
    writers: dict[type, Callable] = {
        Events: write_events,
        Intervals: write_intervals,
        F0: write_f0,
        Notes: write_notes,
        Labels: write_labels,
    }
    if type(annotation) not in writers:
        raise ValueError(f"{path}: {type(annotation).__name__} are not written as text")
    writers[type(annotation)](path, annotation)


def _rows(
    path: Path, kind: str, reason_against: Callable[[Row], str | None], task: str | None = None
) -> tuple[list[Row], list[Problem]]:
    """Return the usable rows of a file of any format, and its problems."""
    suffix = path.suffix.lower()
    items: Iterable[Row | Problem]
    if suffix == ".jams":
        items = jams_rows(path, kind, task)
    elif kind == "notes" and suffix in _MIDI_SUFFIXES:
        items = midi_rows(path)
    else:
        items = text_rows(path, _COLUMNS[kind])
    return usable_rows(path, items, reason_against)


def _without_repeats(path: Path, rows: Iterable[Row], problems: list[Problem]) -> list[Row]:
    """Return each row that has a label once, and add the others to the problems."""
    first: dict[tuple, Row] = {}
    kept, repeats = [], []
    for row in rows:
        same = first.setdefault((row.numbers, row.label), row) if row.label else row
        if same is row:
            kept.append(row)
        else:
            repeats.append(Problem(path, row.line, f"repeats line {same.line}; left out"))
    problems += gathered(repeats, whatever_numbers=True)
    return kept


def _write(path: str | os.PathLike, kind: str, rows: Iterable[tuple]) -> None:
    """Write rows of (numbers, label or None); commas in `.csv` files, tabs in all others."""
    separator = "," if Path(path).suffix.lower() == ".csv" else "\t"
    lines = [row_text(numbers, label, separator) for numbers, label in rows]
    text = "\n".join(lines or [f"# none ({_COLUMNS[kind]})"])
    with write_beside(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _outside(time: float, duration: float) -> str | None:
    """Return what is wrong with a time that is not in the audio."""
    if time < 0:
        return f"{time:.6g} s is before the start of the audio"
    if time >= duration:
        return f"{time:.6g} s is past the end of the audio ({duration:.2f} s)"
    return None


def _bad_interval(row: Row, duration: float) -> str | None:
    start, end = row.numbers[:2]
    if end <= start:
        return f"ends at {end:.6g} s, not after its start at {start:.6g} s"
    return _outside(max(start, 0.0) if end > 0 else start, duration)


def _bad_frame(row: Row) -> str | None:
    if row.numbers[1] > _HIGHEST:
        return f"{row.numbers[1]:.6g} Hz is no pitch ({_COLUMNS['f0']} in Hz)"
    return _outside(row.numbers[0], math.inf)


def _bad_note(row: Row, duration: float) -> str | None:
    if not _LOWEST <= row.numbers[2] <= _HIGHEST:
        return (
            f"a note has a frequency from {_LOWEST:.0f} to {_HIGHEST:.0f} Hz, "
            f"not {row.numbers[2]:.6g} ({_COLUMNS['notes']})"
        )
    return _bad_interval(row, duration)


def _may_be_keys(frequencies: np.ndarray) -> bool:
    """Return whether frequencies look like numbers of keys; a few in Hz may be whole, too."""
    whole = (frequencies == frequencies.round()) & (frequencies >= 21) & (frequencies <= 108)
    return len(set(frequencies.tolist())) > 2 and bool(whole.all())


def _overhangs(path: Path, rows: Iterable[Row], duration: float) -> list[Problem]:
    """Return the problems with rows that are cut at the start, or long before their end."""
    problems = []
    for row in rows:
        start, end = row.numbers[:2]
        if start < 0:
            reason = f"starts {-start:.6g} s before the audio; cut there"
            problems.append(Problem(path, row.line, reason))
        if end > duration + _SLACK_SECONDS:
            reason = f"ends {end - duration:.1f} s past the end; cut there"
            problems.append(Problem(path, row.line, reason))
    return gathered(problems, whatever_numbers=True)


def _interval_array(rows: list[Row], duration: float) -> np.ndarray:
    """Return start and end of the rows, shape `(row, 2)`, cut at the ends of the audio."""
    bounds = np.array([row.numbers[:2] for row in rows], float).reshape(-1, 2)
    return np.clip(bounds, 0, duration)
