"""The U-Net on magnitudes as a separator: sizes, NumPy, windows end to end, model directories."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
import soundfile

from umir.cli import main
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.separator_model import SeparatorModel
from umir.separation.window_separator import WindowSeparator
from umir.wave_unet import n_parameters

VOICE = ("accompaniment", "vocals")
TINY = MagnitudeUNet(VOICE, 8000, window=32, frames=8, filters=2, levels=2)
TINY_APPLY = jax.jit(TINY.apply)


def params_of(network):
    return jax.jit(network.init)(jax.random.key(0))


def test_published_sizes():
    network = MagnitudeUNet(VOICE)
    assert (network._input, network._output) == ((350, 158), (258, 66))
    assert n_parameters(jax.eval_shape(network.init, jax.random.key(0))) == 958_596
    # 158 frames go in; 64 frames cover what comes out, all of it twice with their neighbours.
    assert network.sizes.input == 512 + 157 * 256
    assert network.sizes.output == 512 + 63 * 256
    assert network.sizes.margin == 47 * 256
    half = n_parameters(jax.eval_shape(MagnitudeUNet(VOICE, filters=8).init, jax.random.key(0)))
    assert half == pytest.approx(958_596 / 4, rel=0.01)


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_as_much_goes_in_as_is_needed(levels):
    network = MagnitudeUNet(VOICE, levels=levels).unet
    for wanted in range(1, 40):
        size, _ = network.input_space((wanted, 64))
        (found, _), step = network.output_space((size, 158)), 1 << levels
        assert wanted <= found < wanted + step or size - step < 6 * step


@pytest.mark.parametrize("sizes", [{"window": 48}, {"frames": 9}, {"frames": 8, "levels": 4}])
def test_sizes_that_do_not_fit(sizes):
    with pytest.raises(ValueError, match="must be a power of 2|cannot be halved"):
        MagnitudeUNet(VOICE, **sizes)


def test_a_window_by_numpy(rng):
    """Spectrogram, padding, phase and overlap in float64; the network between is tested alone."""
    params, sizes = params_of(TINY), TINY.sizes
    mixture = rng.uniform(-0.5, 0.5, (2, sizes.input, 1)).astype(np.float32)
    found, _ = TINY_APPLY(params, mixture)
    assert found.shape == (2, sizes.output, 2, 1)
    hann = scipy.signal.get_window("hann", 32)
    frames = np.lib.stride_tricks.sliding_window_view(mixture[0, :, 0].astype(float), 32)[::16]
    spectrum = np.fft.rfft(frames * hann)
    (height, width), (below, before) = TINY._input, TINY.context
    picture = np.zeros((1, height, width, 1), np.float32)
    picture[0, below : below + 17, :, 0] = np.log1p(np.abs(spectrum)).T
    made, _ = jax.jit(TINY.unet.apply)(params, {"mixture": picture})
    for n, name in enumerate(VOICE):
        size = np.expm1(np.asarray(made[name], float)[0, :17, :, 0].T)
        kept = size * np.exp(1j * np.angle(spectrum[before : before + 10]))
        sound, weight = np.zeros(32 + 9 * 16), np.zeros(32 + 9 * 16)
        for place, frame in enumerate(np.fft.irfft(kept)):
            sound[16 * place : 16 * place + 32] += frame * hann
            weight[16 * place : 16 * place + 32] += hann**2
        expected = (sound / np.maximum(weight, 1e-12))[16:-16]
        assert np.abs(expected).max() > 0.01
        np.testing.assert_allclose(found[0, :, n, 0], expected, atol=1e-5)
    assert not np.asarray(TINY_APPLY(params, np.zeros_like(mixture))[0]).any()
    with pytest.raises(ValueError, match="takes 496 samples"):
        TINY.apply(params, jnp.zeros((1, 300, 1)))


@pytest.mark.parametrize("seed", range(4))
def test_no_source_is_silent_in_the_beginning(seed, rng):
    params = jax.jit(TINY.init)(jax.random.key(seed))
    found, _ = TINY_APPLY(params, rng.uniform(-0.5, 0.5, (1, 496, 1)).astype(np.float32))
    assert (np.abs(found).max(axis=(0, 1, 3)) > 1e-3).all()


def test_of_a_mixture_that_is_silent_no_source_is_heard(rng):
    """However loud a network takes them to be: 0 times infinity is no number."""
    params = params_of(TINY)
    loud = jax.tree_util.tree_map_with_path(
        lambda path, x: x + 5 if "bias" in jax.tree_util.keystr(path) else x, params
    )
    mixture = rng.uniform(-0.5, 0.5, (1, 496, 1)).astype(np.float32)
    mixture[:, :250] = 0
    found, _ = TINY_APPLY(loud, mixture)
    assert np.isfinite(found).all() and np.abs(found).max() > 10
    nothing, _ = TINY_APPLY(loud, np.zeros_like(mixture))
    assert not np.asarray(nothing).any()


def identity(network):
    """Parameters that hand the mixture on as the first source, and nothing as the second."""
    zeros = jax.tree.map(jnp.zeros_like, params_of(network))
    first = zeros["source_accompaniment"]
    return zeros | {"source_accompaniment": {**first, "kernel": first["kernel"].at[0, 0, 0].set(1)}}


def test_windows_lie_end_to_end(rng):
    """The network that hands on the mixture gives back a song of several windows."""
    song = rng.uniform(-0.5, 0.5, (5 * TINY.sizes.output + 37, 1)).astype(np.float32)
    separator = WindowSeparator(TINY, identity(TINY))
    found = list(separator.separate([song], 8000, separator.measure([song], 8000)))
    whole = np.concatenate([part["accompaniment"] for part in found])
    np.testing.assert_allclose(whole, song, atol=1e-5)
    assert not np.concatenate([part["vocals"] for part in found]).any()


def test_a_model_directory_separates(tmp_path, rng, monkeypatch):
    monkeypatch.chdir(tmp_path)
    SeparatorModel(TINY, params_of(TINY), {"made": "here"}).save(tmp_path / "model", "# card")
    model = SeparatorModel.load("model")
    assert model.network == TINY and model.facts == {"made": "here"}
    soundfile.write("song.wav", 0.1 * rng.normal(size=(3000, 2)), 11_025)
    assert main(["separate", "song.wav", "--model", "model"]) == 0
    stems, rate = soundfile.read("separated/model/song/vocals.wav")
    assert stems.shape == (3000, 2) and rate == 11_025
