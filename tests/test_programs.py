"""The programs end to end on small folders: finetune, evaluate, predict, separate."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
import soundfile
from folders import RATE, check_scores, finetune
from tiny import TINY

from umir.checkpoint import Model, save_model
from umir.cli import main
from umir.evaluate import evaluate
from umir.task_model import TaskModel
from umir.tasks import get_task
from umir.wave_unet import Network, init_body

pytestmark = pytest.mark.usefixtures("tiny_preset")


def test_events_from_folder_to_predictions(events_folder, tmp_path, capsys):
    assert finetune(events_folder, "--steps", "60", "--learning-rate", "0.01") == 0
    check_scores(capsys.readouterr().out, ["F-measure", "F-measure/click", "F-measure_micro"])
    assert {p.name for p in (tmp_path / "model").iterdir()} == {
        "config.json",
        "model.safetensors",
        "MODEL_CARD.md",
    }
    arguments = ["--model", "model", "--data", str(events_folder), "--json", "scores.json"]
    assert main(["evaluate", *arguments]) == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["task"] == "events"
    assert scores["metrics"]["F-measure"] > 0.6
    assert [track["track"] for track in scores["per_track"]] == ["3.wav"]
    assert main(["predict", str(events_folder / "3.wav"), "--model", "model", "--out", "p"]) == 0
    rows = [line.split("\t") for line in (tmp_path / "p" / "3.txt").read_text().splitlines()]
    assert all(label == "click" and 0 <= float(time) <= 4 for time, label in rows)
    assert len(rows) >= 6


def test_the_same_seed_gives_the_same_model(events_folder, tmp_path):
    weights = []
    for _ in range(2):
        assert finetune(events_folder, "--steps", "3", "--seed", "5") == 0
        weights.append((tmp_path / "model" / "model.safetensors").read_bytes())
    assert finetune(events_folder, "--steps", "3", "--seed", "6") == 0
    assert weights[0] == weights[1]
    assert weights[0] != (tmp_path / "model" / "model.safetensors").read_bytes()


def test_labels_are_learnt(label_folder, capsys):
    assert finetune(label_folder, "--steps", "40", "--learning-rate", "0.01") == 0
    shown = capsys.readouterr().out
    check_scores(shown, ["accuracy", "macro_f1"])
    (line,) = [line for line in shown.splitlines() if line.startswith("accuracy")]
    assert float(line.split()[-1]) == 1.0


def test_stems_are_separated(stems_folder, tmp_path, capsys):
    assert finetune(stems_folder, "--steps", "4") == 0
    check_scores(capsys.readouterr().out, ["SDR", "SDR/vocals", "SDR/accompaniment", "SI-SDR"])
    song = np.random.default_rng(0).uniform(-0.3, 0.3, (44_100, 2))
    soundfile.write(tmp_path / "song.wav", song, 44_100, subtype="FLOAT")
    assert main(["separate", "song.wav", "--model", "model"]) == 0
    folder = tmp_path / "separated" / "model" / "song"
    stems = {path.stem: soundfile.read(path) for path in folder.iterdir()}
    assert set(stems) == {"vocals", "accompaniment"}
    assert all(rate == 44_100 and stem.shape == song.shape for stem, rate in stems.values())
    np.testing.assert_allclose(sum(stem for stem, _ in stems.values()), song, atol=1e-5)


def test_what_the_model_cannot_hear_stays_in_the_last_stem(stems_folder, tmp_path):
    assert finetune(stems_folder, "--steps", "1") == 0
    times = np.arange(44_100) / 44_100
    # Faded in and out: a sudden start has energy in every band.
    tone = 0.3 * np.hanning(44_100) * np.sin(2 * np.pi * 12_000 * times)
    song = tone[:, None].astype(np.float32)
    stems = TaskModel.load("model").predict(song, 44_100).waveforms
    assert np.abs(stems["vocals"]).max() < 1e-3
    np.testing.assert_allclose(stems["accompaniment"], song, atol=1e-3)


def test_two_stems_and_folders(stems_folder, tmp_path, capsys):
    assert finetune(stems_folder, "--steps", "1") == 0
    (tmp_path / "songs").mkdir()
    for name in ("a", "b"):
        soundfile.write(tmp_path / "songs" / f"{name}.wav", np.full(4000, 0.1), RATE)
    (tmp_path / "songs" / "broken.wav").write_bytes(b"RIFF")
    arguments = ["songs", "--model", "model", "--out", "out", "--two-stems", "vocals"]
    assert main(["separate", *arguments]) == 1
    made = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.wav")}
    stems = ("no_vocals", "vocals")
    assert made == {f"model/{song}/{stem}.wav" for song in "ab" for stem in stems}
    shown = capsys.readouterr().err
    assert "broken.wav" in shown
    assert "1 of 3 files failed" in shown


def test_a_start_from_a_model_directory(events_folder, tmp_path):
    body = init_body(TINY, jax.random.key(7))
    config = {"format": "umir initialisation 1", "network": vars(TINY)}
    save_model(tmp_path / "start", Model(config, {"body": body}), "# start\n")
    arguments = ["--data", str(events_folder), "--init", "start", "--steps", "2", "--out", "m"]
    assert main(["finetune", *arguments]) == 0
    assert TaskModel.load("m").network.config == TINY
    assert TaskModel.load("m").facts["init"] == "start"


def test_all_is_all_that_a_model_was_not_adapted_with(events_folder):
    assert finetune(events_folder, "--steps", "1") == 0
    model = TaskModel.load("model")
    tracks = {
        split: [track["track"] for track in evaluate(model, events_folder, split)["per_track"]]
        for split in ("train", "valid", "test", "all")
    }
    assert tracks["all"] == tracks["test"]
    fresh = evaluate(replace(model, facts={}), events_folder, "all")["per_track"]
    everything = tracks["train"] + tracks["valid"] + tracks["test"]
    assert sorted(track["track"] for track in fresh) == sorted(everything)


def test_compare_prints_the_start_as_it_is_and_scratch(events_folder, tmp_path, capsys):
    assert finetune(events_folder, "--steps", "1") == 0
    capsys.readouterr()
    arguments = ["--data", str(events_folder), "--init", "model", "--preset", "tiny"]
    assert main(["finetune", *arguments, "--steps", "1", "--compare", "--out", "m"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["model", "as", "it", "is", "scratch"]
    assert shown[1].split()[0] == "F-measure"
    assert len(shown[1].split()) == 4


def test_a_named_task_maps_the_folders_classes(events_folder, tmp_path, capsys):
    for index in range(4):
        path = events_folder / f"{index}.txt"
        path.write_text(path.read_text().replace("click", "SD"))
    assert finetune(events_folder, "--steps", "1", "--task", "drum_transcription") == 0
    assert "F-measure/snare" in capsys.readouterr().out


@pytest.mark.parametrize(("model_channels", "channels"), [(1, 6), (2, 1), (2, 6)])
def test_any_number_of_channels_is_separated(monkeypatch, rng, model_channels, channels):
    network = Network(replace(TINY, channels=model_channels), get_task("vocal_separation").head)
    params = network.init(jax.random.key(0))
    model = TaskModel(network, get_task("vocal_separation"), params, {"rate": RATE})
    song = (0.1 * rng.normal(size=(5000, channels))).astype(np.float32)
    stems = model.predict(song, RATE).waveforms
    assert all(stem.shape == song.shape for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), song, atol=1e-5)
