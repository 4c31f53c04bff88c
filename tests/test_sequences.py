"""`umir sequences` on tiny data: training, resuming, Ctrl-C, generation, and what cannot be."""

import json
import signal

import numpy as np
import pytest
import soundfile
from folders import fails
from nano_sequence_tasks import MUSIC, PRESETS, rolls, write_mat

import umir.sequence_tasks.recipes
from umir.checkpoint import load_model
from umir.cli import main
from umir.data.midi import midi_rows
from umir.resuming import Interruption
from umir.sequence_tasks import copy_memory
from umir.sequence_tasks.model import SequenceModel
from umir.wave_unet import n_parameters


@pytest.fixture(autouse=True)
def nano(monkeypatch, tmp_path):
    monkeypatch.setattr(umir.sequence_tasks.recipes, "PRESETS", PRESETS)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def mat(tmp_path):
    splits = {"traindata": [20, 33, 9], "validdata": [12, 30], "testdata": [25, 8]}
    parts = {name: rolls(lengths, n) for n, (name, lengths) in enumerate(splits.items())}
    return str(write_mat(tmp_path / "tiny.mat", **parts))


def music(mat, *options):
    return ["sequences", "music", mat, "--preset", "jsb", "--out", "model", *options]


def files(folder):
    return {path.name for path in folder.iterdir()}


def test_music_from_file_to_midi(mat, tmp_path, capsys):
    assert main(music(mat, "--json", "scores.json")) == 0
    shown = capsys.readouterr().out
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert list(scores["splits"]) == ["train", "valid", "test"]
    assert scores["metrics"] == scores["splits"]["test"]
    assert f"test: nats_per_frame {scores['metrics']['nats_per_frame']:.4f}" in shown
    assert {"config.json", "model.safetensors", "MODEL_CARD.md"} <= files(tmp_path / "model")
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text()
    assert "- Made by: `umir sequences music" in card and "tiny.mat" in card and "| test |" in card
    model = SequenceModel.load(tmp_path / "model")
    assert model.task == MUSIC and scores["parameters"] == n_parameters(model.params)
    options = ["--model", "model", "--prefix", mat, "--piece", "1", "--length", "4"]
    assert main(["sequences", "generate", *options, "--out", "x.mid"]) == 0
    assert list(midi_rows(tmp_path / "x.mid"))
    assert "--piece 2: " in fails(
        capsys, *["sequences", "generate", *options, "--piece", "2", "--out", "y.mid"]
    )
    assert "--out: say where" in fails(capsys, "sequences", "generate", *options)
    assert not (tmp_path / "y.mid").exists()


