"""Small users' folders as fixtures, and the programs run on them."""

import json

import numpy as np
import pytest
import soundfile
from tiny import TINY

from umir.cli import main
from umir.separation.stem_songs import StemSong
from umir.wave_unet import PRESETS

RATE = 16_000


@pytest.fixture
def tiny_preset(monkeypatch, tmp_path):
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    monkeypatch.chdir(tmp_path)


def clicks(rng, seconds=4.0):
    """Noise with clicks, and the times of the clicks."""
    waveform = 0.003 * rng.normal(size=int(seconds * RATE))
    times = np.sort(rng.choice(np.arange(0.2, seconds - 0.2, 0.1), 12, replace=False))
    for time in times:
        first = int(time * RATE)
        waveform[first : first + 200] += np.hanning(200) * rng.normal(size=200)
    return waveform.astype(np.float32), times


def write_rows(folder, rows):
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


SPLITS = ["train", "train", "valid", "test"]


@pytest.fixture
def events_folder(tmp_path, rng):
    folder = tmp_path / "clicks"
    folder.mkdir()
    rows = []
    for index, split in enumerate(SPLITS):
        waveform, times = clicks(rng)
        soundfile.write(folder / f"{index}.wav", waveform, RATE)
        (folder / f"{index}.txt").write_text("".join(f"{time:.4f}\tclick\n" for time in times))
        rows.append({"audio": f"{index}.wav", "events": f"{index}.txt", "split": split})
    return write_rows(folder, rows)


@pytest.fixture
def label_folder(tmp_path, rng):
    folder = tmp_path / "tones"
    folder.mkdir()
    rows = []
    for index in range(12):
        name, low = ("low", 200) if index % 2 else ("high", 3000)
        times = np.arange(2 * RATE) / RATE
        tone = 0.2 * np.sin(2 * np.pi * low * rng.uniform(1, 1.5) * times)
        soundfile.write(folder / f"{index}.wav", tone + 0.01 * rng.normal(size=len(tone)), RATE)
        rows.append({"audio": f"{index}.wav", "label": name, "split": SPLITS[index // 3]})
    return write_rows(folder, rows)


@pytest.fixture
def stems_folder(tmp_path, rng):
    folder = tmp_path / "stems"
    folder.mkdir()
    rows = []
    for index, split in enumerate(SPLITS):
        tone = 0.2 * np.sin(2 * np.pi * 300 * np.arange(3 * RATE) / RATE)
        stems = {"vocals": tone, "accompaniment": 0.1 * rng.normal(size=3 * RATE)}
        paths = {name: f"{index}_{name}.wav" for name in stems}
        for name, waveform in stems.items():
            soundfile.write(folder / paths[name], waveform, RATE, subtype="FLOAT")
        soundfile.write(folder / f"{index}.wav", sum(stems.values()), RATE, subtype="FLOAT")
        rows.append({"audio": f"{index}.wav", "stems": paths, "split": split})
    return write_rows(folder, rows)


def read_rows(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def finetune(folder, *options):
    preset = ["--init", "scratch", "--preset", "tiny"]
    arguments = ["finetune", "--data", str(folder), "--out", "model", *preset, *options]
    return main(arguments)


def check_scores(shown, names):
    """Every metric stands in the output with a number beside it."""
    for name in names:
        (line,) = [line for line in shown.splitlines() if line.split()[:1] == [name]]
        float(line.split()[-1])


def fails(capsys, *arguments):
    """Run a program that must fail and return its one line."""
    assert main(list(arguments)) == 1
    shown = capsys.readouterr().err
    assert shown.strip().count("\n") == 0, shown
    return shown


def songs_in(folder, rng, lengths=(500, 900), sources=2):
    """Songs on disk, and what they hold."""
    made, sounds = [], []
    for n, length in enumerate(lengths):
        sounds.append(rng.uniform(-0.4, 0.4, (length, sources, 1)).astype(np.float32))
        np.save(folder / f"{n}.npy", sounds[-1])
        made.append(StemSong(folder / f"{n}.npy", length))
    return made, sounds
