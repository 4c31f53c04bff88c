"""Kits that nobody else has: drums retuned, damped, layered, driven; a snare that rattles along."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from umir.studio.mixing.filters import filter_wave, high_shelf, low_shelf
from umir.studio.song import DRUM_CLASSES
from umir.studio.sounds.drum_kit import DrumKit, finish_hit
from umir.studio.sounds.drum_recipes import other_drum
from umir.studio.sounds.patch_draws import draw_log_uniform

Wave = Float[np.ndarray, "_"]

_REPLACED = 0.3  # part of the drums that are others altogether
_LAYERED = 0.3
_DAMPED = 0.3
_DRIVEN = 0.2
_RATTLING = ("kick", "tom")  # what the wires of a snare answer


def vary_kit(rng: np.random.Generator, kit: DrumKit, rate: int) -> DrumKit:
    """Return a kit with other drums.

    Args:
        rng: where chance comes from.
        kit: a kit of any of `umir.studio.DRUM_CLASSES`.
        rate: sampling rate in Hz.
    """
    # Every drum draws from a generator of its own: a kit does not depend on which drums are asked.
    seeds = dict(zip(DRUM_CLASSES, rng.integers(2**31, size=len(DRUM_CLASSES)), strict=True))
    rattle = rng.uniform(0.02, 0.15) if rng.random() < 0.35 else 0.0
    made, levels, mixed = {}, {}, False
    for drum, versions in kit.drums.items():
        own = np.random.default_rng(seeds[drum])
        waves, other = _vary(own, drum, versions, rate)
        mixed |= other
        if rattle and drum in _RATTLING:
            waves = [_rattle(own, wave, float(rattle), rate) for wave in waves]
        made[drum] = tuple(finish_hit(wave, rate) for wave in waves)
        levels[drum] = kit.levels[drum] * 10 ** (own.normal(0, 2.0) / 20)
    generator = "mixed" if mixed and kit.generator == "sampled" else kit.generator
    return replace(kit, drums=made, levels=levels, generator=generator)


def _vary(
    rng: np.random.Generator, drum: str, versions: tuple[Wave, ...], rate: int
) -> tuple[list[Wave], bool]:
    """Return the versions of another drum, and whether any of it is synthesised anew."""
    replaced, layered, damped, driven = rng.random(4) < (_REPLACED, _LAYERED, _DAMPED, _DRIVEN)
    seed, level = int(rng.integers(2**31)), 10 ** (rng.uniform(-12, 0) / 20)
    tuning = float(np.clip(np.exp2(rng.normal(0, 0.2)), 0.65, 1.5))
    decay, amount = draw_log_uniform(rng, 0.03, 0.4), draw_log_uniform(rng, 0.7, 5.0)
    tilt, colour = rng.normal(0, 4.0, 2)
    waves = []
    for version, wave in enumerate(versions):
        detail = 1 + 0.012 * version
        if replaced or layered:
            drawn = other_drum(np.random.default_rng([seed, 0]), drum, round(rate * detail))
            wave = drawn if replaced else _add(wave / (np.abs(wave).max() + 1e-9), level * drawn)
        wave = _retune(wave, tuning * detail)
        time = np.arange(len(wave), dtype=np.float32) / np.float32(rate)
        if driven:
            wave = np.tanh(np.float32(amount) * wave / (np.abs(wave).max() + 1e-9))
        if damped or driven:  # what is driven hardly decays by itself
            wave = wave * np.exp(-time / np.float32(decay))
        sections = [low_shelf(200.0, float(tilt), rate), high_shelf(3000.0, float(colour), rate)]
        waves.append(filter_wave(wave.astype(np.float32), sections))
    return waves, bool(replaced or layered)


def _retune(wave: Wave, ratio: float) -> Wave:
    """Play a hit `ratio` times as fast."""
    places = np.arange(0, len(wave) - 1, ratio)
    return np.interp(places, np.arange(len(wave)), wave).astype(np.float32)


def _rattle(rng: np.random.Generator, wave: Wave, level: float, rate: int) -> Wave:
    """Add the wires of a snare that another drum shakes: they follow its loudness, late."""
    length = max(len(wave), round(0.25 * rate))
    noise = rng.standard_normal(length, np.float32)
    time = np.arange(length, dtype=np.float32) / np.float32(rate)
    wires = noise * (1 - np.exp(-time / np.float32(0.01))) * np.exp(-time / np.float32(0.08))
    return _add(wave, np.float32(level * float(np.abs(wave).max())) * wires)


def _add(first: Wave, second: Wave) -> Wave:
    """Return the sum of two hits, as long as the longer one."""
    total = np.zeros(max(len(first), len(second)), np.float32)
    total[: len(first)] += first
    total[: len(second)] += second
    return total
