"""Joint detection and separation: the network, windows, losses by NumPy, the program, the model."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile
from folders import RATE, fails, read_rows, write_rows

from umir.cli import main
from umir.data_specification import open_data
from umir.evaluate import evaluate
from umir.separation import recipes
from umir.separation.active_songs import (
    ActiveSong,
    activity_of_stems,
    detection_of,
    stored_active_songs,
    windows_in_turn,
)
from umir.separation.data import SeparationData
from umir.separation.detector_model import DetectorModel
from umir.separation.domains import Magnitudes
from umir.separation.folders import NamedData
from umir.separation.joint_losses import ACTIVE, JointLoss, detection_errors, separation_errors
from umir.separation.joint_training import joint_in_words, joint_training
from umir.separation.joint_unet import JointUNet
from umir.separation.priors import SeparatedParts
from umir.separation.recipes import PRESETS, JointRecipe, SeparationPreset, Stage
from umir.separation.separator_model import SeparatorModel, load_model_for
from umir.separation.stem_songs import stored_song
from umir.separation.training_streams import LABELLED
from umir.wave_unet import n_parameters

VOICE = ("accompaniment", "vocals")
NET = JointUNet(VOICE, 4000, window=32, frames=8, filters=4, levels=2)
RECIPE = JointRecipe((Stage(3, 3e-3),), epoch_steps=2, patience=2, steps=4)
PRESET = SeparationPreset(NET, RECIPE)


@pytest.fixture
def params():
    return jax.jit(NET.init)(jax.random.key(0))


SUNG = np.array([[0.05, 0.1], [0.15, 0.2]])


def sound(rng, length=1500, sources=2):
    """Noise, and a tone that comes and goes; of one source, the two together."""
    time = np.arange(length) / 4000
    on = ((time[:, None] >= SUNG[:, 0]) & (time[:, None] < SUNG[:, 1])).any(1)
    stems = [rng.uniform(-0.1, 0.1, length), 0.5 * on * np.sin(2 * np.pi * 700 * time)]
    made = stems if sources == 2 else [np.sum(stems, axis=0)]
    return np.stack(made, axis=1)[..., None].astype(np.float32)


@pytest.fixture
def data(tmp_path, rng):
    pairs = [stored_song(tmp_path / f"{n}.npy", sound(rng)) for n in range(2)]
    alone = [stored_song(tmp_path / f"{n}.npy", sound(rng, 900, 1)) for n in range(2, 4)]
    active = [ActiveSong(song, SUNG) for song in alone]
    return SeparationData(pairs[:1], pairs[1:], active=active[:1], active_valid=active[1:])


def test_published_sizes():
    network = JointUNet(VOICE)
    assert (network._input, network._output) == ((350, 222), (258, 130))
    assert (network.unet.column, network.unet.bottom(222)) == (18, 10)
    assert network.frame_rate == pytest.approx(22_050 / 256)
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    # The U-Net, the path (and as many channels more for the first layer above it), the detector.
    path = 18 * 256 * 64 * 2 + 64 + 256 + 2 * 2 * 256 * 128
    assert n_parameters(shapes) == 958_596 + path + 258 * 17 + 1
    with pytest.raises(ValueError, match="'oboe' cannot be detected: the sources are"):
        replace(NET, detected="oboe")
    assert set(PRESETS) >= {"joint", "joint-half"} and PRESETS["joint"].network == network
    assert PRESETS["joint"].recipe.weight == 0.9


def test_masks_share_out_the_mixture(params, rng):
    """Every source is a part of the magnitude; the column lets all bins see each other."""
    mixture = sound(rng, NET.sizes.input, 1)[None, :, 0, 0]
    seen = NET.seen(mixture)
    found, logits = jax.jit(NET.both)(params, seen)
    whole = np.expm1(np.asarray(seen))[:, :, NET.context[1] : NET.context[1] + 10]
    for name in VOICE:
        share = np.expm1(np.asarray(found[name])) / whole
        assert share.shape == (1, 17, 10, 1) and (share > 0).all() and (share < 1).all()
    assert logits.shape == (1, 10)

    def lowest(seen, params):
        return NET.both(params, seen)[0]["vocals"][0, 0, 5, 0]

    reach = np.abs(jax.jit(jax.grad(lowest))(seen, params)[0, :, :, 0]).max(1)
    assert reach[-1] > 0
    without = {**params, "column_taken": jax.tree.map(jnp.zeros_like, params["column_taken"])}
    assert np.abs(jax.jit(jax.grad(lowest))(seen, without)[0, :, :, 0]).max(1)[-1] == 0


def test_windows_of_activity_by_numpy(data, rng):
    (active,) = data.active
    whole = np.load(active.song.path)[:, 0, 0]
    for start in (0, 100, 700):
        waveform, on = active.window(NET, start)
        padded = np.pad(whole, 2000)[2000 + start - NET.sizes.margin :][: NET.sizes.input]
        np.testing.assert_array_equal(waveform[:, 0], padded)
        times = (start + 16 * np.arange(10)) / 4000
        wanted = ((times >= 0.05) & (times < 0.1)) | ((times >= 0.15) & (times < 0.2))
        np.testing.assert_array_equal(on, wanted)
    batches = list(windows_in_turn([active], NET, 4))
    middle = slice(NET.sizes.margin, NET.sizes.margin + NET.sizes.output)
    shown = np.concatenate([waveforms[known, middle, 0] for waveforms, _, known in batches])
    np.testing.assert_array_equal(shown.ravel()[:900], whole)


def test_stems_tell_their_activity():
    stems = np.zeros((2, NET.hop * (NET.frames + 3), 2, 1), np.float32)
    stems[:, :, 0] = 0.5  # the accompaniment does not count
    stems[0, 80:100, 1] = -0.01
    on = activity_of_stems(NET, stems)
    centres = 16 * (1 + np.arange(10))
    mean = [np.abs(stems[0, c - 16 : c + 16, 1]).mean() for c in centres]
    np.testing.assert_array_equal(on[0], np.array(mean) > 5e-4)
    assert on[0].sum() == 3 and not on[1].any()


def test_losses_by_numpy(data, params, rng):
    training = joint_training(PRESET, data)
    item = training._batch(RECIPE.stages[0], 0)["generator"]
    found, logits = jax.device_get(jax.jit(NET.both)(params, item[LABELLED]["mixture"]))
    squares = [np.square(found[n] - item[LABELLED][n]).mean((1, 2, 3)) for n in VOICE]
    separated = np.mean(squares, axis=0)
    np.testing.assert_allclose(separation_errors(NET, params, item[LABELLED]), separated, rtol=1e-4)
    logits = np.asarray(jax.jit(NET.activity)(params, item[ACTIVE]["mixture"]), np.float64)
    p, on = 1 / (1 + np.exp(-logits)), item[ACTIVE][ACTIVE]
    detected = -np.mean(on * np.log(p) + (1 - on) * np.log(1 - p), axis=1)
    np.testing.assert_allclose(detection_errors(NET, params, item[ACTIVE]), detected, rtol=1e-4)
    loss = JointLoss().loss(SeparatedParts(Magnitudes(NET)), params, item, {})
    assert float(loss) == pytest.approx(0.9 * separated.mean() + 0.1 * detected.mean(), rel=1e-4)
    assert JointLoss((ACTIVE,)).whole({ACTIVE: 3.0}) == 3


def test_both_losses_sink_and_each_alone(data):
    training = joint_training(PRESET, data)
    state = training.init()
    before = training.validation_loss(state["params"], 3)
    for n in range(40):
        state, metrics = training.step(
            RECIPE.stages[0], state, training._batch(RECIPE.stages[0], n)
        )
    assert training.validation_loss(state["params"], 3) < 0.9 * before
    assert metrics["loss/generator"] == 0
    for alone, streams in (
        (replace(data, active=(), active_valid=()), (ACTIVE, LABELLED)),
        (replace(data, train=(), valid=()), (ACTIVE,)),
    ):
        assert joint_training(PRESET, alone).objective.supervision.streams == streams
    separating = joint_training(PRESET, data, detects=False)
    assert separating.objective.supervision.streams == (LABELLED,)
    assert not separating.active_songs
    with pytest.raises(ValueError, match="give --pairs, --activity or both"):
        joint_training(PRESET, SeparationData())
    with pytest.raises(ValueError, match="the prior joint is of a JointUNet"):
        joint_training(PRESETS["magnitudes-half"], data)


def test_what_is_used_in_words(data):
    told = joint_in_words(NET, replace(data, mixtures=data.train, solos={"vocals": data.train}))
    assert told == [
        "pairs: 1 recording (0.0 min) to learn to separate",
        "activity of vocals: 1 recording (0.0 min) to learn to detect",
        "mixtures, solos of vocals: not used, there are no critics",
    ]
    assert joint_in_words(NET, SeparationData(data.train)) == [
        told[0],
        "activity of vocals: no labels; it is told by the stems of the pairs",
        "nothing to validate with: the last average is kept",
    ]
    assert "not learnt; --prior joint does" in joint_in_words(NET, data, detects=False)[1]


def test_resumed_equals_uninterrupted(data):
    training = joint_training(PRESET, data)
    state = training.run(training.init(), 0, lambda first, last: [])
    assert int(state["looks"]) == 2 and np.isfinite(state["best_loss"])
    first = joint_training(replace(PRESET, recipe=replace(RECIPE, steps=2)), data)
    half = first.run(first.init(), 0, lambda first, last: [])
    resumed = training.run(half, 2, lambda first, last: [])
    jax.tree.map(np.testing.assert_array_equal, resumed, state)


def test_a_song_in_one_piece_equals_its_windows(params, rng):
    """Frames of all windows, the last of which overlaps, by one long network."""
    hop = NET.sizes.output
    length = 5 * hop + 100
    assert length > NET.sizes.input
    song = sound(rng, length, 1)[:, 0]
    found = DetectorModel(NET, params).output(song)
    assert found.shape == (int(np.ceil(length * 50 / 4000)), 1)
    curve = {}
    for start in (*range(0, 5 * hop, hop), length - hop):
        padded = np.pad(song, ((2000, 2000), (0, 0)))
        window = padded[2000 + start - NET.sizes.margin :][: NET.sizes.input]
        logits = np.asarray(jax.jit(NET.activity)(params, NET.seen(window[None, :, 0])))[0]
        own = {start + 16 * n: value for n, value in enumerate(logits[:-1])}
        curve = {place: value for place, value in curve.items() if place < start} | own
    wanted = np.interp(80 * np.arange(len(found)), list(curve), list(curve.values()))
    np.testing.assert_allclose(found[:, 0], wanted, atol=1e-5)
    blocks = [song[start : start + 501] for start in range(0, length, 501)]
    np.testing.assert_array_equal(DetectorModel(NET, params).output_of(lambda: blocks), found)
    with pytest.raises(ValueError, match="not for separation"):
        DetectorModel(NET, params).separator  # noqa: B018


def test_tasks_of_sources():
    assert detection_of("vocals").name == "singing_voice_detection"
    assert detection_of("piano").vocabulary == ("piano",)


@pytest.fixture
def command(monkeypatch, tmp_path):
    monkeypatch.setitem(recipes.PRESETS, "joint-half", PRESET)
    monkeypatch.chdir(tmp_path)
    return ["separate-train", "--out", "model", "--prior", "joint"]


@pytest.fixture
def activity_folder(tmp_path, rng):
    """Three recordings in which somebody sings at times, one in each split."""
    folder = tmp_path / "activity"
    folder.mkdir()
    rows = []
    for n, split in enumerate(("train", "valid", "test")):
        soundfile.write(folder / f"{n}.wav", 0.1 * rng.normal(size=12_000), RATE)
        (folder / f"{n}.txt").write_text("0.25\t0.5\tvocals\n")
        rows.append({"audio": f"{n}.wav", "intervals": f"{n}.txt", "split": split})
    write_rows(folder, rows)
    return folder


def test_the_program(stems_folder, activity_folder, command, capsys):
    both = [*command, "--pairs", str(stems_folder), "--activity", str(activity_folder)]
    assert main(both) == 0
    shown = capsys.readouterr()
    assert "activity of vocals: 1 recording (0.0 min) to learn to detect" in shown.err
    assert "SDR/vocals" in shown.out and "singing_voice_detection/accuracy" in shown.out
    assert "umir predict --model model --task singing_voice_detection" in shown.out
    model = SeparatorModel.load("model")
    assert model.facts["activity_splits"] == {"0.wav": "train", "1.wav": "valid", "2.wav": "test"}
    assert model.learnt == ["source_separation", "singing_voice_detection"]
    assert model.facts["validation_loss"] > 0 and model.network == NET
    assert main(["separate", str(stems_folder / "3.wav"), "--model", "model"]) == 0
    song = str(activity_folder / "2.wav")
    detecting = ["--model", "model", "--task", "singing_voice_detection"]
    assert main(["predict", song, *detecting, "--out", "found"]) == 0
    assert Path("found/2.txt").exists()
    scores = ["evaluate", *detecting, "--data", str(activity_folder), "--json", "scores.json"]
    assert main(scores) == 0
    assert json.loads(Path("scores.json").read_text())["per_track"][0]["track"] == "2.wav"
    assert "holds a training" in fails(capsys, *both)
    assert main([*both, "--resume"]) == 0
    capsys.readouterr()
    told = fails(capsys, "predict", song, "--model", "model", "--task", "key", "--out", "found")
    assert "a model for source_separation and singing_voice_detection, not for key" in told


def test_each_folder_may_be_missing(stems_folder, activity_folder, command, capsys):
    assert main([*command, "--activity", str(activity_folder)]) == 0
    assert "pairs: none, so separation is not learnt" in capsys.readouterr().err
    assert load_model_for("model").task.name == "singing_voice_detection"
    told = fails(capsys, "separate", str(stems_folder / "3.wav"), "--model", "model")
    assert "a model for singing_voice_detection, not for separation" in told
    alone = ["separate-train", "--out", "separator", "--preset", "joint-half"]
    assert main([*alone, "--pairs", str(stems_folder)]) == 0
    assert SeparatorModel.load("separator").learnt == ["source_separation"]
    capsys.readouterr()
    assert "nothing to learn from: give --pairs, --activity" in fails(
        capsys, "separate-train", "--out", "none", "--prior", "joint"
    )
    told = fails(capsys, *command[:3], "--activity", str(activity_folder), "--preset", "m4")
    assert "--activity: not of the preset m4" in told


def test_what_is_learnt_from_as_pairs_does_not_judge_detection(
    stems_folder, activity_folder, command, capsys
):
    """The same recording as a pair to train on, and as a test recording of activity."""
    song = stems_folder / "0.wav"
    (activity_folder / "2.wav").write_bytes(song.read_bytes())
    both = [*command, "--pairs", str(stems_folder), "--activity", str(activity_folder)]
    assert main(both) == 0
    shown = capsys.readouterr()
    assert "is the mixture of 0.wav, in the split 'train' of the pairs; does not judge" in shown.err
    assert "SDR/vocals" in shown.out and "singing_voice_detection/" not in shown.out


def test_a_start_that_learnt_activity_stays_known_for_it(stems_folder, activity_folder, command):
    assert main([*command, "--activity", str(activity_folder)]) == 0
    taught = SeparatorModel.load("model").facts["activity_splits"]
    again = ["separate-train", "--out", "again", "--preset", "joint-half", "--init", "model"]
    assert main([*again, "--pairs", str(stems_folder)]) == 0
    model = SeparatorModel.load("again")
    assert model.learnt == ["source_separation"]
    assert (
        model.facts["activity_splits"]
        == taught
        == dict(zip(("0.wav", "1.wav", "2.wav"), ("train", "valid", "test"), strict=True))
    )


def test_a_group_that_taught_as_pairs_judges_no_detection(activity_folder, tmp_path):
    """One network learns from both: by the names of groups, but not by those of files."""
    facts = {
        "learnt": ["source_separation", "singing_voice_detection"],
        "splits": {"a singer": "train", "2.wav": "train"},
        "activity_splits": {"1.wav": "train"},
        "decoder": detection_of("vocals").default_settings(NET.rate),
    }
    SeparatorModel(NET, jax.jit(NET.init)(jax.random.key(0)), facts).save(tmp_path / "model", "")
    rows = [{**row, "split": "test"} for row in read_rows(activity_folder)]
    write_rows(activity_folder, [{**rows[0], "group": "a singer"}, *rows[1:]])
    detector = load_model_for(tmp_path / "model", "singing_voice_detection")
    assert detector.facts["splits"] == {"a singer": "train", "1.wav": "train"}
    tracks = evaluate(detector, activity_folder)["per_track"]
    assert [track["track"] for track in tracks] == ["2.wav"]
    alone = replace(SeparatorModel.load(tmp_path / "model"), facts=facts | {"activity_splits": {}})
    assert DetectorModel.of(alone).facts["splits"] == facts["splits"]


def test_labels_of_something_else_are_an_error(activity_folder, command, capsys):
    for file in activity_folder.glob("*.txt"):
        file.write_text("0.25\t0.5\tGesang\n")
    told = fails(capsys, *command, "--activity", str(activity_folder))
    assert "no recording of the split 'train' has an interval of vocals, which labels may" in told


def test_a_test_song_of_the_pairs_does_not_choose(stems_folder, activity_folder, command, capsys):
    (activity_folder / "1.wav").write_bytes((stems_folder / "3.wav").read_bytes())
    both = [*command, "--pairs", str(stems_folder), "--activity", str(activity_folder)]
    assert main(both) == 0
    told = capsys.readouterr().err
    assert "is the mixture of 3.wav, in the split 'test' of the pairs; left out" in told
    assert "in the split 'test' of the pairs; does not judge" in told  # nor fit the decoder


def test_recordings_that_taught_a_start_judge_nothing(activity_folder):
    taught = {"0.wav": "train", "1.wav": "train"}
    data = NamedData.of(NET, None, activity=str(activity_folder), activity_splits=taught).activity
    assert data.assignment == taught | {"2.wav": "test"}
    assert data.examples("valid", NET.rate, 1) == []
    assert "1.wav: in the split 'train' when the model was made; not validated with" in str(
        data.problems[-1]
    )


def test_what_is_held_out_is_not_learnt_from(activity_folder, tmp_path):
    from umir.separation.unpaired_audio import fingerprint

    data = open_data(activity_folder, "intervals")
    (example,) = data.examples("train", 4000, 1)
    known = {fingerprint(example.waveform): "a test song of the pairs"}
    assert stored_active_songs(data, "train", NET, tmp_path / "out", known) == []
    assert "0.wav: is a test song of the pairs; left out" in str(data.problems[-1])
    songs = stored_active_songs(data, "train", NET, tmp_path / "all", {})
    again = stored_active_songs(data, "train", NET, tmp_path / "all", {})
    assert again[0].song == songs[0].song
    np.testing.assert_array_equal(again[0].intervals, [[0.25, 0.5]])
