"""Filters, dynamics, distortion, coding, spaces and backgrounds, each by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import sosfilt, sosfreqz

from umir.studio.mixing.coding import attack_care, code, coding_gains, inverse_mdct, mdct
from umir.studio.mixing.distortion import DISTORTIONS, distort
from umir.studio.mixing.dynamics import compressor_gain, limiter_gain
from umir.studio.mixing.effects import double, flange, sweep_filter, tremolo
from umir.studio.mixing.filters import bell, filter_wave, high_pass, high_shelf, low_pass, low_shelf
from umir.studio.mixing.reverbs import REVERBS, draw_reverb
from umir.studio.mixing.room import draw_room
from umir.studio.sounds.background import LAYERS, NOISES, draw_background

RATE = 16000
ONSET = 0.2


def burst(length=RATE, at=ONSET):
    """Return a plucked tone, and silence before it."""
    time = np.arange(length) / RATE - at
    tone = sum(np.sin(2 * np.pi * 220 * h * time) / h for h in range(1, 12))
    return np.where(time >= 0, tone * np.exp(-3 * np.maximum(time, 0)), 0).astype(np.float32)


def rise(wave):
    """Return when a wave first reaches a tenth of its peak within 50 ms of the onset, in s."""
    level = np.abs(wave)
    peak = level[round(ONSET * RATE) : round((ONSET + 0.05) * RATE)].max()
    return float(np.argmax(level >= 0.1 * peak)) / RATE


def keeps_the_onset(before, after):
    assert np.abs(after[: round((ONSET - 0.002) * RATE)]).max() < 0.02 * np.abs(after).max()
    assert abs(rise(after) - rise(before)) <= 0.002


def decibels(sections, frequency):
    _, response = sosfreqz(np.asarray(sections), [frequency], fs=RATE)
    return 20 * np.log10(np.abs(response[0]) + 1e-12)


@given(gain=st.floats(-15, 15), centre=st.floats(100, 6000), octaves=st.floats(0.2, 2))
def test_bells_and_shelves_have_their_gains(gain, centre, octaves):
    assert decibels([bell(centre, gain, octaves, RATE)], centre) == pytest.approx(gain, abs=1e-6)
    assert decibels([bell(centre, gain, octaves, RATE)], 1e-3) == pytest.approx(0, abs=1e-3)
    low, high = low_shelf(centre, gain, RATE), high_shelf(centre, gain, RATE)
    for section, bottom, middle, top in ((low, gain, gain / 2, 0), (high, 0, gain / 2, gain)):
        assert decibels([section], 1e-3) == pytest.approx(bottom, abs=1e-3)
        assert decibels([section], centre) == pytest.approx(middle, abs=1e-6)
        assert decibels([section], 7999.99) == pytest.approx(top, abs=1e-3)


def test_passes_are_3_db_down_at_their_corner_and_left_out_above_the_band():
    assert decibels(low_pass(1000.0, RATE, 4), 1000) == pytest.approx(-3.01, abs=0.01)
    assert decibels(high_pass(1000.0, RATE), 1000) == pytest.approx(-3.01, abs=0.01)
    assert decibels(low_pass(1000.0, RATE, 4), 4000) < -48
    assert low_pass(7300.0, RATE) == []
    wave = burst()
    assert filter_wave(wave, []) is wave


def test_filter_is_scipys_along_time(rng):
    wave = rng.standard_normal((500, 2)).astype(np.float32)
    sections = [bell(700.0, 6.0, 1.0, RATE), *high_pass(50.0, RATE)]
    expected = sosfilt(np.asarray(sections), wave.astype(np.float64), axis=0)
    np.testing.assert_allclose(filter_wave(wave, sections), expected, atol=1e-6)
    np.testing.assert_allclose(filter_wave(wave[:, 0], sections), expected[:, 0], atol=1e-6)
    assert filter_wave(wave, sections).dtype == np.float32


def test_compressor_by_hand():
    wave = np.concatenate([0.05 * np.ones(RATE), np.ones(RATE)]).astype(np.float32)
    gain = compressor_gain(wave, RATE, threshold=0.1, ratio=4.0, attack=0.02, release=0.1)
    np.testing.assert_allclose(gain[:RATE], 1)
    # 20 dB over the threshold become 5: 15 dB less.
    assert 20 * np.log10(gain[-1]) == pytest.approx(-15, abs=0.01)
    after = 20 * np.log10(gain[RATE + round(0.02 * RATE)])
    assert after == pytest.approx(-15 * (1 - np.exp(-1)), abs=2.5)
    np.testing.assert_allclose(compressor_gain(wave, RATE, 0.1, 1.0, 0.01, 0.1), 1)


@given(seed=st.integers(0, 1000), ceiling=st.floats(0.05, 1.0))
def test_limiter_keeps_the_ceiling_and_leaves_what_is_soft(seed, ceiling):
    rng = np.random.default_rng(seed)
    loud = rng.standard_normal((3001, 2)).astype(np.float32) * rng.exponential(1, (3001, 1))
    gain = limiter_gain(loud, RATE, ceiling, 0.05)
    assert np.abs(loud * gain[:, None]).max() <= ceiling * (1 + 1e-5)
    soft = loud * np.float32(ceiling / np.abs(loud).max() * 0.99)
    np.testing.assert_array_equal(limiter_gain(soft, RATE, ceiling, 0.05), 1)


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_distortions_keep_onset_silence_and_what_is_soft(kind):
    wave = burst()
    for amount in (0.5, 8.0):
        hard = distort(wave, kind, amount, 0.3)
        assert np.abs(hard).max() <= 1.6 and np.isfinite(hard).all()
        assert not hard[: round(ONSET * RATE)].any()
        keeps_the_onset(wave, hard)
    assert not distort(0 * wave, kind, 4.0, 0.0).any()
    with pytest.raises(ValueError, match="no distortion 'x'"):
        distort(wave, "x", 1.0, 1.0)


def test_distortions_by_hand():
    x = np.array([-2.0, -1.25, -0.1, 0.0, 0.1, 1.25, 2.0], np.float32)
    np.testing.assert_allclose(distort(x, "tape", 1.0, 1.0), x / (1 + np.abs(x)))
    np.testing.assert_allclose(distort(x, "transistor", 1.0, 1.0), np.clip(x, -1, 1))
    folded = [0, -0.75, -0.1, 0, 0.1, 0.75, 0]
    np.testing.assert_allclose(distort(x, "fuzz", 1.0, 1.0), folded, atol=1e-6)
    assert distort(x, "tube", 1.0, 1.0)[0] != -distort(x, "tube", 1.0, 1.0)[-1]
    crushed = distort(x, "crusher", 4.0, 1.0) * 16
    np.testing.assert_array_equal(crushed, np.round(crushed))


@given(length=st.integers(1, 900), half=st.integers(2, 60))
def test_mdct_is_orthogonal_and_inverts(length, half):
    wave = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    spectrum = mdct(wave, 2 * half)
    assert np.square(spectrum).sum() == pytest.approx(np.square(wave).sum(), rel=1e-4)
    np.testing.assert_allclose(inverse_mdct(spectrum, length), wave, atol=1e-5)


def test_mdct_is_the_one_of_the_textbook(rng):
    hop = 8
    wave = rng.standard_normal(3 * hop).astype(np.float32)
    n, k = np.arange(2 * hop), np.arange(hop)[:, None]
    kernel = np.cos(np.pi / hop * (n + 0.5 + hop / 2) * (k + 0.5)) * np.sqrt(2 / hop)
    window = np.sin(np.pi * (n + 0.5) / (2 * hop))
    expected = kernel @ (window * wave[: 2 * hop])
    np.testing.assert_allclose(mdct(wave, hop)[1], expected, atol=1e-5)


def test_coding_gives_the_quantised_mixture_to_its_parts(rng):
    parts = [burst()[:, None], 0.1 * rng.standard_normal((RATE, 1)).astype(np.float32)]
    spectrum = mdct(sum(parts)[:, 0], 192)
    care = np.minimum(*(attack_care(part[:, 0], 192) for part in parts))
    gains = coding_gains(spectrum, RATE, 0.8, 5000.0, care)
    assert gains.min() >= 0 and gains.max() <= 2
    assert not gains[:, 121:].any()  # above 5 kHz
    coded = code(parts, RATE, 0.8, 5000.0)
    np.testing.assert_allclose(
        np.sum(coded, axis=0)[:, 0], inverse_mdct(spectrum * gains, RATE), atol=1e-5
    )
    # The finer the steps, the closer; the smallest are transparent.
    errors = [
        np.square(np.sum(code(parts, RATE, steps, 9e3), axis=0) - sum(parts)).sum()
        for steps in (0.02, 0.2, 1.0)
    ]
    assert 10 * errors[0] < errors[1] and 2 * errors[1] < errors[2]


def test_coding_has_no_echo_before_an_attack():
    for at in np.linspace(0.19, 0.21, 7):
        wave = burst(at=at)
        for cutoff in (4e3, 16e3):
            coded = code([wave[:, None]], RATE, 0.8, cutoff)[0][:, 0]
            first = round((at - 0.002) * RATE)
            assert np.abs(coded[:first]).max() < 0.02 * np.abs(coded).max()
    silent = code([np.zeros((500, 1), np.float32)], RATE, 0.5, 7e3)[0]
    assert not silent.any()


@pytest.mark.parametrize("kind", REVERBS)
@pytest.mark.parametrize("channels", [1, 2])
def test_spaces_ring_after_the_direct_sound(kind, channels):
    room = draw_room(np.random.default_rng(0), 2.0, RATE, RATE, channels)
    for seed in range(3):
        space = draw_reverb(np.random.default_rng(seed), kind, room, RATE, RATE)
        placed = space.place(burst(), 0.0, 0.5)
        assert placed.shape == (RATE, channels) and np.isfinite(placed).all()
        keeps_the_onset(burst(), placed[:, 0])
        click = np.zeros(RATE, np.float32)
        click[0] = 1
        response = space.place(click, 0.0, 1.0)[:, 0]
        response[0] -= 1
        assert not (np.abs(response[:16]) > 1e-4).any()  # nothing within a millisecond
        # Energy 1; what lies past the end of the song is not heard.
        assert 0.1 < np.square(response).sum() < 1.05
        again = draw_reverb(np.random.default_rng(seed), kind, room, RATE, RATE)
        np.testing.assert_array_equal(again.spectra, space.spectra)
    with pytest.raises(ValueError, match="no reverberation 'x'"):
        draw_reverb(np.random.default_rng(0), "x", room, RATE, RATE)


def test_rooms_add():
    room = draw_room(np.random.default_rng(0), 0.5, RATE, RATE, 1)
    other = draw_reverb(np.random.default_rng(1), "plate", room, RATE, RATE)
    both = room.plus(other, 0.3).place(burst(), 0.0, 1.0)
    expected = (
        room.place(burst(), 0.0, 1.0)
        + np.float32(0.3) * other.place(burst(), 0.0, 1.0)
        - np.float32(0.3) * burst()[:, None]
    )
    np.testing.assert_allclose(both, expected, atol=1e-4)


@pytest.mark.parametrize("effect", [flange, double, sweep_filter])
def test_movement_keeps_the_onset_and_silence(effect):
    for seed in range(4):
        moved = effect(np.random.default_rng(seed), burst(), RATE)
        keeps_the_onset(burst(), moved)
        assert not moved[: round(ONSET * RATE)].any()
        assert not effect(np.random.default_rng(seed), 0 * burst(), RATE).any()


def test_tremolo_by_hand():
    wave = tremolo(np.ones(RATE, np.float32), 4.0, 0.6, 0.0, RATE)
    assert wave.max() == pytest.approx(1.0, abs=1e-4) and wave.min() == pytest.approx(0.4, abs=1e-4)
    assert wave[0] == pytest.approx(0.7)
    np.testing.assert_allclose(wave[: RATE // 4], wave[RATE // 4 : RATE // 2], atol=1e-4)


@pytest.mark.parametrize("kind", LAYERS + NOISES)
def test_backgrounds_are_there_all_the_time_without_a_pitch(kind):
    for seed in range(3):
        wave = draw_background(np.random.default_rng(seed), kind, 4 * RATE, RATE)
        assert wave.dtype == np.float32 and wave.shape == (4 * RATE,)
        assert np.sqrt(np.square(wave, dtype=np.float64).mean()) == pytest.approx(1, abs=1e-3)
        seconds = np.square(wave.reshape(4, RATE)).mean(axis=1)
        assert seconds.min() > 0.01
    other = draw_background(np.random.default_rng(9), kind, 4 * RATE, RATE)
    assert np.abs(other - wave).max() > 0.1
    with pytest.raises(ValueError, match="no background 'x'"):
        draw_background(np.random.default_rng(0), "x", RATE, RATE)
