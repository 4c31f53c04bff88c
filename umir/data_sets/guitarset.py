"""GuitarSet: 360 excerpts of 30 s of an acoustic guitar, six players, every string labelled.

Groups are the players, the usual folds of this set; it has no published split. The audio is that of
the microphone. Chords are those of the lead sheet, as the players were told them, and only of the
accompaniments: over them the same players improvise solos, which need not spell the chords.
Onsets are those of all notes.

Reference: Q. Xi et al., "GuitarSet: A Dataset for Guitar Transcription", ISMIR 2018.
"""

from typing import Any

import numpy as np

from umir.annotations import Events, Labels, Notes
from umir.data_sets.adapters import mirdata_set
from umir.data_sets.data_set import labelling
from umir.data_sets.mirdata_annotations import events_of, intervals_of, label_of, notes_of
from umir.data_sets.mirdata_tracks import MirdataLoader

_GUITAR = "acoustic_guitar"


def _labelling(kind: str, read, **options):
    return labelling(kind, read, audio="audio_mic_path", needs=["jams_path"], **options)


def _notes(track: Any) -> Notes | None:
    return notes_of(track.notes_all, _GUITAR)


def _onsets(track: Any) -> Events | None:
    notes = _notes(track)
    if notes is None:
        return None
    return Events(np.sort(notes.intervals[:, 0]), notes.labels)


def _key(track: Any) -> Labels | None:
    return None if track.key_mode is None else Labels((track.key_mode.keys[0],))


GUITARSET = mirdata_set(
    "guitarset",
    {
        "note_transcription": _labelling("notes", _notes),
        "onset_detection": _labelling("events", _onsets),
        "beat_tracking": _labelling("events", lambda track: events_of(track.beats)),
        "chord_recognition": _labelling(
            "intervals",
            lambda track: intervals_of(track.leadsheet_chords),
            has=lambda track: track.mode == "comp",
        ),
        "key_recognition": _labelling("label", _key),
        "tempo_estimation": _labelling("label", lambda track: label_of(track.tempo)),
    },
    loader=MirdataLoader("guitarset", parts=("annotations", "audio_mic")),
    licence="MIT",
    size="0.7 GB (annotations and microphone), 360 x 30 s (3 h)",
    splits="no published split; group = player (6)",
    group_of=lambda track: track.player_id,
)
