"""Artificial spaces beside the room that everybody plays in: what a part is sent to.

Each is drawn as an impulse response without the direct sound, of the same transform size as the
room's, so that a part costs one transform however many spaces it is in.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.fft import rfft
from scipy.signal import sosfilt

from umir.studio.mixing.filters import high_pass, low_pass
from umir.studio.mixing.room import Room
from umir.studio.sounds.patch_draws import draw_log_uniform

Response = Float[np.ndarray, "_"]

_FIRST = 0.001  # seconds before which nothing comes back


def draw_reverb(rng: np.random.Generator, kind: str, room: Room, length: int, rate: int) -> Room:
    """Draw a space.

    Args:
        rng: where chance comes from.
        kind: one of `REVERBS`.
        room: decides the number of channels and the size of the transform.
        length: samples of the sounds that will be placed in it.
        rate: sampling rate in Hz.

    Returns:
        The space, whose response has an energy of about 1.

    Raises:
        ValueError: there is no such space.
    """
    if kind not in REVERBS:
        raise ValueError(f"no reverberation {kind!r}: choose of {', '.join(REVERBS)}")
    # As many draws for every rate and number of channels: the details have generators of their own.
    seed = int(rng.integers(2**31))
    taps = room.size - length
    spectra = []
    for channel in range(len(room.spectra)):
        # The settings are shared, the reflections are not: two channels, one space.
        settings, details = np.random.default_rng(seed), np.random.default_rng([seed, channel])
        response = np.zeros(taps)
        made = _DRAWS[kind](settings, details, rate)[:taps]
        response[: len(made)] = made
        response[: round(_FIRST * rate)] = 0
        response /= np.sqrt((response**2).sum() + 1e-12)
        spectra.append(rfft(response.astype(np.float32), room.size))
    return Room(np.stack(spectra), room.size)


def _tail(details: np.random.Generator, seconds: float, rate: int) -> Response:
    """Return decaying noise, 60 dB down after `seconds`."""
    taps = max(round(seconds * rate), 8)
    return details.standard_normal(taps) * np.exp(-6.9 * np.arange(taps) / taps)


def _shape(response: Response, low: float, high: float, rate: int) -> Response:
    """Keep what lies between `low` and `high` Hz."""
    return sosfilt(np.array(high_pass(low, rate) + low_pass(high, rate)), response)


def _delayed(response: Response, seconds: float, rate: int) -> Response:
    return np.concatenate([np.zeros(round(seconds * rate)), response])


def _reflections(
    settings: np.random.Generator, details: np.random.Generator, longest: float, rate: int
) -> Response:
    """Return a few dozen reflections that come sooner, and softer, from farther walls."""
    count = int(settings.integers(8, 40))
    delays = settings.uniform(_FIRST, longest, count) * details.uniform(0.95, 1.05, count)
    gains = settings.uniform(0.3, 1.0, count) * settings.choice([-1.0, 1.0], count)
    response = np.zeros(round(1.1 * longest * rate) + 2)
    np.add.at(response, (delays * rate).astype(int), gains * np.exp(-2 * delays / longest))
    return response


def _small_room(settings: np.random.Generator, details: np.random.Generator, rate: int) -> Response:
    """A kitchen, a booth, a box: dense early reflections with resonances."""
    early = _reflections(settings, details, settings.uniform(0.008, 0.04), rate)
    late = _tail(details, settings.uniform(0.08, 0.35), rate) * settings.uniform(0.05, 0.4)
    response = np.zeros(max(len(early), len(late)))
    response[: len(early)] += early
    response[: len(late)] += late
    return _shape(
        response, settings.uniform(60, 250), draw_log_uniform(settings, 1500.0, 9e3), rate
    )


def _ambience(settings: np.random.Generator, details: np.random.Generator, rate: int) -> Response:
    """Early reflections alone."""
    return _reflections(settings, details, settings.uniform(0.02, 0.09), rate)


def _hall(settings: np.random.Generator, details: np.random.Generator, rate: int) -> Response:
    """A hall or a church: late, long, dark."""
    tail = _tail(details, settings.uniform(1.2, 4.5), rate)
    attack = round(settings.uniform(0.01, 0.08) * rate)
    tail[:attack] *= np.linspace(0, 1, min(attack, len(tail)))[: len(tail)]
    late = _delayed(tail, settings.uniform(0.0, 0.09), rate)
    return _shape(late, settings.uniform(60, 200), draw_log_uniform(settings, 900.0, 5e3), rate)


def _plate(settings: np.random.Generator, details: np.random.Generator, rate: int) -> Response:
    """A steel plate: dense at once, bright, without lows."""
    tail = _tail(details, settings.uniform(0.5, 2.5), rate)
    late = _delayed(tail, settings.uniform(0.0, 0.03), rate)
    return _shape(late, settings.uniform(150, 500), settings.uniform(4e3, 12e3), rate)


def _spring(settings: np.random.Generator, details: np.random.Generator, rate: int) -> Response:
    """The springs of a guitar amplifier: chirps that come back again and again."""
    period, loss = settings.uniform(0.03, 0.06), settings.uniform(0.45, 0.75)
    length = round(settings.uniform(0.03, 0.08) * rate)
    t = np.arange(length) / rate
    top = settings.uniform(2500, 4500)
    chirp = np.sin(2 * np.pi * (top * t - 0.4 * top * t**2 / t[-1])) * np.hanning(length)
    count = int(settings.integers(8, 24))
    response = np.zeros(round(period * (count + 2) * rate) + length)
    for echo in range(count):
        at = round(period * (echo + details.uniform(0.95, 1.05)) * rate)
        response[at : at + length] += loss**echo * (-1) ** echo * chirp
    response += (
        0.15
        * np.resize(_tail(details, 1.5, rate), len(response))
        * np.exp(-5 * np.arange(len(response)) / len(response))
    )
    return _shape(response, 150.0, top, rate)


def _gated(settings: np.random.Generator, details: np.random.Generator, rate: int) -> Response:
    """A tail that is cut off, as on the drums of the eighties."""
    length = round(settings.uniform(0.12, 0.35) * rate)
    return _tail(details, 4.0, rate)[:length] * np.minimum(np.arange(length, 0, -1) / 200, 1)


def _slap(settings: np.random.Generator, details: np.random.Generator, rate: int) -> Response:
    """One to three dull repetitions after about a tenth of a second."""
    gap = settings.uniform(0.06, 0.16)
    response = np.zeros(round(3.5 * gap * rate))
    for echo in range(1, int(settings.integers(2, 5))):
        response[round(echo * gap * details.uniform(0.98, 1.02) * rate)] = 0.5**echo
    return _shape(response, settings.uniform(60, 300), draw_log_uniform(settings, 1e3, 6e3), rate)


_Draw = Callable[[np.random.Generator, np.random.Generator, int], Response]
_DRAWS: dict[str, _Draw] = {
    "small_room": _small_room,
    "ambience": _ambience,
    "hall": _hall,
    "plate": _plate,
    "spring": _spring,
    "gated": _gated,
    "slap": _slap,
}
REVERBS = tuple(_DRAWS)
