"""Effects on one part, before it is placed in the room, and on the whole mix.

Those on a part need not be linear: a stem is the sum of its parts after their effects. The one on
the mix is a gain that all parts share, so sums stay exact.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.signal import lfilter, sosfilt

Wave = Float[np.ndarray, " time"]


def equalise(rng: np.random.Generator, wave: Wave, rate: int) -> Wave:
    """Apply two random bells of up to 6 dB, one low, one high (causal: onsets stay)."""
    sections = [
        _bell(np.exp(rng.uniform(np.log(120), np.log(800))), rng.normal(0, 2.5), rate),
        _bell(np.exp(rng.uniform(np.log(900), np.log(0.35 * rate))), rng.normal(0, 3.0), rate),
    ]
    return sosfilt(np.asarray(sections, np.float32), wave).astype(np.float32)


def drive(wave: Wave, amount: float, level: float) -> Wave:
    """Overdrive a sound, `tanh(amount x / level)`: what is louder than `level` is clipped.

    Args:
        wave: the sound.
        amount: 1 is hardly heard, 8 is a loud amplifier.
        level: RMS of the sound.
    """
    return np.tanh(wave * np.float32(amount / max(level, 1e-9)))


def chorus(rng: np.random.Generator, wave: Wave, rate: int) -> Wave:
    """Add a copy whose delay of about 10 ms swings slowly, by some 10 cents."""
    time = np.arange(len(wave))
    swing = np.sin(2 * np.pi * rng.uniform(0.3, 1.0) * time / rate + rng.uniform(0, 6.28))
    delay = (rng.uniform(0.006, 0.014) + rng.uniform(0.0004, 0.0012) * swing) * rate
    copy = np.interp(time - delay, time, wave, left=0.0).astype(np.float32)
    return wave + np.float32(rng.uniform(0.3, 0.8)) * copy


def echo(wave: Wave, seconds: float, gain: float, rate: int) -> Wave:
    """Add three echoes, each `gain` times softer than the one before."""
    result, delay = wave.copy(), round(seconds * rate)
    for count in range(1, 4):
        shift = count * delay
        if shift < len(wave):
            result[shift:] += np.float32(gain**count) * wave[: len(wave) - shift]
    return result


def loudness(wave: Wave, rate: int) -> float:
    """Return the RMS of the parts of a sound that are within 30 dB of its loudest 50 ms."""
    frame = max(rate // 20, 1)
    usable = len(wave) // frame * frame
    power = (wave[:usable].reshape(-1, frame) ** 2).mean(axis=1) if usable else wave**2
    if not len(power) or power.max() <= 0:
        return 0.0
    return float(np.sqrt(power[power > 1e-3 * power.max()].mean()))


def glue(
    waves: Sequence[Float[np.ndarray, "time channel"]], rate: int, ratio: float
) -> Float[np.ndarray, "time 1"]:
    """Return the gain with which a compressor on the mix would answer it.

    Args:
        waves: the parts.
        rate: sampling rate in Hz.
        ratio: 1 for no compression; levels above the mean are raised to `1 / ratio` of their dB.

    Returns:
        The gain at each sample, shape `(time, 1)`; it rises and falls within 20 to 200 ms.
    """
    mixture = np.sum(waves, axis=0).mean(axis=1)
    frame = max(rate // 100, 1)
    count = -(-len(mixture) // frame)
    padded = np.zeros(count * frame, np.float32)
    padded[: len(mixture)] = mixture
    power = (padded.reshape(count, frame) ** 2).mean(axis=1)
    # The faster of two followers reacts to hits, the slower one lets go of them.
    level = np.maximum(lfilter([0.4], [1, -0.6], power), lfilter([0.06], [1, -0.94], power))
    over = np.maximum(level / max(float(power.mean()), 1e-12), 1.0)
    gain = over ** (0.5 * (1 / ratio - 1))
    centres = (np.arange(count) + 0.5) * frame
    return np.interp(np.arange(len(mixture)), centres, gain).astype(np.float32)[:, None]


def _bell(centre: float, decibels: float, rate: int) -> list[float]:
    """Return a peaking filter of one octave (R. Bristow-Johnson's audio EQ cookbook)."""
    gain = 10 ** (float(np.clip(decibels, -6, 6)) / 40)
    angle = 2 * np.pi * centre / rate
    alpha = np.sin(angle) / 2 / 1.4
    scale = 1 + alpha / gain
    b = [(1 + alpha * gain) / scale, -2 * np.cos(angle) / scale, (1 - alpha * gain) / scale]
    return [*b, 1.0, b[1], (1 - alpha / gain) / scale]


def tremolo(wave: Wave, frequency: float, depth: float, phase: float, rate: int) -> Wave:
    """Let the loudness swing `frequency` times per second between `1 - depth` and 1.

    Args:
        wave: the sound.
        frequency: Hz.
        depth: 0 to 1.
        phase: of the swing, in radians.
        rate: sampling rate in Hz.
    """
    angle = np.arange(len(wave), dtype=np.float32) * np.float32(2 * np.pi * frequency / rate)
    swing = 0.5 + 0.5 * np.sin(angle + np.float32(phase))
    return wave * (1 - np.float32(depth) * swing)


def flange(rng: np.random.Generator, wave: Wave, rate: int) -> Wave:
    """Add a copy whose delay of 0.3 to 5 ms sweeps slowly: a comb that moves."""
    time = np.arange(len(wave))
    swing = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.1, 0.7) * time / rate + rng.uniform(0, 6))
    delay = (0.0003 + rng.uniform(0.001, 0.0045) * swing) * rate
    copy = np.interp(time - delay, time, wave, left=0.0).astype(np.float32)
    return wave + np.float32(rng.uniform(0.4, 0.9) * rng.choice([-1, 1])) * copy


def double(rng: np.random.Generator, wave: Wave, rate: int) -> Wave:
    """Add a copy that comes 12 to 35 ms later, as of a second take."""
    delay = round(rng.uniform(0.012, 0.035) * rate)
    result = wave.copy()
    result[delay:] += np.float32(rng.uniform(0.3, 0.8)) * wave[: max(len(wave) - delay, 0)]
    return result


def sweep_filter(rng: np.random.Generator, wave: Wave, rate: int) -> Wave:
    """Fade between three bands, as a wah pedal or a slow filter does."""
    centres = np.exp(rng.uniform(np.log(300), np.log(0.3 * 16000), 3))
    period = np.exp(rng.uniform(np.log(0.3), np.log(6.0))) * rate
    angle = np.arange(len(wave), dtype=np.float32) * np.float32(2 * np.pi / period)
    result = np.float32(rng.uniform(0.2, 0.7)) * wave
    for index, centre in enumerate(centres):
        section = _bell_pass(float(centre), rng.uniform(1.5, 5.0), rate)
        band = sosfilt(np.array([section]), wave).astype(np.float32)
        share = np.maximum(np.cos(angle + np.float32(2 * np.pi * index / 3)), 0)
        result += np.float32(2.0) * share * band
    return result


def _bell_pass(centre: float, quality: float, rate: int) -> list[float]:
    """Return a band-pass with gain 1 at its centre (audio EQ cookbook)."""
    angle = 2 * np.pi * min(centre, 0.45 * rate) / rate
    alpha = np.sin(angle) / 2 / quality
    a0 = 1 + alpha
    return [alpha / a0, 0.0, -alpha / a0, 1.0, -2 * np.cos(angle) / a0, (1 - alpha) / a0]
