"""The producer: what is done to each part beyond the plain mix, and which spaces it is sent to.

All effects are causal and none delays the direct sound, so labels stay. The mixture as a whole is
the business of `umir.studio.mixing.mastering`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from umir.studio.mixing.distortion import distort
from umir.studio.mixing.dynamics import compressor_gain
from umir.studio.mixing.effects import chorus, double, flange, loudness, sweep_filter, tremolo
from umir.studio.mixing.filters import (
    Section,
    bell,
    filter_wave,
    high_pass,
    high_shelf,
    low_pass,
    low_shelf,
)
from umir.studio.mixing.reverbs import REVERBS, draw_reverb
from umir.studio.mixing.room import Room
from umir.studio.sounds.patch_draws import draw_log_uniform

Wave = Float[np.ndarray, " time"]
Stereo = Float[np.ndarray, "time channel"]

# Probability of distortion, and how strong it is at most.
_DISTORTED = {
    "bass": (0.35, 4.0),
    "distorted_guitar": (0.6, 20.0),
    "drums": (0.25, 2.0),
    "electric_guitar": (0.45, 8.0),
    "electric_piano": (0.3, 2.5),
    "organ": (0.3, 3.0),
    "synth_lead": (0.35, 5.0),
    "synth_pad": (0.15, 2.0),
    "voice": (0.2, 1.5),
}
_RARELY_DISTORTED = (0.06, 1.0)
_AMPLIFIED = ("bass", "distorted_guitar", "electric_guitar")
# Corner of the high-pass that engineers use, at most, in Hz.
_THINNED = {"bass": 90.0, "drums": 100.0, "vocals": 250.0, "backing": 350.0}


@dataclass(frozen=True)
class Producer:
    """The taste that a whole song shares.

    Attributes:
        boldness: 0 to 1: how strong the effects are.
        spaces: what parts can be sent to.
        width: of the stereo image: 0 mono, 1 as placed, more is wider.
    """

    boldness: float
    spaces: tuple[Room, ...]
    width: float


def draw_producer(rng: np.random.Generator, room: Room, length: int, rate: int) -> Producer:
    """Draw a producer.

    Args:
        rng: where chance comes from.
        room: the room that the song was recorded in.
        length: samples of the song.
        rate: sampling rate in Hz.
    """
    kinds = [str(kind) for kind in rng.choice(REVERBS, 2, replace=False)]
    return Producer(
        boldness=float(rng.beta(1.5, 2.0)),
        spaces=tuple(draw_reverb(rng, kind, room, length, rate) for kind in kinds),
        width=float(rng.choice([0.0, 1.0, 1.0, rng.uniform(0.2, 1.8)])),
    )


def treat(
    rng: np.random.Generator, producer: Producer, wave: Wave, role: str, instrument: str, rate: int
) -> Wave:
    """Send a part through a chain of effects: dynamics, distortion, movement, equaliser.

    Args:
        rng: where chance comes from.
        producer: how far to go.
        wave: the part.
        role: of the part: what it may do without.
        instrument: one of `umir.studio.INSTRUMENTS`: some are distorted more often.
        rate: sampling rate in Hz.
    """
    early = rng.random() < 0.5  # compressed before it is distorted, or after
    if early:
        wave = _compress(rng, producer, wave, rate)
    wave = _distort(rng, producer, wave, instrument, rate)
    if role != "bass":
        wave = _move(rng, wave, rate)
    wave = filter_wave(wave, _draw_equaliser(rng, producer, role, rate))
    if not early:
        wave = _compress(rng, producer, wave, rate)
    return wave * np.float32(rng.choice([-1.0, 1.0], p=[0.3, 0.7]))


def send(rng: np.random.Generator, producer: Producer, room: Room, reverberation: float) -> Room:
    """Return the space that a part is in: the room, and often one of the producer's.

    Args:
        rng: where chance comes from.
        producer: whose spaces.
        room: the room that the part was recorded in.
        reverberation: how much of the room there is.

    Returns:
        The space, to be used with an amplitude of 1.
    """
    space = Room(
        room.spectra * np.complex64(reverberation * draw_log_uniform(rng, 0.4, 1.6)), room.size
    )
    if rng.random() < 0.55:
        other = producer.spaces[int(rng.integers(len(producer.spaces)))]
        space = space.plus(other, 10 ** (rng.uniform(-26, -5) / 20))
    return space


def widen(rng: np.random.Generator, producer: Producer, wave: Stereo, rate: int) -> Stereo:
    """Change the stereo width of a part; parts in mono stay as they are.

    Some are delayed by up to 15 ms on one side (H. Haas), which leaves the onset to the other.
    """
    haas, side, delay = rng.random() < 0.12, int(rng.integers(2)), rng.uniform(0.0003, 0.015)
    if wave.shape[1] == 1:
        return wave
    if haas:
        late = round(delay * rate)
        wave = wave.copy()
        wave[late:, side] = wave[: len(wave) - late, side].copy()
        wave[:late, side] = 0
    middle = wave.mean(axis=1, keepdims=True)
    return middle + np.float32(producer.width) * (wave - middle)


def _compress(rng: np.random.Generator, producer: Producer, wave: Wave, rate: int) -> Wave:
    ratio = 1 + 7 * producer.boldness * float(rng.random())
    attack, release = draw_log_uniform(rng, 0.001, 0.04), draw_log_uniform(rng, 0.04, 0.5)
    threshold = 10 ** (rng.uniform(-18, 0) / 20)
    if rng.random() > 0.6:
        return wave
    return wave * compressor_gain(
        wave, rate, threshold * loudness(wave, rate), ratio, attack, release
    )


def _distort(
    rng: np.random.Generator, producer: Producer, wave: Wave, instrument: str, rate: int
) -> Wave:
    chance, strongest = _DISTORTED.get(instrument, _RARELY_DISTORTED)
    hard = instrument in _AMPLIFIED or instrument == "synth_lead"
    kinds = ("tape", "tube", "transistor", "fuzz", "crusher") if hard else ("tape", "tube")
    kind = str(rng.choice(kinds))
    amount = draw_log_uniform(rng, 0.3, 0.3 + strongest * (0.3 + producer.boldness))
    cabinet = [
        *high_pass(float(rng.uniform(60, 120)), rate),
        bell(float(rng.uniform(1500, 3500)), float(rng.uniform(0, 8)), 1.2, rate),
        *low_pass(float(rng.uniform(3200, 6000)), rate, 4),
    ]
    if rng.random() < chance:
        wave = distort(wave, kind, amount, loudness(wave, rate))
        # An asymmetric curve leaves an offset.
        wave = filter_wave(wave, high_pass(20.0, rate))
    if instrument in _AMPLIFIED and rng.random() < 0.6:
        wave = filter_wave(wave, cabinet)
    return wave


def _move(rng: np.random.Generator, wave: Wave, rate: int) -> Wave:
    """Let a part swing, sweep or sound twice, one time in five."""
    kind = rng.random() / 0.2
    seed = int(rng.integers(2**31))
    if kind >= 1:
        return wave
    own = np.random.default_rng(seed)
    if kind < 0.3:
        return tremolo(
            wave, own.uniform(2.0, 8.0), own.uniform(0.2, 0.8), own.uniform(0, 6.28), rate
        )
    effects = (chorus, flange, double, sweep_filter)
    return effects[int(own.integers(len(effects)))](own, wave, rate)


def _draw_equaliser(
    rng: np.random.Generator, producer: Producer, role: str, rate: int
) -> list[Section]:
    """Draw up to three bells, two shelves and two passes."""
    spread = 2.0 + 6.0 * producer.boldness
    sections = []
    for _ in range(int(rng.integers(0, 4))):
        centre, gain = draw_log_uniform(rng, 80.0, 7000.0), float(rng.normal(0, spread))
        sections.append(bell(centre, gain, draw_log_uniform(rng, 0.25, 2.0), rate))
    low, high = (float(gain) for gain in rng.normal(0, 0.8 * spread, 2))
    corners = draw_log_uniform(rng, 80.0, 400.0), draw_log_uniform(rng, 1500.0, 6000.0)
    sections += [low_shelf(corners[0], low, rate), high_shelf(corners[1], high, rate)]
    thin, dull = rng.random(2)
    thinned = draw_log_uniform(rng, 20.0, _THINNED.get(role, 400.0))
    dulled = draw_log_uniform(rng, 2000.0, 7000.0)
    if thin < 0.5:
        sections += high_pass(thinned, rate)
    if dull < 0.15:
        sections += low_pass(dulled, rate)
    return sections
