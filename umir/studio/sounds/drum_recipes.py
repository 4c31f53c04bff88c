"""More drums of our own: drum machines, brushes, metal of square waves, boxes and boomers.

Like those of `umir.studio.sounds.drum_synthesis`, each is a recipe with random settings that starts
at sample 0; they are for kits with the features of timbre.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from umir.studio.mixing.filters import bell, filter_wave, high_pass, low_pass
from umir.studio.sounds.drum_synthesis import synthesise_drum
from umir.studio.sounds.patch_draws import draw_log_uniform

Wave = Float[np.ndarray, "_"]


def other_drum(rng: np.random.Generator, drum: str, rate: int) -> Wave:
    """Draw a drum by one of the recipes here, or by the usual one where there is none.

    Args:
        rng: where chance comes from.
        drum: one of `umir.studio.DRUM_CLASSES`.
        rate: sampling rate in Hz.

    Returns:
        One hit, shape `(time,)`, with peak 1.
    """
    if drum not in _RECIPES:
        return synthesise_drum(rng, drum, rate)
    recipes = _RECIPES[drum]
    wave = recipes[int(rng.integers(len(recipes)))](rng, rate)
    fade = min(len(wave), round(0.02 * rate))
    wave[-fade:] *= np.linspace(1, 0, fade)
    return (wave / (np.abs(wave).max() + 1e-9)).astype(np.float32)


def _time(seconds: float, rate: int) -> np.ndarray:
    return np.arange(max(round(seconds * rate), 64)) / rate


def _sweep(t: np.ndarray, low: float, ratio: float, fall: float) -> np.ndarray:
    """Return a cosine that falls from `ratio * low` to `low` Hz."""
    return np.cos(2 * np.pi * (low * t + low * (ratio - 1) * fall * (1 - np.exp(-t / fall))))


def _noise(rng: np.random.Generator, t: np.ndarray, low: float, high: float, rate: int) -> Wave:
    """Return noise between `low` and `high` Hz with an RMS of 1."""
    sections = high_pass(low, rate) + low_pass(high, rate)
    noise = filter_wave(rng.standard_normal(len(t), np.float32), sections)
    return noise / (noise.std() + 1e-9)


def _squares(rng: np.random.Generator, t: np.ndarray, rate: int) -> Wave:
    """Return six square waves at inharmonic pitches, as drum machines make metal."""
    base = rng.uniform(180, 420)
    ratios = np.array([1.0, 1.483, 1.800, 2.546, 2.630, 3.897]) * rng.uniform(0.97, 1.03, 6)
    metal = np.zeros(len(t))
    for ratio in ratios:
        metal += np.sign(np.sin(2 * np.pi * base * ratio * t + 0.1))
    low = rng.uniform(2500, 6000)
    metal = filter_wave(metal.astype(np.float32), high_pass(low, rate, 4))
    return metal / (metal.std() + 1e-9)


def _metal(rng: np.random.Generator, t: np.ndarray, rate: int, count: int) -> Wave:
    """Return the modes of a cymbal, dense and of random level."""
    low, high = (
        draw_log_uniform(rng, 300.0, 2500.0),
        min(draw_log_uniform(rng, 5e3, 14e3), 0.47 * rate),
    )
    frequencies = rng.uniform(low, high, count)
    decays = rng.uniform(0.2, 1.0, count) * (frequencies / low) ** -0.3
    metal = np.zeros(len(t), np.float32)
    # Modes come in a few groups of one decay: a sum of sines by one inverse transform each.
    for decay in np.quantile(decays, (0.2, 0.6, 0.9)):
        spectrum = np.zeros(len(t) // 2 + 1, np.complex64)
        own = frequencies[rng.random(count) < 0.5]
        places = np.minimum((own * len(t) / rate).astype(int), len(spectrum) - 1)
        phases = np.exp(2j * np.pi * rng.random(len(places)))
        np.add.at(spectrum, places, (rng.rayleigh(1, len(places)) * phases).astype(np.complex64))
        metal += np.fft.irfft(spectrum, len(t)).astype(np.float32) * np.exp(-t / decay)
    return metal / (metal.std() + 1e-9)


def _boomer(rng: np.random.Generator, rate: int) -> np.ndarray:
    """A drum machine's long kick."""
    decay = draw_log_uniform(rng, 0.15, 0.6)
    t = _time(min(3.5 * decay, 1.5), rate)
    tone = _sweep(t, rng.uniform(38, 65), rng.uniform(1.2, 4), rng.uniform(0.008, 0.04))
    wave = tone * np.exp(-t / decay)
    return np.tanh(draw_log_uniform(rng, 0.5, 6.0) * wave)


