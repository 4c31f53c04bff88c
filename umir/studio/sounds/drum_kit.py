"""Drum kits: recorded, synthesised or mixed drums, and how hits become sound."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.signal import lfilter

from umir.studio.playing.performance import Hit
from umir.studio.song import DRUM_CLASSES
from umir.studio.sounds.drum_synthesis import synthesise_drum
from umir.studio.sounds.sampler import sample_once

# Kits of the SoundFont (bank 128) by kind, and the General MIDI keys of the drums.
_PROGRAMS = {
    "acoustic": (0, 8, 16),
    "jazz": (32, 40),
    "electronic": (24, 25),
    "mixed": (0, 8, 16, 24, 25, 48),
}
_KEYS = {
    "kick": (35, 36),
    "snare": (38, 40),
    "rimshot": (37,),
    "clap": (39,),
    "tom": (41, 43, 45, 47, 48),
    "closed_hihat": (42, 44),
    "open_hihat": (46,),
    "crash": (49, 57),
    "ride": (51, 59),
    "shaker": (70, 82, 54),
    "cowbell": (56,),
}
# Part of the drums that are synthesised.
_SYNTHETIC_SHARE = {"acoustic": 0.4, "jazz": 0.4, "electronic": 0.8, "mixed": 0.55}
# Usual level of each drum in dB under the kick.
_LEVELS = {
    "kick": 0.0,
    "snare": -2.0,
    "rimshot": -7.0,
    "clap": -5.0,
    "tom": -4.0,
    "closed_hihat": -10.0,
    "open_hihat": -10.0,
    "crash": -9.0,
    "ride": -10.0,
    "shaker": -12.0,
    "cowbell": -10.0,
}
# Each drum has this many versions that differ a little, as two strokes of a drummer do.
_VERSIONS = 2
_LEVEL = 0.3  # RMS of the loudest 20 ms of a hit at full velocity
_DYNAMICS = 22.0  # dB between the softest and the loudest hit


@dataclass(frozen=True)
class DrumKit:
    """A drum kit.

    Attributes:
        drums: for each drum, versions of one hit at full velocity.
        levels: gain of each drum.
        generator: `sampled`, `synthetic` or `mixed`.
    """

    drums: Mapping[str, tuple[Float[np.ndarray, "_"], ...]]
    levels: Mapping[str, float]
    generator: str

    def render(self, hits: Sequence[Hit], length: int, rate: int) -> Float[np.ndarray, " time"]:
        """Play hits: a waveform of `length` samples. A closed hi-hat silences the open one."""
        wave = np.zeros(length, np.float32)
        closing = [hit.onset for hit in hits if hit.drum == "closed_hihat"]
        for index, hit in enumerate(hits):
            start = round(hit.onset * rate)
            body = self.drums[hit.drum][index % len(self.drums[hit.drum])]
            if hit.drum == "open_hihat":
                after = [time for time in closing if time > hit.onset + 0.02]
                body = _choke(body, round((after[0] - hit.onset) * rate) if after else len(body))
            body = _soften(body[: length - start], hit.velocity, rate)
            gain = self.levels[hit.drum] * 10 ** (-(1 - hit.velocity) * _DYNAMICS / 20)
            wave[start : start + len(body)] += np.float32(gain) * body
        return wave


def draw_kit(
    rng: np.random.Generator, kind: str, rate: int, drums: Sequence[str] = DRUM_CLASSES
) -> DrumKit:
    """Draw a drum kit.

    Args:
        rng: where chance comes from.
        kind: one of `acoustic`, `jazz`, `electronic`, `mixed`.
        rate: sampling rate in Hz.
        drums: which of `DRUM_CLASSES` it needs to have.
    """
    program = int(rng.choice(_PROGRAMS[kind]))
    all_synthetic = rng.random() < _SYNTHETIC_SHARE[kind]
    share = 1.0 if all_synthetic else rng.choice([0.0, 0.5])
    versions, levels, generators = {}, {}, set()
    # Every drum draws from a generator of its own: a kit does not depend on which drums are asked.
    seeds = dict(zip(DRUM_CLASSES, rng.integers(2**31, size=len(DRUM_CLASSES)), strict=True))
    for drum in sorted(set(drums)):
        own = np.random.default_rng(seeds[drum])
        synthetic = own.random() < share
        generators.add("synthetic" if synthetic else "sampled")
        settings = int(own.integers(2**31))
        key = int(own.choice(_KEYS[drum]))
        tuning = float(np.exp2(own.normal(0, 0.12)))
        made = []
        for version in range(_VERSIONS):
            if synthetic:
                # The recipe's settings are the same, the tuning of a stroke differs by a hair.
                detail = 1 + 0.01 * version
                wave = synthesise_drum(np.random.default_rng(settings), drum, round(rate * detail))
            else:
                wave = sample_once(128, program, key, round(rate * tuning * (1 + 0.01 * version)))
            made.append(finish_hit(wave, rate))
        versions[drum] = tuple(made)
        levels[drum] = 10 ** ((_LEVELS[drum] + own.normal(0, 2.5)) / 20)
    generator = generators.pop() if len(generators) == 1 else "mixed"
    return DrumKit(versions, levels, generator)


def sampled_kit(
    sounds: Mapping[str, Float[np.ndarray, "_"]], classes: Mapping[str, str | None], rate: int
) -> DrumKit:
    """Return a kit of given sounds.

    Args:
        sounds: waveform of each drum, by any name.
        classes: which of `DRUM_CLASSES` each is, for its level; None: none of them.
        rate: sampling rate in Hz.
    """
    drums = {name: (finish_hit(wave, rate),) for name, wave in sounds.items()}
    levels = {name: 10 ** (_LEVELS.get(classes[name] or "", -8.0) / 20) for name in sounds}
    return DrumKit(drums, levels, "sampled")


def finish_hit(wave: np.ndarray, rate: int) -> np.ndarray:
    """Set the level of the loudest 20 ms, and the length to two seconds at most, with a fade."""
    wave = np.array(wave[: 2 * rate], np.float32)
    fade = min(len(wave), rate // 100)
    wave[len(wave) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    frame = max(rate // 50, 1)
    power = np.add.reduceat(wave**2, np.arange(0, len(wave), frame)) / frame
    return wave * np.float32(_LEVEL / max(float(np.sqrt(power.max())), 1e-6))


def _choke(body: np.ndarray, length: int) -> np.ndarray:
    """End a sound after `length` samples, with a short fade."""
    body = body[:length].copy()
    fade = min(len(body), 64)
    body[len(body) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return body


def _soften(body: np.ndarray, velocity: float, rate: int) -> np.ndarray:
    """Take highs off a soft hit: blends it with a low-passed copy."""
    if velocity > 0.8:
        return body
    pole = np.float32(np.exp(-2 * np.pi * 1500 / rate))
    dull = lfilter([1 - pole], [1, -pole], body).astype(np.float32)
    part = np.float32(0.6 * (0.8 - velocity) / 0.8)
    return body + part * (dull - body)
