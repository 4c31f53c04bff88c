"""Drum fills: what a drummer plays where a section ends."""

import numpy as np

from umir.studio.styles.style import Groove
from umir.studio.writing.score import ScoreHit

# What a fill does, and how often: runs over the kit, a roll, few accents, two drums in turns, and
# silence before the next section.
_KINDS = ("run", "roll", "accents", "turns", "silence")
_KIND_WEIGHTS = (0.42, 0.12, 0.2, 0.14, 0.12)
_RUN = ("snare", "snare", "tom", "tom", "kick")
_TURNS = (("snare", "kick"), ("tom", "kick"), ("snare", "tom"), ("open_hihat", "snare"))


def write_fill(rng: np.random.Generator, bar: int, groove: Groove) -> tuple[int, list[ScoreHit]]:
    """Write a fill at the end of a bar.

    Args:
        rng: where chance comes from.
        bar: index of the bar.
        groove: for its metre.

    Returns:
        The step at which it begins, and its hits, no two of one drum at the same time.
    """
    beats = min(int(rng.choice([1, 1, 2, groove.beats])), groove.beats)
    first = (groove.beats - beats) * groove.division
    kind = str(rng.choice(_KINDS, p=_KIND_WEIGHTS))
    per_beat = groove.division * (2 if kind == "roll" and groove.division < 4 else 1)
    start, count = (bar + 1) * groove.beats - beats, beats * per_beat
    drums = _drums(rng, kind, count)
    rise = float(rng.uniform(-0.1, 0.45))  # most fills get louder
    hits = []
    for step, drum in enumerate(drums):
        accent = 0.55 + rise * (step / count) + rng.uniform(-0.12, 0.12)
        if drum:
            hits.append(ScoreHit(start + step / per_beat, drum, float(np.clip(accent, 0.1, 1.0))))
            if drum != "kick" and step % groove.division == 0 and rng.random() < 0.25:
                hits.append(ScoreHit(start + step / per_beat, "kick", 0.7))
    return first, hits


def _drums(rng: np.random.Generator, kind: str, count: int) -> list[str]:
    """Return the drum of each step of a fill, "" for a rest."""
    if kind == "silence":
        return ["kick" if rng.random() < 0.3 else ""] + [""] * (count - 1)
    if kind == "roll":
        return [str(rng.choice(["snare", "tom"]))] * count
    if kind == "turns":
        one, other = _TURNS[int(rng.integers(len(_TURNS)))]
        return [(one, other)[step % 2] for step in range(count)]
    if kind == "accents":
        return ["snare" if rng.random() < 0.35 else "" for _ in range(count)]
    # Down the kit, each drum for a while, with few rests.
    places = np.sort(rng.integers(len(_RUN), size=count))
    return ["" if rng.random() < 0.15 else _RUN[place] for place in places]
