"""The programs on folders and arguments that are wrong: clear lines, and nothing is lost."""

import json

import numpy as np
import pytest
import soundfile
from folders import RATE, check_scores, fails, finetune, read_rows, write_rows
from tiny import TINY

from umir.checkpoint import Model, save_model
from umir.cli import main
from umir.evaluate import evaluate
from umir.task_model import TaskModel

pytestmark = pytest.mark.usefixtures("tiny_preset")


def test_no_such_start(events_folder, capsys, tmp_path):
    arguments = ("--data", str(events_folder), "--init", "nowhere", "--out", "m")
    assert "python -m umir.meta_train" in fails(capsys, "finetune", *arguments)
    assert not (tmp_path / "m" / "config.json").exists()


def test_an_unknown_task_lists_the_known_ones(events_folder, capsys):
    options = ("--data", str(events_folder), "--init", "scratch", "--task", "kazoo", "--out", "m")
    line = fails(capsys, "finetune", *options)
    assert "no task 'kazoo'" in line
    assert "drum_transcription" in line


def test_an_initialisation_is_not_a_model(tmp_path, capsys):
    config = {"format": "umir initialisation 1", "network": vars(TINY)}
    save_model(tmp_path / "start", Model(config, {"body": {}}), "# start\n")
    soundfile.write(tmp_path / "a.wav", np.zeros(100), RATE)
    line = fails(capsys, "predict", "a.wav", "--model", "start", "--out", "p")
    assert "umir finetune --init" in line


def test_a_drum_model_does_not_separate(events_folder, tmp_path, capsys):
    assert finetune(events_folder, "--steps", "1") == 0
    capsys.readouterr()
    assert "not for separation" in fails(capsys, "separate", "a.wav", "--model", "model")


def test_an_unknown_stem_is_named_before_any_work(stems_folder, tmp_path, capsys):
    assert finetune(stems_folder, "--steps", "1") == 0
    capsys.readouterr()
    line = fails(capsys, "separate", "a.wav", "--model", "model", "--two-stems", "kazoo")
    assert "choose from vocals, accompaniment" in line
    assert not (tmp_path / "separated").exists()


def test_an_empty_split_is_an_error(events_folder, tmp_path, capsys):
    assert finetune(events_folder, "--steps", "1") == 0
    lines = (events_folder / "manifest.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    write_rows(events_folder, [row for row in rows if row["split"] == "train"])
    with pytest.raises(ValueError, match="no usable audio in the split 'test'"):
        evaluate("model", events_folder)


def test_classes_a_model_does_not_know_are_named(events_folder, tmp_path, capsys):
    assert finetune(events_folder, "--steps", "1") == 0
    with (events_folder / "3.txt").open("a") as file:
        file.write("3.9\tcowbell\n")
    capsys.readouterr()
    assert main(["evaluate", "--model", "model", "--data", str(events_folder)]) == 0
    assert "3.wav: 'cowbell': not among the classes 'click'" in capsys.readouterr().err


def test_a_clip_of_an_unknown_label_is_left_out(label_folder, tmp_path, capsys):
    assert finetune(label_folder, "--steps", "1") == 0
    rows = [json.loads(line) for line in (label_folder / "manifest.jsonl").read_text().splitlines()]
    rows[-1]["label"] = "kazoo"
    write_rows(label_folder, rows)
    capsys.readouterr()
    arguments = ["--model", "model", "--data", str(label_folder), "--json", "s.json"]
    assert main(["evaluate", *arguments]) == 0
    assert (
        "11.wav: left out: 'kazoo': not among the classes 'high', 'low'" in capsys.readouterr().err
    )
    assert len(json.loads((tmp_path / "s.json").read_text())["per_track"]) == 2


def test_bad_lines_are_reported_and_the_run_goes_on(events_folder, tmp_path, capsys):
    (events_folder / "0.txt").write_text("0.5\tclick\nhalf past\tclick\n99\tclick\n")
    (events_folder / "1.wav").write_bytes(b"RIFF")
    assert finetune(events_folder, "--steps", "1") == 0
    shown = capsys.readouterr().err
    for place in ("0.txt:2: ", "0.txt:3: ", "manifest.jsonl:2: "):
        assert place in shown
    assert "3 problems in all" in shown


def test_nothing_usable_leaves_nothing_behind(events_folder, tmp_path, capsys):
    for index in range(4):
        (events_folder / f"{index}.wav").write_bytes(b"")
    line = fails(
        capsys, "finetune", "--data", str(events_folder), "--init", "scratch", "--out", "m"
    )
    assert "none of the 2 entries of split train can be used" in line
    assert not (tmp_path / "m").exists()


def test_songs_that_were_learnt_from_are_not_scored(events_folder, tmp_path, capsys):
    assert finetune(events_folder, "--steps", "1") == 0
    rows = [{**row, "split": "test"} for row in read_rows(events_folder)]
    write_rows(events_folder, rows)
    capsys.readouterr()
    arguments = ["--model", "model", "--data", str(events_folder), "--json", "s.json"]
    assert main(["evaluate", *arguments]) == 0
    assert "'train' when the model was made; not scored" in capsys.readouterr().err
    tracks = json.loads((tmp_path / "s.json").read_text())["per_track"]
    assert [track["track"] for track in tracks] == ["3.wav"]


def test_a_song_without_vocals_is_a_song(stems_folder, tmp_path, capsys):
    accompaniment, rate = soundfile.read(stems_folder / "3_accompaniment.wav")
    soundfile.write(stems_folder / "3_vocals.wav", 0 * accompaniment, rate, subtype="FLOAT")
    soundfile.write(stems_folder / "3.wav", accompaniment, rate, subtype="FLOAT")
    assert finetune(stems_folder, "--steps", "1") == 0
    shown = capsys.readouterr()
    assert "problem" not in shown.err
    check_scores(shown.out, ["silence_rms_db"])
    arguments = ["--model", "model", "--data", str(stems_folder), "--json", "s.json"]
    assert main(["evaluate", *arguments]) == 0
    scores = json.loads((tmp_path / "s.json").read_text(), parse_constant=pytest.fail)
    assert scores["metrics"]["SDRi"] is None or np.isfinite(scores["metrics"]["SDRi"])


def test_a_damaged_test_song_does_not_stop_the_training(events_folder, tmp_path, capsys):
    (events_folder / "3.wav").write_bytes(b"RIFF")
    assert finetune(events_folder, "--steps", "1") == 0
    shown = capsys.readouterr()
    assert "manifest.jsonl:4: " in shown.err
    assert "no test songs" in shown.out
    assert TaskModel.load("model").task.vocabulary == ("click",)


def test_two_files_of_one_name_do_not_overwrite_each_other(events_folder, tmp_path, capsys):
    assert finetune(events_folder, "--steps", "1") == 0
    (tmp_path / "other").mkdir()
    soundfile.write(tmp_path / "other" / "3.wav", np.zeros(4000), RATE)
    files = [str(events_folder / "3.wav"), str(tmp_path / "other" / "3.wav")]
    capsys.readouterr()
    assert main(["predict", *files, "--model", "model", "--out", "p"]) == 1
    assert "would overwrite those of" in capsys.readouterr().err
    assert (tmp_path / "p" / "3.txt").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--steps", "0"], "must be at least 1"),
        (["--task", "drum_transcription", "--kind", "label"], "not allowed with"),
    ],
)
def test_wrong_arguments_end_with_2(events_folder, capsys, options, words):
    with pytest.raises(SystemExit) as stop:
        finetune(events_folder, *options)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err
