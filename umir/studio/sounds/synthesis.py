"""Tone generators of our own: harmonic (additive, subtractive, plucked), FM and modal synthesis.

`HarmonicSound` is the work-horse. Its spectrum is a function of harmonic number and time, computed
for a dozen moments of a note; each moment's spectrum becomes one period of waveform (a row of a
table, by an inverse FFT), and the note is read from the table along its phase and its age, with
bilinear interpolation. So additive timbres, filter sweeps and plucked strings cost the same few
operations per sample, nothing aliases, and the pitch is exactly what was asked for.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from umir.studio.sounds.tone import Envelope

_TABLE = 1024
# Ages (seconds) at which a spectrum is computed: dense where timbres move fastest.
AGES = np.array([0, 0.006, 0.015, 0.03, 0.06, 0.12, 0.2, 0.35, 0.6, 1, 1.6, 2.5, 4, 7, 12, 20])
# Rate of the delay loop whose losses the plucked strings have; independent of the output's rate.
_LOOP_RATE = 22050.0


@dataclass(frozen=True)
class Partials:
    """The spectrum of a harmonic sound.

    Attributes:
        slope: harmonic `h` has amplitude `h ** -slope`.
        even: factor on even harmonics (0 for a square-like or clarinet-like sound).
        pluck: place of excitation, part of the string's length; 0 for none. Harmonics with a
            node there are missing: `|sin(pi h pluck)|`.
        formants: `(frequency in Hz, width in octaves, gain)`: resonances of the instrument.
        cutoff: low-pass frequency over the fundamental, at the onset and in the end.
        cutoff_time: seconds from one to the other.
        resonance: height of the peak at the cutoff, 0 for none.
        decay: 1/s, of the fundamental.
        damping: how much faster higher harmonics decay (see `string_decay` for strings).
        string: loss per period of a plucked string's delay loop; 0 for no string.
        bloom: seconds by which each higher harmonic comes later (brass).
        levels: gains of the first harmonics, at the onset: any timbre at all.
        later_levels: the same, `cutoff_time` after the onset; empty: they stay.
    """

    slope: float = 1.0
    even: float = 1.0
    pluck: float = 0.0
    formants: tuple[tuple[float, float, float], ...] = ()
    cutoff: tuple[float, float] = (200.0, 200.0)
    cutoff_time: float = 0.2
    resonance: float = 0.0
    decay: float = 0.0
    damping: float = 0.0
    string: float = 0.0
    bloom: float = 0.0
    levels: tuple[float, ...] = ()
    later_levels: tuple[float, ...] = ()

    def amplitudes(
        self, frequency: float, count: int, brightness: float
    ) -> Float[np.ndarray, "age harmonic"]:
        """Return the amplitudes of `count` harmonics of `frequency` Hz at each of the ages."""
        h = np.arange(1, count + 1)
        level = h**-self.slope * np.where(h % 2 == 0, self.even, 1.0)
        if self.pluck:
            level = level * np.abs(np.sin(np.pi * h * self.pluck))
        for centre, width, gain in self.formants:
            distance = np.log2(h * frequency / centre) / width
            level = level * (1 + gain * np.exp(-0.5 * distance**2))
        age = AGES[:, None]
        sweep = np.exp(-3 * age / self.cutoff_time)
        if self.levels:
            later = _first(self.later_levels or self.levels, count)
            level = level * (later + (_first(self.levels, count) - later) * sweep)
        cutoff = (self.cutoff[1] + (self.cutoff[0] - self.cutoff[1]) * sweep) * (
            0.35 + 0.65 * brightness
        )
        x = h / np.maximum(cutoff, 1.01)
        amplitude = level / np.sqrt((1 - x**2) ** 2 + x**2 * 2 / (1 + self.resonance) ** 2)
        if self.string:
            rates = string_decay(frequency, h, self.string)
        else:
            rates = self.decay * (1 + self.damping * (h - 1))
        amplitude = amplitude * np.exp(-rates * age)
        if self.bloom:
            amplitude = amplitude * (1 - np.exp(-age / (self.bloom * h)) * (h > 1))
        return amplitude


def string_decay(
    frequency: float, harmonic: np.ndarray, loss: float
) -> Float[np.ndarray, " harmonic"]:
    """Return the decay rates (1/s) of the harmonics of a Karplus-Strong string.

    Once per period, the loop multiplies a harmonic by the gain of its two-point average at that
    harmonic's frequency, `cos(pi f / rate)`, and by `1 - loss`; so harmonic `h` decays as
    `exp(-t f0 ln(1 / gain))`. With the spectrum of the burst that excites the string this is the
    loop's output in closed form.

    Args:
        frequency: fundamental in Hz.
        harmonic: harmonic numbers.
        loss: part lost per period at frequency 0.

    Reference:
        K. Karplus and A. Strong, "Digital Synthesis of Plucked-String and Drum Timbres",
        Computer Music Journal 7(2), 1983; decay times in D. Jaffe and J. Smith, same issue.
    """
    angle = np.minimum(np.pi * harmonic * frequency / _LOOP_RATE, 1.5)
    return -frequency * np.log((1 - loss) * np.cos(angle))


@dataclass(frozen=True)
class HarmonicSound:
    """A tone generator with harmonic partials.

    Attributes:
        partials: the spectrum.
        envelope: loudness over time.
        dynamics: dB between the softest and the loudest note.
        detune: cents of each of the voices that play together (a chorus or section).
        noise: level of breath, bow or pick noise, relative to the tone.
        noise_decay: 1/s; 0 for a steady noise (breath).
        seed: decides the phases of the partials and the noise.
    """

    partials: Partials
    envelope: Envelope
    dynamics: float = 24.0
    detune: tuple[float, ...] = (0.0,)
    noise: float = 0.0
    noise_decay: float = 0.0
    seed: int = 0

    def body(
        self, frequency: Float[np.ndarray, " time"], brightness: float, rate: int
    ) -> Float[np.ndarray, " time"]:
        """Return the waveform of a held note (see `umir.studio.sounds.tone.Sound`)."""
        rng = np.random.default_rng([self.seed, round(100 * float(frequency[-1]))])
        highest = float(frequency.max())
        count = min(max(int(0.47 * rate / highest), 1), _TABLE // 2 - 1)
        amplitudes = self.partials.amplitudes(float(frequency[-1]), count, brightness)
        table = _table(amplitudes, rng)
        age = np.arange(len(frequency)) / rate
        row = np.interp(age, AGES, np.arange(len(AGES))).astype(np.float32)
        phase = np.cumsum(frequency) / rate
        wave = np.zeros(len(frequency), np.float32)
        for cents in self.detune:
            wave += read_table(table, phase * 2 ** (cents / 1200) + rng.random(), row)
        wave /= np.sqrt(len(self.detune))
        if self.noise:
            wave += self._noise(rng, brightness, age)
        return wave

    def _noise(self, rng: np.random.Generator, brightness: float, age: np.ndarray) -> np.ndarray:
        """Return breath or pick noise."""
        noise = rng.standard_normal(len(age), np.float32) * np.float32(self.noise * brightness)
        noise[1:] -= 0.6 * noise[:-1]  # less of it in the lows
        if self.noise_decay:
            noise *= np.exp(np.float32(-self.noise_decay) * age.astype(np.float32))
        return noise


def _first(levels: tuple[float, ...], count: int) -> np.ndarray:
    """Return the gains of `count` harmonics, 1 for those that are not named."""
    gains = np.ones(count)
    gains[: len(levels)] = levels[:count]
    return gains


def _table(amplitudes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return one period of waveform per row of amplitudes, at random phases, with RMS near 1."""
    table = make_table(amplitudes, rng.random((amplitudes.shape[1],)))
    rms = np.sqrt((table[:-1, :-1] ** 2).mean(axis=1)).max()
    return table / max(float(rms), 1e-9)


