"""Gains that follow a sound: compressors of parts, of bands of the mix, and the limiter.

A gain that is worked out from the mixture and given to all parts keeps sums exact.
"""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import minimum_filter1d

_CONTROL = 0.005  # seconds from one value of a compressor's gain to the next
_BLOCK = 0.002  # the same, of the limiter
_FLOOR = 1e-12  # power below which there is silence

Wave = Float[np.ndarray, " time"]


def compressor_gain(
    wave: Wave, rate: int, threshold: float, ratio: float, attack: float, release: float
) -> Wave:
    """Return the gain of a compressor.

    Args:
        wave: the sound that it listens to.
        rate: sampling rate in Hz.
        threshold: amplitude above which the level is turned down to `1 / ratio` of its dB.
        ratio: 1 for no compression.
        attack: seconds in which it turns down.
        release: seconds in which it lets go.

    Returns:
        The gain at each sample, 1 at most.
    """
    hop = max(round(_CONTROL * rate), 1)
    blocks = _blocks(wave, hop)
    power = np.einsum("ij,ij->i", blocks, blocks) / hop
    over = np.maximum(10 * np.log10(power + _FLOOR) - 20 * np.log10(threshold + 1e-9), 0.0)
    down = _follow((over * (1 - 1 / ratio)).tolist(), attack, release)
    return _stretch(10 ** (-down / 20), hop, len(wave))


def limiter_gain(
    mixture: Float[np.ndarray, "time channel"], rate: int, ceiling: float, release: float
) -> Wave:
    """Return the gain that keeps a mixture at or below a ceiling.

    Args:
        mixture: what is limited.
        rate: sampling rate in Hz.
        ceiling: peak amplitude.
        release: seconds in which it lets go.
    """
    hop = max(round(_BLOCK * rate), 1)
    peaks = _blocks(np.abs(mixture).max(axis=1), hop).max(axis=1)
    needed = np.minimum(ceiling / np.maximum(peaks, 1e-9), 1.0)
    # The gain runs in lines between the ends of blocks: each end obeys both of its blocks.
    ends = minimum_filter1d(needed, 3).tolist()
    let_go = float(1 - np.exp(-_BLOCK / release))
    gain, gains = 1.0, []
    for most in ends:
        gain = min(most, gain + (1 - gain) * let_go)
        gains.append(gain)
    return _stretch(np.array(gains), hop, len(mixture))


def _follow(values: list[float], attack: float, release: float) -> np.ndarray:
    """Smooth values with one time constant upwards and another one downwards."""
    up, down = (float(1 - np.exp(-_CONTROL / max(time, 1e-4))) for time in (attack, release))
    state, followed = 0.0, []
    for value in values:
        state += (value - state) * (up if value > state else down)
        followed.append(state)
    return np.array(followed)


def _blocks(wave: np.ndarray, hop: int) -> np.ndarray:
    """Return a sound in blocks of `hop` samples, shape `(block, hop)`, the last one filled up."""
    count = -(-len(wave) // hop)
    padded = np.zeros(count * hop, np.float32)
    padded[: len(wave)] = wave
    return padded.reshape(count, hop)


def _stretch(gain: np.ndarray, hop: int, length: int) -> np.ndarray:
    """Return a gain per sample, in lines between the values that are reached as blocks end."""
    end = gain.astype(np.float32)
    start = np.concatenate([end[:1], end[:-1]])
    ramp = np.arange(1, hop + 1, dtype=np.float32) / np.float32(hop)
    return (start[:, None] + (end - start)[:, None] * ramp).ravel()[:length]
