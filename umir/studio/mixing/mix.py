"""The mixing desk: effects, room, panorama, levels and noise of what was recorded."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from umir.annotations import F0, Events, Intervals, Notes
from umir.studio.mixing.effects import chorus, drive, echo, equalise, glue, loudness
from umir.studio.mixing.mastering import add_backgrounds, master
from umir.studio.mixing.production import draw_producer, send, treat, widen
from umir.studio.mixing.room import draw_room
from umir.studio.writing.score import Score


@dataclass(frozen=True)
class Take:
    """What one player recorded, dry.

    Attributes:
        role: `bass`, `chords`, `pad`, `lead`, `vocals`, `backing` or `drums`.
        instrument: one of `umir.studio.INSTRUMENTS`.
        generator: `sampled`, `synthetic` or `mixed`.
        wave: shape `(time,)`.
        notes: as played.
        onsets: as played.
        f0: fundamental frequency, of parts that play one note at a time.
        lyrics: syllables, of voices.
        melody: `f0` of voices without what is spoken; None: all of `f0` is melody.
    """

    role: str
    instrument: str
    generator: str
    wave: Float[np.ndarray, " time"] = field(repr=False)
    notes: Notes = field(repr=False)
    onsets: Events = field(repr=False)
    f0: F0 | None = field(default=None, repr=False)
    lyrics: Intervals | None = field(default=None, repr=False)
    melody: F0 | None = field(default=None, repr=False)


# The stem of each role; all others: `other`.
STEM = {"bass": "bass", "drums": "drums", "vocals": "vocals", "backing": "vocals"}
# Level in dB, its standard deviation, and least and most reverberation (dB under the direct
# sound) for each role.
_MIX = {
    "bass": (-4.0, 2.5, -40.0, -22.0),
    "drums": (-1.0, 2.5, -32.0, -10.0),
    "chords": (-7.0, 3.0, -24.0, -8.0),
    "pad": (-12.0, 3.0, -20.0, -5.0),
    "lead": (-4.0, 2.5, -22.0, -6.0),
    "vocals": (-1.0, 2.5, -24.0, -8.0),
    "backing": (-8.0, 2.5, -20.0, -5.0),
}
_WIDTH = {
    "bass": 0.05,
    "vocals": 0.1,
    "backing": 0.8,
    "drums": 0.1,
    "lead": 0.5,
    "chords": 0.7,
    "pad": 0.7,
}
# Probability of overdrive (always for distorted guitars), chorus and echo.
_DRIVEN = {
    "bass": 0.3,
    "drums": 0.2,
    "electric_guitar": 0.35,
    "electric_piano": 0.3,
    "organ": 0.3,
    "synth_lead": 0.3,
    "voice": 0.1,
}
_CHORUS = {"electric_guitar": 0.3, "electric_piano": 0.35, "organ": 0.4, "synth_pad": 0.3}
_ECHO = {"lead": 0.2, "vocals": 0.2, "chords": 0.08}
_LOUDEST, _SOFTEST = -0.5, -14.0  # peak of the mixture in dB


def mix(
    rng: np.random.Generator,
    score: Score,
    takes: Sequence[Take],
    rate: int,
    channels: int,
    *,
    layers: np.random.Generator | None = None,
    production: np.random.Generator | None = None,
) -> list[Float[np.ndarray, "time channel"]]:
    """Mix a song.

    Args:
        rng: where chance comes from.
        score: for the style's room and the tempo of echoes.
        takes: what the players recorded.
        rate: sampling rate in Hz.
        channels: 1 or 2.
        layers: where the chance of unpitched layers comes from; None: there are none.
        production: where the chance of production comes from; None: a plain mix.

    Returns:
        Each part as it sounds in the mixture, which is their sum and peaks below 1.
    """
    length = len(takes[0].wave)
    room = draw_room(rng, float(rng.uniform(*score.style.room)), length, rate, channels)
    distance = rng.uniform(0, 1)  # how far away the whole band is
    producer = draw_producer(production, room, length, rate) if production else None
    waves = []
    for take in takes:
        level, spread, dry, wet = _MIX[take.role]
        wave = equalise(rng, _treat(rng, take, score.tempo, rate), rate)
        level += rng.normal(0, spread)
        reverberation = 10 ** ((dry + (wet - dry) * (0.6 * distance + 0.4 * rng.random())) / 20)
        pan = float(rng.uniform(-1, 1) * _WIDTH[take.role])
        if production is not None and producer is not None:
            # A generator of its own for each part: none depends on how many draws another made.
            (own,) = production.spawn(1)
            wave = treat(own, producer, wave, take.role, take.instrument, rate)
            space = send(own, producer, room, float(reverberation))
            placed = space.place(_leveled(wave, level + own.normal(0, 2.5), rate), pan, 1.0)
            waves.append(widen(own, producer, placed, rate))
        else:
            waves.append(room.place(_leveled(wave, level, rate), pan, float(reverberation)))
    _add_noise(rng, takes, waves)
    stems = [STEM.get(take.role, "other") for take in takes]
    add_backgrounds(layers, production, waves, stems, rate)
    waves = _master(rng, waves, rate)
    return waves if production is None else master(production, waves, rate)


def _leveled(wave: np.ndarray, level: float, rate: int) -> np.ndarray:
    """Set the loudness of a part in dB."""
    return wave * np.float32(10 ** (level / 20) / max(loudness(wave, rate), 1e-9))


def _treat(rng: np.random.Generator, take: Take, tempo: float, rate: int) -> np.ndarray:
    """Send a take through the effects that its player has."""
    wave = take.wave
    if take.instrument == "distorted_guitar":
        wave = drive(wave, rng.uniform(2, 8), loudness(wave, rate))
    elif rng.random() < _DRIVEN.get(take.instrument, 0.0):
        wave = drive(wave, rng.uniform(0.4, 2.0), loudness(wave, rate))
    if rng.random() < _CHORUS.get(take.instrument, 0.0):
        wave = chorus(rng, wave, rate)
    if rng.random() < _ECHO.get(take.role, 0.0):
        beats = float(rng.choice([0.5, 0.75, 1.0]))
        wave = echo(wave, beats * 60 / tempo, float(rng.uniform(0.08, 0.25)), rate)
    return wave


def _add_noise(
    rng: np.random.Generator,
    takes: Sequence[Take],
    waves: Sequence[Float[np.ndarray, "time channel"]],
) -> None:
    """Add hiss to the part that plays the chords, in two songs of five."""
    if rng.random() > 0.4:
        return
    for take, wave in zip(takes, waves, strict=True):
        if take.role == "chords":
            level = 10 ** (rng.uniform(-60, -35) / 20) * float(np.sqrt((wave**2).mean()))
            wave += np.float32(level) * rng.standard_normal(wave.shape, np.float32)
            return


def _master(
    rng: np.random.Generator, waves: list[Float[np.ndarray, "time channel"]], rate: int
) -> list[Float[np.ndarray, "time channel"]]:
    """Compress the mix, set its level and fade out its last 20 ms."""
    gain = glue(waves, rate, rng.uniform(1.5, 4.0)) if rng.random() < 0.6 else np.ones((1, 1))
    gain = np.broadcast_to(gain, (len(waves[0]), 1)).astype(np.float32)
    fade = max(round(0.02 * rate), 1)
    gain[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    peak = max(float(np.abs(gain * np.sum(waves, axis=0)).max()), 1e-9)
    gain *= np.float32(10 ** (rng.uniform(_SOFTEST, _LOUDEST) / 20) / peak)
    return [wave * gain for wave in waves]