def make_table(
    amplitudes: Float[np.ndarray, "row harmonic"], phases: Float[np.ndarray, " harmonic"]
) -> Float[np.ndarray, "row+1 column"]:
    """Return one period of waveform per row, and one row and one column more to interpolate into.

    Args:
        amplitudes: peaks of the harmonics.
        phases: of the harmonics, in periods. All rows share them, so that rows can be crossfaded;
            random ones keep the peaks low.
    """
    turned = amplitudes * np.exp(2j * np.pi * phases)
    spectra = np.zeros((len(amplitudes), _TABLE // 2 + 1), np.complex64)
    spectra[:, 1 : amplitudes.shape[1] + 1] = turned * (_TABLE / 2)
    table = np.fft.irfft(spectra, _TABLE, axis=1).astype(np.float32)
    table = np.concatenate([table, table[:, :1]], axis=1)
    return np.concatenate([table, table[-1:]], axis=0)


def read_table(
    table: Float[np.ndarray, "row column"],
    phase: Float[np.ndarray, " time"],
    row: Float[np.ndarray, " time"],
) -> Float[np.ndarray, " time"]:
    """Read a table of periods at phases in periods and at fractional rows, bilinearly.

    Args:
        table: one period per row, and one row and one column more to interpolate into.
        phase: in periods, any number of them.
        row: at least 0, less than the number of rows without the last.
    """
    flat, width = table.ravel(), table.shape[1]
    column = (phase % 1.0) * (width - 1)
    left = column.astype(np.int32)
    across = (column - left).astype(np.float32)
    top = row.astype(np.int32)
    down = (row - top).astype(np.float32)
    index = top * width + left
    upper = flat[index] * (1 - across) + flat[index + 1] * across
    index += width
    lower = flat[index] * (1 - across) + flat[index + 1] * across
    return upper + down * (lower - upper)


@dataclass(frozen=True)
class FMSound:
    """Frequency modulation: one carrier, one modulator.

    Attributes:
        envelope: loudness over time.
        ratio: frequency of the modulator over that of the carrier.
        index: modulation index at the onset and in the end: the amount of overtones.
        index_time: seconds from one to the other.
        dynamics: dB between the softest and the loudest note.
        second: ratio and level of a second carrier, for an overtone of its own.

    Reference:
        J. Chowning, "The Synthesis of Complex Audio Spectra by Means of Frequency Modulation",
        Journal of the AES 21(7), 1973.
    """

    envelope: Envelope
    ratio: float
    index: tuple[float, float]
    index_time: float = 0.3
    dynamics: float = 24.0
    second: tuple[float, float] = (0.0, 0.0)

    def body(
        self, frequency: Float[np.ndarray, " time"], brightness: float, rate: int
    ) -> Float[np.ndarray, " time"]:
        """Return the waveform of a held note (see `umir.studio.sounds.tone.Sound`)."""
        cycles = np.cumsum(frequency) / rate
        age = np.arange(len(frequency), dtype=np.float32) / np.float32(rate)
        fall = np.exp(-3 * age / np.float32(self.index_time))
        index = self.index[1] + (self.index[0] - self.index[1]) * fall
        # Carson's rule: keep the sidebands below half the rate.
        room = 0.45 * rate / float(frequency.max()) / max(self.ratio, 0.5) - 1 / self.ratio - 1
        index = np.minimum(index * brightness, max(room, 0.05)).astype(np.float32)
        wave = np.sin(angle(cycles) + index * np.sin(angle(cycles * self.ratio)))
        ratio, level = self.second
        if level and ratio * float(frequency.max()) < 0.45 * rate:
            wave += np.float32(level * brightness) * fall * np.sin(angle(cycles * ratio))
        return wave * np.float32(np.sqrt(2))


@dataclass(frozen=True)
class ModalSound:
    """A struck body: decaying sinusoids at any ratios.

    Attributes:
        envelope: loudness over time.
        ratios: frequency of each mode over the fundamental.
        levels: amplitude of each mode.
        decays: 1/s of each mode.
        dynamics: dB between the softest and the loudest note.
    """

    envelope: Envelope
    ratios: tuple[float, ...]
    levels: tuple[float, ...]
    decays: tuple[float, ...]
    dynamics: float = 24.0

    def body(
        self, frequency: Float[np.ndarray, " time"], brightness: float, rate: int
    ) -> Float[np.ndarray, " time"]:
        """Return the waveform of a held note (see `umir.studio.sounds.tone.Sound`)."""
        cycles = np.cumsum(frequency) / rate
        age = np.arange(len(frequency), dtype=np.float32) / np.float32(rate)
        wave = np.zeros(len(frequency), np.float32)
        for ratio, level, decay in zip(self.ratios, self.levels, self.decays, strict=True):
            if ratio * float(frequency.max()) > 0.47 * rate:
                continue
            soft = 1.0 if ratio <= 1.01 else brightness
            fall = np.float32(level * soft) * np.exp(-np.float32(decay) * age)
            wave += fall * np.sin(angle(cycles * ratio))
        return wave


def angle(cycles: np.ndarray) -> np.ndarray:
    """Return an angle in radians, wrapped while still in double precision."""
    return (2 * np.pi * (cycles % 1.0)).astype(np.float32)
