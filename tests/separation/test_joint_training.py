"""Joint detection and separation: the network, windows, losses by NumPy, the training."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_joint import NET, PRESET, RECIPE, VOICE

from umir.separation.active_songs import (
    ActiveSong,
    activity_of_stems,
    detection_of,
    windows_in_turn,
)
from umir.separation.data import SeparationData
from umir.separation.detector_model import DetectorModel
from umir.separation.domains import Magnitudes
from umir.separation.joint_losses import ACTIVE, JointLoss, detection_errors, separation_errors
from umir.separation.joint_training import joint_in_words, joint_training
from umir.separation.joint_unet import JointUNet
from umir.separation.priors import SeparatedParts
from umir.separation.recipes import PRESETS
from umir.separation.stem_songs import stored_song
from umir.separation.training_streams import LABELLED
from umir.wave_unet import n_parameters


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
