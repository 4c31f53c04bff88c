"""A name does wherever a model is taken; what there is is listed; what is not there is said."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from folders import fails
from shelf import TASKS, separator_model, shelf  # noqa: F401
from tiny import TINY

from umir.adaptation.start import Start
from umir.checkpoint import Model, load_model, save_model
from umir.cli import main
from umir.named_parameters import flatten
from umir.released_models import (
    INITIALISATION,
    SEPARATOR,
    Release,
    default_model,
    find_model,
    find_released,
    released_folder,
    released_names,
    set_default_model,
)
from umir.sequence_tasks.model import FORMAT as SEQUENCE_MODEL
from umir.task_model import TaskModel


@pytest.fixture
def room(shelf, tmp_path, monkeypatch):  # noqa: F811
    """A folder to work in, where programs know the released models."""
    monkeypatch.setenv("UMIR_MODELS", str(shelf))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_comes_before_a_name(room, shelf, capsys):  # noqa: F811
    assert find_model("tiny-start", shelf) == shelf / "tiny-start"
    assert find_model(room, shelf) == room
    assert capsys.readouterr().err == ""
    (room / "tiny-start").mkdir()
    assert str(find_model("tiny-start", shelf)) == "tiny-start"
    line = capsys.readouterr().err
    assert line == f"tiny-start: taking the folder of this name here, not {shelf / 'tiny-start'}\n"
    find_model("./tiny-start", shelf)  # cannot be meant as a name
    assert capsys.readouterr().err == ""


def test_a_path_is_no_name(room, shelf):  # noqa: F811
    with pytest.raises(ValueError, match="models/tiny-start: no such model directory"):
        find_model("models/tiny-start", shelf)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("tiny-strat", "did you mean tiny-start"),
        ("huge", "there are tiny-start, tiny-vocals"),
    ],
)
def test_unknown_names(room, shelf, asked, words):  # noqa: F811
    for find in (find_model, find_released):
        with pytest.raises(ValueError, match=words) as error:
            find(asked, shelf)
        assert asked in str(error.value) and "\n" not in str(error.value)


def test_without_any_model_the_way_to_one_is_said(tmp_path):
    assert released_names(tmp_path / "none") == []
    with pytest.raises(ValueError, match="none in this installation.*umir.meta_train`, or scratch"):
        find_model("umir-nano", tmp_path, instead=", or scratch")


def test_the_best_is_named_in_one_place(shelf, tmp_path):  # noqa: F811
    assert default_model(INITIALISATION, shelf) == "tiny-start"
    assert default_model(SEPARATOR, shelf) is None
    assert default_model(SEPARATOR, tmp_path) is None
    copy = shutil.copytree(shelf, tmp_path / "copy")
    set_default_model(SEPARATOR, "tiny-vocals", copy)
    assert default_model(SEPARATOR, copy) == "tiny-vocals"
    assert default_model(INITIALISATION, copy) == "tiny-start"
    shutil.rmtree(copy / "tiny-start")
    with pytest.raises(ValueError, match="defaults.json: there is no model 'tiny-start'"):
        default_model(INITIALISATION, copy)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_damaged_defaults(tmp_path, text):
    (tmp_path / "defaults.json").write_text(text)
    with pytest.raises(ValueError, match="defaults.json: is .*; install umir again"):
        default_model(INITIALISATION, tmp_path)


def test_what_a_released_model_says_of_itself(shelf):  # noqa: F811
    start = Release.read(shelf / "tiny-start")
    assert (start.purpose, start.tasks, start.ready, start.stems) == (
        "initialisation",
        TASKS,
        True,
        (),
    )
    weights = (shelf / "tiny-start" / "model.safetensors").stat().st_size
    # Half precision: two bytes each, and a header.
    assert 2 * start.n_parameters < weights < 2 * start.n_parameters + 20_000
    assert weights < start.n_bytes == sum(p.stat().st_size for p in start.directory.iterdir())
    vocals = Release.read(shelf / "tiny-vocals")
    assert (vocals.purpose, vocals.stems) == ("separator", ("vocals", "accompaniment"))
    assert (vocals.licence, vocals.headline) == ("CC-BY-NC-4.0", "SDR 4.2")


def test_the_list(room, capsys):
    assert main(["models"]) == 0
    start, vocals = capsys.readouterr().out.split("\n\n")
    for words in ("tiny-start\n", "start of `umir finetune`", "(taken by default)", "Apache-2.0"):
        assert words in start
    assert ", ".join(TASKS) in start and "ahead of scratch on 1 of 2 tasks" in start
    for words in ("tiny-vocals\n", "`umir separate`: vocals, accompaniment", "CC-BY-NC-4.0"):
        assert words in vocals
    assert "(taken by default)" not in vocals


def test_one_model(room, shelf, capsys):  # noqa: F811
    assert main(["models", "tiny-vocals"]) == 0
    assert capsys.readouterr().out == (shelf / "tiny-vocals" / "MODEL_CARD.md").read_text()
    assert main(["models", "tiny-vocals", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["stems"] == ["vocals", "accompaniment"] and found["best"] is False
    assert "did you mean tiny-vocals" in fails(capsys, "models", "tiny-vocal")


def test_the_list_as_json(room, capsys):
    assert main(["models", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(model["name"], model["best"]) for model in found] == [
        ("tiny-start", True),
        ("tiny-vocals", False),
    ]


def test_a_damaged_model_does_not_hide_the_others(room, shelf, capsys, monkeypatch):  # noqa: F811
    copy = shutil.copytree(shelf, room / "copy")
    config = copy / "tiny-start" / "config.json"
    config.write_text(config.read_text()[:200])
    monkeypatch.setenv("UMIR_MODELS", str(copy))
    assert main(["models"]) == 1
    shown = capsys.readouterr()
    assert shown.out.startswith("tiny-vocals\n")
    assert "tiny-start/config.json: is damaged" in shown.err and shown.err.count("\n") == 1


def test_weights_that_are_missing_or_cut_off_are_seen_in_the_list(room, shelf, capsys, monkeypatch):  # noqa: F811
    copy = shutil.copytree(shelf, room / "torn")
    weights = copy / "tiny-start" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    monkeypatch.setenv("UMIR_MODELS", str(copy))
    assert main(["models"]) == 1
    assert "tiny-start/model.safetensors: is cut off or damaged" in capsys.readouterr().err
    weights.unlink()
    assert main(["models"]) == 1
    assert "tiny-start/model.safetensors: is missing" in capsys.readouterr().err


def test_a_model_that_was_not_released_is_not_listed_as_one(room, tmp_path):
    separator_model().save(tmp_path / "own", "# own\n")
    with pytest.raises(ValueError, match="not of a released model; make one with `umir release`"):
        Release.read(tmp_path / "own")


@pytest.mark.parametrize("options", [[], ["tiny-start"], ["--json"]])
def test_the_list_needs_no_jax(shelf, options):  # noqa: F811
    code = (
        f"import sys\nfrom umir.cli import main\nassert main(['models', *{options!r}]) == 0\n"
        "assert 'jax' not in sys.modules, 'imported JAX'"
    )
    environment = {**os.environ, "UMIR_MODELS": str(shelf)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "tiny-start" in done.stdout


def test_no_models_yet(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UMIR_MODELS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["models"]) == 0
    assert "none in this installation: train one with" in capsys.readouterr().out
    line = fails(capsys, "finetune", "--data", ".", "--out", str(tmp_path / "out"))
    assert "models/nano-fomaml: no such model directory, and no released model" in line
    asked = {
        "separate": ("separator", ["song.wav"]),
        "predict": ("initialisation", ["song.wav", "--out", "found"]),
        "evaluate": ("initialisation", ["--data", "."]),
    }
    for program, (kind, arguments) in asked.items():
        with pytest.raises(SystemExit) as stop:
            main([program, *arguments])
        assert stop.value.code == 2
        assert f"no {kind} comes with this installation: --model" in capsys.readouterr().err


@pytest.mark.parametrize("program", [["finetune", "--data", "."], ["separate", "song.wav"]])
def test_defaults_that_name_no_model_are_one_line(tmp_path, monkeypatch, capsys, program):
    monkeypatch.setenv("UMIR_MODELS", str(tmp_path))
    for purpose in (INITIALISATION, SEPARATOR):
        set_default_model(purpose, "gone", tmp_path)
    line = fails(capsys, *program, "--out", str(tmp_path / "out"))
    assert line.startswith(f"umir {program[0]}: ") and "there is no model 'gone'" in line
    with pytest.raises(SystemExit) as stop:
        main([program[0], "--help"])
    assert stop.value.code == 0


def test_every_model_that_umir_brings_is_whole(monkeypatch):
    monkeypatch.delenv("UMIR_MODELS", raising=False)
    folder = released_folder()
    for name in released_names():
        model = Release.read(folder / name)
        assert model.n_bytes <= 20_000_000
        assert model.card.startswith(f"# {name}\n")
        TaskModel.load(name, *model.tasks[:1]) if model.ready else Start.load(name)
    for purpose in (INITIALISATION, SEPARATOR):
        default_model(purpose)


def test_a_start_by_name(room, shelf, capsys):  # noqa: F811
    line = fails(capsys, "finetune", "--data", ".", "--out", "model", "--preset", "nano")
    assert "tiny-start: not of the preset 'nano'" in line  # the best is taken
    line = fails(capsys, "finetune", "--data", ".", "--out", "model", "--preset", "nanno")
    assert "no preset 'nanno': choose from nano" in line
    start = Start.load("tiny-start")
    assert start.config == TINY
    stored = flatten(load_model(shelf / "tiny-start").params["body"])
    assert flatten(start.body).keys() == stored.keys()
    assert all(np.array_equal(tensor, stored[name]) for name, tensor in flatten(start.body).items())
    with pytest.raises(ValueError, match="or start with `--init scratch`"):
        Start.load("tiny-finish")


def test_a_model_by_name(room, rng):
    waveform = 0.1 * rng.standard_normal((16_000, 1)).astype(np.float32)
    named, lying = (
        TaskModel.load(m) for m in ("tiny-vocals", os.environ["UMIR_MODELS"] + "/tiny-vocals")
    )
    assert named.task == separator_model().task
    np.testing.assert_array_equal(named.output(waveform), lying.output(waveform))
    assert TaskModel.load("tiny-start", "onset_detection").task.name == "onset_detection"


def test_the_programs_take_names(room, rng, capsys):
    soundfile.write("song.wav", 0.1 * rng.standard_normal((16_000, 1)), 16_000)
    assert main(["separate", "song.wav", "--model", "tiny-vocals"]) == 0
    stems = {"vocals.wav", "accompaniment.wav"}
    assert {p.name for p in (room / "separated" / "tiny-vocals" / "song").iterdir()} == stems
    arguments = ["song.wav", "--model", "tiny-start", "--task", "genre_recognition", "--out", "p"]
    assert main(["predict", *arguments]) == 0
    named = (room / "p" / "song.txt").read_text()
    assert named.strip()
    # None named: the best start, and which of its tasks must be said.
    task = arguments[3:5]
    assert main(["predict", "song.wav", *task, "--out", "by_default"]) == 0
    assert (room / "by_default" / "song.txt").read_text() == named
    line = fails(capsys, "predict", "song.wav", "--out", "none")
    assert "tiny-start" in line and all(name in line for name in TASKS)
    (room / "manifest.jsonl").write_text('{"audio": "song.wav", "label": "rock", "split": "test"}')
    assert main(["evaluate", "--data", ".", *task]) == 0
    assert "genre_recognition, 1 tracks of test" in capsys.readouterr().out
    capsys.readouterr()
    line = fails(capsys, "evaluate", "--model", "tiny-vocal", "--data", ".")
    assert "did you mean tiny-vocals" in line


def test_a_released_separator_is_the_default_of_separate(room, shelf, monkeypatch, rng):  # noqa: F811
    copy = shutil.copytree(shelf, room / "copy")
    set_default_model(SEPARATOR, "tiny-vocals", copy)
    monkeypatch.setenv("UMIR_MODELS", str(copy))
    soundfile.write("song.wav", 0.1 * rng.standard_normal((16_000, 1)), 16_000)
    assert main(["separate", "song.wav"]) == 0
    assert (room / "separated" / "tiny-vocals" / "song" / "vocals.wav").exists()


def test_without_a_separator_the_start_separates_with_its_head(room, rng):
    soundfile.write("song.wav", 0.1 * rng.standard_normal((16_000, 1)), 16_000)
    assert main(["separate", "song.wav"]) == 0
    assert (room / "separated" / "tiny-start" / "song" / "drums.wav").exists()


def test_a_format_of_another_version(room, shelf):  # noqa: F811
    copy = shutil.copytree(shelf / "tiny-vocals", room / "newer")
    config = copy / "config.json"
    config.write_text(config.read_text().replace("umir task model 1", "umir task model 2"))
    with pytest.raises(ValueError, match="newer: its format is 'umir task model 2'.*update umir"):
        TaskModel.load(copy)


def test_a_sequence_model_is_told_from_one_of_another_version(room):
    config = {"format": SEQUENCE_MODEL, "task": {}}
    save_model("sequences", Model(config, {"a": np.zeros(3, np.float32)}), "# sequences")
    shown = "sequences: a sequence model: it makes sequences, with `umir sequences generate"
    with pytest.raises(ValueError, match=shown):
        TaskModel.load("sequences")
