"""Sets with beats, chords or drums: BRID, SIMAC, the Beatles, Groove MIDI.

* SIMAC and the Beatles have no audio to download: it is for those who own it. mirdata 1.0.0 knows
  no index of SIMAC: its files are found by their places.
* Keys of the Beatles are those of the songs that stay in one.
* Groove MIDI: drums played on an electronic kit to a metronome, the audio made by the kit.

References: L. Maia et al., "A Novel Dataset of Brazilian Rhythmic Instruments and Some Experiments
in Computational Rhythm Analysis", AES LAC 2018; F. Gouyon, "A computational approach to rhythm
description", PhD thesis, UPF, 2005 (SIMAC); C. Harte, "Towards Automatic Extraction of Harmony
Information from Music Signals", PhD thesis, QMUL, 2010 (Beatles); J. Gillick et al., "Learning to
Groove with Inverse Sequence Transformations", ICML 2019.
"""

from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from umir.annotations import Events, Labels
from umir.audio_folders import audio_in
from umir.data.annotation_files import read_events, read_intervals
from umir.data_sets.adapters import file_labelling, files_there, mirdata_set, tempo_in
from umir.data_sets.data_set import ByLine, DataSet, DataSetError, labelling
from umir.data_sets.mirdata_annotations import beats_by_line, events_of, intervals_of, label_of
from umir.data_sets.published_layout import FolderTrack, file_named, inner_folder

BRID = mirdata_set(
    "brid",
    {
        "beat_tracking": labelling(
            "events",
            lambda track: events_of(track.beats),
            needs=["beats_path"],
            by_line=beats_by_line,
        ),
        "tempo_estimation": labelling(
            "label", lambda track: label_of(track.tempo), needs=["tempo_path"]
        ),
    },
    licence="CC BY-NC-SA 4.0",
    size="367 recordings (3 h)",
    splits="no published split; group = recording",
)


def simac_tracks(home: Path, index: Path | None = None) -> list[FolderTrack]:
    """Return the excerpts of the folder `S_1.0`, or of the one that holds it.

    Raises:
        DataSetError: it has none.
    """
    del index
    base = inner_folder(home, "S_1.0")
    audio = audio_in(base / "audio")
    if not audio:
        raise DataSetError(f"{home}: no audio in a folder 'audio'; give the folder 'S_1.0'")
    return [
        FolderTrack(
            path.stem,
            {
                "audio": path,
                "beats": base / "annotations" / "beats" / f"{path.stem}.beats",
                "tempo": base / "annotations" / "tempo" / f"{path.stem}.bpm",
            },
        )
        for path in audio
    ]


SIMAC = DataSet(
    name="simac",
    licence="annotations CC BY-NC-SA 4.0; audio: excerpts of published records",
    size="595 x 20 s (3.3 h)",
    access="no open download; 'S_1.0' with audio, annotations/beats and annotations/tempo",
    splits="no published split; group = excerpt",
    tracks=simac_tracks,
    tasks={
        "beat_tracking": file_labelling(
            "events", file_named("audio"), file_named("beats"), read_events
        ),
        "tempo_estimation": file_labelling(
            "label", file_named("audio"), file_named("tempo"), tempo_in
        ),
    },
)


def _only_key(track: Any) -> Labels | None:
    keys = set(track.key.keys)
    return Labels(tuple(keys)) if len(keys) == 1 else None


def _beatles(kind: str, read: Any, path: str, by_line: ByLine | None = None) -> Any:
    there = files_there("audio_path", path)
    return labelling(kind, read, needs=[path], has=there, by_line=by_line)


BEATLES = mirdata_set(
    "beatles",
    {
        "chord_recognition": _beatles(
            "intervals", lambda track: intervals_of(track.chords), "chords_path", read_intervals
        ),
        "beat_tracking": _beatles("events", lambda track: events_of(track.beats), "beats_path"),
        "key_recognition": _beatles("label", _only_key, "keys_path"),
    },
    licence="annotations: none stated; audio: published records",
    size="180 songs (8 h)",
    access="unpack http://isophonics.net/files/annotations/The%20Beatles%20Annotations.tar.gz in "
    "'annotations'; the audio is your own, in 'audio/ALBUM/SONG.wav'",
    splits="no published split; group = album",
    group_of=lambda track: Path(track.audio_path).parent.name,
)

# What the studio's drums take together.
_KEYS = {53: "ride_bell", 54: "tambourine", 75: "sticks"}
# Keys of Roland's kit that General MIDI has otherwise: the edges of the hi-hat, and a tom's rim.
ROLAND_KEYS = {22: "closed_hihat", 26: "open_hihat", 58: "tom"}


def drum_events(midi: Any, keys: Mapping[int, str] = MappingProxyType({})) -> Events:
    """Return the hits of a drummer, named as the studio names them (`umir.studio`).

    Args:
        midi: a `pretty_midi.PrettyMIDI`; keys that are of no drum class are called `other`.
        keys: classes of keys that the kit has otherwise than General MIDI.
    """
    from umir.studio.midi.general_midi import drum_of  # late: the studio takes seconds to import

    named = {**_KEYS, **keys}
    hits = sorted(
        (note.start, named.get(note.pitch) or drum_of(note.pitch) or "other")
        for player in midi.instruments
        if player.is_drum
        for note in player.notes
    )
    return Events(np.array([time for time, _ in hits], float), tuple(name for _, name in hits))


def midi_beats(midi: Any) -> Events:
    """Return the beats of a MIDI file and their places in the bar.

    Of 6/8 these are two a bar, of a dotted quarter each; mirdata numbers them up to six.
    """
    from umir.studio.midi.midi_file import places_in_bar  # which takes a second to import

    beats = np.asarray(midi.get_beats(), float)
    places = places_in_bar(beats, np.asarray(midi.get_downbeats(), float))
    return Events(beats, tuple(map(str, places.tolist())))


_RECORDED = files_there("audio_path")

GROOVE_MIDI = mirdata_set(
    "groove_midi",
    {
        "drum_transcription": labelling(
            "events",
            lambda track: drum_events(track.midi, ROLAND_KEYS),
            needs=["midi_path"],
            has=_RECORDED,
        ),
        "beat_tracking": labelling(
            "events", lambda track: midi_beats(track.midi), needs=["midi_path"], has=_RECORDED
        ),
        "tempo_estimation": labelling("label", lambda t: label_of(t.tempo), has=_RECORDED),
    },
    licence="CC BY 4.0",
    size="about 4.8 GB, 1090 recordings (13 h)",
    splits="published train, validation, test; group = drummer (10), which the split divides",
    group_of=attrgetter("drummer"),
    split_of=attrgetter("split"),
)
