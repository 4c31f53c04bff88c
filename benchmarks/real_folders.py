"""Builds users' folders (manifest.jsonl and annotations) from copies of public data sets.

    python benchmarks/real_folders.py RECORDINGS OUT

RECORDINGS holds `MDBDrums`, `MIR-1K` and `medley-solos-db-small` as their authors give them out;
those that are missing are left out. OUT gets one folder per data set; audio is referred to by its
absolute path where it can be used as it is.

- `mdb_drums`: kind `events`, the sum of the raw tracks, classes KD SD HH TT CY OT; group = song.
- `mir_1k`: kind `stems`, left channel accompaniment, right channel voice; group = singer.
- `medley_solos`: kind `label`, 8 instruments; the data set has no song ids, so that each clip is
  its own group and two clips of one song may fall on both sides of a split.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

MEDLEY_SOLOS_CLASSES = (
    "clarinet",
    "distorted electric guitar",
    "female singer",
    "flute",
    "piano",
    "tenor saxophone",
    "trumpet",
    "violin",
)


def mdb_drums(source: Path, out: Path) -> Path:
    """Build the folder of MDB Drums: drum hits in seven songs."""
    base = source / "MDBDrums" / "MDB Drums"
    rows = []
    for audio in sorted((base / "audio" / "sum_of_raw").glob("*_SUM.ogg")):
        song = audio.stem.removesuffix("_SUM")
        events = base / "annotations" / "class" / f"{song}_class.txt"
        rows.append({"audio": str(audio), "group": song, "events": str(events)})
    return write_manifest(out / "mdb_drums", rows)


def mir_1k(source: Path, out: Path) -> Path:
    """Build the folder of MIR-1K: voice and accompaniment, five clips of each of 12 singers."""
    folder = out / "mir_1k"
    rows = []
    for audio in sorted((source / "MIR-1K" / "Wavfile").glob("*.flac")):
        samples, rate = soundfile.read(audio, dtype="float32", always_2d=True)
        stems = {"vocals": samples[:, 1], "accompaniment": samples[:, 0]}
        paths = {name: f"{name}/{audio.stem}.wav" for name in (*stems, "mixture")}
        for name, waveform in {**stems, "mixture": np.sum(samples, axis=1)}.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / paths[name], waveform, rate, subtype="FLOAT")
        singer = audio.stem.split("_")[0]
        mixture = paths.pop("mixture")
        rows.append({"audio": mixture, "group": singer, "stems": paths})
    return write_manifest(folder, rows)


def medley_solos(source: Path, out: Path) -> Path:
    """Build the folder of Medley-solos-DB: one instrument per three-second clip."""
    rows = []
    for audio in sorted((source / "medley-solos-db-small").glob("*.flac")):
        label = MEDLEY_SOLOS_CLASSES[int(audio.stem.split("training-")[1].split("_")[0])]
        rows.append({"audio": str(audio), "group": audio.stem, "label": label})
    return write_manifest(out / "medley_solos", rows)


FOLDERS = {"mdb_drums": mdb_drums, "mir_1k": mir_1k, "medley_solos": medley_solos}


def write_manifest(folder: Path, rows: Iterable[dict]) -> Path:
    """Write `manifest.jsonl` into `folder` and return the folder.

    Raises:
        FileNotFoundError: if there is not a single row.
    """
    lines = [json.dumps(row) for row in rows]
    if not lines:
        raise FileNotFoundError(f"no recordings found for {folder.name}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def main() -> None:
    """Build all folders whose recordings are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    for name, build in FOLDERS.items():
        try:
            print(name, build(args.recordings.resolve(), args.out.resolve()))
        except FileNotFoundError as error:
            print(f"{name}: left out: {error}")


if __name__ == "__main__":
    main()
