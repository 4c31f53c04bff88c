"""Drum patterns beyond a style's own: drawn at random, or its own changed as drummers do.

A pattern has a back beat, a kick that answers it, and something that keeps time; ghost notes, open
hi-hats and a second voice come on top. Half time has the same tempo with half the back beats.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from umir.studio.styles.style import Groove
from umir.studio.writing.players import Section

Patterns = dict[str, str]

_DRAWN = 0.35  # part of the sections with a pattern drawn at random
_MOST_VARIED = 0.5  # probability, at most, of each change in a song
_STICKS = ("rimshot", "rimshot", "closed_hihat", "cowbell")
_KEEPERS = ("closed_hihat", "ride", "shaker", "open_hihat", "tom", "crash", "")
_KEEPER_WEIGHTS = (0.5, 0.2, 0.1, 0.06, 0.05, 0.03, 0.06)
# Beats (from 0) of the back beat by beats per bar.
_BACK_BEATS: Mapping[int, tuple[tuple[int, ...], ...]] = {
    2: ((1,), (1,), (0, 1)),
    3: ((1, 2), (2,), (1,)),
    4: ((1, 3), (1, 3), (1, 3), (2,), (0, 1, 2, 3), (1, 2, 3)),
    5: ((1, 3), (3,), (1, 4), (2, 4)),
    7: ((2, 5), (4,), (1, 3, 5), (2, 4, 6)),
}


def varied_drums(rng: np.random.Generator, materials: Mapping[str, Section]) -> dict[str, Section]:
    """Return sections whose drum patterns are drawn anew, or changed.

    Args:
        rng: where chance comes from.
        materials: the material of each kind of section.
    """
    chances = rng.uniform(0, _MOST_VARIED, size=5)
    result = {}
    for kind, section in materials.items():
        groove = section.groove
        if not groove.drums or kind in ("end", "stop", "count"):
            result[kind] = section
            continue
        drums = _drawn(rng, groove) if rng.random() < _DRAWN else dict(groove.drums)
        for change, chance in zip(_CHANGES, chances, strict=True):
            if rng.random() < chance:
                drums = change(rng, drums, groove)
        result[kind] = replace(section, groove=replace(groove, drums=drums))
    return result


def sticks(rng: np.random.Generator, groove: Groove) -> Groove:
    """Return a bar in which sticks count all beats, or every second one."""
    every = 2 if groove.beats % 2 == 0 and rng.random() < 0.3 else 1
    hits = ["X" if step % (every * groove.division) == 0 else "." for step in range(groove.steps)]
    drums = {str(rng.choice(_STICKS)): "".join(hits)}
    rest = "." * groove.steps
    return Groove(groove.beats, groove.division, drums, (rest,), (rest,))


def _drawn(rng: np.random.Generator, groove: Groove) -> Patterns:
    """Draw a pattern in the metre of a groove."""
    steps, division = groove.steps, groove.division
    back = _BACK_BEATS.get(groove.beats, ((groove.beats // 2,),))
    chosen = {beat * division for beat in back[int(rng.integers(len(back)))]}
    voice = str(rng.choice(["snare", "rimshot", "clap"], p=[0.7, 0.14, 0.16]))
    four_on_the_floor = rng.random() < 0.2
    syncopated = float(rng.uniform(0, 0.25))
    kick = []
    for step in range(steps):
        on_beat = step % division == 0
        chance = 0.95 if step == 0 else 0.5 if on_beat else syncopated
        chance = 1.0 if four_on_the_floor and on_beat else chance
        chance *= 0.15 if step in chosen and not four_on_the_floor else 1.0
        kick.append("X" if rng.random() < chance else ".")
    drums = {
        "kick": "".join(kick),
        voice: "".join("X" if step in chosen else "." for step in range(steps)),
    }
    keeper = str(rng.choice(_KEEPERS, p=_KEEPER_WEIGHTS))
    return {**drums, keeper: _kept(rng, groove)} if keeper else drums


def _kept(rng: np.random.Generator, groove: Groove) -> str:
    """Draw how time is kept: on beats, off them, in eighths or on all steps."""
    division = groove.division
    every = int(rng.choice([1, division, division // 2 or 1, division // 2 or 1]))
    late = division // 2 if rng.random() < 0.12 else 0
    loud = rng.random() < 0.6
    pattern = []
    for step in range(groove.steps):
        if (step - late) % every:
            pattern.append("." if every > 1 or rng.random() < 0.9 else "o")
        else:
            pattern.append("X" if loud and step % division == 0 else "x")
    return "".join("." if rng.random() < 0.03 else symbol for symbol in pattern)


def _ghosts(rng: np.random.Generator, drums: Patterns, groove: Groove) -> Patterns:
    """Put soft strokes between those of the snare."""
    if "snare" not in drums:
        return drums
    busy = float(rng.uniform(0.1, 0.45))
    pattern = [
        "o" if symbol == "." and step % groove.division and rng.random() < busy else symbol
        for step, symbol in enumerate(drums["snare"])
    ]
    return {**drums, "snare": "".join(pattern)}


def _open_hihats(rng: np.random.Generator, drums: Patterns, groove: Groove) -> Patterns:
    """Open the hi-hat off the beat: on all beats, or at the end of the bar."""
    if "closed_hihat" not in drums or "open_hihat" in drums:
        return drums
    half = groove.division // 2 or 1
    places = [beat * groove.division + half for beat in range(groove.beats)]
    places = places if rng.random() < 0.3 else [int(rng.choice(places)), places[-1]]
    closed = "".join("." if s in places else each for s, each in enumerate(drums["closed_hihat"]))
    opened = "".join("x" if step in places else "." for step in range(groove.steps))
    return {**drums, "closed_hihat": closed, "open_hihat": opened}


def _other_cymbal(rng: np.random.Generator, drums: Patterns, groove: Groove) -> Patterns:
    """Keep time elsewhere: on ride, open hi-hat, crash or a tom."""
    other = str(rng.choice(["ride", "ride", "open_hihat", "crash", "tom"]))
    if "closed_hihat" not in drums or other in drums:
        return drums
    moved = {name: pattern for name, pattern in drums.items() if name != "closed_hihat"}
    kept = drums["closed_hihat"]
    if other in ("crash", "open_hihat"):  # they ring: not on every step
        kept = "".join(each if s % groove.division == 0 else "." for s, each in enumerate(kept))
    return {**moved, other: kept}


def _half_time(rng: np.random.Generator, drums: Patterns, groove: Groove) -> Patterns:
    """Stretch the first half of kick and snare over the bar, or play the whole twice as fast."""
    steps = groove.steps
    if groove.beats % 2 or rng.random() < 0.5:
        return drums
    slow = rng.random() < 0.75
    changed: Patterns = {}
    for name in ("kick", "snare", "clap", "rimshot"):
        if name in drums:
            old = drums[name]
            half = ["."] * steps
            half[::2] = old[: (steps + 1) // 2]
            changed[name] = "".join(half) if slow else (old[::2] * 2)[:steps]
    return {**drums, **changed}


def _thinner(rng: np.random.Generator, drums: Patterns, groove: Groove) -> Patterns:
    """Leave a drum out."""
    del groove
    names = sorted(drums)
    if len(names) < 3 or rng.random() < 0.5:
        return drums
    left_out = str(rng.choice(names))
    return {name: pattern for name, pattern in drums.items() if name != left_out}


_CHANGES = (_ghosts, _open_hihats, _other_cymbal, _half_time, _thinner)
