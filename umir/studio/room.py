"""The mix: equaliser, room, panorama and levels; all linear, so that stems sum to the mixture."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import lfilter, sosfilt


@dataclass(frozen=True)
class Room:
    """A room, as the spectrum of its reverberation (without the direct sound).

    Attributes:
        spectra: shape `(channel, bin)`.
        size: length of the transform in samples.
    """

    spectra: Complex[np.ndarray, "channel bin"]
    size: int

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


def equalise(
    rng: np.random.Generator, wave: Float[np.ndarray, " time"], rate: int
) -> Float[np.ndarray, " time"]:
    """Apply two random bells of up to 6 dB, one low, one high (causal: onsets stay)."""
    sections = [
        _bell(np.exp(rng.uniform(np.log(120), np.log(800))), rng.normal(0, 2.5), rate),
        _bell(np.exp(rng.uniform(np.log(900), np.log(0.35 * rate))), rng.normal(0, 3.0), rate),
    ]
    return sosfilt(np.asarray(sections, np.float32), wave).astype(np.float32)


def loudness(wave: Float[np.ndarray, " time"], rate: int) -> float:
    """Return the RMS of the parts of a sound that are within 30 dB of its loudest 50 ms."""
    frame = max(rate // 20, 1)
    usable = len(wave) // frame * frame
    power = (wave[:usable].reshape(-1, frame) ** 2).mean(axis=1) if usable else wave**2
    if not len(power) or power.max() <= 0:
        return 0.0
    return float(np.sqrt(power[power > 1e-3 * power.max()].mean()))


def _pan_gains(pan: float) -> tuple[float, float]:
    """Return left and right gain with constant power, both 1 in the middle."""
    angle = (pan + 1) * np.pi / 4
    return float(np.sqrt(2) * np.cos(angle)), float(np.sqrt(2) * np.sin(angle))


def _bell(centre: float, decibels: float, rate: int) -> list[float]:
    """Return a peaking filter of one octave (R. Bristow-Johnson's audio EQ cookbook)."""
    gain = 10 ** (float(np.clip(decibels, -6, 6)) / 40)
    angle = 2 * np.pi * centre / rate
    alpha = np.sin(angle) / 2 / 1.4
    scale = 1 + alpha / gain
    b = [(1 + alpha * gain) / scale, -2 * np.cos(angle) / scale, (1 - alpha * gain) / scale]
    return [*b, 1.0, b[1], (1 - alpha / gain) / scale]


def _one_pole(wave: np.ndarray, cutoff: float, rate: int) -> np.ndarray:
    """Apply a low-pass of 6 dB per octave."""
    pole = np.exp(-2 * np.pi * cutoff / rate)
    return lfilter([1 - pole], [1, -pole], wave)
