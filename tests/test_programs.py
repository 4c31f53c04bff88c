"""The programs end to end on small folders: finetune, evaluate, predict, separate; bad input."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
import soundfile
from tiny import TINY

from umir.checkpoint import Model, save_model
from umir.cli import main
from umir.evaluate import evaluate
from umir.task_model import TaskModel
from umir.tasks import get_task
from umir.wave_unet import PRESETS, Network, init_body

RATE = 16_000


@pytest.fixture(autouse=True)
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


def finetune(folder, *options):
    preset = ["--init", "scratch", "--preset", "tiny"]
    arguments = ["finetune", "--data", str(folder), "--out", "model", *preset, *options]
    return main(arguments)


def check_scores(shown, names):
    """Every metric stands in the output with a number beside it."""
    for name in names:
        (line,) = [line for line in shown.splitlines() if line.split()[:1] == [name]]
        float(line.split()[-1])


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


def test_compare_prints_both_starts(events_folder, tmp_path, capsys):
    assert finetune(events_folder, "--steps", "1") == 0
    capsys.readouterr()
    arguments = ["--data", str(events_folder), "--init", "model", "--preset", "tiny"]
    assert main(["finetune", *arguments, "--steps", "1", "--compare", "--out", "m"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["model", "scratch"]
    assert shown[1].split()[0] == "F-measure"
    assert len(shown[1].split()) == 3


def fails(capsys, *arguments):
    """Run a program that must fail and return its one line."""
    assert main(list(arguments)) == 1
    shown = capsys.readouterr().err
    assert shown.strip().count("\n") == 0, shown
    return shown


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
    assert "11.wav: 'kazoo': not among the classes 'high', 'low'" in capsys.readouterr().err
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
    assert not list((tmp_path / "m").iterdir())


def test_a_named_task_maps_the_folders_classes(events_folder, tmp_path, capsys):
    for index in range(4):
        path = events_folder / f"{index}.txt"
        path.write_text(path.read_text().replace("click", "SD"))
    assert finetune(events_folder, "--steps", "1", "--task", "drum_transcription") == 0
    assert "F-measure/snare" in capsys.readouterr().out


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


def read_rows(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


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


@pytest.mark.parametrize(("model_channels", "channels"), [(1, 6), (2, 1), (2, 6)])
def test_any_number_of_channels_is_separated(monkeypatch, rng, model_channels, channels):
    network = Network(replace(TINY, channels=model_channels), get_task("vocal_separation").head)
    params = network.init(jax.random.key(0))
    model = TaskModel(network, get_task("vocal_separation"), params, {"rate": RATE})
    song = (0.1 * rng.normal(size=(5000, channels))).astype(np.float32)
    stems = model.predict(song, RATE).waveforms
    assert all(stem.shape == song.shape for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), song, atol=1e-5)


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
