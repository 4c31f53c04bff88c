"""MAESTRO: 200 hours of piano competitions on Disklaviers, MIDI and audio aligned within 3 ms.

Notes last as long as they sound: a note whose key is released while the sustain pedal is down ends
when the pedal is lifted, or when the same key is struck again. So do the figures published on this
set (the MIDI files of a user's folder are read by their keys alone). Splits are the published ones,
in which no composition is in two; groups are the compositions.

Reference: C. Hawthorne et al., "Enabling Factorized Piano Music Modeling and Generation with the
MAESTRO Dataset", ICLR 2019; the rule for the pedal: C. Hawthorne et al., "Onsets and Frames:
Dual-Objective Piano Transcription", ISMIR 2018, section 2.
"""

from typing import Any

import numpy as np

from umir.annotations import Events, Notes
from umir.data_sets.adapters import mirdata_set
from umir.data_sets.data_set import labelling

_SUSTAIN, _DOWN = 64, 64  # controller number; values from this one on mean that the pedal is down


def sounding_notes(midi: Any) -> Notes:
    """Return the notes of a piano with the ends that the sustain pedal gives them.

    Args:
        midi: a `pretty_midi.PrettyMIDI`.
    """
    rows: list[tuple[float, float, int]] = []
    for player in midi.instruments:
        pedal = [(c.time, c.value >= _DOWN) for c in player.control_changes if c.number == _SUSTAIN]
        rows += _sustained(player.notes, pedal, midi.get_end_time())
    rows.sort()
    numbers = np.array([number for *_, number in rows], float)
    bounds = np.array([row[:2] for row in rows], float).reshape(-1, 2)
    return Notes(bounds, 440.0 * 2.0 ** ((numbers - 69.0) / 12.0))


def _sustained(notes: list, pedal: list[tuple[float, bool]], end: float) -> list[tuple]:
    """Return start, end and number of notes; `pedal` has when it goes down (true) and up."""
    pedal = sorted(pedal)
    times = np.array([time for time, _ in pedal])
    lifts = np.array([time for time, down in pedal if not down])
    strikes: dict[int, list[float]] = {}
    for note in notes:
        strikes.setdefault(note.pitch, []).append(note.start)
    found = []
    for note in notes:
        last = np.searchsorted(times, note.end, "right") - 1
        stop = note.end
        if last >= 0 and pedal[last][1]:
            lift = np.searchsorted(lifts, note.end, "right")
            stop = lifts[lift] if lift < len(lifts) else end
        again = [start for start in strikes[note.pitch] if note.start < start < stop]
        found.append((note.start, min([stop, *again]), note.pitch))
    return found


def _onsets(track: Any) -> Events:
    notes = sounding_notes(track.midi)
    return Events(notes.intervals[:, 0], ("piano",) * len(notes.frequencies))


MAESTRO = mirdata_set(
    "maestro",
    {
        "note_transcription": labelling(
            "notes", lambda track: sounding_notes(track.midi), needs=["midi_path"]
        ),
        "onset_detection": labelling("events", _onsets, needs=["midi_path"]),
    },
    licence="CC BY-NC-SA 4.0",
    size="103 GB, 1282 performances (200 h), version 2.0.0",
    splits="published train, validation, test; group = composition",
    group_of=lambda track: f"{track.canonical_composer}: {track.canonical_title}",
    split_of=lambda track: track.split,
)
