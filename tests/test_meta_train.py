"""`umir meta-train` with a tiny network: what it writes, that seeds decide it, what it refuses.

That it resumes is for `test_killed_training` and `test_plan` to show.
"""

import json

import jax
import numpy as np
import pytest
from made_sets import make_mdb_drums
from tiny import TINY

from umir.adaptation.start import Start
from umir.checkpoint import load_model
from umir.cli import main
from umir.data_source import DataSource
from umir.data_specification import open_data
from umir.meta_train import parser, plan_of, save
from umir.meta_training.phases import meta_train as train
from umir.wave_unet import PRESETS

TASKS = ("source_separation", "drum_transcription", "instrument_recognition")
SHORT = ["--preset", "tiny", "--songs", "6", "--held-out-songs", "4", "--evaluation-steps", "1"]
SHORT += ["--song-seconds", "8", "--without"]  # so that three of those four songs have drums
SHORT += ["--tasks", *TASKS, "--new-tasks"]


@pytest.fixture(autouse=True)
def tiny_preset(monkeypatch, tmp_path, remembered_songs):
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    monkeypatch.chdir(tmp_path)


def meta_train(out, *options):
    assert main(["meta_train", *SHORT, "--out", str(out), *options]) == 0
    return (out / "model.safetensors").read_bytes()


def log(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_what_a_training_leaves(tmp_path, capsys):
    out = tmp_path / "model"
    meta_train(out, "--steps", "6", "--warm-up", "0.5")
    model = load_model(out)
    assert set(model.params) == {"body"}
    assert model.config["network"]["preset"] == "tiny"
    rows = log(out)
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["phase"] for row in rows] == ["warm-up"] * 3 + ["meta-training"] * 3
    for row, task in zip(rows, TASKS * 2, strict=True):
        assert set(row) == {"phase", "step", f"loss/{task}", f"gradient_norm/{task}"}
    assert list((out / "tensorboard" / "warm-up").glob("events.*"))
    assert (out / "adaptation.png").read_bytes().startswith(b"\x89PNG")
    curves = json.loads((out / "adaptation.json").read_text())
    assert set(curves) == {"meta-trained", "scratch"}
    assert all(set(curves[start][task]) == {"0", "1"} for start in curves for task in TASKS)
    table = capsys.readouterr().out
    assert all(task in table for task in TASKS)


def test_ten_tasks_are_trained_on_and_others_are_new():
    plan = plan_of(parser().parse_args(["--hold-out", "beat_tracking"]))
    names, new = [task.name for task in plan.tasks], [task.name for task in plan.new_tasks]
    assert len(names) == 9 and len({*names, *new}) == 12
    assert new == ["beat_tracking", "key_recognition", "tempo_estimation"]


@pytest.mark.parametrize(
    "options",
    [
        "--proximity 2",
        "--rematerialise",
        "--first-order 0.5",
        "--algorithm multitask --inner-steps 5",
    ],
)
def test_settings_that_the_algorithm_does_not_look_at_are_refused(options, capsys):
    assert main(["meta_train", *SHORT, *options.split()]) == 1
    setting = [word for word in options.split() if word.startswith("--")][-1]
    assert f"{setting}: means nothing to --algorithm " in capsys.readouterr().err
    wanted = {"--proximity": "imaml", "--rematerialise": "anil", "--first-order": "meta_sgd"}
    algorithm = wanted.get(setting, "reptile")
    plan_of(parser().parse_args([*options.split(), "--algorithm", algorithm]))


def test_a_model_knows_which_recordings_taught_it(tmp_path):
    """So that it is neither validated nor scored with them."""
    data, out = f"mdb_drums:{make_mdb_drums(tmp_path / 'drums')}", str(tmp_path / "model")
    options = ["--data", data, "--tasks", "drum_transcription", "--steps", "1", "--out", out]
    plan = plan_of(parser().parse_args([*SHORT, *options]))
    save(plan, train(plan, models=False), "umir meta-train")
    splits = Start.load(out).splits
    taught = {group for group, split in splits.items() if split == "train"}
    source = DataSource(data, TINY.rate, TINY.channels)
    assert taught == {song.group for song in source.examples(plan.tasks[0])} != set(splits)
    assert splits == open_data(data, task="drum_transcription").assignment


