"""Synthesis against what it claims to be: Karplus-Strong, FM sidebands, decaying modes."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import jv

from umir.studio.song import DRUM_CLASSES
from umir.studio.sounds.drum_synthesis import synthesise_drum
from umir.studio.sounds.synthesis import (
    _LOOP_RATE,
    FMSound,
    HarmonicSound,
    ModalSound,
    Partials,
    string_decay,
)
from umir.studio.sounds.tone import Envelope

RATE = 16000


def amplitude(wave, frequency, rate=RATE):
    """Return the amplitude of a sinusoid in a wave that holds whole periods of it."""
    time = np.arange(len(wave)) / rate
    return 2 * abs(np.mean(wave * np.exp(-2j * np.pi * frequency * time)))


def test_string_decays_like_the_delay_loop_of_karplus_and_strong():
    period, loss = 100, 0.004
    # The loop itself: y[n] = x[n] + (1 - loss) (y[n - period] + y[n - period - 1]) / 2.
    denominator = np.zeros(period + 2)
    denominator[0], denominator[period], denominator[period + 1] = 1, -(1 - loss) / 2, 0
    denominator[period + 1] = -(1 - loss) / 2
    burst = np.zeros(int(_LOOP_RATE))
    burst[:period] = np.random.default_rng(0).standard_normal(period)
    wave = lfilter([1.0], denominator, burst)
    frequency = _LOOP_RATE / (period + 0.5)  # the average delays by half a sample
    harmonics = np.array([1, 2, 4, 8])
    rates = string_decay(frequency, harmonics, loss)
    window = np.hanning(8 * 201)  # whole periods: 201 samples are two of them
    gap = 20 * 201
    for harmonic, rate in zip(harmonics, rates, strict=True):
        phase = np.exp(-2j * np.pi * harmonic * frequency / _LOOP_RATE * np.arange(len(wave)))
        parts = [
            abs(np.sum((wave * phase)[start : start + len(window)] * window)) for start in (0, gap)
        ]
        measured = np.log(parts[0] / parts[1]) * _LOOP_RATE / gap
        assert measured == pytest.approx(rate, rel=0.02)


def test_partials_have_the_amplitudes_asked_for():
    partials = Partials(slope=1.0, even=0.5, cutoff=(1e6, 1e6))
    sound = HarmonicSound(partials, Envelope(), seed=3)
    wave = sound.body(np.full(RATE, 100.0), 1.0, RATE)
    found = np.array([amplitude(wave, 100.0 * h) for h in range(1, 9)])
    expected = np.array([1, 0.25, 1 / 3, 0.125, 0.2, 1 / 12, 1 / 7, 1 / 16])
    np.testing.assert_allclose(found / found[0], expected, atol=0.003)
    assert np.sqrt(np.mean(wave**2)) == pytest.approx(1.0, rel=0.02)


def test_nothing_aliases():
    sound = HarmonicSound(Partials(slope=0.0, cutoff=(1e6, 1e6)), Envelope())
    wave = sound.body(np.full(RATE, 1900.0), 1.0, RATE)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    at = np.zeros(len(spectrum), bool)
    for harmonic in range(1, 4):
        at[1900 * harmonic - 3 : 1900 * harmonic + 4] = True
    assert spectrum[~at].max() < 0.01 * spectrum[at].max()


def test_brightness_brings_out_overtones():
    sound = HarmonicSound(Partials(cutoff=(8.0, 8.0)), Envelope())
    ratios = []
    for brightness in (0.25, 1.0):
        wave = sound.body(np.full(RATE, 200.0), brightness, RATE)
        ratios.append(amplitude(wave, 1600.0) / amplitude(wave, 200.0))
    assert ratios[1] > 2 * ratios[0]


def test_fm_sidebands_are_bessel_functions():
    sound = FMSound(Envelope(), ratio=3.0, index=(0.7, 0.7))
    wave = sound.body(np.full(RATE, 200.0), 1.0, RATE) / np.sqrt(2)
    for order in range(3):
        # The lower sidebands of ratio 3 fall on 2, 5, ... times 200 Hz, the upper on 1, 4, 7, ...
        assert amplitude(wave, 200.0 * (1 + 3 * order)) == pytest.approx(jv(order, 0.7), abs=1e-3)


def test_modes_decay_as_told():
    sound = ModalSound(Envelope(), (1.0, 2.76), (1.0, 0.5), (4.0, 12.0))
    wave = sound.body(np.full(RATE, 300.0), 1.0, RATE)
    quarter = RATE // 4
    for ratio, decay in ((1.0, 4.0), (2.76, 12.0)):
        early, late = (
            amplitude(wave[start : start + quarter], 300 * ratio) for start in (0, quarter)
        )
        assert np.log(early / late) / 0.25 == pytest.approx(decay, rel=0.05)


@pytest.mark.parametrize("drum", DRUM_CLASSES)
def test_drums_are_short_loud_and_vary(drum):
    waves = [synthesise_drum(np.random.default_rng(seed), drum, RATE) for seed in range(4)]
    for wave in waves:
        assert np.abs(wave).max() == pytest.approx(1.0)
        assert np.argmax(np.abs(wave) > 0.1) < 0.01 * RATE
        assert np.abs(wave[-8:]).max() < 0.02
        assert len(wave) <= 2 * RATE
    assert len({wave.tobytes() for wave in waves}) == 4


def test_drums_lie_where_they_should_in_the_spectrum():
    def centroid(drum):
        values = []
        for seed in range(5):
            wave = synthesise_drum(np.random.default_rng(seed), drum, RATE)
            power = np.abs(np.fft.rfft(wave)) ** 2
            values.append(power @ np.fft.rfftfreq(len(wave), 1 / RATE) / power.sum())
        return np.mean(values)

    order = [centroid(drum) for drum in ("kick", "tom", "snare", "closed_hihat")]
    assert order[0] < 250 and order == sorted(order) and order[3] > 3500
