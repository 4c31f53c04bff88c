"""Sounds made of sounds: several players, two layers, another touch. All keep onset and pitch."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.signal import lfilter

from umir.studio.sounds.tone import Envelope, Sound


@dataclass(frozen=True)
class Unison:
    """Several players, or oscillators, of one sound.

    Attributes:
        sound: what each plays.
        cents: how far each is off; centred on 0, so that the pitch stays.
        delays: seconds by which each is late; the first must be in time.
    """

    sound: Sound
    cents: tuple[float, ...]
    delays: tuple[float, ...]

    @property
    def envelope(self) -> Envelope:
        """How loud its notes are over time."""
        return self.sound.envelope

    @property
    def dynamics(self) -> float:
        """Difference in dB between the softest and the loudest note."""
        return self.sound.dynamics

    def body(
        self, frequency: Float[np.ndarray, " time"], brightness: float, rate: int
    ) -> Float[np.ndarray, " time"]:
        """Return the waveform of a held note (see `umir.studio.sounds.tone.Sound`)."""
        wave = np.zeros(len(frequency), np.float32)
        for cents, delay in zip(self.cents, self.delays, strict=True):
            late = min(round(delay * rate), len(wave))
            voice = self.sound.body(frequency * 2 ** (cents / 1200), brightness, rate)
            wave[late:] += voice[: len(wave) - late]
        return wave / np.float32(np.sqrt(len(self.cents)))


@dataclass(frozen=True)
class Layered:
    """Two sounds on the same keys, the second one `level` times as loud.

    Its loudness over time is the first one's.
    """

    first: Sound
    second: Sound
    level: float

    @property
    def envelope(self) -> Envelope:
        """How loud its notes are over time."""
        return self.first.envelope

    @property
    def dynamics(self) -> float:
        """Difference in dB between the softest and the loudest note."""
        return self.first.dynamics

    def body(
        self, frequency: Float[np.ndarray, " time"], brightness: float, rate: int
    ) -> Float[np.ndarray, " time"]:
        """Return the waveform of a held note (see `umir.studio.sounds.tone.Sound`)."""
        first = self.first.body(frequency, brightness, rate)
        second = self.second.body(frequency, brightness, rate)
        # As loud as the first in their first fifth of a second, whatever the generators.
        head = slice(0, max(rate // 5, 1))
        scale = np.sqrt((first[head] ** 2).mean() / max(float((second[head] ** 2).mean()), 1e-9))
        return first + np.float32(min(self.level * float(scale), 10.0)) * second


@dataclass(frozen=True)
class Touched:
    """A sound under another hand.

    Attributes:
        sound: what is played.
        envelope: how loud its notes are over time.
        answer: brightness becomes `brightness ** answer`: 0 is the same for all velocities.
        tremolo: how deep, 0 to 1, and how fast, in Hz, its loudness swings.
        muffle: harmonic from which on the hand takes the sound away; infinite for none.
    """

    sound: Sound
    envelope: Envelope
    answer: float = 1.0
    tremolo: tuple[float, float] = (0.0, 5.0)
    muffle: float = np.inf

    @property
    def dynamics(self) -> float:
        """Difference in dB between the softest and the loudest note."""
        return self.sound.dynamics

    def body(
        self, frequency: Float[np.ndarray, " time"], brightness: float, rate: int
    ) -> Float[np.ndarray, " time"]:
        """Return the waveform of a held note (see `umir.studio.sounds.tone.Sound`)."""
        wave = self.sound.body(frequency, brightness**self.answer, rate)
        cutoff = self.muffle * float(frequency[-1])
        if cutoff < 0.4 * rate:
            pole = float(np.exp(-2 * np.pi * cutoff / rate))
            wave = lfilter([(1 - pole) ** 2], [1, -2 * pole, pole**2], wave).astype(np.float32)
        depth, speed = self.tremolo
        if depth:
            time = np.arange(len(wave), dtype=np.float32) / np.float32(rate)
            swing = 0.5 - 0.5 * np.cos(np.float32(2 * np.pi * speed) * time)  # full at the onset
            wave = wave * (1 - np.float32(depth) * swing)
        return wave


def draw_unison(rng: np.random.Generator, sound: Sound, most: float) -> Unison:
    """Draw two to four players, up to `most` cents apart."""
    voices = int(rng.integers(2, 5))
    cents = rng.uniform(-most, most, voices) / 2
    cents -= cents.mean()
    delays = (0.0, *(float(delay) for delay in rng.uniform(0, 0.012, voices - 1)))
    return Unison(sound, tuple(float(value) for value in cents), delays)


def draw_touch(rng: np.random.Generator, sound: Sound) -> Touched:
    """Draw another hand: other envelopes and brightness; some mute the strings, some tremble."""
    envelope = sound.envelope
    release = float(np.clip(envelope.release * np.exp(rng.normal(0, 0.4)), 0.04, 1.2))
    decay = float(envelope.decay * np.exp(rng.normal(0, 0.3)))
    envelope = replace(envelope, release=release, decay=decay)
    mute, shake = rng.random(2)
    muted = float(rng.uniform(0.15, 0.6)), float(rng.uniform(0.04, 0.1)), float(rng.uniform(2, 8))
    tremolo = float(rng.uniform(0.1, 0.7)), float(rng.uniform(2.5, 8.0))
    answer = float(np.exp(rng.normal(0, 0.6)))
    if mute < 0.12:
        envelope = replace(envelope, decay=muted[0], sustain=0.0, release=muted[1])
    return Touched(
        sound,
        envelope,
        answer,
        tremolo if shake < 0.12 else (0.0, 5.0),
        muted[2] if mute < 0.12 else np.inf,
    )
