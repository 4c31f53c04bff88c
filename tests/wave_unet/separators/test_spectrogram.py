"""The spectrogram U-Net: published sizes, and a second implementation in NumPy."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from umir.wave_unet import n_parameters
from umir.wave_unet.separators import SpectrogramUNet
from umir.wave_unet.separators.spectrogram import istft, stft
from umir.wave_unet.separators.variants import COMPARED, VOICE

TINY = SpectrogramUNet(("a", "b"), 8000, window=32, hop=24, frames=8, levels=2, filters=3)


def test_published_sizes():
    net = SpectrogramUNet(VOICE)
    params = jax.eval_shape(net.init, jax.random.key(0))
    statistics = [
        leaf.size
        for path, leaf in jax.tree.leaves_with_path(params)
        if path[-1].key in ("mean", "variance")
    ]
    assert (n_parameters(params) - sum(statistics)) / 1e6 == pytest.approx(19.64, abs=0.005)
    assert net.sizes.input == net.sizes.output == COMPARED == 98_560
    assert net.widths == (16, 32, 64, 128, 256, 512)


def test_transform_by_numpy_and_back(rng):
    x = rng.normal(size=(2, 24 * 7 + 32)).astype(np.float32)
    found = stft(jnp.asarray(x), 32, 24)
    window = scipy.signal.get_window("hann", 32)
    frames = [[np.fft.rfft(s[n : n + 32] * window) for n in range(0, 8 * 24, 24)] for s in x]
    np.testing.assert_allclose(found, frames, atol=1e-5)
    back = istft(found, 24)
    np.testing.assert_allclose(back[:, 8:-8], x[:, 8:-8], atol=1e-5)


def test_masked_frames_fade_at_the_ends(rng):
    """By hand: each frame under its window, over the squares of windows that never end."""
    spectrum = rng.normal(size=(1, 6, 17)) * rng.uniform(size=(1, 6, 17))
    window = scipy.signal.get_window("hann", 32)
    squares = np.zeros(24 * 9 + 32)
    for first in range(0, 24 * 10, 24):
        squares[first : first + 32] += window**2
    expected = np.zeros(24 * 5 + 32)
    for n, frame in enumerate(spectrum[0]):
        expected[24 * n : 24 * n + 32] += np.fft.irfft(frame) * window
    expected /= squares[48 : 48 + len(expected)]
    found = np.asarray(istft(jnp.asarray(spectrum, jnp.complex64), 24))[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    inside = np.abs(found[8:-8]).max()
    assert np.abs(found[[0, 1, 2, -1, -2]]).max() < inside


@pytest.mark.parametrize(("window", "hop"), [(32, 24), (32, 16), (32, 8)])
def test_no_mask_makes_clicks(window, hop, rng):
    x = rng.normal(size=(1, hop * 9 + window)).astype(np.float32)
    spectrum = stft(jnp.asarray(x), window, hop)
    masked = istft(spectrum * rng.uniform(size=spectrum.shape).astype(np.complex64), hop)
    assert np.abs(masked).max() < 2 * np.abs(x).max()


def convolved(layer, x):
    """A convolution of 5 x 5 at every second place, one zero before and two after."""
    kernel, bias = (np.asarray(layer[name], float) for name in ("kernel", "bias"))
    x = np.pad(x, ((1, 2), (1, 2), (0, 0)))
    space = [range(0, size - 4, 2) for size in x.shape[:2]]
    rows = [
        [np.einsum("abi,abio->o", x[r : r + 5, c : c + 5], kernel) for c in space[1]]
        for r in space[0]
    ]
    return np.array(rows) + bias


def spread(layer, x):
    """What gives every place of `convolved` back to where it came from."""
    kernel, bias = (np.asarray(layer[name], float) for name in ("kernel", "bias"))
    y = np.zeros((2 * x.shape[0] + 3, 2 * x.shape[1] + 3, kernel.shape[2]))
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[2 * r : 2 * r + 5, 2 * c : 2 * c + 5] += kernel @ x[r, c]
    return y[1:-2, 1:-2] + bias


def normalised(layer, x):
    mean, variance, shift = (np.asarray(layer[n], float) for n in ("mean", "variance", "shift"))
    return (x - mean) / np.sqrt(variance + 1e-3) + shift


def mask(net, params, x):
    skips = []
    for n in range(1, net.levels + 1):
        skips.append(x)
        layer = params["encoder"][f"level{n}"]
        x = normalised(layer, convolved(layer, x))
        x = np.where(x > 0, x, 0.2 * x)
    for n in range(net.levels, 1, -1):
        layer = params["decoder"][f"level{n}"]
        x = np.maximum(normalised(layer, spread(layer, x)), 0)
        x = np.concatenate([x, skips[n - 1]], axis=2)
    return 1 / (1 + np.exp(-spread(params["decoder"]["level1"], x)[..., 0]))


@pytest.fixture
def trained(rng):
    """Parameters whose statistics are not those of the beginning."""
    params = TINY.init(jax.random.key(0))

    def moved(path, value):
        if path[-1].key in ("mean", "variance", "shift", "bias"):
            return jnp.asarray(value + rng.uniform(0, 0.5, value.shape), jnp.float32)
        return value

    return jax.tree.map_with_path(moved, params)


def test_against_a_second_implementation(trained, rng):
    mixture = rng.uniform(-1, 1, (2, TINY.sizes.input, 1)).astype(np.float32)
    found, features = jax.jit(TINY.apply)(trained, jnp.asarray(mixture))
    spectrum = np.asarray(stft(jnp.asarray(mixture[:, :, 0]), 32, 24))
    for n, name in enumerate(TINY.sources):
        masks = [
            mask(TINY, trained[name], np.log1p(np.abs(s[:, :-1, None], dtype=float)))
            for s in spectrum
        ]
        expected = np.pad(masks, ((0, 0), (0, 0), (0, 1)), constant_values=0.5)
        np.testing.assert_allclose(features["masks"][..., n], expected, atol=1e-5)
        stem = istft(jnp.asarray(spectrum * expected, jnp.complex64), 24)
        np.testing.assert_allclose(found[:, :, n, 0], stem, atol=1e-4)


def test_training_normalises_by_the_batch_and_drops_features(trained, rng):
    mixture = jnp.asarray(rng.uniform(-1, 1, (3, TINY.sizes.input, 1)), jnp.float32)
    run = jax.jit(TINY.apply, static_argnames="training")
    _, one = run(trained, mixture, training=True)
    stored = trained["a"]["encoder"]["level1"]
    layer = convolved(stored, np.log1p(np.asarray(one["magnitudes"])[0, :, :-1, None]))
    others = [
        convolved(stored, np.log1p(m[:, :-1, None])) for m in np.asarray(one["magnitudes"])[1:]
    ]
    values = np.stack([layer, *others]).reshape(-1, 3)
    found = one["statistics"]["a"]["encoder/level1"]
    np.testing.assert_allclose(found["mean"], values.mean(0), rtol=1e-4)
    np.testing.assert_allclose(found["variance"], values.var(0, ddof=1), rtol=1e-4)
    keys = jax.random.key(0), jax.random.key(0), jax.random.key(1)
    first, same, other = (run(trained, mixture, training=True, key=key)[0] for key in keys)
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-4


def test_bad_input(trained):
    with pytest.raises(ValueError, match="this network takes 200 samples"):
        TINY.apply(trained, jnp.zeros((1, 199, 1)))
    with pytest.raises(ValueError, match="must halve 3 x"):
        replace(TINY, levels=3, frames=12)
