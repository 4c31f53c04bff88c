"""The sampler: plays the recordings of a SoundFont.

Samples start at their attack (what is silent before it is skipped), follow any pitch curve,
repeat their loop while the note is held, and sound darker when played softly.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr
from jaxtyping import Float
from scipy.signal import correlate, lfilter

from umir.studio.sounds.soundfont import SoundFont, Zone, default_soundfont
from umir.studio.sounds.tone import Envelope

# A sample begins where it first reaches this part of the peak of its first half second.
_ATTACK_LEVEL = 0.1
# Presets (bank, program) of the SoundFont that pretty_midi brings that sound off the pitch of the
# key, and by how many semitones: 16-foot organs, the whistle, the first layer of the soundtrack.
_OFF = {**dict.fromkeys(((0, 16), (0, 17), (0, 18), (0, 19)), -12.0), (0, 78): -8.7, (0, 97): 7.0}
_SHORTEST_RELEASE, _LONGEST_RELEASE = 0.06, 0.6


class SampledSound:
    """A preset of the SoundFont as a tone generator.

    Args:
        program: General MIDI program, 0 to 127.
        brightness: scales the low-pass frequency that velocity controls.
        dynamics: dB between the softest and the loudest note.
        soundfont: the file; None: the one that pretty_midi brings.
        shift: keys by which the recordings that are played lie beside the pitch.
    """

    def __init__(
        self,
        program: int,
        brightness: float = 1.0,
        dynamics: float = 24.0,
        soundfont: Path | None = None,
        shift: int = 0,
    ):
        self._program, self._brightness, self.dynamics = program, brightness, dynamics
        self._soundfont, self._shift = soundfont, shift
        zones = _zones(0, program, soundfont)
        zone = zones[_find_zone(zones, 60, 100)]
        decay, sustain = _decay(zone)
        self.envelope = Envelope(
            attack=0.004,
            decay=decay,
            sustain=sustain,
            release=min(max(0.6 * zone.release, _SHORTEST_RELEASE), _LONGEST_RELEASE),
        )

    def shifted(self, keys: int) -> "SampledSound":
        """Return the same preset, played from recordings so many keys away: other formants."""
        return SampledSound(
            self._program, self._brightness, self.dynamics, self._soundfont, self._shift + keys
        )

    def body(
        self, frequency: Float[np.ndarray, " time"], brightness: float, rate: int
    ) -> Float[np.ndarray, " time"]:
        """Return the waveform of a held note (see `umir.studio.sounds.tone.Sound`)."""
        pitch = 69 + 12 * np.log2(frequency[-1] / 440)
        zones = _zones(0, self._program, self._soundfont)
        index = _find_zone(zones, round(pitch) + self._shift, round(127 * brightness))
        sample, loop, step = _prepared(0, self._program, index, rate, self._soundfont)
        wave = _read(sample, loop, step, frequency)
        cutoff = zones[index].cutoff * 2 ** (2.5 * (brightness - 0.6)) * self._brightness
        return _low_pass(wave, max(cutoff, 2.5 * frequency[-1]), rate)


def sample_once(
    bank: int, program: int, key: int, rate: int, soundfont: Path | None = None
) -> Float[np.ndarray, " time"]:
    """Return the sample of a key as recorded, without loop: for drums.

    Args:
        bank: bank of the preset; drum kits are in bank 128.
        program: program of the preset.
        key: MIDI key.
        rate: sampling rate in Hz of the result.
        soundfont: the file; None: the one that pretty_midi brings.

    Returns:
        The waveform, shape `(time,)`, starting at its attack.
    """
    zones = _zones(bank, program, soundfont)
    zone = zones[_find_zone(zones, key, 100)]
    ratio = 2 ** ((key - zone.root) * zone.scale / 12)
    wave = np.asarray(zone.samples, np.float32) / 32768
    wave = soxr.resample(wave, zone.rate * ratio, rate)
    return wave[_attack(wave, rate) :]


@lru_cache(maxsize=8)
def read_soundfont(path: Path | None = None) -> SoundFont:
    """Read a SoundFont once per process; None: the one that pretty_midi brings.

    Raises:
        FileNotFoundError, ValueError: as `umir.studio.sounds.soundfont.SoundFont`.
    """
    return SoundFont(path or default_soundfont())


@lru_cache(maxsize=512)
def _zones(bank: int, program: int, soundfont: Path | None) -> list[Zone]:
    """Return the zones of a preset."""
    return list(read_soundfont(soundfont).zones(bank, program))


def _find_zone(zones: list[Zone], key: int, velocity: int) -> int:
    """Return the index of the zone for a key and a velocity, or of the one that comes nearest."""

    def miss(index: int) -> tuple[int, int]:
        keys, velocities = zones[index].keys, zones[index].velocities
        return (
            max(keys[0] - key, key - keys[1], 0),
            max(velocities[0] - velocity, velocity - velocities[1], 0),
        )

    return min(range(len(zones)), key=miss)


def _decay(zone: Zone) -> tuple[float, float]:
    """Return the time for 60 dB of decay, and the level at which it ends.

    The file gives the time for 100 dB; a sustain level above -3 dB means no decay.
    """
    if zone.sustain < 3 or zone.decay < 0.02:
        return np.inf, 1.0
    return max(0.6 * zone.decay, 0.3), 10 ** (-zone.sustain / 20)


@lru_cache(maxsize=1024)
def _prepared(
    bank: int, program: int, index: int, rate: int, soundfont: Path | None
) -> tuple[np.ndarray, tuple[float, float] | None, float]:
    """Return a zone's sample at twice `rate`, free of what lies above `rate / 2`.

    Returns:
        Waveform, loop (start and length in samples of the waveform, or None) and the number of
        samples to step for a fundamental of 1 Hz.
    """
    zone = _zones(bank, program, soundfont)[index]
    wave = np.asarray(zone.samples, np.float32) / 32768
    if zone.loop:
        # Sixteen more samples of the loop, for the interpolation to run into.
        start, end = zone.loop
        repeated = np.resize(wave[start:end], 16 + end - start)
        wave = np.concatenate([wave[:end], repeated])
    if zone.rate > rate:
        wave = soxr.resample(wave, zone.rate, rate)
    wave = soxr.resample(wave, min(zone.rate, rate), 2 * rate)
    skip = _attack(wave, 2 * rate)
    factor = 2 * rate / zone.rate
    loop = None
    if zone.loop:
        skip = min(skip, int(zone.loop[0] * factor))
        loop = (zone.loop[0] * factor - skip, (zone.loop[1] - zone.loop[0]) * factor)
    root = 440 * 2 ** ((zone.root - 69) / 12)
    # What sounds is to be what the label says.
    root *= 2 ** (_OFF.get((bank, program), 0.0) / 12) if soundfont is None else 1
    root *= _tuning(wave[skip:], loop, root, 2 * rate)
    # Loops of one sample are often quieter than their attack: levels are left to the mix.
    wave = np.concatenate([wave[skip:], np.zeros(4, np.float32)])
    return wave / max(float(np.abs(wave).max()), 1e-6), loop, 2.0 / root


def _tuning(wave: np.ndarray, loop: tuple[float, float] | None, root: float, rate: int) -> float:
    """Return the factor by which a sample's pitch is off, at most 4%, by autocorrelation.

    Measured on half a second from the loop on (or from 50 ms after the attack), where it is
    clearly periodic; 1 where it is not.
    """
    length = len(wave) - 4
    start = int(min(0.05 * rate, 0.3 * length)) if loop is None else int(loop[0])
    index = np.arange(start, start + rate // 2)
    if loop:
        index = (loop[0] + (index - loop[0]) % loop[1]).astype(int)
    index = index[index < length]
    # A lag of several periods is measured more exactly; the range must not reach its neighbours.
    periods = min(max(int(0.02 * root), 1), 8)
    lags = np.arange(int(periods * rate / root / 1.04), int(periods * rate / root * 1.04) + 2)
    count = len(index) - lags[-1]
    if count < 2 * rate / root:
        return 1.0
    sound = wave[index].astype(np.float64)
    head = sound[:count]
    total = np.concatenate([[0.0], np.cumsum(sound**2)])
    energy = total[lags + count] - total[lags]
    # By FFT: matrix products would depend on the number of threads, in the last digit.
    scores = correlate(sound, head, "valid", method="fft")[lags]
    scores /= np.sqrt(total[count] * energy + 1e-12)
    best = int(scores.argmax())
    if scores[best] < 0.9 or best in (0, len(lags) - 1):
        return 1.0
    left, middle, right = scores[best - 1 : best + 2]
    lag = lags[best] + 0.5 * (left - right) / (left - 2 * middle + right)
    return round(float(rate * periods / lag / root), 6)


def _attack(wave: np.ndarray, rate: int) -> int:
    """Return the sample at which a recording is first heard."""
    level = np.abs(wave[: rate // 2])
    return int(np.argmax(level >= _ATTACK_LEVEL * level.max())) if len(level) else 0


def _read(
    wave: np.ndarray, loop: tuple[float, float] | None, step: float, frequency: np.ndarray
) -> np.ndarray:
    """Read a waveform along a frequency curve with cubic (Catmull-Rom) interpolation."""
    position = np.cumsum(frequency * step) - frequency[0] * step
    if loop:
        beyond = position >= loop[0] + loop[1]
        position[beyond] = loop[0] + (position[beyond] - loop[0]) % loop[1]
    last = len(wave) - 4
    inside = position < last
    position = np.minimum(position, last)
    whole = position.astype(np.int64)
    t = (position - whole).astype(np.float32)
    a, b, c, d = wave[np.maximum(whole - 1, 0)], wave[whole], wave[whole + 1], wave[whole + 2]
    result = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return result * inside


def _low_pass(wave: np.ndarray, cutoff: float, rate: int) -> np.ndarray:
    """Apply two one-pole low-passes at `cutoff` Hz; none where it is above the band."""
    if cutoff > 0.45 * rate:
        return wave
    pole = np.float32(np.exp(-2 * np.pi * cutoff / rate))
    filtered = lfilter([(1 - pole) ** 2], [1, -2 * pole, pole**2], wave)
    return filtered.astype(np.float32)
