"""Training published separators: recipes, windows, stages, resuming, and the program."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
import soundfile
from folders import RATE, SPLITS, fails, read_rows, songs_in, write_rows
from made_sets import make_musdb18hq

from umir import separate_train
from umir.cli import main
from umir.files import locked
from umir.separation import recipes
from umir.separation.recipes import PRESETS, SeparationPreset, SeparationRecipe, Stage
from umir.separation.separator_model import SeparatorModel
from umir.separation.stem_songs import (
    StemSong,
)
from umir.separation.training import SeparationTraining
from umir.wave_unet.separators import FilteredWaveUNet, OriginalWaveUNet, SpectrogramUNet
from umir.wave_unet.separators.spectrogram import stft

VOICE = ("accompaniment", "vocals")
NET = OriginalWaveUNet(
    VOICE, RATE, wanted=200, levels=2, filters=2, kernel=5, decoder_kernel=3, context=True
)
RECIPE = SeparationRecipe((Stage(2, 1e-3), Stage(3, 1e-4)), epoch_steps=2, patience=2)
STILL = replace(RECIPE, stages=(Stage(2, 1e-30), Stage(3, 1e-30)))


@pytest.fixture
def training(tmp_path, rng):
    songs, _ = songs_in(tmp_path, rng)
    return SeparationTraining(NET, RECIPE, songs, songs[:1])


def quietly(first, last):
    return []


def test_the_presets_are_the_papers():
    assert list(PRESETS) and set(PRESETS) == set(separate_train.PRESET_NAMES)
    for name in ("m1", "m4", "m5-highsr"):
        recipe = PRESETS[name].recipe
        assert recipe.stages == (Stage(16, 1e-4), Stage(32, 1e-5))
        assert (recipe.epoch_steps, recipe.patience, recipe.loss) == (2000, 20, "squared")
        assert recipe.gains == (0.7, 1.0)
    for name in ("m7", "u7", "u7a"):
        assert PRESETS[name].recipe.stages == (Stage(4, 1e-4), Stage(8, 1e-5))
    assert PRESETS["m5-highsr"].network.rate == 44_100
    assert PRESETS["u7a"].recipe.loss == "magnitudes" and PRESETS["u7"].recipe.loss == "squared"
    swinging = PRESETS["filtered"].recipe.stages[0].rate(100)
    assert [float(swinging(n)) for n in (0, 50)] == pytest.approx([1e-3, 1e-3])
    assert float(swinging(25)) == pytest.approx((1e-3 + 5e-5) / 2)
    assert float(swinging(49)) == pytest.approx(5e-5, rel=0.03)
    odd = PRESETS["filtered"].recipe.stages[0].rate(11)  # as published: cycles of 5 and of 6 steps
    assert [float(odd(11 * epoch + 10)) for epoch in range(4)] == pytest.approx([5e-5] * 4)
    begun = [float(odd(11 * epoch + step)) for epoch in (0, 3) for step in (0, 5)]
    assert begun == pytest.approx([1e-3] * 4)
    with pytest.raises(ValueError, match="loss 'hinge'"):
        replace(RECIPE, loss="hinge")


def test_a_single_source_is_trained_and_separated(stems_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    network = replace(NET, difference=False)
    monkeypatch.setitem(recipes.PRESETS, "m6", SeparationPreset(network, RECIPE))
    alone = ["--preset", "m6", "--sources", "vocals", "--steps", "2", "--out", "alone"]
    assert main(["separate-train", "--data", str(stems_folder), *alone]) == 0
    shown = capsys.readouterr().out
    assert "SDR/vocals" in shown and "SDR/accompaniment" in shown
    assert main(["separate", str(stems_folder / "3.wav"), "--model", "alone", "--out", "o"]) == 0
    found = {path.stem: soundfile.read(path)[0] for path in (tmp_path / "o").rglob("*.wav")}
    assert set(found) == {"vocals", "accompaniment"}
    song, _ = soundfile.read(stems_folder / "3.wav")
    np.testing.assert_allclose(sum(found.values()), song, atol=1e-6)


def test_musdb_is_trained_on_as_it_lies(tmp_path, monkeypatch, capsys):
    """It serves two tasks, which read the same stems."""
    songs = ("train/A - One", "train/ANiMAL - Rockshow", "test/A - X")
    home = make_musdb18hq(tmp_path / "musdb", songs)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(recipes.PRESETS, "m6", SeparationPreset(NET, RECIPE))
    more = ["--preset", "m6", "--steps", "2", "--out", "model"]
    assert main(["separate-train", "--data", f"musdb18hq:{home}", *more]) == 0
    assert "SDR/vocals" in capsys.readouterr().out


def test_stages_end_when_nothing_has_improved_for_long_enough(tmp_path, rng):
    songs, _ = songs_in(tmp_path, rng)
    seen = []
    training = SeparationTraining(NET, STILL, songs, songs[:1])
    state = training.run(training.init(), 0, lambda first, last: seen.append((first, last)) or [])
    # The first look is an improvement on nothing; then twice two that are none.
    assert seen == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]
    assert int(state["looks"]) == 5 and training.is_over(state)


def test_no_more_steps_are_taken_than_asked_for(tmp_path, rng):
    songs, _ = songs_in(tmp_path, rng)
    seen = []
    training = SeparationTraining(NET, replace(RECIPE, steps=5), songs, songs[:1])
    training.run(training.init(), 0, lambda first, last: seen.append((first, last)) or [])
    assert seen == [(0, 2), (2, 4), (4, 5)]


def test_what_nothing_would_end_does_not_begin(tmp_path, rng):
    songs, _ = songs_in(tmp_path, rng)
    training = SeparationTraining(NET, RECIPE, songs, [])
    with pytest.raises(ValueError, match="nothing to validate with.*give --steps"):
        training.run(training.init(), 0, quietly)
    some = SeparationTraining(NET, replace(RECIPE, steps=3), songs, [])
    state = some.run(some.init(), 0, quietly)
    jax.tree.map(np.testing.assert_array_equal, state["best"], state["params"])


def test_the_best_parameters_are_kept(tmp_path, rng):
    songs, _ = songs_in(tmp_path, rng)
    wild = replace(RECIPE, stages=(Stage(2, 0.5),))
    training = SeparationTraining(NET, wild, songs, songs[:1])
    state = training.run(training.init(), 0, quietly)
    losses = [training.validation_loss(state[name], 2) for name in ("best", "params")]
    assert losses[0] == pytest.approx(float(state["best_loss"])) and losses[0] < losses[1]


def test_resumed_equals_uninterrupted(training):
    class Stop:
        def __init__(self, at):
            self.at, self.state = at, None

        def __call__(self, step, state, metrics):
            self.state = state
            if step == self.at:
                raise KeyboardInterrupt

        def close(self):
            pass

    whole = training.run(training.init(), 0, quietly)
    for at in (3, 4):  # within an epoch; after the last step of one, before its look
        stop = Stop(at)
        with pytest.raises(KeyboardInterrupt):
            training.run(training.init(), 0, lambda first, last, stop=stop: [stop])
        resumed = training.run(stop.state, at, quietly)
        jax.tree.map(np.testing.assert_array_equal, resumed, whole)


def test_a_loss_that_is_not_finite_moves_nothing(tmp_path, rng):
    songs, sounds = songs_in(tmp_path, rng, [400])
    np.save(songs[0].path, np.full_like(sounds[0], np.nan))
    training = SeparationTraining(NET, RECIPE, songs, songs)
    with pytest.raises(ValueError, match="no finite loss in 20 steps"):
        training._trained(training.init(), RECIPE.stages[0], 0, 30, quietly)


def test_training_learns(tmp_path):
    times = np.arange(4000) / RATE
    rng = np.random.default_rng(0)
    stems = np.stack([0.3 * np.sin(2 * np.pi * 200 * times), 0.3 * rng.normal(size=4000)], axis=1)
    np.save(tmp_path / "0.npy", stems[:, :, None].astype(np.float32))
    songs = [StemSong(tmp_path / "0.npy", 4000)]
    recipe = SeparationRecipe((Stage(4, 3e-3),), epoch_steps=60, patience=1)
    training = SeparationTraining(replace(NET, filters=4), recipe, songs, songs)
    state = training.init()
    before = training.validation_loss(state["params"], 4)
    state = training._looked(
        training._trained(state, recipe.stages[0], 0, 60, quietly), recipe.stages[0]
    )
    assert float(state["best_loss"]) < 0.5 * before


def test_statistics_of_batches_are_remembered(tmp_path, rng):
    songs, _ = songs_in(tmp_path, rng)
    net = FilteredWaveUNet(VOICE, RATE, 1, 90, (8, 16, 24), 3, normalisation="batch")
    still = replace(STILL, loss="absolute")
    training = SeparationTraining(net, still, songs, songs[:1])
    state = training.init()
    (mixture, _), _ = training._batch(still.stages[0], 0)
    _, features = jax.jit(net.apply, static_argnames="training")(
        state["params"], mixture, training=True
    )
    after = training._trained(state, still.stages[0], 0, 1, quietly)["params"]
    found = after["vocals"]["encoder"]["level1"]["shortcut"]["unit1"]
    batch = features["vocals/statistics"]["encoder/level1/shortcut/unit1"]
    np.testing.assert_allclose(found["mean"], 0.01 * batch["mean"], atol=1e-7)
    np.testing.assert_allclose(found["variance"], 0.99 + 0.01 * batch["variance"], rtol=1e-6)


def test_the_loss_of_magnitudes(tmp_path, rng):
    songs, sounds = songs_in(tmp_path, rng, [200])
    net = SpectrogramUNet(VOICE, RATE, window=32, hop=24, frames=8, levels=2, filters=3)
    recipe = replace(RECIPE, loss="magnitudes")
    training = SeparationTraining(net, recipe, songs, songs)
    params = net.init(jax.random.key(0))
    _, features = jax.jit(net.apply)(params, sounds[0].sum(1)[None])
    true = np.abs([stft(jax.numpy.asarray(sounds[0][None, :, n, 0]), 32, 24) for n in range(2)])
    magnitudes, masks = (np.asarray(features[name]) for name in ("magnitudes", "masks"))
    errors = [np.abs(magnitudes * masks[..., n] - true[n]).mean() for n in range(2)]
    assert training.validation_loss(params, 1) == pytest.approx(np.mean(errors), rel=1e-5)


@pytest.fixture
def tiny_m4(monkeypatch):
    preset = SeparationPreset(NET, RECIPE)
    monkeypatch.setitem(recipes.PRESETS, "m4", preset)
    return ["separate-train", "--preset", "m4", "--out", "model", "--data"]


def test_the_program(stems_folder, tiny_m4, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = [*tiny_m4, str(stems_folder), "--epoch-steps", "1", "--patience", "1"]
    arguments += ["--learning-rate", "1e-30"]  # three looks: nothing improves after the first
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "SDR/vocals" in shown and "separate with `umir separate --model model FILE`" in shown
    model = SeparatorModel.load("model")
    assert model.network == NET and set(model.facts["splits"].values()) == {
        "train",
        "valid",
        "test",
    }
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text()
    assert "--preset m4" in card and f"{SPLITS.count('train')} train, 1 valid" in card
    assert main(["separate", str(stems_folder / "2.wav"), "--model", "model"]) == 0
    assert (tmp_path / "separated" / "model" / "2" / "vocals.wav").exists()
    log = [json.loads(line) for line in (tmp_path / "model" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [1, 2, 3]
    # A training that is over is finished again, from its last checkpoint.
    assert "holds a training; go on with --resume" in fails(capsys, *arguments)
    assert main([*arguments, "--resume"]) == 0
    assert "other settings: seed (0, now 1); give" in fails(
        capsys, *arguments, "--resume", "--seed", "1"
    )
    # When it ends may change.
    assert main([*arguments, "--resume", "--steps", "3", "--patience", "2"]) == 0


def test_songs_that_cannot_be_scored_cost_no_model(
    stems_folder, tiny_m4, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    rows = read_rows(stems_folder)
    for row in rows:
        row["split"] = "valid" if row["split"] == "test" else row["split"]
    broken = {**rows[0], "audio": "broken.wav", "group": "broken", "split": "test"}
    (stems_folder / "broken.wav").write_bytes(b"RIFF")
    write_rows(stems_folder, [*rows, broken])
    # A first attempt that no step came of binds nobody.
    wrong = [*tiny_m4, str(stems_folder), "--sources", "vocals,kazoo", "--epoch-steps", "1"]
    assert main(wrong) == 1 and "no stem 'kazoo'" in capsys.readouterr().err
    arguments = [*tiny_m4, str(stems_folder), "--epoch-steps", "1", "--steps", "1"]
    assert main(arguments) == 0
    assert "none of the 1 entries of split test can be used" in capsys.readouterr().err
    assert SeparatorModel.load("model").network == NET
    assert "None were scored." in (tmp_path / "model" / "MODEL_CARD.md").read_text()


def test_two_trainings_do_not_share_a_folder(stems_folder, tiny_m4, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with locked("model"):
        assert "is writing there; wait for it" in fails(capsys, *tiny_m4, str(stems_folder))
    assert not (tmp_path / "model").exists()  # nothing was written, so nothing stays


def test_changes_of_a_preset():
    arguments = ["--data", "x", "--out", "y", "--preset", "m6", "--sources", "drums, rest"]
    arguments += ["--batch", "4", "--learning-rate", "1e-3", "--patience", "3"]
    preset = separate_train.preset_of(separate_train.parser().parse_args(arguments))
    assert preset.network.sources == ("drums", "rest")
    assert [s.batch for s in preset.recipe.stages] == [4, 4]
    assert [s.learning_rate for s in preset.recipe.stages] == pytest.approx([1e-3, 1e-4])
    assert (preset.recipe.patience, preset.recipe.epoch_steps) == (3, 2000)


@pytest.mark.parametrize("sources", ["", "vocals,", "vocals,,drums", "drums, drums"])
def test_sources_that_are_no_names(sources):
    arguments = ["--data", "x", "--out", "y", "--sources", sources]
    with pytest.raises(ValueError, match=f"--sources '{sources}': "):
        separate_train.preset_of(separate_train.parser().parse_args(arguments))


def test_data_that_will_not_do(stems_folder, label_folder, tiny_m4, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [json.loads(s) for s in (stems_folder / "manifest.jsonl").read_text().splitlines()]
    only = [row | {"split": "test"} for row in rows]
    (stems_folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, only)))
    assert "is in the split 'train'" in fails(capsys, *tiny_m4, str(stems_folder))
    assert not (tmp_path / "model" / "config.json").exists()
    tiny_m4[tiny_m4.index("model")] = "other"
    assert "stems" in fails(capsys, *tiny_m4, str(label_folder))