def test_another_seed_gives_another_start(tmp_path):
    """That the same seed gives the same bits is for `test_killed_training` to show."""
    options = [*SHORT, "--steps", "2", "--tasks", "drum_transcription"]
    bodies = []
    for seed in "01":
        more = ["--seed", seed, "--out", str(tmp_path / seed)]
        bodies.append(train(plan_of(parser().parse_args([*options, *more])), models=False).body)
    assert not jax.tree.all(jax.tree.map(np.array_equal, *bodies))


def test_unknown_words_are_named(capsys):
    assert main(["meta_train", "--preset", "huge"]) == 1
    assert "no preset 'huge': choose from nano" in capsys.readouterr().err
    assert main(["meta_train", *SHORT, "--tasks", "juggling"]) == 1
    assert "no task 'juggling'" in capsys.readouterr().err


def test_holding_out_everything_is_an_error(capsys):
    assert main(["meta_train", *SHORT, "--hold-out", *TASKS]) == 1
    assert "no task is left to train on" in capsys.readouterr().err


def test_arguments_that_cannot_be_meant(tmp_path, capsys):
    assert main(["meta_train", *SHORT, "--hold-out", "drums"]) == 1
    assert "--hold-out drums: not among the tasks" in capsys.readouterr().err
    assert main(["meta_train", "--preset", "tiny", "--held-out-songs", "2"]) == 1
    assert "at least 3" in capsys.readouterr().err
    for seed in ("100000", "1000000"):
        assert main(["meta_train", *SHORT, "--seed", seed]) == 1
        assert f"--seed {seed}: its songs are those that" in capsys.readouterr().err
    assert plan_of(parser().parse_args(["--seed", "99999"])).seed == 99_999
    assert main(["meta_train", *SHORT, "--data", str(tmp_path), "--songs-per-step", "0.1"]) == 1
    assert "--songs-per-step: no song of the studio is learnt from" in capsys.readouterr().err
    rolling = ["--preset", "tiny", "--songs", "12", "--songs-per-step", "0.1", "--tasks"]
    assert main(["meta_train", *rolling, "genre_recognition"]) == 1
    assert "give at least 16 songs" in capsys.readouterr().err
    assert plan_of(parser().parse_args([*rolling, "beat_tracking"])).songs == 12


def test_what_has_no_episodes_is_refused_before_the_warm_up(tmp_path, capsys):
    options = ["--tasks", "drum_transcription", "--songs", "1", "--out", str(tmp_path / "a")]
    assert main(["meta_train", "--preset", "tiny", *options]) == 1
    assert "'drum_transcription': episodes need two groups" in capsys.readouterr().err
    assert not (tmp_path / "a" / "log.jsonl").exists()


def test_data_that_cannot_be_used_is_refused_before_anything_is_rendered(
    tmp_path, capsys, monkeypatch
):
    def rendered(*args, **options):
        raise AssertionError("songs were rendered before the data was read")

    make_mdb_drums(tmp_path / "drums")
    for mix in (tmp_path / "drums").rglob("*_MIX.wav"):
        mix.unlink()
    monkeypatch.setattr("umir.meta_training.plan.render_songs", rendered)
    options = ["--data", f"studio,mdb_drums:{tmp_path / 'drums'}", "--out", str(tmp_path / "a")]
    assert main(["meta_train", *SHORT, *options]) == 1
    assert "no track of mdb_drums can be used: 6 of 6 tracks" in capsys.readouterr().err


def test_reptile_with_one_inner_step_is_refused_before_anything_is_rendered(tmp_path, capsys):
    options = ["--algorithm", "reptile", "--inner-steps", "1", "--out", str(tmp_path / "a")]
    assert main(["meta_train", *SHORT, *options]) == 1
    assert "two inner steps" in capsys.readouterr().err
    assert not (tmp_path / "a" / "checkpoints").exists()


def test_a_causal_body_is_trained_as_the_other_one(tmp_path, capsys):
    out, body = tmp_path / "causal", ["--body", "seq_unet"]
    options = ["--steps", "2", "--warm-up", "0.5", "--tasks", "drum_transcription"]
    meta_train(out, *options, *body)
    config = load_model(out).config
    assert config["network"]["body"] == config["training"]["body"] == "seq_unet"
    resumed = [*SHORT, "--out", str(out), *options, "--resume"]
    assert main(["meta_train", *resumed]) == 1
    assert "another body (wave_unet, not seq_unet)" in capsys.readouterr().err
    plan = plan_of(parser().parse_args(body))
    assert plan.out.name == "nano-fomaml-causal"
    # Masks look ahead: stems come sample by sample.
    assert [task.head.kind for task in plan.tasks if task.kind == "stems"] == ["waveform"]
