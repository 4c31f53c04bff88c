"""Seven songs of MDB Drums, the *Music Delta* part of MedleyDB: drums, beats, tempo, singing.

Six of the seven have 110 beats per minute: for tempo they are stretched in time as well, and a beat
tracker may learn that one tempo from them.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml

from recordings.folder import RATE, read_start, stretched, write_cut, write_manifest, write_mono
from recordings.mir_1k import VOICE, singing_rows
from umir.annotations import Events, Intervals
from umir.data.annotation_files import read_events

# For tempo: how many times each song is there beside the original, between which speeds, and how
# many seconds of it.
STRETCHED, SLOWEST, FASTEST = 4, 0.7, 1.4
TEMPO_SECONDS = 20.0
# Other recordings with a labelled tempo: excerpts that come with mirdata.
TEMPO_EXCERPTS = {
    "ballroom/B_1.0/audio/Waltz/Media-105901.wav": "ballroom/B_1.0/annotations/tempo",
    "simac/S_1.0/audio/simac_01_H_mikri_Rallou.flac": "simac/S_1.0/annotations/tempo",
}


def mdb_drums(source: Path, out: Path) -> Path:
    """Build the folder for drum transcription from the sum of the raw tracks; group = song."""
    rows = []
    for song, audio in songs(source):
        events = _base(source) / "annotations" / "class" / f"{song}_class.txt"
        rows.append({"audio": str(audio), "group": song, "events": str(events)})
    return write_manifest(out / "mdb_drums", rows)


def onsets(source: Path, out: Path) -> Path:
    """Build the folder for onset detection: the drum track alone, of which all hits are labelled.

    The other instruments' onsets are not labelled, so that the mixture would not do.
    """
    folder = out / "onsets"
    rows = []
    for song, _ in songs(source):
        audio = drum_track(_base(source) / "audio" / "multi-tracks" / song)
        hits, _ = read_events(_base(source) / "annotations" / "class" / f"{song}_class.txt")
        unnamed = Events(hits.times, ("",) * len(hits.times))
        path = write_cut(folder, song, unnamed, audio)
        rows.append({"audio": str(audio), "group": song, "events": path})
    return write_manifest(folder, rows)


def beats(source: Path, out: Path) -> Path:
    """Build the folder for beat tracking, the label a beat's number in its bar; group = song."""
    folder = out / "beats"
    rows = []
    for song, audio in songs(source):
        path = write_cut(folder, song, beats_of(source, song), audio)
        rows.append({"audio": str(audio), "group": song, "events": path})
    return write_manifest(folder, rows)


def tempo(source: Path, out: Path) -> Path:
    """Build the folder for tempo: nine recordings and four stretched copies of each; group = song.

    Copies keep their pitch: a faster one is not brighter.
    """
    folder = out / "tempo"
    rows = []
    for number, (song, audio, bpm) in enumerate(_with_tempo(source)):
        waveform, rate = read_start(audio, TEMPO_SECONDS)
        for speed in (1.0, *speeds(np.random.default_rng(number))):
            played = stretched(waveform, rate, speed)
            path = write_mono(folder, f"{song}_{speed:.3f}", played, RATE)
            rows.append({"audio": path, "group": song, "label": f"{bpm * speed:.2f}"})
    return write_manifest(folder, rows)


def singing(source: Path, out: Path) -> Path:
    """Build the folder for singing voice detection: MIR-1K's mixtures and these songs.

    Group = singer. MedleyDB does not name the singers of these songs: they are one group.
    """
    folder = out / "singing"
    rows = singing_rows(source, folder)
    labels = source / "MedleyDB_annotations" / "Annotations" / "Source_ID"
    for song, audio in songs(source):
        sung = sung_intervals(labels / f"{song}_SOURCEID.lab")
        path = write_cut(folder, song, sung, audio)
        rows.append({"audio": str(audio), "group": "Music Delta", "intervals": path})
    return write_manifest(folder, rows)


def songs(source: Path) -> Iterator[tuple[str, Path]]:
    """Yield each song's name and its audio, the sum of its raw tracks."""
    for audio in sorted((_base(source) / "audio" / "sum_of_raw").glob("*_SUM.ogg")):
        yield audio.stem.removesuffix("_SUM"), audio


def drum_track(song: Path) -> Path:
    """Return the raw track of a multitrack folder whose instrument is the drum set."""
    metadata = yaml.safe_load((song / f"{song.name}_METADATA.yaml").read_text())
    raw = [track for stem in metadata["stems"].values() for track in stem["raw"].values()]
    name = next(track["filename"] for track in raw if track["instrument"] == "drum set")
    return song / metadata["raw_dir"] / Path(name).with_suffix(".flac")


def beats_of(source: Path, song: str) -> Events:
    """Return a song's beats, their label the number in the bar."""
    found, _ = read_events(_base(source) / "annotations" / "beats" / f"{song}_MIX.beats")
    return found


def speeds(rng: np.random.Generator) -> list[float]:
    """Draw the speeds of a song's copies, one from each of as many equal ratios."""
    places = (np.arange(STRETCHED) + rng.uniform(size=STRETCHED)) / STRETCHED
    return (SLOWEST * (FASTEST / SLOWEST) ** places).tolist()


def mean_tempo(times: np.ndarray) -> float:
    """Return the beats per minute of steady beats at `times` (seconds, rounded to 10 ms)."""
    return 60 * (len(times) - 1) / float(times[-1] - times[0])


def sung_intervals(path: Path) -> Intervals:
    """Return where a Source_ID file of MedleyDB has a singer."""
    with path.open() as file:
        rows = [row for row in csv.DictReader(file) if "singer" in row["instrument_label"]]
    bounds = [(float(row["start_time"]), float(row["end_time"])) for row in rows]
    return Intervals(np.array(bounds, float).reshape(-1, 2), (VOICE,) * len(bounds))


def _with_tempo(source: Path) -> Iterator[tuple[str, Path, float]]:
    """Yield name, audio and beats per minute of everything with a labelled tempo."""
    for song, audio in songs(source):
        yield song, audio, mean_tempo(beats_of(source, song).times)
    excerpts = source / "mirdata" / "tests" / "resources" / "mir_datasets"
    for audio, labels in TEMPO_EXCERPTS.items():
        path = excerpts / audio
        if path.is_file():
            label = (excerpts / labels / path.stem).with_suffix(".bpm").read_text()
            yield path.stem, path, float(label.split()[0])


def _base(source: Path) -> Path:
    return source / "MDBDrums" / "MDB Drums"
