"""mirdata's annotations as those of umir; None, where a track has no such annotation, stays None.

Times are in seconds there too. Pitches come in Hz, as MIDI note numbers (A4 = 440 Hz is 69) or as
note names.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from umir.annotations import F0, Events, Intervals, Labels, Notes
from umir.data.problems import Problem
from umir.data.rows import usable_rows
from umir.data.text_rows import Columns, text_rows


def events_of(beats: Any) -> Events | None:
    """Return mirdata's BeatData as events, the label a beat's place in its bar (1: downbeat)."""
    if beats is None:
        return None
    times = np.asarray(beats.times, float)
    places = [None] * len(times) if beats.positions is None else beats.positions
    return Events(times, tuple("" if place is None else f"{place:g}" for place in places))


def beats_by_line(path: Path) -> tuple[Events, list[Problem]]:
    """Return the beats of a file that mirdata gives up on: time and place in the bar per line.

    Raises:
        ValueError: no line can be used.
    """
    lines = text_rows(path, Columns(("time", "position")))
    rows, problems = usable_rows(path, lines, lambda row: None)
    times = np.array([row.numbers[0] for row in rows], float)
    return Events(times, tuple(f"{row.numbers[1]:g}" for row in rows)), problems


def intervals_of(chords: Any) -> Intervals | None:
    """Return mirdata's ChordData or SectionData as intervals."""
    if chords is None:
        return None
    bounds = np.asarray(chords.intervals, float).reshape(-1, 2)
    return Intervals(bounds, tuple(map(str, chords.labels)))


def notes_of(notes: Any, label: str = "") -> Notes | None:
    """Return mirdata's NoteData as notes, all played by `label`."""
    if notes is None:
        return None
    bounds = np.asarray(notes.intervals, float).reshape(-1, 2)
    labels = (label,) * len(bounds) if label else ()
    return Notes(bounds, hertz(notes.pitches, notes.pitch_unit), labels)


def f0_of(f0: Any) -> F0 | None:
    """Return mirdata's F0Data as a curve; what it marks as unvoiced has 0 Hz."""
    if f0 is None:
        return None
    frequencies = hertz(f0.frequencies, f0.frequency_unit)
    voiced = np.ones(len(frequencies)) if f0.voicing is None else np.asarray(f0.voicing, float)
    return F0(np.asarray(f0.times, float), np.where(voiced > 0, frequencies, 0.0))


def label_of(name: Any) -> Labels | None:
    """Return one name for the whole of a clip; numbers are names too."""
    if name is None:
        return None
    return Labels((f"{name:g}" if isinstance(name, float) else str(name),))


def hertz(pitches: Any, unit: str) -> Float[np.ndarray, " pitch"]:
    """Return pitches in Hz; what is not above 0 in Hz stays so.

    Raises:
        ValueError: a unit other than Hz, MIDI note numbers and note names.
    """
    if unit == "note_name":
        import pretty_midi

        pitches, unit = [pretty_midi.note_name_to_number(name) for name in pitches], "midi"
    values = np.asarray(pitches, float)
    if unit == "midi":
        return 440.0 * 2.0 ** ((values - 69.0) / 12.0)
    if unit != "hz":
        raise ValueError(f"pitches in {unit!r}: only Hz, MIDI note numbers and names are known")
    return values
