"""Room, effects and mix: linear where they must be, onsets kept, levels as told."""

import numpy as np
import pytest
from scipy.signal import freqz

from umir.studio.mixing.effects import _bell, chorus, drive, echo, equalise, glue, loudness
from umir.studio.mixing.room import draw_room

RATE = 16000


def click(at=1000, length=RATE):
    wave = np.zeros(length, np.float32)
    wave[at] = 1
    return wave


@pytest.mark.parametrize("channels", [1, 2])
def test_room_keeps_the_direct_sound_and_rings_after_it(channels):
    room = draw_room(np.random.default_rng(0), 0.5, RATE, RATE, channels)
    placed = room.place(click(), 0.3, 0.1)
    assert placed.shape == (RATE, channels) and placed.dtype == np.float32
    assert np.abs(placed[:1000]).max() < 1e-5
    assert np.all(np.abs(placed[1000]) > 0.5)
    # 60 dB in half a second: 200 ms later it is 24 dB softer.
    early, late = (np.square(placed[start : start + 1600]).sum() for start in (3400, 6600))
    assert 10 * np.log10(early / late) == pytest.approx(24, abs=4)
    dry = room.place(click(), 0.0, 0.0)
    np.testing.assert_allclose(dry, click()[:, None].repeat(channels, 1), atol=1e-5)


def test_room_is_linear_and_the_same_as_convolution(rng):
    room = draw_room(np.random.default_rng(1), 0.3, 4000, RATE, 1)
    wave = rng.standard_normal(4000).astype(np.float32)
    response = room.place(click(0, 4000), 0.0, 0.2)[:, 0]
    expected = np.convolve(wave, response)[:4000]
    np.testing.assert_allclose(room.place(wave, 0.0, 0.2)[:, 0], expected, atol=1e-4)


def test_panning_keeps_the_power():
    room = draw_room(np.random.default_rng(0), 0.3, 4000, RATE, 2)
    for pan in (-1.0, -0.4, 0.0, 1.0):
        left, right = room.place(click(10, 4000), pan, 0.0)[10]
        assert left**2 + right**2 == pytest.approx(2.0, abs=1e-4)
    assert room.place(click(10, 4000), -1.0, 0.0)[10, 1] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("decibels", [-5.0, 3.0])
def test_bell_has_its_gain_at_its_centre_only(decibels):
    section = _bell(1000.0, decibels, RATE)
    frequencies, response = freqz(section[:3], section[3:], [10.0, 1000.0, 7900.0], fs=RATE)
    levels = 20 * np.log10(np.abs(response))
    np.testing.assert_allclose(levels, [0, decibels, 0], atol=0.1)


def test_equaliser_is_causal():
    wave = equalise(np.random.default_rng(0), click(), RATE)
    assert not wave[:1000].any() and abs(wave[1000]) > 0.3


def test_drive_clips_and_keeps_soft_sounds():
    tone = np.sin(np.arange(RATE) / 10).astype(np.float32)
    assert np.abs(drive(tone, 8.0, 0.7)).max() <= 1
    soft = drive(0.001 * tone, 2.0, 1.0)
    np.testing.assert_allclose(soft, 0.002 * tone, rtol=1e-4, atol=1e-9)


def test_echo_by_hand():
    wave = echo(click(0), 0.25, 0.5, RATE)
    assert [wave[n * 4000] for n in range(4)] == [1, 0.5, 0.25, 0.125]
    assert np.count_nonzero(wave) == 4


def test_chorus_keeps_the_onset():
    wave = chorus(np.random.default_rng(0), click(), RATE)
    assert not wave[:1000].any() and wave[1000] == 1
    assert np.flatnonzero(wave)[-1] < 1000 + 0.016 * RATE


def test_loudness_ignores_silence():
    tone = np.sin(np.arange(RATE) / 10).astype(np.float32)
    silence = np.zeros(3 * RATE, np.float32)
    assert loudness(tone, RATE) == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert loudness(np.concatenate([tone, silence]), RATE) == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert loudness(silence, RATE) == 0


def test_glue_turns_down_what_is_loud():
    quiet, loud = 0.1 * np.ones((RATE, 1), np.float32), np.ones((RATE, 1), np.float32)
    mixture = np.concatenate([quiet, loud])
    gain = glue([mixture], RATE, 4.0)
    assert gain.shape == (2 * RATE, 1)
    assert gain[RATE // 2, 0] == pytest.approx(1.0)
    assert gain[-RATE // 2, 0] == pytest.approx((1 / 0.505) ** (0.5 * (0.25 - 1)), rel=0.02)
    np.testing.assert_allclose(glue([mixture], RATE, 1.0), 1.0)
