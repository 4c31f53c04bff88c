"""Mastering: what happens to a mixture as a whole, done so that its parts still sum to it.

Filters, the tape's speed and the coder are linear, and the same for all parts. What is not linear,
a compressor, a limiter, a clipper, is worked out from the mixture `m` as a gain `f(m) / m` at each
sample, which all parts share: their sum is exactly `f(m)`.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from umir.studio.mixing.coding import code
from umir.studio.mixing.dynamics import compressor_gain, limiter_gain
from umir.studio.mixing.effects import loudness
from umir.studio.mixing.filters import (
    Section,
    filter_wave,
    high_pass,
    high_shelf,
    low_pass,
    low_shelf,
)
from umir.studio.sounds.background import LAYERS, NOISES, draw_background
from umir.studio.sounds.patch_draws import draw_log_uniform

Waves = list[Float[np.ndarray, "time channel"]]

_LOUDEST, _SOFTEST, _USUAL = -6.0, -30.0, -18.0  # RMS of the mixture in dB
_PEAK = 0.985  # of the mixture, at most
_TINY = np.float32(1e-15)  # what is softer is set to 0: no denormal numbers
_CENTS = 5.0  # by which the speed of a tape wobbles, at most
# Bands, in Hz, and how often there are any.
_BANDS = (
    (300.0, 3400.0),  # a telephone
    (120.0, 4500.0),  # medium wave
    (20.0, 4000.0),
    (20.0, 6000.0),
    (20.0, 11000.0),
    (250.0, 7000.0),  # a small loudspeaker
)
_BAND_LIMITED = 0.25


def add_backgrounds(
    layers: np.random.Generator | None,
    noises: np.random.Generator | None,
    waves: Waves,
    stems: Sequence[str],
    rate: int,
) -> None:
    """Add sounds without pitch to one of the parts: of `other`, else of the drums or the bass.

    Args:
        layers: where the chance of rain, crowds and the like comes from; None: there are none.
        noises: where the chance of hiss and hum comes from; None: there is none.
        waves: the parts, changed in place; songs of voices alone stay as they are.
        stems: the stem of each part.
        rate: sampling rate in Hz.
    """
    host = next(
        (stems.index(name) for name in ("other", "drums", "bass") if name in stems),
        None,
    )
    for rng, kinds, share, most, least in (
        (layers, LAYERS, 0.2, -14.0, -45.0),
        (noises, NOISES, 0.45, -10.0, -60.0),
    ):
        if rng is None:
            continue
        decision, kind = rng.random(), str(rng.choice(kinds))
        level, seed = rng.uniform(least, most), int(rng.integers(2**31))
        if decision > share or host is None:
            continue
        mixture = np.sum(waves, axis=0).mean(axis=1)
        gain = np.float32(10 ** (level / 20) * loudness(mixture, rate))
        for channel in range(waves[host].shape[1]):  # another one in each ear
            own = np.random.default_rng([seed, channel])
            waves[host][:, channel] += gain * draw_background(own, kind, len(mixture), rate)


def master(rng: np.random.Generator, waves: Waves, rate: int) -> Waves:
    """Master a mix.

    Args:
        rng: where chance comes from.
        waves: the parts as they are in the mix.
        rate: sampling rate in Hz.

    Returns:
        The parts as they are in the mixture that is handed over, which peaks below 1 and has an RMS
        between -30 and -6 dB.
    """
    for share, stage in _STAGES:
        decision, seed = rng.random(), int(rng.integers(2**31))
        if decision < share:
            waves = stage(np.random.default_rng(seed), waves, rate)
    target = float(rng.triangular(_SOFTEST, _USUAL, _LOUDEST))
    ceiling, sign = 10 ** (rng.uniform(-3.0, -0.2) / 20), float(rng.choice([-1.0, 1.0]))
    return _set_level(waves, rate, target, min(ceiling, _PEAK), sign)


def _wobble(rng: np.random.Generator, waves: Waves, rate: int) -> Waves:
    """Let the speed of a tape wobble: wow of about 1 Hz, flutter of about 8 Hz.

    Pitches move by less than 5 cents, and times by less than 1.5 ms.
    """
    time = np.arange(len(waves[0]))
    shift = np.zeros(len(time))
    for low, high in ((0.6, 2.0), (5.0, 12.0)):
        swing = 2 * np.pi * rng.uniform(low, high) / rate  # radians per sample
        deviation = rng.uniform(0.1, 0.5) * (2 ** (_CENTS / 1200) - 1)
        shift += deviation / swing * np.sin(swing * time + rng.uniform(0, 6.28))
    place = np.clip(time + shift, 0, len(time) - 1)
    left = np.minimum(place.astype(np.int64), max(len(time) - 2, 0))
    across = (place - left).astype(np.float32)[:, None]
    return [wave[left] * (1 - across) + wave[left + 1] * across for wave in waves]


def _tilt(rng: np.random.Generator, waves: Waves, rate: int) -> Waves:
    """Make the mix darker or brighter, thinner or fuller."""
    tilt, corner = rng.normal(0, 2.5), draw_log_uniform(rng, 400.0, 2000.0)
    sections: list[Section] = [
        low_shelf(corner, -tilt, rate),
        high_shelf(corner, tilt, rate),
        low_shelf(draw_log_uniform(rng, 60.0, 300.0), rng.normal(0, 2.5), rate),
        high_shelf(draw_log_uniform(rng, 3000.0, 6500.0), rng.normal(0, 3.0), rate),
    ]
    return [filter_wave(wave, sections) for wave in waves]


def _limit_band(rng: np.random.Generator, waves: Waves, rate: int) -> Waves:
    """Let through a band alone, as telephones and old radios do."""
    low, high = _BANDS[int(rng.integers(len(_BANDS)))]
    high *= rng.uniform(0.85, 1.15)
    order = int(rng.choice([2, 4, 6]))
    sections = low_pass(high, rate, order)
    if low > 20:
        sections += high_pass(low * rng.uniform(0.8, 1.2), rate)
    return [filter_wave(wave, sections) for wave in waves]


def _compress_bands(rng: np.random.Generator, waves: Waves, rate: int) -> Waves:
    """Compress lows, middles and highs, each with a gain of its own."""
    corners = draw_log_uniform(rng, 120.0, 400.0), draw_log_uniform(rng, 1200.0, 4000.0)
    mixture = np.sum(waves, axis=0).mean(axis=1, keepdims=True)
    gains = []
    for band in _split(mixture, corners, rate):
        gain = compressor_gain(
            band[:, 0],
            rate,
            threshold=10 ** (rng.uniform(-12, 0) / 20) * loudness(band[:, 0], rate),
            ratio=rng.uniform(1.3, 5.0),
            attack=draw_log_uniform(rng, 0.003, 0.04),
            release=draw_log_uniform(rng, 0.05, 0.4),
        )
        gains.append(gain[:, None] * np.float32(10 ** (rng.normal(0, 1.5) / 20)))
    low, middle, high = gains
    # The three bands are the sound and what two low-passes leave of it.
    return [
        low * lows + middle * middles + high * highs
        for lows, middles, highs in (_split(wave, corners, rate) for wave in waves)
    ]


def _split(
    wave: np.ndarray, corners: tuple[float, float], rate: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return three bands whose sum is the sound, by low-passes and what they leave."""
    low = filter_wave(wave, low_pass(corners[0], rate))
    below = filter_wave(wave, low_pass(corners[1], rate))
    return low, below - low, wave - below


