"""Every sound generator starts when its label says, at its pitch, and answers velocity."""

import numpy as np
import pytest

from umir.studio.playing.performance import Bend, Hit, Note
from umir.studio.song import DRUM_CLASSES
from umir.studio.sounds.drum_kit import draw_kit
from umir.studio.sounds.instruments import PROGRAMS, draw_sound
from umir.studio.sounds.sampler import SampledSound
from umir.studio.sounds.tone import Envelope, render_notes

RATE = 16000
ONSET = 0.2
PITCHES = {"bass": 33, "harp": 55}


def level(wave):
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))


def rise(wave, floor=0.1):
    """Return when the level over 3 ms first exceeds a part of the peak of the first 150 ms."""
    power = np.convolve(wave.astype(np.float64) ** 2, np.ones(48) / 48)[: len(wave)]
    first = round(ONSET * RATE)
    assert np.sqrt(power[: first - 1]).max(initial=0) < 1e-6, "sound before the onset"
    peak = power[first : first + round(0.15 * RATE)].max()
    return float(np.argmax(power >= floor**2 * peak)) / RATE


def pitch_cents(wave, expected):
    """Return how many cents a wave is off, by autocorrelation over 100 ms within 4 semitones.

    Lags of three periods make the estimate of high pitches exact enough.
    """
    periods, scale = 3, 8
    fine = np.interp(np.arange(len(wave) * scale) / scale, np.arange(len(wave)), wave)
    lags = np.arange(
        int(periods * RATE * scale / expected / 1.1), int(periods * RATE * scale / expected * 1.1)
    )
    count = len(fine) - lags[-1]
    head = fine[:count]
    scores = [
        head @ fine[lag : lag + count] / np.linalg.norm(fine[lag : lag + count]) for lag in lags
    ]
    return float(1200 * np.log2(periods * RATE * scale / lags[int(np.argmax(scores))] / expected))


def sounds():
    for instrument in sorted(PROGRAMS):
        for program in PROGRAMS[instrument]:
            yield pytest.param(instrument, program, id=f"{instrument}-{program}")
        yield pytest.param(instrument, None, id=f"{instrument}-synthetic")


def make(instrument, program):
    if program is not None:
        return [SampledSound(program)]
    return [
        draw_sound(np.random.default_rng(seed), instrument, "synthetic")[0] for seed in range(3)
    ]


