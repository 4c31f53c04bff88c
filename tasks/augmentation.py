"""Random changes of training audio that leave its labels true.

All of them are linear and the same for a mixture and its stems, so that stems still add up.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

GAIN_DB = 10.0  # level varies by up to this much either way
BAND_LIMITED = 0.25  # fraction of segments that lose their treble
LOWEST_CUTOFF = 4000.0  # Hz


@dataclass(frozen=True)
class Change:
    """What is done to a segment, and to each of its stems.

    Attributes:
        gain: factor of every sample.
        cutoff: where treble ends, in Hz; None: nothing is taken away.
        rate: sampling rate in Hz.
        n_known: number of samples; what comes after them is padding and stays silent.
    """

    gain: float
    cutoff: float | None
    rate: int
    n_known: int

    def __call__(
        self, samples: Float[np.ndarray, "time *channels"]
    ) -> Float[np.ndarray, "time *channels"]:
        """Return samples changed, as float32."""
        limited = samples if self.cutoff is None else low_pass(samples, self.rate, self.cutoff)
        changed = (self.gain * limited).astype(np.float32)
        changed[self.n_known :] = 0  # a filter rings into the padding
        return changed


def varied(n_known: int, gain: float, rate: int, rng: np.random.Generator | None) -> Change:
    """Return what scales a segment and, with a generator, varies its level and bandwidth.

    Args:
        n_known: number of samples; what comes after them is padding and stays silent.
        gain: what brings the song to -20 dBFS.
        rate: sampling rate in Hz.
        rng: source of randomness; None: scale only.
    """
    if rng is None:
        return Change(gain, None, rate, n_known)
    return Change(gain * random_gain(rng), random_cutoff(rng, rate), rate, n_known)


def random_gain(rng: np.random.Generator) -> float:
    """Return a factor of -10 to 10 dB, uniform in dB, of either sign."""
    decibels = rng.uniform(-GAIN_DB, GAIN_DB)
    return float(rng.choice([-1.0, 1.0]) * 10 ** (decibels / 20))


def random_cutoff(rng: np.random.Generator, rate: int) -> float | None:
    """Return a cut-off between 4 kHz and half the rate for a quarter of all draws, else None.

    Args:
        rng: source of randomness.
        rate: sampling rate in Hz.
    """
    limited, position = rng.uniform() < BAND_LIMITED, rng.uniform()
    lowest = min(LOWEST_CUTOFF, rate / 4)
    return float(lowest * (rate / 2 / lowest) ** position) if limited else None


def low_pass(
    waveform: Float[np.ndarray, "time *channels"], rate: int, cutoff: float
) -> Float[np.ndarray, "time *channels"]:
    """Return a waveform without its treble: a Butterworth response of order 4, without delay.

    |H(f)|^2 = 1 / (1 + (f / cutoff)^8); no phase is changed, so that onsets stay where they are.

    Args:
        waveform: samples along the first axis.
        rate: sampling rate in Hz.
        cutoff: where the response is down by 3 dB, in Hz.
    """
    n_samples = len(waveform)
    frequencies = np.fft.rfftfreq(n_samples, 1 / rate)
    response = 1 / np.sqrt(1 + (frequencies / cutoff) ** 8)
    response = response.reshape(-1, *[1] * (waveform.ndim - 1))
    spectrum = np.fft.rfft(waveform, axis=0) * response
    return np.fft.irfft(spectrum, n_samples, axis=0).astype(np.float32)
