"""Every kind of bad or odd input goes through a program: one clear line, nothing half-written."""

import json

import numpy as np
import pytest
import soundfile
from folders import RATE, clicks, fails, finetune, read_rows, write_rows

from umir.cli import main
from umir.files import locked
from umir.results import NOTES
from umir.task_model import TaskModel

pytestmark = pytest.mark.usefixtures("tiny_preset")


@pytest.fixture
def model(events_folder, capsys):
    """The directory of a model of clicks."""
    assert finetune(events_folder, "--steps", "1") == 0
    capsys.readouterr()
    return "model"


@pytest.fixture
def bad(tmp_path, rng):
    """Return a function that makes the unusable file of a kind."""
    noise = 0.1 * rng.normal(size=(RATE, 1))

    def make(kind):
        path = tmp_path / "bad.wav"
        if kind == "folder":
            path.mkdir()
        elif kind == "empty":
            path.write_bytes(b"")
        elif kind == "text":
            path.write_text("not a sound")
        elif kind == "no samples":
            soundfile.write(path, noise[:0], RATE)
        elif kind in ("cut off", "ten hours promised"):
            soundfile.write(path, noise, RATE, subtype="PCM_16")
            data = bytearray(path.read_bytes())
            if kind == "cut off":
                path.write_bytes(data[: len(data) // 2])
            else:
                ten_hours = 36_000 * RATE * 2
                data[4:8] = (ten_hours + 36).to_bytes(4, "little")
                data[40:44] = ten_hours.to_bytes(4, "little")
                path.write_bytes(data)
        elif kind in ("nan", "infinite"):
            noise[RATE // 2] = np.nan if kind == "nan" else np.inf
            soundfile.write(path, noise, RATE, subtype="FLOAT")
        return path

    return make


BAD_AUDIO = {
    "missing": "no such file",
    "folder": "is a folder",
    "empty": "is empty",
    "text": "is not audio",
    "no samples": "holds no samples",
    "cut off": "is cut off",
    "ten hours promised": "is cut off",
    "nan": "NaN or infinite",
    "infinite": "NaN or infinite",
}


@pytest.mark.parametrize(("kind", "reason"), BAD_AUDIO.items())
def test_a_bad_file_is_named_and_the_batch_goes_on(
    model, bad, events_folder, tmp_path, capsys, kind, reason
):
    path, good = bad(kind), events_folder / "3.wav"
    assert main(["predict", str(path), str(good), "--model", model, "--out", "p"]) == 1
    first, last = capsys.readouterr().err.strip().splitlines()
    assert first.startswith(f"failed: {path}: ")
    assert reason in first
    assert last == "1 of 2 files failed"
    assert sorted(file.name for file in (tmp_path / "p").iterdir()) == [NOTES, "3.txt"]


@pytest.mark.parametrize(("kind", "reason"), BAD_AUDIO.items())
def test_a_bad_file_in_a_folder_is_named_with_its_line(
    bad, events_folder, tmp_path, capsys, kind, reason
):
    rows = read_rows(events_folder)
    rows.insert(0, {**rows[0], "audio": str(bad(kind)), "split": "train"})
    write_rows(events_folder, rows)
    assert finetune(events_folder, "--steps", "1") == 0
    shown = capsys.readouterr().err
    assert "manifest.jsonl:1: " in shown
    assert reason in shown
    assert TaskModel.load("model").task.vocabulary == ("click",)


def odd(kind, rng):
    """Return waveform, rate and sample format of an odd recording."""
    waveform = clicks(rng)[0][:, None]
    waveform *= 0.5 / np.abs(waveform).max()
    if kind == "silent":
        return 0 * waveform, RATE, "PCM_16"
    if kind == "one sample":
        return waveform[:1], RATE, "PCM_16"
    name, value = kind.split()
    if name == "channels":
        return np.repeat(waveform, int(value), axis=1), RATE, "PCM_16"
    if name == "rate":
        return np.resize(waveform, (int(value), 1)), int(value), "PCM_16"
    return waveform, RATE, value


ODD_AUDIO = ["silent", "one sample"]
ODD_AUDIO += [f"channels {number}" for number in range(1, 9)]
ODD_AUDIO += [f"rate {rate}" for rate in (8000, 11025, 22050, 44100, 48000, 96000, 192000)]
ODD_AUDIO += [f"format {name}" for name in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")]
ODD_AUDIO += ["format DOUBLE"]


def test_odd_recordings_are_recordings(model, tmp_path, capsys):
    paths = []
    for kind in ODD_AUDIO:
        waveform, rate, subtype = odd(kind, np.random.default_rng(0))
        path = tmp_path / f"{kind.replace(' ', '_')}.wav"
        soundfile.write(path, waveform, rate, subtype=subtype)
        paths.append(path)
    assert main(["predict", *map(str, paths), "--model", model, "--out", "p"]) == 0
    assert capsys.readouterr().err == ""
    found = {path.stem: np.loadtxt(tmp_path / "p" / f"{path.stem}.txt", usecols=0, ndmin=1)
             for path in paths}  # fmt: skip
    for path in paths:
        assert np.all((found[path.stem] >= 0) & (found[path.stem] <= duration(path))), path
    for name in ("format_PCM_24", "format_PCM_32", "format_DOUBLE"):
        np.testing.assert_allclose(found[name], found["format_FLOAT"], atol=1e-4)
    for number in range(2, 9):
        np.testing.assert_allclose(found[f"channels_{number}"], found["channels_1"], atol=1e-4)


def duration(path):
    return soundfile.info(path).duration


BAD_LABELS = {
    "missing": (None, "no such file"),
    "folder": ("folder", "is a folder"),
    "empty": ("", "empty"),
    "words": ("soon\tclick\n", "soon"),
    "nan": ("nan\tclick\n0.5\tclick\n", "nan"),
    "negative": ("-1\tclick\n0.5\tclick\n", "-1"),
    "outside": ("0.5\tclick\n99\tclick\n", "99"),
    "a header": ("time,label\n0.5,click\n", "'time,label' is taken for a header"),
    "no time": (",click\n0.5,click\n", "has no time"),
    "twice": ("0.5\tclick\n0.5\tclick\n", "0.txt:2: repeats line 1; left out"),
    "a third column": ("0.5,click,[1]\n1.5,click\n", "more columns than time"),
    "an end": ("0.5\t0.5\tclick\n", "has an end at its time, which is ignored"),
    "decimal commas": ("0,5;click\n1,5;click\n", "decimal commas are read as points"),
    "bytes": ("\0", "is not a text file"),
}


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_bad_labels_are_named_and_the_others_are_kept(events_folder, tmp_path, capsys, kind):
    text, reason = BAD_LABELS[kind]
    path = events_folder / "0.txt"
    path.unlink()
    if text == "folder":
        path.mkdir()
    elif text is not None:
        path.write_text(text)
    assert finetune(events_folder, "--steps", "1") == 0
    shown = capsys.readouterr().err
    assert "0.txt" in shown
    assert reason in shown
    assert "1 problem" in shown


def test_labels_in_another_case_are_those_of_the_task(events_folder, capsys):
    for path in events_folder.glob("*.txt"):
        path.write_text(path.read_text().replace("click", "Kick"))
    arguments = ("--task", "drum_transcription", "--steps", "1")
    assert finetune(events_folder, *arguments) == 0
    shown = capsys.readouterr().err
    assert f"{events_folder / 'manifest.jsonl'}: 0.wav: 'Kick' is taken for 'kick'" in shown
    assert "4 problems" in shown


def test_classes_that_differ_in_case_alone_are_named(events_folder, capsys):
    path = events_folder / "0.txt"
    path.write_text(path.read_text().replace("click", "Click"))
    assert finetune(events_folder, "--steps", "1") == 0
    told = "'Click', 'click' are taken for different classes; spell them alike if they are one"
    assert f"{events_folder / 'manifest.jsonl'}: {told}" in capsys.readouterr().err


def test_labels_in_any_order_give_the_same_model(events_folder, tmp_path):
    assert finetune(events_folder, "--steps", "2") == 0
    first = (tmp_path / "model" / "model.safetensors").read_bytes()
    for path in events_folder.glob("*.txt"):
        path.write_text("\n".join(reversed(path.read_text().splitlines())) + "\n")
    assert finetune(events_folder, "--steps", "2") == 0
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == first


def test_a_model_cut_in_half_and_the_weights_of_another(model, events_folder, tmp_path, capsys):
    good = str(events_folder / "3.wav")
    weights = tmp_path / model / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    line = fails(capsys, "predict", good, "--model", model, "--out", "p")
    assert "model.safetensors: is cut off or damaged" in line
    weights.write_bytes(whole)
    config = json.loads((tmp_path / model / "config.json").read_text())
    config["task"]["vocabulary"] = ["click", "clap"]
    (tmp_path / model / "config.json").write_text(json.dumps(config))
    assert "belongs to another model" in fails(
        capsys, "predict", good, "--model", model, "--out", "p"
    )


@pytest.mark.parametrize("name", ["task", "network", "decoder"])
def test_a_model_whose_configuration_lacks_a_part(model, events_folder, tmp_path, capsys, name):
    path = tmp_path / model / "config.json"
    config = json.loads(path.read_text())
    del config[name]
    path.write_text(json.dumps(config))
    good = str(events_folder / "3.wav")
    line = fails(capsys, "predict", good, "--model", model, "--out", "p")
    assert f"config.json lacks '{name}'" in line


def test_what_a_message_is_about_comes_with_what_else_was_wrong(events_folder, capsys):
    for path in events_folder.glob("*.txt"):
        path.write_text("0.5\t1.1\n")
    arguments = ("--data", str(events_folder), "--init", "scratch", "--preset", "tiny")
    line = fails(capsys, "finetune", *arguments, "--task", "drum_transcription", "--out", "m")
    assert str(events_folder / "manifest.jsonl") in line
    assert "'1.1': not among the classes" in line


def test_a_second_program_on_the_same_output_waits_for_nobody(events_folder, tmp_path, capsys):
    with locked(tmp_path / "model"):
        arguments = ("--data", str(events_folder), "--init", "scratch", "--preset", "tiny")
        line = fails(capsys, "finetune", *arguments, "--out", "model")
    assert "is writing there" in line
    assert not (tmp_path / "model" / "config.json").exists()


def test_a_file_where_a_folder_is_to_be_written(model, events_folder, tmp_path, capsys):
    (tmp_path / "taken").write_text("mine")
    good = str(events_folder / "3.wav")
    assert "taken" in fails(capsys, "predict", good, "--model", model, "--out", "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_class_that_only_validation_has_is_not_learnt_from_one_class(label_folder, capsys):
    rows = read_rows(label_folder)
    for row in rows:
        row["label"] = "b" if row["split"] == "valid" else "a"
    write_rows(label_folder, rows)
    arguments = ("--data", str(label_folder), "--init", "scratch", "--preset", "tiny")
    line = fails(capsys, "finetune", *arguments, "--out", "m")
    assert "every clip to learn from has the same label, a" in line