@pytest.mark.parametrize(("instrument", "program"), list(sounds()))
def test_onset_pitch_velocity_release(instrument, program):
    pitch = PITCHES.get(instrument, 64)
    for sound in make(instrument, program):
        loud, soft = (
            render_notes(sound, [Note(ONSET, 0.7, float(pitch), velocity)], RATE * 3 // 2, RATE)
            for velocity in (0.9, 0.35)
        )
        assert ONSET - 0.001 <= rise(loud) <= ONSET + 0.01
        assert level(soft) < 0.9 * level(loud)
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        # Measured after the attack, whose noise has pitches of its own (the wood of a bass).
        assert abs(pitch_cents(loud[round(0.4 * RATE) : round(0.68 * RATE)], frequency)) < 20
        # The note is let go at 0.7 s and rings out, but does not stop dead.
        held = level(loud[round(0.6 * RATE) : round(0.7 * RATE)])
        after = level(loud[round(0.7 * RATE) : round(0.72 * RATE)])
        assert 0.01 * held < after < 2 * held
        assert level(loud[-RATE // 20 :]) < 0.05 * level(loud)


@pytest.mark.parametrize("program", [56, 65, None])
def test_bends_are_heard(program):
    for sound in make("saxophone", program):
        note = Note(ONSET, 0.9, 64.0, 0.8, Bend(scoop=-3.0, scoop_time=0.2))
        wave = render_notes(sound, [note], RATE * 3 // 2, RATE)
        for at in (0.05, 0.4):
            start = round((ONSET + at) * RATE)
            middle = at + 0.04
            expected = float(note.frequencies(np.array([middle]))[0])
            off = pitch_cents(wave[start : start + round(0.08 * RATE)], expected)
            assert abs(off) < 25
    assert note.frequencies(np.array([0.0]))[0] == pytest.approx(note.frequency * 2 ** (-3 / 12))


def test_bend_by_hand():
    bend = Bend(scoop=2.0, scoop_time=0.1, depth=0.5, rate=5.0, delay=0.1)
    time = np.array([0.0, 0.1, 0.35])
    expected = [2.0, 2 * np.exp(-1), 2 * np.exp(-3.5) + 0.5 * np.sin(2 * np.pi * 5 * 0.25)]
    np.testing.assert_allclose(bend.semitones(time), expected, atol=1e-12)


def test_envelope_sustains_and_releases():
    levels = Envelope(attack=0.01, decay=np.inf, release=0.1).levels(1000, 10000)
    assert len(levels) == 2000 and levels[0] == 0
    assert levels[100] == pytest.approx(1 - np.exp(-3), abs=1e-5)
    assert levels[999] == pytest.approx(1.0, abs=1e-5)
    assert levels[1500] == pytest.approx(1000**-0.5, rel=0.01)  # 30 dB down, half way
    falling = Envelope(attack=1e-4, decay=1.0, sustain=0.25).levels(10000, 10000)
    assert falling[9999] == pytest.approx(0.25 + 0.75e-3, rel=0.01)


def test_equal_notes_are_equal_and_add():
    sound = make("piano", None)[0]
    first, second = Note(0.1, 0.3, 60.0, 0.8), Note(0.5, 0.7, 60.0, 0.8)
    both = render_notes(sound, [first, second], RATE, RATE)
    alone = render_notes(sound, [second], RATE, RATE)
    start = round(0.5 * RATE)
    np.testing.assert_array_equal(both[start:], alone[start:])
    shift = both[round(0.1 * RATE) : round(0.3 * RATE)]
    np.testing.assert_array_equal(shift, both[start : start + len(shift)])


@pytest.mark.parametrize("kind", ["acoustic", "jazz", "electronic", "mixed"])
def test_drums_start_on_time_and_answer_velocity(kind):
    for seed in range(3):
        kit = draw_kit(np.random.default_rng(seed), kind, RATE)
        assert set(kit.drums) == set(DRUM_CLASSES)
        for drum in DRUM_CLASSES:
            loud, soft = (
                kit.render([Hit(ONSET, drum, velocity)], RATE, RATE) for velocity in (0.9, 0.4)
            )
            assert ONSET - 0.001 <= rise(loud) <= ONSET + 0.01, drum
            assert level(soft) < 0.7 * level(loud)


def test_kits_differ_and_do_not_depend_on_which_drums_are_asked_for():
    kits = [draw_kit(np.random.default_rng(seed), "electronic", RATE) for seed in range(6)]
    kicks = [kit.drums["kick"][0] for kit in kits]
    spectra = [np.abs(np.fft.rfft(kick, 2 * RATE)) for kick in kicks]
    centroids = [np.argmax(spectrum) / 2 for spectrum in spectra]
    assert max(centroids) > 1.15 * min(centroids)
    alone = draw_kit(np.random.default_rng(0), "electronic", RATE, ["kick"])
    np.testing.assert_array_equal(alone.drums["kick"][0], kicks[0])


def test_closed_hihat_silences_the_open_one():
    kit = draw_kit(np.random.default_rng(1), "acoustic", RATE)
    hits = [Hit(0.1, "open_hihat", 0.9), Hit(0.25, "closed_hihat", 0.1)]
    choked = kit.render(hits, RATE, RATE)
    free = kit.render(hits[:1], RATE, RATE)
    late = slice(round(0.45 * RATE), round(0.6 * RATE))
    assert level(choked[late]) < 0.5 * level(free[late]) + 1e-6
