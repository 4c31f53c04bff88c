"""MUSDB18 and MUSDB18-HQ: 150 songs of four stems, the field's separation benchmark.

MUSDB18 comes as `.stem.mp4` files, which `musdb` reads with ffmpeg; MUSDB18-HQ as folders of WAV
files, which need neither. Splits are the published ones: 86 songs to train, the 14 to validate that
musdb names, 50 to test. Groups are artists; the published split divides some of them.

Reference: Z. Rafii et al., "MUSDB18: a corpus for music separation", 2017, and "MUSDB18-HQ", 2019.
"""

import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

from umir.annotations import Stems
from umir.audio import read_audio, resample, to_channels, with_length
from umir.data_sets.data_set import DataSet, DataSetError, Labelling, Loaded
from umir.data_sets.mirdata_tracks import needed
from umir.data_sets.published_layout import FolderTrack

STEMS = ("vocals", "drums", "bass", "other")
# As configs/mus.yaml of musdb has them.
VALIDATION = (
    "ANiMAL - Rockshow",
    "Actions - One Minute Smile",
    "Alexander Ross - Goodbye Bolero",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Fergessen - Nos Palpitants",
    "James May - On The Line",
    "Johnny Lokke - Promises & Lies",
    "Leaf - Summerghost",
    "Meaxic - Take A Step",
    "Patrick Talbot - A Reason To Leave",
    "Skelpolu - Human Mistakes",
    "Traffic Experiment - Sirens",
    "Triviul - Angelsaint",
    "Young Griffo - Pennies",
)


def musdb18hq_tracks(home: Path, index: Path | None = None) -> list[FolderTrack]:
    """Return the songs of a folder with `train` and `test`, each a folder of WAV files.

    Raises:
        DataSetError: there are none.
    """
    del index
    songs = [song for part in ("train", "test") for song in sorted((home / part).glob("*/"))]
    if not songs:
        raise DataSetError(f"{home}: no song folders in 'train' or 'test'; {HQ_ACCESS}")
    return [
        FolderTrack(
            f"{song.parent.name}/{song.name}",
            {name: song / f"{name}.wav" for name in ("mixture", *STEMS)},
        )
        for song in songs
    ]


def musdb18_tracks(home: Path, index: Path | None = None) -> list[FolderTrack]:
    """Return the songs of a folder with `train` and `test`, each a `.stem.mp4` file.

    Raises:
        DataSetError: there are none, or ffmpeg is not installed.
    """
    del index
    files = [f for part in ("train", "test") for f in sorted((home / part).glob("*.stem.mp4"))]
    if not files:
        raise DataSetError(f"{home}: no .stem.mp4 files in 'train' or 'test'; {ACCESS}")
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        raise DataSetError(
            f"{home}: .stem.mp4 files need ffmpeg and ffprobe: install ffmpeg, or use musdb18hq"
        )
    return [
        FolderTrack(f"{f.parent.name}/{f.name.removesuffix('.stem.mp4')}", {"stems": f})
        for f in files
    ]


def _load_wav(track: FolderTrack, rate: int, channels: int) -> Loaded:
    mixture, _ = read_audio(track.files["mixture"], rate, channels)
    stems = {name: read_audio(track.files[name], rate, channels)[0] for name in STEMS}
    # Some stems are a few samples shorter than their mixture.
    fitted = {name: with_length(stem, len(mixture)) for name, stem in stems.items()}
    return mixture, Stems(fitted, rate), []


def _load_stem_file(track: FolderTrack, rate: int, channels: int) -> Loaded:
    song = _musdb_track(track)
    parts = {"mixture": song.audio, **{name: song.sources[name].audio for name in STEMS}}
    fitted = {
        name: resample(to_channels(waveform, channels), int(song.rate), rate)
        for name, waveform in parts.items()
    }
    mixture = fitted.pop("mixture")
    stems = {name: with_length(stem, len(mixture)) for name, stem in fitted.items()}
    return mixture, Stems(stems, rate), []


def _musdb_track(track: FolderTrack) -> Any:
    """Return musdb's own track of a song."""
    subset, name = track.track_id.split("/", 1)
    return _musdb_tracks(track.files["stems"].parent.parent, subset)[name]


@lru_cache
def _musdb_tracks(home: Path, subset: str) -> dict[str, Any]:
    """Return musdb's tracks by their names; it looks into every file with ffprobe, once."""
    songs = needed("musdb").DB(root=str(home), subsets=[subset])
    return {song.name: song for song in songs}


def _split(track: FolderTrack) -> str:
    subset, name = track.track_id.split("/", 1)
    return "valid" if subset == "train" and name in VALIDATION else subset


def _artist(track: FolderTrack) -> str:
    return track.track_id.split("/", 1)[1].split(" - ")[0]


def _data_set(name: str, size: str, access: str, tracks, labelling: Labelling) -> DataSet:
    return DataSet(
        name=name,
        licence="for education only; per song (46 tracks of MedleyDB: CC BY-NC-SA 4.0)",
        size=size,
        access=access,
        splits="published train, validation, test, which divide some artists; group = artist",
        tracks=tracks,
        tasks={"source_separation": labelling, "vocal_separation": labelling},
        group_of=_artist,
        split_of=_split,
    )


HQ_ACCESS = "download and unpack https://zenodo.org/records/3338373"
ACCESS = "download and unpack https://zenodo.org/records/1117372"
MUSDB18HQ = _data_set(
    "musdb18hq",
    "22.7 GB, 150 songs (10 h)",
    HQ_ACCESS,
    musdb18hq_tracks,
    Labelling(
        "stems", lambda track: [track.files[name] for name in ("mixture", *STEMS)], _load_wav
    ),
)
MUSDB18 = _data_set(
    "musdb18",
    "4.7 GB, 150 songs (10 h); needs ffmpeg",
    ACCESS,
    musdb18_tracks,
    Labelling("stems", lambda track: [track.files["stems"]], _load_stem_file),
)
