"""Slakh2100: 2100 songs rendered from MIDI with professional sample libraries, with their stems.

Notes, drums and stems come from the single instruments that were rendered. Nobody sings: of the
four stems, the vocals are silent. Splits are those of the *redux* version, in which no MIDI file is
twice: songs that it omits are left out.

Reference: E. Manilow et al., "Cutting Music Source Separation Some Slakh: A Dataset to Study the
Impact of Training Data Quality and Quantity", WASPAA 2019.
"""

from collections.abc import Callable, Sequence
from copy import copy
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from umir.annotations import Annotation, Events, Notes, Stems
from umir.audio import read_audio, with_length
from umir.data.problems import Problem
from umir.data_sets.adapters import mirdata_set
from umir.data_sets.data_set import Labelling, Loaded
from umir.data_sets.mirdata_annotations import notes_of
from umir.data_sets.mirdata_tracks import MirdataLoader
from umir.data_sets.rhythm_sets import drum_events
from umir.data_sets.tidy import tidy

_PARTS = {"drums": "drums", "bass": "bass"}  # other mixing groups are `other`


def _players(song: Any) -> list[Any]:
    """Return the single tracks that were rendered; sound effects were not.

    They are copies: what mirdata parses stays with a track.
    """
    return [copy(one) for one in song.tracks.values() if one.audio_path and one.midi_path]


def _notes(song: Any) -> Notes:
    # Late: the studio takes seconds to import.
    from umir.studio.midi.general_midi import has_pitch, instrument_of

    parts = [
        notes_of(player.notes, instrument_of(player.program_number))
        for player in _players(song)
        if not player.is_drum and has_pitch(player.program_number)
    ]
    found = [part for part in parts if part is not None]
    empty = np.zeros((0, 2))
    return Notes(
        np.concatenate([empty, *(part.intervals for part in found)]),
        np.concatenate([empty[:, 0], *(part.frequencies for part in found)]),
        tuple(label for part in found for label in part.labels),
    )


def _drums(song: Any) -> Events:
    found = [drum_events(player.midi) for player in _players(song) if player.is_drum]
    times = np.concatenate([np.zeros(0), *(part.times for part in found)])
    return Events(times, tuple(label for part in found for label in part.labels))


def _from_midi(kind: str, read: Callable[[Any], Annotation]) -> Labelling:
    def files(song: Any) -> Sequence[str | Path]:
        return [song.mix_path, *(player.midi_path for player in _players(song))]

    def load(song: Any, rate: int, channels: int) -> Loaded:
        waveform, _ = read_audio(song.mix_path, rate, channels)
        annotation, reasons = tidy(read(song), len(waveform) / rate)
        folder = Path(song.mix_path).parent
        return waveform, annotation, [Problem(folder, 0, reason) for reason in reasons]

    return Labelling(kind, files, load, has=_is_kept)


def _stem_files(song: Any) -> Sequence[str | Path]:
    return [song.mix_path, *(player.audio_path for player in _players(song))]


def _load_stems(song: Any, rate: int, channels: int) -> Loaded:
    mixture, _ = read_audio(song.mix_path, rate, channels)
    stems = {name: np.zeros_like(mixture) for name in ("vocals", "drums", "bass", "other")}
    for player in _players(song):
        part, _ = read_audio(player.audio_path, rate, channels)
        name = "drums" if player.is_drum else _PARTS.get(player.mixing_group, "other")
        stems[name] += with_length(part, len(mixture))
    return mixture, Stems(stems, rate), []


def _is_kept(song: Any) -> bool:
    return song.split != "omitted"


SLAKH = mirdata_set(
    "slakh",
    {
        "note_transcription": _from_midi("notes", _notes),
        "drum_transcription": _from_midi("events", _drums),
        "source_separation": Labelling("stems", _stem_files, _load_stems, has=_is_kept),
    },
    loader=MirdataLoader("slakh", multitracks=True),
    licence="CC BY 4.0",
    size="about 100 GB, 1710 songs (118 h), version 2100-redux",
    splits="published train, validation, test; group = song",
    name_of=attrgetter("mtrack_id"),
    split_of=attrgetter("split"),
)
