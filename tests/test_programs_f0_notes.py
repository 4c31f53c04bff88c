"""The programs end to end on folders of melodies and of notes, in every format they come in."""

import json

import numpy as np
import pytest
import soundfile
from folders import RATE, SPLITS, check_scores, fails, finetune, write_rows

from umir.annotations import Notes
from umir.cli import main
from umir.data.annotation_files import read_f0, read_notes, write_notes
from umir.task_model import TaskModel
from umir.tasks.pitch_axis import octaves

pytestmark = pytest.mark.usefixtures("tiny_preset")

SECONDS = 4.0
PITCHES = (60, 65, 69)  # C4, F4, A4


def tones(rng):
    """Four seconds of notes with pauses between them, as sine waves, and the notes."""
    onsets = np.arange(0.2, SECONDS - 0.4, 0.4) + rng.uniform(0, 0.1, 9)
    numbers = rng.choice(PITCHES, len(onsets))
    notes = Notes(np.stack([onsets, onsets + 0.25], axis=1), 440 * 2.0 ** ((numbers - 69) / 12))
    waveform = 0.003 * rng.normal(size=int(SECONDS * RATE))
    for (start, end), frequency in zip(notes.intervals, notes.frequencies, strict=True):
        times = np.arange(round(start * RATE), round(end * RATE)) / RATE
        waveform[round(start * RATE) :][: len(times)] += 0.2 * np.sin(2 * np.pi * frequency * times)
    return waveform.astype(np.float32), notes


def curve(notes, hop):
    """Rows of time and frequency of notes, 0 between them."""
    times = np.arange(0, SECONDS, hop)
    inside = (times[:, None] >= notes.intervals[:, 0]) & (times[:, None] < notes.intervals[:, 1])
    return np.stack([times, inside @ notes.frequencies], axis=1)


def as_jams(path, namespace, rows):
    data = [{"time": t, "duration": d, "value": v, "confidence": None} for t, d, v in rows]
    path.write_text(json.dumps({"annotations": [{"namespace": namespace, "data": data}]}))


@pytest.fixture
def f0_folder(tmp_path, rng):
    """Text files with a hop of 20 ms, and JAMS files with one of 5.8 ms."""
    folder = tmp_path / "melodies"
    folder.mkdir()
    rows = []
    for index, split in enumerate(SPLITS):
        waveform, notes = tones(rng)
        soundfile.write(folder / f"{index}.wav", waveform, RATE)
        name = f"{index}.jams" if index % 2 else f"{index}.txt"
        if index % 2:
            values = curve(notes, 256 / 44_100)
            contour = [
                (t, 0.0, {"index": 0, "frequency": f, "voiced": f > 0}) for t, f in values.tolist()
            ]
            as_jams(folder / name, "pitch_contour", contour)
        else:
            np.savetxt(folder / name, curve(notes, 0.02), fmt="%.6f")
        rows.append({"audio": f"{index}.wav", "f0": name, "split": split})
    return write_rows(folder, rows)


@pytest.fixture
def notes_folder(tmp_path, rng):
    """A text file, a MIDI file, a JAMS file and a text file."""
    folder = tmp_path / "notes"
    folder.mkdir()
    rows = []
    for name, split in zip(("0.txt", "1.mid", "2.jams", "3.txt"), SPLITS, strict=True):
        waveform, notes = tones(rng)
        soundfile.write(folder / f"{name[0]}.wav", waveform, RATE)
        if name.endswith("jams"):
            pairs = zip(notes.intervals, notes.frequencies, strict=True)
            as_jams(folder / name, "note_hz", [(s, e - s, f) for (s, e), f in pairs])
        else:
            players = ("tone",) * len(notes.frequencies)
            write_notes(folder / name, Notes(notes.intervals, notes.frequencies, players))
        rows.append({"audio": f"{name[0]}.wav", "notes": name, "split": split})
    return write_rows(folder, rows)


def test_melodies_from_folder_to_predictions(f0_folder, tmp_path, capsys):
    assert finetune(f0_folder, "--steps", "60", "--learning-rate", "0.01") == 0
    shown = capsys.readouterr()
    assert shown.err.count("problem") == 0
    assert all(f"{name} " in shown.out for name in ("Overall Accuracy", "Voicing False Alarm"))
    model = TaskModel.load("model")
    assert model.task.vocabulary == octaves(4, 4)
    arguments = ["--model", "model", "--data", str(f0_folder), "--json", "scores.json"]
    assert main(["evaluate", *arguments]) == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["task"] == "f0"
    assert scores["metrics"]["Voicing Recall"] > 0.9
    assert scores["metrics"]["Overall Accuracy"] > 0.8
    assert main(["predict", str(f0_folder / "3.wav"), "--model", "model", "--out", "p"]) == 0
    found, problems = read_f0(tmp_path / "p" / "3.txt", SECONDS)
    assert problems == []
    np.testing.assert_allclose(found.times, np.arange(400) / 100)
    assert (found.frequencies > 0).any() and (found.frequencies < 0).any()


def test_notes_from_folder_to_predictions(notes_folder, tmp_path, capsys):
    assert finetune(notes_folder, "--steps", "80", "--learning-rate", "0.01") == 0
    shown = capsys.readouterr()
    assert shown.err.count("problem") == 0
    check_scores(shown.out, ["Onset_F-measure", "F-measure_no_offset", "F-measure"])
    assert TaskModel.load("model").task.vocabulary == octaves(4, 4)
    arguments = ["--model", "model", "--data", str(notes_folder), "--json", "scores.json"]
    assert main(["evaluate", *arguments]) == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["metrics"]["Onset_F-measure"] > 0.8
    assert scores["metrics"]["F-measure_no_offset"] > 0.8
    assert [track["track"] for track in scores["per_track"]] == ["3.wav"]
    assert main(["predict", str(notes_folder / "3.wav"), "--model", "model", "--out", "p"]) == 0
    found, problems = read_notes(tmp_path / "p" / "3.txt", SECONDS)
    assert problems == [] and len(found.frequencies) > 3


@pytest.mark.parametrize(
    ("task", "folder"), [("melody_extraction", "f0_folder"), ("note_transcription", "notes_folder")]
)
def test_named_tasks_have_pitches_of_their_own(task, folder, request, capsys):
    assert finetune(request.getfixturevalue(folder), "--steps", "1", "--task", task) == 0
    model = TaskModel.load("model")
    assert model.task.name == task
    assert len(model.task.vocabulary) > 50


def test_a_folder_without_any_pitch_is_an_error(f0_folder, capsys):
    for index in range(4):
        name = f"{index}.jams" if index % 2 else f"{index}.txt"
        (f0_folder / name).unlink()
        (f0_folder / f"{index}.txt").write_text("0.0 0.0\n0.01 0.0\n")
    rows = [
        {"audio": f"{index}.wav", "f0": f"{index}.txt", "split": split}
        for index, split in enumerate(SPLITS)
    ]
    write_rows(f0_folder, rows)
    arguments = ("--data", str(f0_folder), "--init", "scratch", "--preset", "tiny", "--out", "m")
    assert "no annotation has any pitch" in fails(capsys, "finetune", *arguments)


def test_a_recording_without_notes_is_an_example_of_silence(notes_folder, capsys):
    (notes_folder / "0.txt").write_text("# none\n")
    assert finetune(notes_folder, "--steps", "1") == 0
    assert "problem" not in capsys.readouterr().err
