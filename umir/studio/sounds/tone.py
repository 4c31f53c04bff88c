"""From notes to sound: what every tone generator has in common.

A generator makes the *body* of a note: its waveform as if the key were never let go, starting at
full sound at sample 0. This module adds the envelope of loudness, velocity and release, and puts
the notes of a part on the time line. Bodies of notes with the same pitch and velocity layer are
made once per part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from umir.studio.playing.performance import Note

# Velocities are rounded to so many layers of brightness; loudness stays continuous.
_LAYERS = 4
# After a release time the sound is 60 dB down.
_LOG_1000 = float(np.log(1000.0))


@dataclass(frozen=True)
class Envelope:
    """How loud a note is over time.

    Attributes:
        attack: seconds to 95% of full level (`1 - exp(-3 t / attack)`: steepest at the start, so
            that even slow attacks are heard at once).
        decay: seconds for 60 dB of decay while the note is held; infinite for none.
        sustain: level, 0 to 1, at which the decay ends.
        release: seconds for 60 dB of decay after the note is let go.
    """

    attack: float = 0.003
    decay: float = np.inf
    sustain: float = 0.0
    release: float = 0.2

    def levels(self, held: int, rate: int) -> Float[np.ndarray, " time"]:
        """Return the level at each sample of a note held for `held` samples, release included."""
        released = max(round(self.release * rate), 2)
        time = np.arange(held + released, dtype=np.float32) / np.float32(rate)
        level = 1 - np.exp(time * np.float32(-3 / max(self.attack, 1e-4)))
        if np.isfinite(self.decay):
            fall = np.exp(time * np.float32(-_LOG_1000 / self.decay))
            level *= self.sustain + (1 - self.sustain) * fall
        # The last tenth of the release goes to zero, to end without a click.
        tail = np.arange(released, dtype=np.float32) / np.float32(released)
        level[held:] *= np.exp(-_LOG_1000 * tail) * np.minimum((1 - tail) * 10, 1)
        return level


@runtime_checkable
class Sound(Protocol):
    """A tone generator with its settings: one instrument of one player."""

    @property
    def envelope(self) -> Envelope:
        """How loud its notes are over time."""
        ...

    @property
    def dynamics(self) -> float:
        """Difference in dB between the softest and the loudest note."""
        ...

    def body(
        self, frequency: Float[np.ndarray, " time"], brightness: float, rate: int
    ) -> Float[np.ndarray, " time"]:
        """Return the waveform of a held note.

        Args:
            frequency: fundamental frequency in Hz at each sample.
            brightness: 0 to 1, from the velocity.
            rate: sampling rate in Hz.
        """
        ...


def render_notes(
    sound: Sound, notes: Sequence[Note], length: int, rate: int
) -> Float[np.ndarray, " time"]:
    """Play notes.

    Args:
        sound: what plays them.
        notes: what to play.
        length: samples.
        rate: sampling rate in Hz.

    Returns:
        The waveform of shape `(time,)`, float32; what rings on past the end is cut.
    """
    wave = np.zeros(length, np.float32)
    longest: dict[tuple[float, int], int] = {}
    plans = []
    for note in notes:
        start = round(note.onset * rate)
        held = max(round(note.offset * rate) - start, 1)
        total = min(held + max(round(sound.envelope.release * rate), 2), length - start)
        layer = min(int(note.velocity * _LAYERS), _LAYERS - 1)
        key = (note.pitch, layer)
        if note.bend is None:
            longest[key] = max(longest.get(key, 0), total)
        plans.append((note, start, held, total, key))
    bodies: dict[tuple[float, int], np.ndarray] = {}
    for note, start, held, total, key in plans:
        if note.bend is not None:
            frequency = note.frequencies(np.arange(total) / rate)
            body = sound.body(frequency, (key[1] + 1) / _LAYERS, rate)
        elif key not in bodies:
            frequency = np.full(longest[key], note.frequency)
            body = bodies[key] = sound.body(frequency, (key[1] + 1) / _LAYERS, rate)
        else:
            body = bodies[key]
        gain = np.float32(10 ** (-(1 - note.velocity) * sound.dynamics / 20))
        levels = sound.envelope.levels(held, rate)[:total]
        wave[start : start + total] += gain * levels * body[:total]
    return wave
