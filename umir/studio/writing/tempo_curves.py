"""Tempo as musicians shape it: rubato, drift, sudden changes, ends that slow down; and swing.

A curve is the length of each beat as a part of that of the tempo. The performer's own unsteadiness
comes on top (`umir.studio.playing.performer`).

Reference: N. P. Todd, "A model of expressive timing in tonal music", Music Perception 3(1), 1985
(phrases speed up and slow down as an arch); A. Friberg and A. Sundstroem, "Swing ratios and
ensemble timing in jazz performance", Music Perception 19(3), 2002 (the faster, the more even).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from umir.studio.styles.style import Style

_SLOWEST, _FASTEST = 1.9, 0.6  # most and least length of a beat, as a part of the tempo's


def draw_pace(
    rng: np.random.Generator,
    kinds: Sequence[str],
    beats: int,
    *,
    machine: bool,
    free: bool,
) -> tuple[float, ...]:
    """Draw the length of every beat of a song, and of one more.

    Args:
        rng: where chance comes from.
        kinds: the kind of section that each bar belongs to.
        beats: beats per bar.
        machine: whether the style is made with machines: at most sudden changes.
        free: whether one player plays alone: strong rubato.

    Returns:
        Parts of the length of a beat at the song's tempo; empty for an even tempo.
    """
    count = len(kinds) * beats
    at = np.arange(count)
    starts = [bar for bar in range(1, len(kinds)) if kinds[bar] != kinds[bar - 1]]
    length = np.ones(count)
    chances = rng.random(6)
    if chances[0] < (0.04 if machine else 0.08) and starts:
        first = int(rng.choice(starts)) * beats
        length[first:] /= float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.08, 0.4)))
    if not machine:
        if chances[1] < 0.25:  # the whole song gets faster or slower
            length *= np.exp(rng.normal(0, 0.06) * at / max(count, 1))
        if chances[2] < 0.3:  # kinds of section have tempi of their own
            own = {kind: float(rng.normal(0, 0.025)) for kind in sorted(set(kinds))}
            length *= np.exp(np.repeat([own[kind] for kind in kinds], beats))
        if free or chances[3] < 0.12:
            length *= _rubato(rng, count, beats, float(rng.uniform(0.5, 1.0) if free else 0.4))
    if kinds[-1] == "end" and not machine and chances[4] < 0.7:
        slowing = min(count, int(rng.integers(2, 2 * beats + 2)))
        length[-slowing:] *= np.linspace(1, rng.uniform(1.2, 1.9), slowing)
    if np.all(length == 1):
        return ()
    return tuple(np.clip([*length, length[-1]], _FASTEST, _SLOWEST).tolist())


def _rubato(
    rng: np.random.Generator, count: int, beats: int, amount: float
) -> Float[np.ndarray, " beat"]:
    """Draw arches over phrases, lengthened beats of the bar, unrest and now and then a hold.

    Args:
        rng: where chance comes from.
        count: beats.
        beats: beats per bar.
        amount: how strong, 0 to 1.
    """
    phrase = beats * int(rng.choice([1, 2, 4, 4]))
    place = (np.arange(count) % phrase) / phrase
    depth = amount * rng.uniform(0.03, 0.22)
    arch = depth * ((2 * place - 0.8) ** 2 - 0.4)
    accents = amount * rng.normal(0, 0.04, beats)[np.arange(count) % beats]
    wander = np.zeros(count)
    shocks = amount * rng.uniform(0.01, 0.06) * rng.normal(0, 1, count)
    for beat in range(1, count):
        wander[beat] = 0.6 * wander[beat - 1] + shocks[beat]
    held = np.zeros(count)
    ends = np.arange(phrase - 1, count, phrase)
    chosen = ends[rng.random(len(ends)) < 0.2 * amount]
    held[chosen] = rng.uniform(0.1, 0.45, len(chosen))
    return np.exp(arch + accents + wander + held)


def draw_swing(
    rng: np.random.Generator, style: Style, division: int, tempo: float, swing: float
) -> tuple[float, tuple[float, float]]:
    """Draw how steps swing.

    Args:
        rng: where chance comes from.
        style: those of machines swing their sixteenths only.
        division: steps per beat.
        tempo: beats per minute.
        swing: delay of every second step that the style has drawn, as a part of a step.

    Returns:
        The delay of every second step, and where in the beat what is written at one point (the
        last third of triplets, else the half) is played.
    """
    chance, much = rng.random(), rng.random()
    if division == 3:
        even = np.clip((tempo - 120) / 160, 0, 1)  # fast swing is nearly even
        target = 2 / 3 + 0.08 * (2 * much - 1) - 0.1 * even
        return swing, (2 / 3, float(target) if chance < 0.5 else 2 / 3)
    if division == 4 and swing == 0 and chance < 0.12:
        return float(0.45 * much), (0.5, 0.5)
    if chance > 0.85 and style.drift[1] > 0 and tempo < 190:
        return 0.0, (0.5, float(0.5 + 0.17 * much))
    return swing, (0.5, 0.5)
