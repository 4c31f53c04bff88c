"""POP909 and ASAP: pop arrangements and performances for piano as MIDI files with labels.

mirdata has no loader for either. Their labels come without audio (ASAP's is partly MAESTRO's): a
recording of a MIDI file, or a rendering, lies beside it under the same name.

* POP909: notes of melody, bridge and piano; beats, of which the third column marks the start of
  bars (every fourth in nearly all songs); keys of songs that stay in one. Group = song.
* ASAP: notes end where the pedal lets them, as in MAESTRO; beats with rubato. Group = piece, of
  which there are several performances.

References: Z. Wang et al., "POP909: A Pop-song Dataset for Music Arrangement Generation", ISMIR
2020; F. Foscarin et al., "ASAP: a dataset of aligned scores and performances for piano
transcription", ISMIR 2020.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pretty_midi

from umir.annotations import Events, Labels, Notes
from umir.data.annotation_files import read_intervals, read_notes
from umir.data.problems import Problem
from umir.data_sets.adapters import file_labelling
from umir.data_sets.data_set import DataSet, DataSetError
from umir.data_sets.maestro import sounding_notes
from umir.data_sets.published_layout import FolderTrack, audio_file, file_named, inner_folder

_AUDIO_HINT = "with a recording or rendering beside each MIDI file, under its name"


def pop909_tracks(home: Path, index: Path | None = None) -> list[FolderTrack]:
    """Return the songs of the folder `POP909`, or of the one that holds it.

    Raises:
        DataSetError: it has none.
    """
    del index
    files = sorted(inner_folder(home, "POP909").glob("*/*.mid"))
    songs = [midi for midi in files if midi.stem == midi.parent.name]
    if not songs:
        raise DataSetError(f"{home}: no file SONG/SONG.mid; give the folder 'POP909'")
    labels = ("beat_midi", "chord_midi", "key_audio")
    return [
        FolderTrack(
            midi.stem,
            {"audio": audio_file(midi.with_suffix("")), "midi": midi}
            | {name: midi.with_name(f"{name}.txt") for name in labels},
        )
        for midi in songs
    ]


def bar_beats(path: Path) -> tuple[Events, list[Problem]]:
    """Return the beats of a file of POP909: time, and marks of half bars and of bars."""
    return _marked_beats(path, lambda mark: float(mark) > 0)


def _marked_beats(path: Path, starts_bar: Callable[[str], bool]) -> tuple[Events, list[Problem]]:
    """Return the beats of a file of three columns: time, a number, and what tells bars apart."""
    times, labels, problems = [], [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            time, _, mark = line.split()[:3]
            label = "downbeat" if starts_bar(mark) else "beat"
            times.append(float(time))
        except ValueError:
            problems.append(Problem(path, number, f"{line.strip()!r} is no beat; left out"))
        else:
            labels.append(label)
    return Events(np.array(times, float), tuple(labels)), problems


def only_key(path: Path) -> tuple[Labels, list[Problem]] | None:
    """Return the key of a file of keys, None if there are several."""
    keys, problems = read_intervals(path)
    names = tuple(set(keys.labels))
    return (Labels(names), problems) if len(names) == 1 else None


POP909 = DataSet(
    name="pop909",
    licence="MIT",
    size="40 MB without audio, 909 songs (60 h)",
    access=f"git clone https://github.com/music-x-lab/POP909-Dataset, {_AUDIO_HINT}",
    splits="no published split; group = song",
    tracks=pop909_tracks,
    tasks={
        "note_transcription": file_labelling(
            "notes", file_named("audio"), file_named("midi"), read_notes
        ),
        "chord_recognition": file_labelling(
            "intervals", file_named("audio"), file_named("chord_midi"), read_intervals
        ),
        "beat_tracking": file_labelling(
            "events", file_named("audio"), file_named("beat_midi"), bar_beats
        ),
        "key_recognition": file_labelling(
            "label", file_named("audio"), file_named("key_audio"), only_key
        ),
    },
)


def asap_tracks(home: Path, index: Path | None = None) -> list[FolderTrack]:
    """Return the performances that `metadata.csv` lists.

    Raises:
        DataSetError: there is no such file, or nothing in it.
    """
    del index
    path = home / "metadata.csv"
    if not path.is_file():
        raise DataSetError(f"{home}: no metadata.csv; give the folder of asap-dataset")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [_performance(home, row) for row in rows]


def _performance(home: Path, row: dict[str, str]) -> FolderTrack:
    midi = home / row["midi_performance"]
    files = {
        "audio": audio_file(midi.with_suffix("")),
        "midi": midi,
        "beats": home / row["performance_annotations"],
    }
    return FolderTrack(str(Path(row["midi_performance"]).with_suffix("")), files)


def _performed_notes(path: Path) -> Notes:
    return sounding_notes(pretty_midi.PrettyMIDI(str(path)))


def score_beats(path: Path) -> tuple[Events, list[Problem]]:
    """Return the beats of a file of ASAP: time twice, and `b`, `db` or `bR` with what changes."""
    return _marked_beats(path, lambda mark: mark.split(",")[0] == "db")


ASAP = DataSet(
    name="asap",
    licence="CC BY-NC-SA 4.0",
    size="1067 performances of 236 pieces (92 h); audio of 519 in MAESTRO",
    access=f"git clone https://github.com/fosfrancesco/asap-dataset, {_AUDIO_HINT}",
    splits="no published split; group = piece",
    tracks=asap_tracks,
    tasks={
        "note_transcription": file_labelling(
            "notes", file_named("audio"), file_named("midi"), _performed_notes
        ),
        "beat_tracking": file_labelling(
            "events", file_named("audio"), file_named("beats"), score_beats
        ),
    },
    group_of=lambda track: str(Path(track.track_id).parent),
)