def _thump(rng: np.random.Generator, rate: int) -> np.ndarray:
    """A kick with a cushion in it: short, a beater, hardly a tone."""
    t = _time(rng.uniform(0.12, 0.3), rate)
    decay = rng.uniform(0.02, 0.07)
    tone = _sweep(t, rng.uniform(50, 95), rng.uniform(1.1, 2.5), rng.uniform(0.004, 0.02))
    low = rng.uniform(900, 3000)
    beater = _noise(rng, t, low, 2.5 * low, rate) * np.exp(-t / rng.uniform(0.002, 0.008))
    body = _noise(rng, t, 60.0, 500.0, rate) * np.exp(-t / decay)
    return tone * np.exp(-t / decay) + rng.uniform(0.1, 0.6) * beater + rng.uniform(0, 0.4) * body


def _brush(rng: np.random.Generator, rate: int) -> np.ndarray:
    """A stroke of a brush: wires, spread over some milliseconds."""
    t = _time(rng.uniform(0.15, 0.4), rate)
    wires = _noise(rng, t, rng.uniform(400, 1800), rng.uniform(4e3, 9e3), rate)
    swish = (1 - np.exp(-t / rng.uniform(0.001, 0.004))) * np.exp(-t / rng.uniform(0.02, 0.12))
    skin = _sweep(t, rng.uniform(150, 260), 1.2, 0.02) * np.exp(-t / 0.04)
    return wires * swish + rng.uniform(0, 0.5) * skin


def _gated_snare(rng: np.random.Generator, rate: int) -> np.ndarray:
    """A snare whose room is cut off."""
    t = _time(rng.uniform(0.15, 0.35), rate)
    low = rng.uniform(160, 280)
    tail = _noise(rng, t, rng.uniform(200, 900), rng.uniform(4e3, 9e3), rate)
    tail *= np.exp(-t / 0.5) * rng.uniform(0.15, 0.5)
    hit = _noise(rng, t, 1000.0, 7000.0, rate) * np.exp(-t / rng.uniform(0.01, 0.04))
    return tail + rng.uniform(0.5, 1) * hit + _sweep(t, low, 1.6, 0.01) * np.exp(-t / 0.06)


def _machine_snare(rng: np.random.Generator, rate: int) -> np.ndarray:
    """Two tones and high noise."""
    t = _time(rng.uniform(0.15, 0.4), rate)
    low = rng.uniform(160, 330)
    tones = np.cos(2 * np.pi * low * t) + rng.uniform(0.3, 1) * np.cos(2 * np.pi * 1.8 * low * t)
    snap = _noise(rng, t, rng.uniform(800, 3500), 12e3, rate)
    ring = np.exp(-t / rng.uniform(0.02, 0.1))
    return tones * ring + rng.uniform(0.4, 1.5) * snap * np.exp(-t / rng.uniform(0.03, 0.15))


def _crack(rng: np.random.Generator, rate: int) -> np.ndarray:
    """A small, high, ringing snare."""
    t = _time(rng.uniform(0.2, 0.45), rate)
    wires = _noise(rng, t, rng.uniform(1200, 3000), 11e3, rate)
    wires *= np.exp(-t / rng.uniform(0.03, 0.12))
    sections = [bell(rng.uniform(300, 900), 15.0, 0.2, rate)]
    return filter_wave(wires.astype(np.float32), sections) + 0.5 * _sweep(
        t, rng.uniform(250, 450), 1.1, 0.01
    ) * np.exp(-t / rng.uniform(0.04, 0.15))


