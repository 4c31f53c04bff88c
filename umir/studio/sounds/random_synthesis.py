"""Tone generators for sounds that nobody has heard before: stiff strings, rough air, stacked FM.

They stand beside those of `umir.studio.sounds.synthesis`: what each makes has the fundamental that
it was asked for, exactly, and starts at full sound at sample 0.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from umir.studio.sounds.synthesis import (
    AGES,
    HarmonicSound,
    angle,
    make_table,
    read_table,
)
from umir.studio.sounds.tone import Envelope

_BANDS = (1, 2, 3, 5, 8, 12, 18)  # first harmonic of each band that is stretched as one
_CONTROL = 200.0  # Hz: rate of the noise that roughens a partial


@dataclass(frozen=True)
class StiffSound(HarmonicSound):
    """A harmonic sound whose partials are stretched, as those of stiff strings are.

    Partial `h` lies at `h f0 sqrt((1 + B h^2) / (1 + B))`, so that the first is the fundamental.
    Partials are stretched in bands, by the amount of the band's middle: each band is a table of its
    own, read a little faster.

    Attributes:
        stiffness: B; 1e-4 in the middle of a piano, 1e-2 at its ends and for thick short strings.

    Reference:
        H. Fletcher, E. Blackham and R. Stratton, "Quality of Piano Tones", JASA 34(6), 1962.
    """

    stiffness: float = 0.0

    def body(
        self, frequency: Float[np.ndarray, " time"], brightness: float, rate: int
    ) -> Float[np.ndarray, " time"]:
        """Return the waveform of a held note (see `umir.studio.sounds.tone.Sound`)."""
        rng = np.random.default_rng([self.seed, round(100 * float(frequency[-1]))])
        h = np.arange(1, 200)
        top = h * self._stretch(h) * float(frequency.max())
        count = max(int((top < 0.47 * rate).sum()), 1)
        amplitudes = self.partials.amplitudes(float(frequency[-1]), count, brightness)
        phases = rng.random(count)
        age = np.arange(len(frequency)) / rate
        row = np.interp(age, AGES, np.arange(len(AGES))).astype(np.float32)
        cycles = np.cumsum(frequency) / rate
        edges = [*(first for first in _BANDS if first <= count), count + 1]
        wave = np.zeros(len(frequency), np.float32)
        scale = np.sqrt(0.5 * (amplitudes**2).sum(axis=1).max()) + 1e-9
        for first, after in zip(edges[:-1], edges[1:], strict=True):
            band = np.zeros_like(amplitudes)
            band[:, first - 1 : after - 1] = amplitudes[:, first - 1 : after - 1] / scale
            stretch = float(self._stretch(np.array([(first + after - 1) / 2]))[0])
            wave += read_table(make_table(band, phases), cycles * stretch, row)
        if self.noise:
            wave += self._noise(rng, brightness, age)
        return wave

    def _stretch(self, harmonic: np.ndarray) -> np.ndarray:
        return np.sqrt((1 + self.stiffness * harmonic**2) / (1 + self.stiffness))


@dataclass(frozen=True)
class RoughSound:
    """A few partials, each of which is a band of noise around its place: air, friction, glass.

    Attributes:
        envelope: loudness over time.
        levels: amplitude of each harmonic.
        bandwidth: Hz, of the noise around the lowest; it grows with the harmonic.
        roughness: 0 for steady partials, 1 for noise alone.
        dynamics: dB between the softest and the loudest note.
        seed: decides the noise.
    """

    envelope: Envelope
    levels: tuple[float, ...]
    bandwidth: float
    roughness: float
    dynamics: float = 20.0
    seed: int = 0

    def body(
        self, frequency: Float[np.ndarray, " time"], brightness: float, rate: int
    ) -> Float[np.ndarray, " time"]:
        """Return the waveform of a held note (see `umir.studio.sounds.tone.Sound`)."""
        rng = np.random.default_rng([self.seed, round(100 * float(frequency[-1]))])
        cycles = np.cumsum(frequency) / rate
        wave = np.zeros(len(frequency), np.float32)
        for harmonic, soft in enumerate(self.amplitudes(brightness), 1):
            if harmonic * float(frequency.max()) > 0.47 * rate:
                break
            inner, outer = self._band(rng, len(frequency), self.bandwidth * harmonic**0.5, rate)
            turned = angle(cycles * harmonic)
            wave += np.float32(soft) * (inner * np.sin(turned) + outer * np.cos(turned))
        return wave / np.float32(np.sqrt(0.5 * np.square(self.levels).sum()) + 1e-9)

    def amplitudes(self, brightness: float) -> Float[np.ndarray, " harmonic"]:
        """Return the amplitudes of the harmonics of a note with some brightness."""
        return np.array(self.levels) * brightness ** (0.3 * np.arange(len(self.levels)))

    def _band(
        self, rng: np.random.Generator, length: int, bandwidth: float, rate: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the two components of a partial's slowly moving amplitude."""
        count = int(length / rate * _CONTROL) + 3
        size = 2 * count
        keep = np.exp(-0.5 * (np.fft.rfftfreq(size, 1 / _CONTROL) / bandwidth) ** 2)
        noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, size))) * keep, size)
        noise /= noise.std() + 1e-9
        places = np.arange(length) * (_CONTROL / rate)
        inner, outer = (np.interp(places, np.arange(size), part) for part in noise)
        steady = 1 - self.roughness
        return (
            (steady + self.roughness * inner).astype(np.float32),
            (self.roughness * outer).astype(np.float32),
        )


@dataclass(frozen=True)
class StackedFMSound:
    """Frequency modulation of one carrier by two modulators, the second of which turns the first.

    Whole ratios keep the sound harmonic on its fundamental.

    Attributes:
        envelope: loudness over time.
        ratios: frequencies of the modulators over that of the carrier.
        indices: modulation index of each at the onset and in the end.
        times: seconds from one to the other, of each.
        dynamics: dB between the softest and the loudest note.
    """

    envelope: Envelope
    ratios: tuple[int, int]
    indices: tuple[tuple[float, float], tuple[float, float]]
    times: tuple[float, float]
    dynamics: float = 20.0

    def body(
        self, frequency: Float[np.ndarray, " time"], brightness: float, rate: int
    ) -> Float[np.ndarray, " time"]:
        """Return the waveform of a held note (see `umir.studio.sounds.tone.Sound`)."""
        cycles = np.cumsum(frequency) / rate
        age = np.arange(len(frequency), dtype=np.float32) / np.float32(rate)
        # Carson's rule: the sidebands reach (index + 1) modulating frequencies far.
        room = 0.45 * rate / float(frequency.max()) / max(self.ratios) - 1
        amounts = []
        for (start, end), time in zip(self.indices, self.times, strict=True):
            index = (end + (start - end) * np.exp(-3 * age / np.float32(time))) * brightness
            amounts.append(np.minimum(index, max(room / 2, 0.05)).astype(np.float32))
        second = np.sin(angle(cycles * self.ratios[1]))
        first = np.sin(angle(cycles * self.ratios[0]) + amounts[1] * second)
        return np.float32(np.sqrt(2)) * np.sin(angle(cycles) + amounts[0] * first)
