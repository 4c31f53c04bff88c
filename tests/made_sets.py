"""Tiny copies of public data sets in their published layouts, and the real excerpts, if any.

mirdata's loaders also get an index that names the files of the copy.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 8000
REAL = Path(
    os.environ.get("UMIR_RECORDINGS", Path(__file__).parent.parent.parent / "shared" / "data")
)
MIRDATA = REAL / "mirdata" / "tests"


def real_set(name, index):
    """Return folder and index of an excerpt that mirdata tests its own loader with."""
    home = MIRDATA / "resources" / "mir_datasets" / name
    if not home.is_dir():
        pytest.skip("no recordings: set UMIR_RECORDINGS")
    return home, MIRDATA / "indexes" / f"{index}_sample.json"


def real_folder(name):
    """Return a folder of recordings in a published layout."""
    if not (REAL / name).is_dir():
        pytest.skip("no recordings: set UMIR_RECORDINGS")
    return REAL / name


def tone(path, seconds=2.0, channels=1, frequency=440.0):
    """Write a tone, each channel an octave above the one before, and return what was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * RATE)) / RATE
    pitches = frequency * 2.0 ** np.arange(channels)
    waveform = 0.2 * np.sin(2 * np.pi * times[:, None] * pitches)
    soundfile.write(path, waveform, RATE, subtype="FLOAT")
    return waveform.astype(np.float32)


def text(path, content):
    """Write a text file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def write_index(home, tracks):
    """Write an index of mirdata: track -> what a file is -> its path in `home`."""
    index = home / "index.json"
    files = {
        name: {what: [path, "0" * 32] for what, path in paths.items()}
        for name, paths in tracks.items()
    }
    text(index, json.dumps({"version": "1.0", "tracks": files}))
    return index


def make_ballroom(home, names=("Media-1", "Media-2", "Media-3", "Media-4")):
    """Make excerpts of two seconds with beats at 0.5, 1, 1.5 s, from the second of a bar on."""
    tracks = {}
    for name in names:
        tracks[name] = {
            "audio": f"B_1.0/audio/Waltz/{name}.wav",
            "beats": f"B_1.0/annotations/beats/{name}.beats",
            "tempo": f"B_1.0/annotations/tempo/{name}.bpm",
        }
        tone(home / tracks[name]["audio"])
        text(home / tracks[name]["beats"], "0.5 2\n1.0 3\n1.5 1\n")
        text(home / tracks[name]["tempo"], "120\n")
    return write_index(home, tracks)


def make_mdb_drums(home, songs=("80sRock", "Reggae", "Rock", "Shadows", "Punk", "Hendrix")):
    """Make songs of two seconds with a hit of each class, and beats."""
    base = home / "MDB Drums"
    for song in songs:
        name = f"MusicDelta_{song}"
        tone(base / "audio" / "full_mix" / f"{name}_MIX.wav", channels=2)
        tone(base / "audio" / "drum_only" / f"{name}_Drum.wav", frequency=100.0)
        hits = "".join(
            f"{0.2 * n:.6f} \t {hit} \n"
            for n, hit in enumerate(("KD", "SD", "HH", "TT", "CY", "OT"), 1)
        )
        text(base / "annotations" / "class" / f"{name}_class.txt", hits)
        text(base / "annotations" / "beats" / f"{name}_MIX.beats", "0.5\t1\n1.0\t2\n1.5\t1\n")
    return home


def make_mir_1k(home, clips=("amy_1_01", "amy_2_01", "bug_1_01", "khair_3_02")):
    """Make clips of a second: 49 frames, of which numbers 10 to 19 are sung, at A4."""
    for name in clips:
        tone(home / "Wavfile" / f"{name}.wav", 1.0, channels=2)
        sung = [10 <= frame < 20 for frame in range(49)]
        text(home / "PitchLabel" / f"{name}.pv", "".join(f"{69.0 * s}\n" for s in sung))
        text(home / "vocal-nonvocalLabel" / f"{name}.vocal", "".join(f"{s:d}\n" for s in sung))
    return home


def make_musdb18hq(home, songs=("train/A - One", "train/A - Two", "train/B - Three", "test/A - X")):
    """Make songs whose mixture is the sum of four tones; one stem is a few samples short."""
    for song in songs:
        stems = {
            name: tone(home / song / f"{name}.wav", 1.0, 2, 100.0 * (n + 1))
            for n, name in enumerate(("vocals", "drums", "bass", "other"))
        }
        mixture = np.sum(list(stems.values()), axis=0)
        soundfile.write(home / song / "mixture.wav", mixture, RATE, subtype="FLOAT")
        soundfile.write(home / song / "other.wav", stems["other"][:-5], RATE, subtype="FLOAT")
    return home


def make_folder(folder, songs=("a", "b", "c"), label="kick"):
    """Make a user's folder of events, one of each song."""
    folder.mkdir(parents=True)
    rows = []
    for song in songs:
        soundfile.write(folder / f"{song}.wav", np.full(8000, 0.1), 8000)
        (folder / f"{song}.txt").write_text(f"0.5 {label}\n")
        rows.append({"audio": f"{song}.wav", "events": f"{song}.txt", "group": song})
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    text(folder / "manifest.jsonl", lines)
    return folder