def _simmons(rng: np.random.Generator, rate: int) -> np.ndarray:
    """An electronic tom that falls far."""
    t = _time(rng.uniform(0.25, 0.7), rate)
    low = draw_log_uniform(rng, 60.0, 220.0)
    tone = _sweep(t, low, rng.uniform(1.5, 4), rng.uniform(0.04, 0.2))
    noise = _noise(rng, t, 300.0, 4000.0, rate) * np.exp(-t / 0.03)
    return tone * np.exp(-t / rng.uniform(0.1, 0.3)) + rng.uniform(0, 0.4) * noise


def _conga(rng: np.random.Generator, rate: int) -> np.ndarray:
    """A hand drum: two modes of a skin and a slap."""
    t = _time(0.4, rate)
    low = draw_log_uniform(rng, 120.0, 350.0)
    skin = _sweep(t, low, 1.05, 0.02) * np.exp(-t / rng.uniform(0.06, 0.2))
    skin += rng.uniform(0.1, 0.6) * _sweep(t, 1.6 * low, 1.05, 0.02) * np.exp(-t / 0.05)
    return skin + rng.uniform(0.05, 0.5) * _noise(rng, t, 800.0, 5000.0, rate) * np.exp(-t / 0.006)


def _cymbal(
    rng: np.random.Generator, rate: int, seconds: float, decay: float, modes: int
) -> np.ndarray:
    """Return metal of one of three kinds, and a stick on it."""
    t = _time(seconds, rate)
    kind = rng.random()
    if kind < 0.3:
        body = _squares(rng, t, rate)
    elif kind < 0.65:
        body = _metal(rng, t, rate, modes)
    else:
        body = _noise(rng, t, draw_log_uniform(rng, 1500.0, 6000.0), 15e3, rate)
        body = 0.6 * body + rng.uniform(0, 0.8) * _metal(rng, t, rate, modes)
    stick = _noise(rng, t, 2500.0, 9000.0, rate) * np.exp(-t / 0.003)
    fast = rng.uniform(0, 1)
    fall = fast * np.exp(-t / (0.15 * decay)) + (1.2 - fast) * np.exp(-t / decay)
    return body * fall + rng.uniform(0, 0.8) * stick


def _closed(rng: np.random.Generator, rate: int) -> np.ndarray:
    return _cymbal(rng, rate, 0.2, draw_log_uniform(rng, 0.008, 0.05), 40)


def _open(rng: np.random.Generator, rate: int) -> np.ndarray:
    return _cymbal(rng, rate, 0.9, draw_log_uniform(rng, 0.12, 0.4), 60)


def _crash(rng: np.random.Generator, rate: int) -> np.ndarray:
    return _cymbal(rng, rate, 2.0, draw_log_uniform(rng, 0.25, 0.9), 120)


def _ride(rng: np.random.Generator, rate: int) -> np.ndarray:
    t = _time(1.2, rate)
    wash = _cymbal(rng, rate, 1.2, draw_log_uniform(rng, 0.2, 0.6), 80)[: len(t)]
    bell_tone = np.cos(2 * np.pi * rng.uniform(500, 2500) * t) * np.exp(-t / rng.uniform(0.1, 0.4))
    return wash + rng.uniform(0, 0.6) * bell_tone


def _tambourine(rng: np.random.Generator, rate: int) -> np.ndarray:
    return _cymbal(rng, rate, 0.3, rng.uniform(0.03, 0.1), 30)


_RECIPES: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], ...]] = {
    "kick": (_boomer, _thump, _thump),
    "snare": (_brush, _gated_snare, _machine_snare, _crack),
    "tom": (_simmons, _conga),
    "closed_hihat": (_closed,),
    "open_hihat": (_open,),
    "crash": (_crash,),
    "ride": (_ride,),
    "shaker": (_tambourine,),
}