def test_a_training_goes_on_only_as_it_began(mat, tmp_path, capsys):
    assert main(music(mat)) == 0
    weights = load_model("model").params
    capsys.readouterr()
    assert "holds a training; go on with --resume" in fails(capsys, *music(mat))
    assert main(music(mat, "--resume")) == 0  # is over: scored again, no step taken
    again = load_model("model").params
    assert (again["network"]["leave"]["kernel"] == weights["network"]["leave"]["kernel"]).all()
    capsys.readouterr()
    shown = fails(capsys, *music(mat, "--resume", "--seed", "1", "--dropout", "0.1"))
    assert "task.network.dropout (0.3, now 0.1), seed (0, now 1)" in shown
    assert main(music(mat, "--resume", "--epochs", "3")) == 0  # longer it may be
    log = [json.loads(line) for line in (tmp_path / "model" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [3, 6, 9]
    other = ["sequences", "copy", "--out", "model", "--resume"]
    capsys.readouterr()
    assert "task.kind (music, now copy)" in fails(capsys, *other)


def test_ctrl_c_saves_and_resuming_changes_nothing(mat, tmp_path, capsys, monkeypatch):
    assert main(music(mat)) == 0
    whole = load_model("model").params
    call = Interruption.__call__

    def pressed(self, step, state, metrics):
        self._asked = signal.SIGINT if step == 4 else None
        call(self, step, state, metrics)

    stopped = [*music(mat)[:-1], "stopped"]
    with monkeypatch.context() as patch:
        patch.setattr(Interruption, "__call__", pressed)
        assert main(stopped) == 130
    shown = capsys.readouterr().err
    assert "go on with: " in shown and "--out stopped --resume" in shown
    assert not (tmp_path / "stopped" / "config.json").exists()
    assert main([*stopped, "--resume"]) == 0
    resumed = load_model("stopped").params
    for stage, kernels in whole["network"].items():
        np.testing.assert_equal(resumed["network"][stage], kernels)


def test_text_from_file_to_text(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("the cat sat\non the mat\n" * 60)
    assert main(["sequences", "characters", "a.txt", "--spell-newlines", "--out", "c"]) == 0
    assert "test: bits_per_character" in capsys.readouterr().out
    generate = ["sequences", "generate", "--model", "c", "--length", "12"]
    assert main([*generate, "--prefix", "a.txt", "--prefix-length", "7"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("the cat") and len(shown.replace("\n", "<eos>")) >= 7 + 12
    assert main([*generate, "--out", "t.txt"]) == 0 and (tmp_path / "t.txt").read_text()
    words = ["sequences", "words", "a.txt", "a.txt", "a.txt", "--network", "tcn", "--out", "w"]
    assert main([*words, "--vocabulary", "5", "--epochs", "1", "--clip", "0"]) == 0
    assert "test: perplexity" in capsys.readouterr().out
    assert len(SequenceModel.load(tmp_path / "w").facts["vocabulary"]) == 5
    config = json.loads((tmp_path / "w" / "config.json").read_text())
    (tmp_path / "w" / "config.json").write_text(json.dumps({**config, "vocabulary": ["a"]}))
    assert "no vocabulary of 5" in fails(capsys, *generate[:3], "w")


def test_audio_from_folder_to_file(tmp_path, rng, capsys):
    (tmp_path / "audio").mkdir()
    for n in range(3):
        sound = rng.uniform(-0.5, 0.5, 300)
        soundfile.write(tmp_path / "audio" / f"{n}.wav", sound, 16_000, "FLOAT")
    train = ["sequences", "audio", "audio", "--epoch-steps", "2", "--epochs", "1"]
    assert main([*train, "--out", "a"]) == 0
    assert "test: bits_per_sample" in capsys.readouterr().out
    options = ["--model", "a", "--prefix", "audio/0.wav", "--prefix-length", "0.01"]
    generate = ["sequences", "generate", *options, "--length", "0.02"]
    assert main([*generate, "--out", "x.wav"]) == 0
    found, rate = soundfile.read(tmp_path / "x.wav")
    before, _ = soundfile.read(tmp_path / "audio" / "0.wav")
    assert (len(found), rate) == (160 + 320, 16_000)
    np.testing.assert_allclose(found[:160], before[:160], atol=0.01)
    assert "x.xyz" in fails(capsys, *generate, "--out", "x.xyz")
    assert "--dropout: a wavenet drops nothing" in fails(
        capsys, *train, "--network", "wavenet", "--out", "b", "--dropout", "0.1"
    )


def test_a_training_that_diverges_leaves_no_model(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(copy_memory, "COUNTS", {"train": 6, "valid": 3, "test": 3})
    train = ["sequences", "copy", "--blanks", "5", "--digits", "2", "--epochs", "2", "--out", "k"]
    assert main([*train, "--learning-rate", "1e38"]) == 1
    shown = capsys.readouterr().err.splitlines()[-1]
    assert (
        "k: no model was written: no epoch had a finite validation loss; lower --learning-rate"
        in shown
    )
    assert not (tmp_path / "k" / "config.json").exists()


def test_copy_memory(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(copy_memory, "COUNTS", {"train": 6, "valid": 3, "test": 3})
    assert main(["sequences", "copy", "--blanks", "5", "--digits", "2", "--out", "k"]) == 0
    assert "test: nats_per_digit" in capsys.readouterr().out
    shown = fails(capsys, "sequences", "generate", "--model", "k")
    assert "is a model of copy, which has nothing to generate" in shown


def test_models_of_something_else(tmp_path, capsys):
    (tmp_path / "m").mkdir()
    generate = ["sequences", "generate", "--model", "m"]
    assert "config.json" in fails(capsys, *generate)
    (tmp_path / "m" / "config.json").write_text('{"umir_model": 1, "parameters": {}}')
    assert "m" in fails(capsys, *generate)


def test_data_that_cannot_be_used_leave_nothing(tmp_path, capsys):
    (tmp_path / "e").mkdir()
    for command in (["music", "e", "--preset", "jsb"], ["characters", "e"], ["audio", "e"]):
        shown = fails(capsys, "sequences", *command, "--out", "o")
        assert "e: " in shown
        assert not (tmp_path / "o" / "training.json").exists()
    with pytest.raises(SystemExit) as stop:  # which settings are meant is not guessed
        main(["sequences", "music", "x.mat", "--out", "o"])
    assert stop.value.code == 2
