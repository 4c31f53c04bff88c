"""Onsets, beats and tempo from users' folders, by the programs."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from folders import RATE, SPLITS, check_scores, finetune, write_rows

from umir.cli import main
from umir.task_model import TaskModel

pytestmark = pytest.mark.usefixtures("tiny_preset")

BPM = (100.0, 120.0, 110.0, 105.0)


@pytest.fixture
def rhythm_folder(tmp_path, rng):
    """Bars of four noises, the first of them loud and long, for 14 s."""
    folder = tmp_path / "bars"
    folder.mkdir()
    rows = []
    for index, (split, bpm) in enumerate(zip(SPLITS, BPM, strict=True)):
        waveform, lines = 0.002 * rng.normal(size=14 * RATE), []
        for beat, time in enumerate(np.arange(0.3 + 0.1 * index, 13.8, 60 / bpm)):
            length = 2000 if beat % 4 == 0 else 300
            first = round(time * RATE)
            waveform[first : first + length] += 0.2 * rng.normal(size=length)
            lines.append(f"{time:.4f}\t{beat % 4 + 1}\n")
        soundfile.write(folder / f"{index}.wav", waveform, RATE)
        (folder / f"{index}.txt").write_text("".join(lines))
        row = {"audio": f"{index}.wav", "events": f"{index}.txt", "label": f"{bpm}", "split": split}
        rows.append(row)
    return write_rows(folder, rows)


def _evaluated(folder):
    arguments = ["--model", "model", "--data", str(folder), "--json", "scores.json"]
    assert main(["evaluate", *arguments]) == 0
    return json.loads(Path("scores.json").read_text())["metrics"]


def test_beats_from_folder_to_predictions(rhythm_folder, tmp_path, capsys):
    path = rhythm_folder / "0.txt"
    path.write_text(path.read_text() + "13.9\tclap\n")
    options = ["--task", "beat_tracking", "--steps", "40", "--learning-rate", "0.01"]
    assert finetune(rhythm_folder, *options) == 0
    shown, names = capsys.readouterr(), ["F-measure", "CMLt", "AMLt"]
    check_scores(shown.out, names)
    message = "0.wav: 'clap': not among positions in the bar ('1' is the downbeat), 'beat'"
    assert message in shown.err
    scores = _evaluated(rhythm_folder)
    assert set(scores) == {*names, "Downbeat F-measure"}
    assert scores["F-measure"] > 0.9
    assert main(["predict", str(rhythm_folder / "3.wav"), "--model", "model", "--out", "p"]) == 0
    rows = [line.split("\t") for line in (tmp_path / "p" / "3.txt").read_text().splitlines()]
    assert {label for _, label in rows} <= set("1234")
    assert {2, 3, 4} <= set(TaskModel.load("model").settings["metres"])


def test_onsets_have_any_labels(rhythm_folder, capsys):
    options = ["--task", "onset_detection", "--steps", "30", "--learning-rate", "0.01"]
    assert finetune(rhythm_folder, *options) == 0
    shown = capsys.readouterr()
    assert "not among" not in shown.err
    check_scores(shown.out, ["F-measure", "Precision", "Recall"])
    assert _evaluated(rhythm_folder)["F-measure"] > 0.9


def test_tempo_is_a_number(rhythm_folder, tmp_path, capsys):
    rows = (rhythm_folder / "manifest.jsonl").read_text().replace('"105.0"', '"fast"')
    rows += json.dumps({"audio": "3.wav", "label": "105", "split": "test"}) + "\n"
    (rhythm_folder / "manifest.jsonl").write_text(rows)
    assert finetune(rhythm_folder, "--task", "tempo_estimation", "--steps", "2") == 0
    shown = capsys.readouterr()
    assert (
        "3.wav: left out: 'fast': not among tempi from 40.0 to 240.0 beats per minute" in shown.err
    )
    check_scores(shown.out, ["Accuracy1", "Accuracy2", "relative_error"])
    assert main(["predict", str(rhythm_folder / "3.wav"), "--model", "model", "--out", "p"]) == 0
    assert 39 < float((tmp_path / "p" / "3.txt").read_text()) < 245
