"""MDB Drums: 23 songs of MedleyDB with every drum hit, in 6 classes.

The set's names are `KD SD HH TT CY OT`; hi-hat and cymbal are coarser than umir's finest classes
and keep their names, which drum transcription reads for 3 and 5 classes. Drums are transcribed from
the full mix; onsets are detected in the drum track alone, of which all are labelled. Where a copy
of the set lacks a mix, the sum of its raw tracks (`audio/sum_of_raw`) is read.

Groups are the songs. Splits are those of MIREX 2017: 12 songs to train, 11 to test.

Reference: C. Southall, C.-W. Wu, A. Lerch and J. Hockman, "MDB Drums: An Annotated Subset of
MedleyDB for Automatic Drum Transcription", ISMIR 2017 late-breaking.
"""

from pathlib import Path

from umir.audio import read_audio
from umir.data.annotation_files import read_events
from umir.data.problems import Problem
from umir.data_sets.data_set import DataSet, DataSetError, Labelling, Loaded
from umir.data_sets.mirdata_tracks import needed
from umir.data_sets.published_layout import FolderTrack, audio_file, inner_folder

LABEL_MAP = {"KD": "kick", "SD": "snare", "TT": "tom"}
_TEST = (
    *("Beatles", "Country1", "FreeJazz", "Gospel", "Grunge", "Hendrix", "LatinJazz"),
    *("ModalJazz", "Punk", "SpeedMetal", "SwingJazz"),
)


def mdb_drums_tracks(home: Path, index: Path | None = None) -> list[FolderTrack]:
    """Return the songs that the folder `MDB Drums`, or the one that holds it, has labels of.

    Raises:
        DataSetError: it has none.
    """
    del index
    base = inner_folder(home, "MDB Drums")
    labels = sorted((base / "annotations" / "class").glob("*_class.txt"))
    if not labels:
        raise DataSetError(
            f"{home}: no file annotations/class/*_class.txt; give the folder 'MDB Drums' of "
            "github.com/CarlSouthall/MDBDrums"
        )
    return [_track(base, path.name.removesuffix("_class.txt")) for path in labels]


def _track(base: Path, song: str) -> FolderTrack:
    mix = audio_file(base / "audio" / "full_mix" / f"{song}_MIX")
    if not mix.is_file():
        summed = audio_file(base / "audio" / "sum_of_raw" / f"{song}_SUM")
        mix = summed if summed.is_file() else mix
    files = {
        "mix": mix,
        "drums": _drum_track(base / "audio", song),
        "class": base / "annotations" / "class" / f"{song}_class.txt",
        "beats": base / "annotations" / "beats" / f"{song}_MIX.beats",
    }
    return FolderTrack(song, files)


def _drum_track(audio: Path, song: str) -> Path:
    """Return the drums alone, or else the raw track whose instrument is the drum set."""
    alone = audio_file(audio / "drum_only" / f"{song}_Drum")
    folder = audio / "multi-tracks" / song
    metadata = folder / f"{song}_METADATA.yaml"
    if alone.is_file() or not metadata.is_file():
        return alone
    stems = needed("yaml").safe_load(metadata.read_text(encoding="utf-8"))["stems"].values()
    raw = [track for stem in stems for track in stem["raw"].values()]
    drums = [track["filename"] for track in raw if track["instrument"] == "drum set"]
    return audio_file(folder / f"{song}_RAW" / Path(drums[0]).stem) if drums else alone


def _labelled(audio: str, labels: str) -> Labelling:
    """Return the labelling of one kind of audio by one kind of events."""

    def load(track: FolderTrack, rate: int, channels: int) -> Loaded:
        waveform, _ = read_audio(track.files[audio], rate, channels)
        events, problems = read_events(track.files[labels], len(waveform) / rate)
        return waveform, events, list[Problem](problems)

    return Labelling(
        "events", lambda track: (track.files[audio], track.files[labels]), load, LABEL_MAP
    )


MDB_DRUMS = DataSet(
    name="mdb_drums",
    licence="CC BY-NC-SA 4.0",
    size="23 songs (21 min), with their multitracks",
    access="git clone https://github.com/CarlSouthall/MDBDrums",
    splits="MIREX 2017: train, test; group = song",
    tracks=mdb_drums_tracks,
    tasks={
        "drum_transcription": _labelled("mix", "class"),
        "onset_detection": _labelled("drums", "class"),
        "beat_tracking": _labelled("mix", "beats"),
    },
    split_of=lambda track: (
        "test" if track.track_id.removeprefix("MusicDelta_") in _TEST else "train"
    ),
)
