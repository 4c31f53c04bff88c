"""Sounds without pitch that lie behind music: rain, a crowd, applause, crackle, hiss and hum.

They have no labels. None of them starts: they are there from the first sample to the last.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.signal import lfilter

from umir.studio.mixing.filters import bell, filter_wave, high_pass, low_pass
from umir.studio.sounds.patch_draws import draw_log_uniform

Wave = Float[np.ndarray, " time"]


def draw_background(rng: np.random.Generator, kind: str, length: int, rate: int) -> Wave:
    """Draw a background.

    Args:
        rng: where chance comes from.
        kind: one of `LAYERS` or `NOISES`.
        length: samples.
        rate: sampling rate in Hz.

    Returns:
        The waveform, with an RMS of 1.

    Raises:
        ValueError: there is no such background.
    """
    if kind not in _RECIPES:
        raise ValueError(f"no background {kind!r}: choose of {', '.join(_RECIPES)}")
    # One draw whatever the rate: songs at two rates have the same music.
    own = np.random.default_rng(int(rng.integers(2**31)))
    wave = _RECIPES[kind](own, length, rate)
    rms = np.sqrt(np.mean(np.square(wave, dtype=np.float64)))
    return wave * np.float32(1 / max(float(rms), 1e-9))


def _white(rng: np.random.Generator, length: int) -> Wave:
    return rng.standard_normal(length, np.float32)


def _swell(rng: np.random.Generator, length: int, rate: int, seconds: float, depth: float) -> Wave:
    """Return a gain that wanders over `seconds`, by a factor of `exp(depth)`."""
    count = int(np.ceil(length / rate / seconds)) + 2
    places = np.arange(length) / (seconds * rate)
    wander = np.interp(places, np.arange(count), rng.standard_normal(count))
    return np.exp(depth * wander).astype(np.float32)


def _grains(
    rng: np.random.Generator, length: int, rate: int, per_second: float, decay: float
) -> Wave:
    """Return many short bursts of noise at random times and levels."""
    count = rng.poisson(per_second * length / rate)
    impulses = np.zeros(length, np.float32)
    levels = rng.exponential(1, count) * rng.choice([-1.0, 1.0], count)
    np.add.at(impulses, rng.integers(0, length, count), levels.astype(np.float32))
    pole = np.exp(-1 / (decay * rate))
    ringing = lfilter([1.0], [1.0, -pole], np.abs(impulses)).astype(np.float32)
    return ringing * _white(rng, length)


def _rain(rng: np.random.Generator, length: int, rate: int) -> Wave:
    drops = _grains(rng, length, rate, draw_log_uniform(rng, 100.0, 1500.0), 0.002)
    hiss = filter_wave(_white(rng, length), high_pass(draw_log_uniform(rng, 400.0, 3000.0), rate))
    return drops / (np.abs(drops).mean() + 1e-9) + np.float32(rng.uniform(0.3, 3)) * hiss


def _crowd(rng: np.random.Generator, length: int, rate: int) -> Wave:
    """A murmur: bands of noise, each of which swells as syllables do."""
    wave = np.zeros(length, np.float32)
    for centre in np.exp(rng.uniform(np.log(200), np.log(2500), 5)):
        sections = high_pass(float(centre) / 1.3, rate) + low_pass(float(centre) * 1.3, rate)
        band = filter_wave(_white(rng, length), sections)
        wave += band * _swell(rng, length, rate, rng.uniform(0.12, 0.4), 0.5)
    return wave


def _applause(rng: np.random.Generator, length: int, rate: int) -> Wave:
    claps = _grains(
        rng, length, rate, draw_log_uniform(rng, 150.0, 1500.0), rng.uniform(0.003, 0.008)
    )
    centre = float(rng.uniform(900, 1800))
    sections = [*high_pass(centre / 2, rate), bell(centre, 9.0, 1.0, rate), *low_pass(5e3, rate)]
    return filter_wave(claps, sections) * _swell(rng, length, rate, 3.0, 0.4)


def _crackle(rng: np.random.Generator, length: int, rate: int) -> Wave:
    """A record: crackle, its surface and the rumble of the motor."""
    ticks = _grains(rng, length, rate, draw_log_uniform(rng, 20.0, 200.0), 0.0003)
    ticks /= np.sqrt((ticks**2).mean() + 1e-9)
    rumble = filter_wave(_white(rng, length), low_pass(60.0, rate))
    rumble /= np.sqrt((rumble**2).mean() + 1e-9)
    surface = _pink(rng, length, rate)
    return (
        ticks + np.float32(rng.uniform(0, 1)) * rumble + np.float32(rng.uniform(0.2, 2)) * surface
    )


def _room_tone(rng: np.random.Generator, length: int, rate: int) -> Wave:
    noise = filter_wave(_white(rng, length), low_pass(draw_log_uniform(rng, 150.0, 1200.0), rate))
    return noise + np.float32(0.02) * _white(rng, length)


def _wind(rng: np.random.Generator, length: int, rate: int) -> Wave:
    centre = draw_log_uniform(rng, 200.0, 900.0)
    noise = filter_wave(
        _white(rng, length), [bell(centre, 20.0, 0.7, rate), *low_pass(1500.0, rate)]
    )
    return noise * _swell(rng, length, rate, 0.8, 0.6)


def _hiss(rng: np.random.Generator, length: int, rate: int) -> Wave:
    return _white(rng, length)


def _pink(rng: np.random.Generator, length: int, rate: int) -> Wave:
    """Noise that falls by about 3 dB per octave: three poles with a zero each (P. Kellet)."""
    wave = _white(rng, length)
    poles = ((0.99765, 0.0990460), (0.96300, 0.2965164), (0.57000, 1.0526913))
    parts = [lfilter([gain], [1, -pole], wave) for pole, gain in poles]
    return (sum(parts, 0.1848 * wave) / 3).astype(np.float32)


def _hum(rng: np.random.Generator, length: int, rate: int) -> Wave:
    """Mains hum with its harmonics, and a little hiss."""
    mains = float(rng.choice([50.0, 60.0]))
    time = np.arange(length) / rate
    wave = np.zeros(length)
    for harmonic in range(1, 12):
        level = rng.random() / harmonic * (1.0 if harmonic % 2 == 0 else 0.6)
        wave += level * np.sin(2 * np.pi * mains * harmonic * time + rng.uniform(0, 6.28))
    return (wave + 0.05 * _white(rng, length)).astype(np.float32)


_Recipe = Callable[[np.random.Generator, int, int], Wave]
_LAYER_RECIPES: dict[str, _Recipe] = {
    "rain": _rain,
    "crowd": _crowd,
    "applause": _applause,
    "crackle": _crackle,
    "room_tone": _room_tone,
    "wind": _wind,
}
_NOISE_RECIPES: dict[str, _Recipe] = {"hiss": _hiss, "pink": _pink, "hum": _hum}
_RECIPES = _LAYER_RECIPES | _NOISE_RECIPES
LAYERS, NOISES = tuple(_LAYER_RECIPES), tuple(_NOISE_RECIPES)