def _clip(rng: np.random.Generator, waves: Waves, rate: int) -> Waves:
    """Drive the mix into soft clipping: `tanh(m)` as the gain `tanh(m) / m` of all parts."""
    mixture = np.sum(waves, axis=0)
    amount = np.float32(rng.uniform(0.2, 1.2) / max(loudness(mixture.mean(axis=1), rate), 1e-9))
    x = np.maximum(np.abs(mixture * amount), np.float32(1e-6))
    gain = np.tanh(x) / x
    return [wave * gain for wave in waves]


def _code(rng: np.random.Generator, waves: Waves, rate: int) -> Waves:
    """Send the mix through a lossy coder of a few dozen kbit/s."""
    coarseness = draw_log_uniform(rng, 0.15, 1.2)
    return code(waves, rate, coarseness, rng.uniform(4000, 16000))


def _set_level(waves: Waves, rate: int, target: float, ceiling: float, sign: float) -> Waves:
    """Set the loudness of a mix in dB; a limiter keeps its peaks at or below the ceiling."""
    mixture = np.sum(waves, axis=0)
    level = float(np.sqrt(np.mean(np.square(mixture, dtype=np.float64))))
    if level < 1e-9:
        return [np.zeros_like(wave) for wave in waves]
    scale = 10 ** (target / 20) / level
    if float(np.abs(mixture).max()) * scale > ceiling:
        gain = limiter_gain(mixture * np.float32(scale), rate, ceiling, 0.08)[:, None]
    else:
        gain = np.ones((1, 1), np.float32)
    peak = float(np.abs(mixture * gain).max()) * scale
    gain = gain * np.float32(sign * scale * min(1.0, _PEAK / peak))
    mastered = [wave * gain for wave in waves]
    for wave in mastered:
        wave[np.abs(wave) < _TINY] = 0
    return mastered


# In the order of a recording: a tape, a desk, a broadcast, a file.
_STAGES: tuple[tuple[float, Callable[[np.random.Generator, Waves, int], Waves]], ...] = (
    (0.1, _wobble),
    (0.6, _tilt),
    (0.4, _compress_bands),
    (0.25, _clip),
    (_BAND_LIMITED, _limit_band),
    (0.2, _code),
)
