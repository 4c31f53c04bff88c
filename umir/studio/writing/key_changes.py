"""Key changes: which key each bar of a song is in."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from umir.studio.writing.harmony import MINOR_MODES

Key = tuple[int, str]

_LIFTED, _ELSEWHERE, _RELATIVE = 0.13, 0.06, 0.06  # part of the songs
# Semitones by which the last part of a song is lifted, and those to the keys of middle parts.
_LIFTS = (1, 2, 2, 2, 3, 4)
_JOURNEYS = (5, 7, 3, 9, 8, 4, 2, 10)
_HOME = ("verse", "chorus", "end")  # where a song stays in its key unless it is lifted


def draw_keys(
    rng: np.random.Generator, key: Key, kinds: Sequence[str], modes: Sequence[str]
) -> tuple[Key, ...]:
    """Draw the key of each bar.

    Most songs stay in theirs. Some are lifted at the start of a section to the end, some are in
    another key in one kind of section, some there in the relative key.

    Args:
        rng: where chance comes from.
        key: tonic and mode of the song.
        kinds: the kind of section that each bar belongs to.
        modes: those that the style knows.
    """
    keys = [key] * len(kinds)
    chance, where = rng.random(), rng.random()
    starts = [bar for bar in range(1, len(kinds)) if kinds[bar] != kinds[bar - 1]]
    later = [bar for bar in starts if bar >= len(kinds) * 0.35 and kinds[bar] != "end"]
    if chance < _LIFTED and later:
        first = later[int(where * len(later))]
        lift = int(rng.choice(_LIFTS))
        return tuple(keys[:first] + [_moved(key, lift)] * (len(kinds) - first))
    elsewhere = sorted(set(kinds) - set(_HOME))
    if chance >= _LIFTED + _ELSEWHERE + _RELATIVE or not elsewhere:
        return tuple(keys)
    kind = elsewhere[int(where * len(elsewhere))]
    other = _moved(key, int(rng.choice(_JOURNEYS)))
    relative = _relative(key, modes)
    if chance >= _LIFTED + _ELSEWHERE and relative:
        other = relative
    return tuple(other if each == kind else key for each in kinds)


def main_key(keys: Sequence[Key]) -> Key:
    """Return the key of the most bars; of equals, the first."""
    return Counter(keys).most_common(1)[0][0]


def longest_key(spans: Sequence[tuple[float, float, Key]], start: float, end: float) -> Key | None:
    """Return the key in which most of an excerpt is; of equals, the first.

    Args:
        spans: start and end, in seconds, and key of what is heard.
        start: seconds at which the excerpt begins.
        end: seconds at which it ends.

    Returns:
        The key; None if nothing is heard in the excerpt.
    """
    seconds: dict[Key, float] = {}
    for first, last, key in spans:
        inside = min(last, end) - max(first, start)
        if inside > 0:
            seconds[key] = seconds.get(key, 0.0) + inside
    return max(seconds, key=lambda key: seconds[key], default=None)


def _moved(key: Key, semitones: int) -> Key:
    return (key[0] + semitones) % 12, key[1]


def _relative(key: Key, modes: Sequence[str]) -> Key | None:
    """Return the relative key in a mode that the style knows, if it has one."""
    tonic, mode = key
    others = sorted(each for each in modes if (each in MINOR_MODES) != (mode in MINOR_MODES))
    shift = 3 if mode in MINOR_MODES else 9
    return ((tonic + shift) % 12, others[0]) if others else None
