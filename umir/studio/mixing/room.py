"""The room that a part is placed in: panorama and reverberation."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import lfilter


@dataclass(frozen=True)
class Room:
    """A room, as the spectrum of its reverberation (without the direct sound).

    Attributes:
        spectra: shape `(channel, bin)`.
        size: length of the transform in samples.
    """

    spectra: Complex[np.ndarray, "channel bin"]
    size: int

    def plus(self, other: "Room", amount: float) -> "Room":
        """Return this space with another one, `amount` times as loud, added to it."""
        return Room(self.spectra + np.complex64(amount) * other.spectra, self.size)

    def place(
        self, wave: Float[np.ndarray, " time"], pan: float, wet: float
    ) -> Float[np.ndarray, "time channel"]:
        """Put a sound in the room.

        Args:
            wave: the dry sound.
            pan: -1 (left) to 1 (right); without effect in mono.
            wet: amplitude of the reverberation relative to the direct sound.

        Returns:
            Direct sound, undelayed, plus reverberation; as long as `wave`.
        """
        spectrum = rfft(wave, self.size)
        channels = len(self.spectra)
        gains = [1.0] if channels == 1 else _pan_gains(pan)
        placed = np.empty((len(wave), channels), np.float32)
        for channel, gain in enumerate(gains):
            response = np.float32(gain) + np.float32(wet) * self.spectra[channel]
            placed[:, channel] = irfft(spectrum * response, self.size)[: len(wave)]
        return placed


def draw_room(
    rng: np.random.Generator, seconds: float, length: int, rate: int, channels: int
) -> Room:
    """Draw a room.

    Args:
        rng: where chance comes from.
        seconds: reverberation time (60 dB).
        length: samples of the sounds that will be placed in it.
        rate: sampling rate in Hz.
        channels: 1 or 2; two have different late reverberation.
    """
    taps = max(round(min(seconds, 2.5) * rate), 64)
    time = np.arange(taps) / rate
    early_count = int(rng.integers(5, 14))
    delays = rng.uniform(0.004, 0.05, early_count)
    early_gains = rng.uniform(0.3, 1.0, early_count) * rng.choice([-1, 1], early_count)
    predelay, damping = rng.uniform(0.0, 0.04), rng.uniform(1500, 7000)
    size = next_fast_len(length + taps, real=True)
    spectra = []
    for _ in range(channels):
        late = rng.standard_normal(taps) * np.exp(-6.9 * time / seconds) * (time >= predelay)
        late = _one_pole(late, damping, rate)
        late -= _one_pole(late, 150.0, rate)
        response = late / np.sqrt((late**2).sum() + 1e-12)
        wiggle = rng.uniform(0.9, 1.1, early_count)
        at = np.minimum((delays * wiggle * rate).astype(int) + 1, taps - 1)
        np.add.at(response, at, 0.35 * early_gains * np.exp(-delays / 0.03))
        spectra.append(rfft(response.astype(np.float32), size))
    return Room(np.stack(spectra), size)


def _pan_gains(pan: float) -> tuple[float, float]:
    """Return left and right gain with constant power, both 1 in the middle."""
    angle = (pan + 1) * np.pi / 4
    return float(np.sqrt(2) * np.cos(angle)), float(np.sqrt(2) * np.sin(angle))


def _one_pole(wave: np.ndarray, cutoff: float, rate: int) -> np.ndarray:
    """Apply a low-pass of 6 dB per octave."""
    pole = np.exp(-2 * np.pi * cutoff / rate)
    return lfilter([1 - pole], [1, -pole], wave)
