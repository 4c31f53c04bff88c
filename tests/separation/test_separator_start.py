"""`umir separate-train --init`: what a training starts from, and what it does not take."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
import soundfile
from folders import RATE, fails, read_rows, write_rows

from umir.checkpoint import Model, save_model
from umir.cli import main
from umir.released_models import RELEASE_KEY
from umir.separation import recipes
from umir.separation.data import SeparationData
from umir.separation.folders import NamedData
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.prior_training import prior_training
from umir.separation.recipes import PriorRecipe, SeparationPreset, SeparationRecipe, Stage
from umir.separation.separator_model import SeparatorModel
from umir.separation.start import SeparatorStart
from umir.separation.stem_songs import stored_song
from umir.separation.training import SeparationTraining
from umir.wave_unet.separators import OriginalWaveUNet

VOICE = ("accompaniment", "vocals")
NET = OriginalWaveUNet(
    VOICE, RATE, wanted=70, levels=2, filters=2, kernel=5, decoder_kernel=3, context=True
)
# At this rate nothing is learnt: the parameters are far larger.
STILL = (Stage(2, 1e-30),)
RECIPE = SeparationRecipe(STILL, epoch_steps=1, patience=1)
PRIOR = PriorRecipe(STILL, epoch_steps=2, rounds=2, critic_filters=2, steps=2, loss="squared")


@pytest.fixture
def start(tmp_path):
    """A model directory, and its parameters, which are not those of any seed below."""
    drawn = jax.jit(NET.init)(jax.random.key(7))
    params = jax.tree.map(lambda p: p + 0.1, drawn)  # no zeros, beside which no rate is small
    model = SeparatorModel(NET, params, {"data": ["a data set"], "splits": {"a": "train"}})
    model.save(tmp_path / "start", "")
    return tmp_path / "start", jax.device_get(model.params)


def assert_same(found, expected, rtol=0.0):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol), found, dict(expected))


def test_a_start_of_the_same_network(start):
    path, params = start
    for network in (NET, replace(NET, wanted=300)):  # windows of any length
        found = SeparatorStart.load(str(path), network)
        assert_same(found.params, params)
    assert found.data == ["a data set"] and found.splits == {"a": "train"}
    assert found.activity_splits == {"a": "train"}  # one network learns from both
    found = replace(found, facts={**found.facts, "activity_splits": {"b": "valid"}})
    assert found.activity_splits == found.splits == {"a": "train", "b": "valid"}
    released = replace(found, facts={**found.facts, RELEASE_KEY: {}})
    assert released.splits == released.activity_splits == {}


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (replace(NET, levels=3), "levels 2 instead of 3;"),
        (replace(NET, channels=2, filters=3), "channels 1 instead of 2, filters 2 instead of 3;"),
        (replace(NET, sources=("bass", "rest")), "accompaniment,vocals instead of bass,rest;"),
        (MagnitudeUNet(VOICE), "kind original instead of magnitudes; take the --preset"),
    ],
    ids=["levels", "channels", "sources", "kind"],
)
def test_another_network_is_named_by_its_fields(network, told, start):
    with pytest.raises(ValueError, match=told) as caught:
        SeparatorStart.load(str(start[0]), network)
    assert "\n" not in str(caught.value) and str(start[0]) in str(caught.value)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("umir task model 1", "universal network, .* by `umir finetune --init .*other --data"),
        ("umir initialisation 1", "universal network, .* by `umir finetune --init"),
        ("umir sequence model 1", "its format is 'umir sequence model 1', not that of a separator"),
    ],
)
def test_models_of_other_sorts(form, told, tmp_path):
    model = Model({"format": form}, {"kernel": np.zeros(2, np.float32)})
    save_model(tmp_path / "other", model, "")
    with pytest.raises(ValueError, match=told):
        SeparatorStart.load(str(tmp_path / "other"), NET)
    with pytest.raises(ValueError, match=r"nothing: no such model directory.* leave --init out"):
        SeparatorStart.load("nothing", NET)


def test_songs_that_a_start_has_learnt_from_are_not_held_out(stems_folder, start):
    rows = read_rows(stems_folder)
    write_rows(stems_folder, [{k: v for k, v in row.items() if k != "split"} for row in rows])
    fresh = NamedData.of(NET, str(stems_folder)).pairs.assignment
    held_out = [group for group, split in fresh.items() if split != "train"]
    known = replace(
        SeparatorStart.load(str(start[0]), NET), facts={"splits": {held_out[0]: "train"}}
    )
    again = NamedData.of(NET, str(stems_folder), splits=known.splits)
    assert again.pairs.assignment[held_out[0]] == "train"
    # Whatever the manifest says.
    write_rows(stems_folder, rows)
    tested = next(row["audio"] for row in rows if row["split"] == "test")
    pairs = NamedData.of(NET, str(stems_folder), splits={tested: "valid"}).pairs
    assert pairs.assignment[tested] == "valid"
    assert tested not in {song.group for song in pairs.examples("test", NET.rate, 1)}
    assert f"{tested}: in the split 'valid' when the model was made; not scored" in str(
        pairs.problems[-1]
    )


def test_critics_start_afresh(start, tmp_path, rng):
    _, params = start
    sound = rng.uniform(-0.4, 0.4, (400, 2, 1)).astype(np.float32)
    song = stored_song(tmp_path / "0.npy", sound)
    preset, data = SeparationPreset(NET, PRIOR), SeparationData([song])
    states = [prior_training(preset, "adversarial", data, 3, s).init() for s in (params, None)]
    own, other = (state["adversarial"]["networks"] for state in states)
    for found in (own["generator"], own["average"], states[0]["params"], states[0]["best"]):
        assert_same(found, params)
    good = states[0]["adversarial"]["guard"]["good"]
    assert_same(good["generator"], params)
    assert_same(own["critics"], other["critics"])
    alone = SeparationTraining(NET, RECIPE, [song], [song], 3, params).init()
    assert_same(alone["params"], params)


def test_the_program_without_a_prior(stems_folder, start, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(recipes.PRESETS, "m4", SeparationPreset(NET, RECIPE))
    monkeypatch.chdir(tmp_path)
    command = ["separate-train", "--preset", "m4", "--pairs", str(stems_folder), "--out", "model"]
    assert main([*command, "--init", "start"]) == 0
    model = SeparatorModel.load("model")
    assert_same(model.params, start[1])
    assert model.facts["init"] == "start" and "a data set" in model.facts["data"]
    assert "- Start: start." in (tmp_path / "model" / "MODEL_CARD.md").read_text()
    capsys.readouterr()
    assert "other settings: init (start, now None)" in fails(capsys, *command, "--resume")
    told = fails(capsys, *command[:-1], "other", "--init", "start", "--sources", "vocals,rest")
    assert "sources accompaniment,vocals instead of vocals,rest" in told
    assert not (tmp_path / "other").exists()


def test_the_program_with_critics_of_waveforms(stems_folder, start, tmp_path, monkeypatch, rng):
    monkeypatch.setitem(recipes.PRESETS, "waveforms-half", SeparationPreset(NET, PRIOR))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "solos").mkdir()
    soundfile.write("solos/a.wav", 0.1 * rng.normal(size=20_000), RATE)
    command = ["separate-train", "--preset", "waveforms-half", "--prior", "adversarial"]
    command += ["--pairs", str(stems_folder), "--solo", "vocals=solos", "--out", "model"]
    assert main([*command, "--init", "start"]) == 0
    assert_same(SeparatorModel.load("model").params, start[1], rtol=1e-6)  # an average of itself
    rows = [json.loads(s) for s in (tmp_path / "model" / "log.jsonl").read_text().splitlines()]
    assert {"loss/vocals", "loss/accompaniment", "distance/vocals"} <= set(rows[-1])
    assert main(["separate", str(stems_folder / "3.wav"), "--model", "model"]) == 0
    assert (tmp_path / "separated" / "model" / "3" / "vocals.wav").exists()
