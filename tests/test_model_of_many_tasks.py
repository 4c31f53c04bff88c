"""One directory, one body, a head and a decoder for each task."""

import jax
import numpy as np
import pytest
from tiny import TINY

from umir.checkpoint import Model, load_model, save_model
from umir.meta_train import parser, plan_of, save
from umir.meta_training.phases import Trained
from umir.predict import Prediction
from umir.task_model import TaskModel
from umir.tasks import get_task
from umir.wave_unet import PRESETS, Network, init_body

NAMES = ("source_separation", "drum_transcription", "onset_detection")


@pytest.fixture
def model_of_three(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    out = tmp_path / "many"
    arguments = ["--preset", "tiny", "--algorithm", "multitask", "--out", str(out), "--tasks"]
    plan = plan_of(parser().parse_args([*arguments, *NAMES]))
    body, models = init_body(TINY, jax.random.key(0)), []
    for number, task in enumerate(plan.tasks):
        network = Network(TINY, task.head)
        params = {"body": body, "head": network.init_head(jax.random.key(number))}
        settings = task.default_settings(TINY.rate)
        models.append(TaskModel(network, task, params, settings))
    save(plan, Trained(body, models), "python -m umir.meta_train")
    return out, {model.task.name: model for model in models}


def test_each_task_gets_its_own_head_and_decoder(model_of_three):
    out, models = model_of_three
    waveform = 0.1 * np.random.default_rng(0).standard_normal((16_000, 1)).astype(np.float32)
    for name in NAMES:
        loaded = TaskModel.load(out, name)
        assert loaded.task == get_task(name)
        assert loaded.settings == models[name].settings
        np.testing.assert_array_equal(loaded.output(waveform), models[name].output(waveform))


def test_all_know_what_taught_them(model_of_three):
    out, models = model_of_three
    assert not TaskModel.load(out, NAMES[0]).facts
    plan = plan_of(parser().parse_args(["--preset", "tiny", "--out", str(out), "--tasks", *NAMES]))
    splits = {"mine/1.wav": "train", "mine/2.wav": "test"}
    body = models[NAMES[0]].params["body"]
    save(plan, Trained(body, [*models.values()], splits=splits), "umir meta-train")
    assert TaskModel.load(out, NAMES[0]).facts == {"splits": splits}


def test_the_only_task_of_a_kind_need_not_be_named(model_of_three):
    out, _ = model_of_three
    assert TaskModel.load(out, kind="stems").task.name == "source_separation"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "several tasks: name one with --task"),
        ({"task": "key_recognition"}, "no head for 'key_recognition'"),
        ({"kind": "events"}, "several tasks"),
        ({"kind": "notes"}, "no head for notes"),
        ({"task": "onset_detection", "kind": "stems"}, "no head for 'onset_detection'"),
    ],
)
def test_a_task_that_is_not_there_is_an_error_that_names_those_that_are(
    model_of_three, asked, message
):
    out, _ = model_of_three
    with pytest.raises(ValueError, match=message) as error:
        TaskModel.load(out, **asked)
    assert str(out) in str(error.value) and "onset_detection" in str(error.value)


def test_a_directory_that_lacks_a_head_is_an_error(model_of_three):
    out, _ = model_of_three
    model = load_model(out)
    heads = {name: head for name, head in model.params["heads"].items() if name != NAMES[1]}
    config = {name: value for name, value in model.config.items() if name != "tensors"}
    save_model(out, Model(config, {**model.params, "heads": heads}), "# cut\n")
    with pytest.raises(ValueError, match=r"lacks 'drum_transcription'; copy the model again"):
        TaskModel.load(out, NAMES[1])


def test_predict_takes_the_task_that_is_named(model_of_three, tmp_path):
    import soundfile

    out, models = model_of_three
    waveform = 0.1 * np.random.default_rng(1).standard_normal((16_000, 1)).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", waveform, 16_000, subtype="FLOAT")
    work = Prediction(out, tmp_path / "found", "onset_detection").start()
    written = work(tmp_path / "noise.wav", None)
    expected = models["onset_detection"].predict(waveform, 16_000).times
    found = [float(line.split()[0]) for line in written.read_text().splitlines()]
    assert len(found) > 0
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_an_adapted_model_is_of_one_task(model_of_three, tmp_path):
    _, models = model_of_three
    models["onset_detection"].save(tmp_path / "one", "# one\n")
    assert TaskModel.load(tmp_path / "one", "onset_detection").task.name == "onset_detection"
    with pytest.raises(ValueError, match="a model for onset_detection, not for chords"):
        TaskModel.load(tmp_path / "one", "chords")
