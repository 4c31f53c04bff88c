"""`umir separate-train --prior joint`: what it writes, what judges it, what may be missing."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
import soundfile
from folders import RATE, fails, read_rows, write_rows
from small_joint import NET, PRESET

from umir.cli import main
from umir.data_specification import open_data
from umir.evaluate import evaluate
from umir.separation import recipes
from umir.separation.active_songs import detection_of, stored_active_songs
from umir.separation.detector_model import DetectorModel
from umir.separation.folders import NamedData
from umir.separation.separator_model import SeparatorModel, load_model_for


@pytest.fixture
def command(monkeypatch, tmp_path):
    monkeypatch.setitem(recipes.PRESETS, "joint-half", PRESET)
    monkeypatch.chdir(tmp_path)
    return ["separate-train", "--out", "model", "--prior", "joint"]


@pytest.fixture
def activity_folder(tmp_path, rng):
    """Three recordings in which somebody sings at times, one in each split."""
    folder = tmp_path / "activity"
    folder.mkdir()
    rows = []
    for n, split in enumerate(("train", "valid", "test")):
        soundfile.write(folder / f"{n}.wav", 0.1 * rng.normal(size=12_000), RATE)
        (folder / f"{n}.txt").write_text("0.25\t0.5\tvocals\n")
        rows.append({"audio": f"{n}.wav", "intervals": f"{n}.txt", "split": split})
    write_rows(folder, rows)
    return folder


def test_the_program(stems_folder, activity_folder, command, capsys):
    both = [*command, "--pairs", str(stems_folder), "--activity", str(activity_folder)]
    assert main(both) == 0
    shown = capsys.readouterr()
    assert "activity of vocals: 1 recording (0.0 min) to learn to detect" in shown.err
    assert "SDR/vocals" in shown.out and "singing_voice_detection/accuracy" in shown.out
    assert "umir predict --model model --task singing_voice_detection" in shown.out
    model = SeparatorModel.load("model")
    assert model.facts["activity_splits"] == {"0.wav": "train", "1.wav": "valid", "2.wav": "test"}
    assert model.learnt == ["source_separation", "singing_voice_detection"]
    assert model.facts["validation_loss"] > 0 and model.network == NET
    assert main(["separate", str(stems_folder / "3.wav"), "--model", "model"]) == 0
    song = str(activity_folder / "2.wav")
    detecting = ["--model", "model", "--task", "singing_voice_detection"]
    assert main(["predict", song, *detecting, "--out", "found"]) == 0
    assert Path("found/2.txt").exists()
    scores = ["evaluate", *detecting, "--data", str(activity_folder), "--json", "scores.json"]
    assert main(scores) == 0
    assert json.loads(Path("scores.json").read_text())["per_track"][0]["track"] == "2.wav"
    assert "holds a training" in fails(capsys, *both)
    assert main([*both, "--resume"]) == 0
    capsys.readouterr()
    told = fails(capsys, "predict", song, "--model", "model", "--task", "key", "--out", "found")
    assert "a model for source_separation and singing_voice_detection, not for key" in told


def test_each_folder_may_be_missing(stems_folder, activity_folder, command, capsys):
    assert main([*command, "--activity", str(activity_folder)]) == 0
    assert "pairs: none, so separation is not learnt" in capsys.readouterr().err
    assert load_model_for("model").task.name == "singing_voice_detection"
    told = fails(capsys, "separate", str(stems_folder / "3.wav"), "--model", "model")
    assert "a model for singing_voice_detection, not for separation" in told
    alone = ["separate-train", "--out", "separator", "--preset", "joint-half"]
    assert main([*alone, "--pairs", str(stems_folder)]) == 0
    assert SeparatorModel.load("separator").learnt == ["source_separation"]
    capsys.readouterr()
    assert "nothing to learn from: give --pairs, --activity" in fails(
        capsys, "separate-train", "--out", "none", "--prior", "joint"
    )
    told = fails(capsys, *command[:3], "--activity", str(activity_folder), "--preset", "m4")
    assert "--activity: not of the preset m4" in told


def test_what_is_learnt_from_as_pairs_does_not_judge_detection(
    stems_folder, activity_folder, command, capsys
):
    """The same recording as a pair to train on, and as a test recording of activity."""
    song = stems_folder / "0.wav"
    (activity_folder / "2.wav").write_bytes(song.read_bytes())
    both = [*command, "--pairs", str(stems_folder), "--activity", str(activity_folder)]
    assert main(both) == 0
    shown = capsys.readouterr()
    assert "is the mixture of 0.wav, in the split 'train' of the pairs; does not judge" in shown.err
    assert "SDR/vocals" in shown.out and "singing_voice_detection/" not in shown.out


def test_a_start_that_learnt_activity_stays_known_for_it(stems_folder, activity_folder, command):
    assert main([*command, "--activity", str(activity_folder)]) == 0
    taught = SeparatorModel.load("model").facts["activity_splits"]
    again = ["separate-train", "--out", "again", "--preset", "joint-half", "--init", "model"]
    assert main([*again, "--pairs", str(stems_folder)]) == 0
    model = SeparatorModel.load("again")
    assert model.learnt == ["source_separation"]
    assert (
        model.facts["activity_splits"]
        == taught
        == dict(zip(("0.wav", "1.wav", "2.wav"), ("train", "valid", "test"), strict=True))
    )


def test_a_group_that_taught_as_pairs_judges_no_detection(activity_folder, tmp_path):
    """One network learns from both: by the names of groups, but not by those of files."""
    facts = {
        "learnt": ["source_separation", "singing_voice_detection"],
        "splits": {"a singer": "train", "2.wav": "train"},
        "activity_splits": {"1.wav": "train"},
        "decoder": detection_of("vocals").default_settings(NET.rate),
    }
    SeparatorModel(NET, jax.jit(NET.init)(jax.random.key(0)), facts).save(tmp_path / "model", "")
    rows = [{**row, "split": "test"} for row in read_rows(activity_folder)]
    write_rows(activity_folder, [{**rows[0], "group": "a singer"}, *rows[1:]])
    detector = load_model_for(tmp_path / "model", "singing_voice_detection")
    assert detector.facts["splits"] == {"a singer": "train", "1.wav": "train"}
    tracks = evaluate(detector, activity_folder)["per_track"]
    assert [track["track"] for track in tracks] == ["2.wav"]
    alone = replace(SeparatorModel.load(tmp_path / "model"), facts=facts | {"activity_splits": {}})
    assert DetectorModel.of(alone).facts["splits"] == facts["splits"]


def test_labels_that_may_be_of_voices_are_an_error(activity_folder, command, capsys):
    for file in activity_folder.glob("*.txt"):
        file.write_text("0.25\t0.5\tGesang\n")
    assert main([*command, "--activity", str(activity_folder)]) == 1
    told = capsys.readouterr().err
    assert "0.wav: left out: 'gesang': not among the classes 'backing vocals'" in told
    assert told.strip().endswith("no recording of the split 'train' can be used")


def test_labels_of_something_else_are_an_error(activity_folder, command, capsys):
    for file in activity_folder.glob("*.txt"):
        file.write_text("0.25\t0.5\tviolin\n")
    told = fails(capsys, *command, "--activity", str(activity_folder))
    assert "no recording of the split 'train' has an interval of vocals, which labels may" in told


def test_a_test_song_of_the_pairs_does_not_choose(stems_folder, activity_folder, command, capsys):
    (activity_folder / "1.wav").write_bytes((stems_folder / "3.wav").read_bytes())
    both = [*command, "--pairs", str(stems_folder), "--activity", str(activity_folder)]
    assert main(both) == 0
    told = capsys.readouterr().err
    assert "is the mixture of 3.wav, in the split 'test' of the pairs; left out" in told
    assert "in the split 'test' of the pairs; does not judge" in told  # nor fit the decoder


def test_recordings_that_taught_a_start_judge_nothing(activity_folder):
    taught = {"0.wav": "train", "1.wav": "train"}
    data = NamedData.of(NET, None, activity=str(activity_folder), activity_splits=taught).activity
    assert data.assignment == taught | {"2.wav": "test"}
    assert data.examples("valid", NET.rate, 1) == []
    assert "1.wav: in the split 'train' when the model was made; not validated with" in str(
        data.problems[-1]
    )


def test_what_is_held_out_is_not_learnt_from(activity_folder, tmp_path):
    from umir.separation.unpaired_audio import fingerprint

    data = open_data(activity_folder, "intervals")
    (example,) = data.examples("train", 4000, 1)
    known = {fingerprint(example.waveform): "a test song of the pairs"}
    assert stored_active_songs(data, "train", NET, tmp_path / "out", known) == []
    assert "0.wav: is a test song of the pairs; left out" in str(data.problems[-1])
    songs = stored_active_songs(data, "train", NET, tmp_path / "all", {})
    again = stored_active_songs(data, "train", NET, tmp_path / "all", {})
    assert again[0].song == songs[0].song
    np.testing.assert_array_equal(again[0].intervals, [[0.25, 0.5]])
