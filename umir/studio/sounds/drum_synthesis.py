"""Drums of our own: each drum is a recipe with random settings, so that every kit is another.

A drum is a sum of two or three of: a tone whose pitch falls (a membrane), decaying modes (wood,
metal), noise in a band (snares, brushes, cymbals), and a click. All start at sample 0.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.signal import butter, sosfilt

Wave = Float[np.ndarray, " time"]


def synthesise_drum(rng: np.random.Generator, drum: str, rate: int) -> Wave:
    """Draw a drum and return one hit of it.

    Args:
        rng: where chance comes from.
        drum: one of `umir.studio.DRUM_CLASSES`.
        rate: sampling rate in Hz.

    Returns:
        The waveform, shape `(time,)`, with peak 1.
    """
    wave = _RECIPES[drum](rng, rate)
    fade = min(len(wave), round(0.01 * rate))
    wave[-fade:] *= np.linspace(1, 0, fade)
    return (wave / np.abs(wave).max()).astype(np.float32)


def _time(seconds: float, rate: int) -> np.ndarray:
    """Return the times of the samples of a hit."""
    return np.arange(round(seconds * rate)) / rate


def _membrane(t: np.ndarray, low: float, high: float, fall: float, decay: float) -> np.ndarray:
    """Return a tone that falls from `high` to `low` Hz (time constant `fall`), decaying.

    The phase is the integral of the frequency; it starts at a quarter, to be loud at once.
    """
    cycles = low * t + (high - low) * fall * (1 - np.exp(-t / fall))
    return np.cos(2 * np.pi * cycles) * np.exp(-t / decay)


def _noise(
    rng: np.random.Generator, t: np.ndarray, rate: int, low: float, high: float, decay: float
) -> np.ndarray:
    """Return decaying noise between `low` and `high` Hz, peak near 1."""
    high = min(high, 0.47 * rate)
    low = min(low, 0.7 * high)
    sections = butter(1, [low, high], "bandpass", fs=rate, output="sos")
    noise = sosfilt(sections, rng.standard_normal(len(t)))
    return noise / (np.abs(noise).max() + 1e-9) * np.exp(-t / decay)


def _modes(
    rng: np.random.Generator,
    t: np.ndarray,
    rate: int,
    low: float,
    high: float,
    count: int,
    decay: float,
) -> np.ndarray:
    """Return decaying sinusoids at random frequencies between `low` and `high` Hz."""
    high = min(high, 0.47 * rate)
    low = min(low, 0.7 * high)
    frequencies = np.exp(rng.uniform(np.log(low), np.log(high), count))
    decays = decay * rng.uniform(0.4, 1.0, count)
    angles = 2 * np.pi * np.outer(frequencies, t) + rng.uniform(0, 2 * np.pi, (count, 1))
    return (np.sin(angles) * np.exp(-t / decays[:, None])).sum(axis=0) / np.sqrt(count)


def _kick(rng: np.random.Generator, rate: int) -> np.ndarray:
    decay = np.exp(rng.uniform(np.log(0.06), np.log(0.4)))
    t = _time(min(4 * decay, 0.9), rate)
    low = rng.uniform(40, 70)
    wave = _membrane(t, low, low * rng.uniform(2, 7), rng.uniform(0.006, 0.05), decay)
    wave += rng.uniform(0.05, 0.5) * _noise(rng, t, rate, 1500.0, 6000.0, rng.uniform(0.002, 0.01))
    drive = rng.uniform(0.5, 3)
    return np.tanh(drive * wave)


def _snare(rng: np.random.Generator, rate: int) -> np.ndarray:
    t = _time(rng.uniform(0.25, 0.5), rate)
    low = rng.uniform(150, 260)
    drum = _membrane(t, low, low * rng.uniform(1.1, 2), 0.02, rng.uniform(0.03, 0.12))
    drum += rng.uniform(0, 0.7) * _membrane(t, 1.6 * low, 1.7 * low, 0.02, rng.uniform(0.02, 0.08))
    rattle = _noise(
        rng,
        t,
        rate,
        rng.uniform(500, 2500),
        rng.uniform(5000, 11000),
        np.exp(rng.uniform(np.log(0.03), np.log(0.16))),
    )
    return rng.uniform(0.3, 1.0) * drum + rng.uniform(0.6, 1.4) * rattle


def _rimshot(rng: np.random.Generator, rate: int) -> np.ndarray:
    t = _time(0.12, rate)
    click = _modes(rng, t, rate, 400.0, 2500.0, 4, rng.uniform(0.008, 0.025))
    return click + rng.uniform(0.2, 0.8) * _noise(rng, t, rate, 1500.0, 6000.0, 0.004)


def _clap(rng: np.random.Generator, rate: int) -> np.ndarray:
    t = _time(rng.uniform(0.2, 0.4), rate)
    low = rng.uniform(700, 1300)
    noise = _noise(rng, t, rate, low, low * rng.uniform(2, 5), 10.0)
    gaps = np.cumsum([0.0, *rng.uniform(0.006, 0.012, int(rng.integers(2, 4)))])
    # Several hands, one after the other; the last one rings.
    bursts = sum(np.where(t >= gap, np.exp(-(t - gap) / 0.004), 0) for gap in gaps[:-1])
    tail = np.where(t >= gaps[-1], np.exp(-(t - gaps[-1]) / rng.uniform(0.03, 0.1)), 0)
    return noise * (bursts + tail)


def _tom(rng: np.random.Generator, rate: int) -> np.ndarray:
    t = _time(rng.uniform(0.3, 0.6), rate)
    low = np.exp(rng.uniform(np.log(75), np.log(210)))
    wave = _membrane(t, low, low * rng.uniform(1.2, 2.0), rng.uniform(0.02, 0.08), 0.14)
    return wave + rng.uniform(0.05, 0.3) * _noise(rng, t, rate, 800.0, 5000.0, 0.01)


def _hihat(rng: np.random.Generator, rate: int, decay: float, seconds: float) -> np.ndarray:
    """Return a pair of cymbals: noise above a few kHz with some modes of metal in it."""
    t = _time(seconds, rate)
    low = rng.uniform(3000, 6500)
    wave = _noise(rng, t, rate, low, 16000.0, decay)
    metal = _modes(rng, t, rate, low, 11000.0, 6, decay)
    return wave + rng.uniform(0, 0.6) * metal


def _closed_hihat(rng: np.random.Generator, rate: int) -> np.ndarray:
    return _hihat(rng, rate, np.exp(rng.uniform(np.log(0.012), np.log(0.05))), 0.18)


def _open_hihat(rng: np.random.Generator, rate: int) -> np.ndarray:
    return _hihat(rng, rate, rng.uniform(0.12, 0.35), 0.7)


def _crash(rng: np.random.Generator, rate: int) -> np.ndarray:
    t = _time(1.8, rate)
    decay = rng.uniform(0.3, 0.7)
    wave = _noise(rng, t, rate, rng.uniform(900.0, 3000.0), 14000.0, decay)
    return wave + rng.uniform(0.1, 0.5) * _modes(rng, t, rate, 500.0, 9000.0, 16, decay)


def _ride(rng: np.random.Generator, rate: int) -> np.ndarray:
    t = _time(0.9, rate)
    decay = rng.uniform(0.15, 0.4)
    ping = _modes(rng, t, rate, 2000.0, 7500.0, 8, decay)
    wash = _noise(rng, t, rate, 3000.0, 14000.0, decay)
    return ping + rng.uniform(0.2, 0.8) * wash + _noise(rng, t, rate, 3000.0, 9000.0, 0.004)


def _shaker(rng: np.random.Generator, rate: int) -> np.ndarray:
    t = _time(0.14, rate)
    wave = _noise(rng, t, rate, rng.uniform(2500.0, 5000.0), 12000.0, rng.uniform(0.02, 0.05))
    return wave * (1 - np.exp(-t / rng.uniform(0.001, 0.006)))


def _cowbell(rng: np.random.Generator, rate: int) -> np.ndarray:
    t = _time(0.35, rate)
    low = rng.uniform(480, 820)
    angles = 2 * np.pi * np.outer([low, low * rng.uniform(1.4, 1.55)], t)
    square = np.tanh(3 * np.sin(angles)).sum(axis=0)
    return square * (np.exp(-t / 0.015) + 0.4 * np.exp(-t / rng.uniform(0.05, 0.12)))


_RECIPES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "kick": _kick,
    "snare": _snare,
    "rimshot": _rimshot,
    "clap": _clap,
    "tom": _tom,
    "closed_hihat": _closed_hihat,
    "open_hihat": _open_hihat,
    "crash": _crash,
    "ride": _ride,
    "shaker": _shaker,
    "cowbell": _cowbell,
}
