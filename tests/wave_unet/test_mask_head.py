"""Masks of a spectrogram: against scipy's transform, and what masks must do to the mixture."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann
from tiny import TINY

from umir.wave_unet import HeadSpec, Network
from umir.wave_unet.constant_q import levels
from umir.wave_unet.mask_head import (
    BEFORE,
    OVERLAP,
    SMOOTHED_BINS,
    SMOOTHED_FRAMES,
    mixture_levels,
    overlap_add,
    spectrogram,
)

HOP, FRAMES = 160, 24
THREE = HeadSpec("masks", 3, 100.0)


def noise(channels=1, batch=2, frames=FRAMES):
    shape = (batch, frames * HOP, channels)
    return np.random.default_rng(0).normal(size=shape).astype(np.float32) * 0.1


def test_the_spectrogram_is_scipys():
    waveform = noise()
    window = hann(OVERLAP * HOP, sym=False)
    transform = ShortTimeFFT(window, HOP, fs=1.0, phase_shift=None)
    expected = transform.stft(waveform[..., 0].astype(float), p0=-BEFORE, p1=FRAMES + 3)
    found = spectrogram(jnp.asarray(waveform), HOP)[..., 0]
    np.testing.assert_allclose(found, expected.swapaxes(1, 2), atol=1e-4)


@pytest.mark.parametrize("channels", [1, 2])
def test_there_and_back_is_the_waveform(channels):
    waveform = jnp.asarray(noise(channels))
    np.testing.assert_allclose(overlap_add(spectrogram(waveform, HOP), HOP), waveform, atol=1e-6)


def test_frame_n_is_centred_at_n_hops():
    """An impulse between two frames is heard alike by both."""
    impulse = np.zeros((1, FRAMES * HOP, 1), np.float32)
    impulse[0, 10 * HOP + HOP // 2] = 1
    power = np.abs(spectrogram(jnp.asarray(impulse), HOP)[0, :, 5, 0])
    assert power[BEFORE + 10] == pytest.approx(power[BEFORE + 11], rel=1e-5)
    assert power.argmax() in (BEFORE + 10, BEFORE + 11)


def test_levels_are_those_of_the_power_and_their_averages():
    rng, reach = np.random.default_rng(1), SMOOTHED_FRAMES // 2
    power = rng.uniform(0, 1e-2, size=(1, 6 + 2 * reach, 20)).astype(np.float32)
    found = np.asarray(mixture_levels(jnp.asarray(power)))[0]
    heard = np.asarray(levels(jnp.asarray(power)))[0]
    frame, bin_, side = 2, 9, SMOOTHED_BINS // 2
    assert found.shape == (6, 20, 3)
    expected = [
        heard[frame + reach, bin_],
        heard[frame : frame + SMOOTHED_FRAMES, bin_].mean(),
        heard[frame + reach, bin_ - side : bin_ + side + 1].mean(),
    ]
    np.testing.assert_allclose(found[frame, bin_], expected, rtol=1e-4)


def run(params_of, head=THREE, waveform=None):
    network = Network(TINY, head)
    params = network.init(jax.random.key(0))
    params["head"]["masks"] = params_of(dict(params["head"]["masks"]))
    waveform = noise() if waveform is None else waveform
    return np.asarray(network.apply(params, jnp.asarray(waveform))[0])


def test_masks_without_weights_share_the_mixture():
    output = run(lambda own: {**own, "kernel": 0 * own["kernel"]})
    expected = np.repeat(noise()[:, :, None] / 3, 3, axis=2)
    np.testing.assert_allclose(output, expected, atol=1e-6)


def test_a_mask_takes_its_frequencies_from_the_rest():
    """A stem whose masks are open below 2 kHz has the low one of two tones, the rest the other."""
    time = np.arange(FRAMES * HOP) / 16_000
    low, high = (0.1 * np.sin(2 * np.pi * f * time)[None, :, None] for f in (500, 5000))

    def split(own):
        offset = np.full(own["offset"].shape, -30.0, np.float32)
        offset[:120, 0] = 30.0  # bins are 16.7 Hz apart
        return {**own, "kernel": 0 * own["kernel"], "offset": jnp.asarray(offset)}

    output = run(split, waveform=(low + high).astype(np.float32))
    inside = slice(OVERLAP * HOP, -OVERLAP * HOP)
    np.testing.assert_allclose(output[:, inside, 0], low[:, inside], atol=1e-3)
    np.testing.assert_allclose(output[:, inside, 2], high[:, inside], atol=1e-3)
    np.testing.assert_allclose(output[:, inside, 1], 0, atol=1e-3)


def test_a_single_stem_has_half_the_mixture_at_first():
    head = HeadSpec("masks", 1, 100.0)
    output = run(lambda own: {**own, "kernel": 0 * own["kernel"]}, head)
    np.testing.assert_allclose(output, noise()[:, :, None] / 2, atol=1e-6)


def test_gradients_are_those_of_finite_differences():
    network, waveform = Network(TINY, THREE), jnp.asarray(noise(batch=1))
    params = network.init(jax.random.key(0))
    target = jnp.asarray(np.random.default_rng(2).normal(size=(1, FRAMES * HOP, 3, 1)), jnp.float32)

    def loss(level):
        masks = {**params["head"]["masks"], "level": level}
        output = network.apply({**params, "head": {"masks": masks}}, waveform)[0]
        return jnp.sum(output * target)

    level = params["head"]["masks"]["level"] + 0.1
    gradient = jax.grad(loss)(level)
    step = jnp.zeros_like(level).at[1, 0].set(1e-2)
    slope = (loss(level + step) - loss(level - step)) / 2e-2
    assert float(gradient[1, 0]) == pytest.approx(float(slope), rel=1e-2)
