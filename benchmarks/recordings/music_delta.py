"""Seven songs of MDB Drums, the *Music Delta* part of MedleyDB: drums, beats, tempo, singing.

Six of the seven have 110 beats per minute: for tempo they are stretched in time as well, and a beat
tracker may learn that one tempo from them.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import yaml
from jaxtyping import Float

from recordings.folder import RATE, read_start, stretched, write_cut, write_manifest, write_mono
from recordings.mir_1k import VOICE, singing_rows
from umir.annotations import F0, Events, Intervals
from umir.audio import read_audio, write_audio
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

    The other instruments' onsets are not labelled, so that the mixture would not do. The drums stay
    labelled: two that are hit together are one onset, to the task that is told so.
    """
    folder = out / "onsets"
    rows = []
    for song, _ in songs(source):
        audio = drum_track(_base(source) / "audio" / "multi-tracks" / song)
        hits, _ = read_events(_base(source) / "annotations" / "class" / f"{song}_class.txt")
        path = write_cut(folder, song, hits, audio)
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


def melody_medley(source: Path, out: Path) -> Path:
    """Build the folder for melody extraction from the seven songs (Melody2); group = song.

    Melody2 follows the leading line from one instrument to the next, one at a time.
    """
    folder = out / "melody_medley"
    labels = source / "MedleyDB_annotations" / "Annotations" / "Melody" / "Melody2"
    rows = []
    for song, audio in songs(source):
        times, frequencies = np.loadtxt(labels / f"{song}_MELODY2.csv", delimiter=",").T
        path = write_cut(folder, song, F0(times, frequencies), audio)
        rows.append({"audio": str(audio), "group": song, "f0": path})
    return write_manifest(folder, rows)


def mdb_stems(source: Path, out: Path) -> Path:
    """Build the folder for separation into four stems: sums of raw tracks; group = song.

    The raw tracks are dry and mono: their sum is a mixture, not the mix of the record.
    """
    folder = out / "mdb_stems"
    rows = []
    for song, _ in songs(source):
        stems = stems_of(_base(source) / "audio" / "multi-tracks" / song)
        paths = {name: _write_float(folder, f"{name}/{song}.wav", w) for name, w in stems.items()}
        mixture = _write_float(folder, f"mixture/{song}.wav", sum(stems.values(), np.float32(0)))
        rows.append({"audio": mixture, "group": song, "stems": paths})
    return write_manifest(folder, rows)


def stems_of(song: Path) -> dict[str, Float[np.ndarray, "time 1"]]:
    """Return the four stems of a multitrack folder at 16 kHz, silent where nobody plays."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("bass", "drums", "vocals", "other")}
    for track in raw_tracks(song):
        found[_stem(track["instrument"])].append(read_audio(_raw(song, track), RATE, 1)[0])
    length = max(len(waveform) for own in found.values() for waveform in own)
    silence = np.zeros((length, 1), np.float32)
    return {
        name: sum((_filled(waveform, length) for waveform in own), silence)
        for name, own in found.items()
    }


def songs(source: Path) -> Iterator[tuple[str, Path]]:
    """Yield each song's name and its audio, the sum of its raw tracks."""
    for audio in sorted((_base(source) / "audio" / "sum_of_raw").glob("*_SUM.ogg")):
        yield audio.stem.removesuffix("_SUM"), audio


def drum_track(song: Path) -> Path:
    """Return the raw track of a multitrack folder whose instrument is the drum set."""
    return _raw(song, next(t for t in raw_tracks(song) if t["instrument"] == "drum set"))


def raw_tracks(song: Path) -> list[dict]:
    """Return what the metadata of a multitrack folder says of its raw tracks."""
    metadata = yaml.safe_load((song / f"{song.name}_METADATA.yaml").read_text())
    return [track for stem in metadata["stems"].values() for track in stem["raw"].values()]


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


def _raw(song: Path, track: Mapping[str, str]) -> Path:
    return song / f"{song.name}_RAW" / Path(track["filename"]).with_suffix(".flac")


def _stem(instrument: str) -> str:
    """Return the stem that an instrument of the metadata belongs to."""
    if instrument == "drum set":
        return "drums"
    if "singer" in instrument:
        return "vocals"
    return "bass" if "bass" in instrument else "other"


def _filled(waveform: np.ndarray, length: int) -> np.ndarray:
    return np.pad(waveform, ((0, length - len(waveform)), (0, 0)))


def _write_float(folder: Path, path: str, waveform: np.ndarray) -> str:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    write_audio(folder / path, waveform, RATE, "FLOAT")
    return path
