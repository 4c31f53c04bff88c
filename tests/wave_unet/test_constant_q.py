"""The constant-Q layer against its definition in float64, and what a spectrum should do."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TINY

from umir.wave_unet import PRESETS, init_body
from umir.wave_unet.constant_q import (
    CYCLES,
    FLOOR,
    LONGEST,
    SHORTEST,
    ConstantQ,
    levels,
    slower,
)

NANO = ConstantQ(16_000, 160, 36)
FRAME = 50


def layer(waveform, bank=NANO):
    return np.asarray(levels(bank(jnp.asarray(waveform, jnp.float32))), float)


def chroma(waveform, bank=NANO):
    return np.asarray(bank.chroma(bank(jnp.asarray(waveform, jnp.float32))), float)


def power(output):
    return FLOOR * (10 ** (2 * (output + 1)) - 1)


def sine(frequency, amplitude=0.1, seconds=1.0, rate=16_000):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def by_definition(waveform, bank, frame, number):
    """The inner product with a windowed exponential around the frame's time, in float64."""
    frequency = bank.frequencies[number]
    seconds = min(max(CYCLES / frequency, SHORTEST), LONGEST)
    time = np.arange(len(waveform)) / bank.rate - frame * bank.hop / bank.rate
    window = np.where(2 * abs(time) < seconds, np.cos(np.pi * time / seconds) ** 2, 0)
    product = np.sum(window * waveform * np.exp(-2j * np.pi * frequency * time)) / np.sum(window)
    return abs(product) ** 2


def test_it_is_the_inner_product_with_windowed_exponentials():
    """Also at the low rate: what decimation changes is under 1% of the strongest bin."""
    rng = np.random.default_rng(0)
    waveform = sum(sine(f, rng.random() / 9) for f in (60, 111, 440, 1234, 2500, 6000))
    found = power(layer(waveform[None, :, None]))[0, FRAME]
    expected = [by_definition(waveform, NANO, FRAME, n) for n in range(len(NANO.frequencies))]
    np.testing.assert_allclose(found, expected, atol=0.01 * max(expected))


@pytest.mark.parametrize("number", [30, 100, 194, 196, 250])
def test_a_sine_is_loudest_at_its_own_frequency_with_a_quarter_of_its_square(number):
    output = layer(sine(NANO.frequencies[number])[None, :, None])[0, FRAME]
    assert np.argmax(output) == number
    np.testing.assert_allclose(power(output)[number], 0.1**2 / 4, rtol=0.01)


def test_semitones_are_told_apart_down_to_110_hz():
    low = np.flatnonzero(np.abs(NANO.frequencies - 110) < 0.1)[0]
    output = layer((sine(110) + sine(110 * 2 ** (1 / 6)))[None, :, None])[0, FRAME]
    between, tops = output[low + 3], (output[low], output[low + 6])
    assert min(tops) - between > 0.15  # 3 dB


@pytest.mark.parametrize("bank", [NANO, ConstantQ(44_100, 441, 24), ConstantQ(8000, 80, 12)])
def test_a_frame_is_centred_at_its_time(bank):
    waveform = np.zeros((1, 100 * bank.hop, 1))
    waveform[0, FRAME * bank.hop] = 1
    found = power(layer(waveform, bank))[0]
    np.testing.assert_allclose(found[FRAME - 20 : FRAME], found[FRAME + 20 : FRAME : -1], atol=1e-9)
    assert np.all(np.argmax(found, axis=0) == FRAME)


@given(st.integers(0, 2**32 - 1))
def test_what_lies_beyond_its_reach_changes_nothing(seed):
    waveform = np.random.default_rng(seed).normal(size=(1, 100 * 160, 1))
    changed = waveform.copy()
    changed[:, : FRAME * 160 - NANO.reach] += 1
    changed[:, FRAME * 160 + NANO.reach + 1 :] += 1
    before, after = layer(waveform)[:, FRAME], layer(changed)[:, FRAME]
    np.testing.assert_allclose(before, after, atol=1e-5)


def test_channels_are_averaged_in_power():
    left, right = sine(440)[None, :, None], sine(660)[None, :, None]
    both = layer(np.concatenate([left, right], axis=2))
    expected = (power(layer(left)) + power(layer(right))) / 2
    np.testing.assert_allclose(power(both), expected, rtol=1e-3, atol=1e-9)


def test_silence_is_finite_and_so_is_its_gradient():
    silence = jnp.zeros((1, 3200, 1))
    assert np.all(layer(silence) == -1)
    gradient = jax.grad(lambda x: jnp.sum(NANO.features(NANO(x))))(silence)
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("octave", range(5))
def test_a_tone_is_its_pitch_class_in_every_octave_and_at_every_level(octave):
    frequency = 32.703 * 2 ** (octave + 1 + 9 / 12)
    for amplitude in (0.3, 0.003):
        found = chroma(sine(frequency, amplitude)[None, :, None])[0, FRAME]
        assert np.argmax(found) == 9 * 3  # A, of three bins per semitone
        assert found.max() == pytest.approx(1, abs=0.1) and found.min() < 0.1


def test_chroma_is_the_sum_over_octaves_of_amplitudes():
    bank = ConstantQ(8000, 80, 12)
    power = np.random.default_rng(0).random((1, 3, len(bank.frequencies)))
    amplitudes = np.sqrt(power[0, :, 12:72] + FLOOR) - np.sqrt(FLOOR)
    folded = np.array([amplitudes[:, pitch::12].sum(axis=1) for pitch in range(12)]).T
    expected = folded / (folded.max(axis=1, keepdims=True) + np.sqrt(FLOOR))
    found = bank.chroma(jnp.asarray(power, jnp.float32))
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)


def test_features_are_levels_and_chroma():
    waveform = jnp.asarray(sine(300)[None, :, None], jnp.float32)
    features = NANO.features(NANO(waveform))
    assert features.shape == (1, 100, NANO.n_features)
    np.testing.assert_array_equal(features[..., -36:], NANO.chroma(NANO(waveform)))


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_slower_frames_are_under_a_triangle_centred_on_theirs(factor):
    power = np.random.default_rng(1).random((2, 30, 4)).astype(np.float32)
    triangle = np.bartlett(2 * factor + 1)[1:-1] / factor
    smooth = np.apply_along_axis(np.convolve, 1, power, triangle, "same")
    found = slower(jnp.asarray(power), factor)
    np.testing.assert_allclose(found, smooth[:, ::factor], rtol=1e-5)
    assert triangle.sum() == pytest.approx(1)


def test_frequencies_stay_below_the_nyquist_frequency():
    for rate, hop in ((8000, 80), (16_000, 160), (44_100, 441)):
        bank = ConstantQ(rate, hop, 36)
        assert bank.frequencies[-1] < 0.48 * rate
        assert hop % bank.decimation == 0
        assert rate / bank.decimation > 2 * 1400


def test_presets_have_it_at_100_hz():
    for config in PRESETS.values():
        assert config.rates[config.spectrum_level] == pytest.approx(100)
        assert config.constant_q.hop == config.hops[config.spectrum_level]


def test_a_body_without_it_has_no_parameters_for_it():
    key = jax.random.key(0)
    assert "spectrum" not in init_body(TINY, key)
    assert "spectrum" in init_body(replace(TINY, bins_per_octave=2), key)
