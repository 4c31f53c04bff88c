"""Metres: a style's grooves in another metre, and how its beats are counted.

Beats are cut from a bar or played twice, so that a groove stays what it is: rock in 3/4 is still
rock. 7/8 has beats of an eighth; people count all seven, or only those that begin a group of two or
three.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from umir.studio.styles.style import Groove, Style

# Metres that songs are moved to: beats per bar and how often.
_METRES = (2, 3, 5, 7)
_METRE_WEIGHTS = (0.27, 0.4, 0.15, 0.18)
_MOVED, _TERNARY = 0.2, 0.08  # part of the songs
_WIDENED = 0.35  # part of the songs whose tempo may leave the style's range
SLOWEST, FASTEST = 40.0, 220.0  # beats per minute
_GROUPS = ((2, 2, 3), (3, 2, 2), (2, 3, 2))
_MOST_COUNTED = 200.0  # eighths per minute that are still counted one by one


@dataclass(frozen=True)
class Metre:
    """How a song moves.

    Attributes:
        style: the style, all of whose grooves are in this metre.
        home: its home groove.
        tempo: beats of the groove per minute.
        count: what each beat of a bar is called, from 1; 0 for beats that one does not count.
    """

    style: Style
    home: Groove
    tempo: float
    count: tuple[int, ...]


def draw_metre(
    rng: np.random.Generator, style: Style, home: Groove, tempo: float, chosen: bool
) -> Metre:
    """Draw the metre and the tempo of a song.

    Args:
        rng: where chance comes from.
        style: the style as it usually is.
        home: its home groove in this song.
        tempo: its usual tempo, beats per minute.
        chosen: whether the style is a dance's, which keeps its metre.

    Returns:
        The style as it is played in this song; most songs stay as they are.
    """
    chance = rng.random()
    beats = int(rng.choice(_METRES, p=_METRE_WEIGHTS))
    if rng.random() < _WIDENED:
        tempo *= float(np.exp(rng.uniform(np.log(0.65), np.log(1.45))))
    tempo = float(np.clip(tempo, SLOWEST, FASTEST))
    moved = not chosen and home.beats == 4 and chance < _MOVED
    if moved and beats == 7 and home.division == 4:
        return _seven(rng, style, home, tempo)
    if moved:
        return _moved(style, home, tempo, lambda groove: _with_beats(groove, beats))
    if not chosen and home.division == 4 and chance < _MOVED + _TERNARY:
        cut = 2 if rng.random() < 0.4 else home.beats
        tempo = min(tempo, 130.0)
        return _moved(style, home, tempo, lambda g: _ternary(_with_beats(g, min(cut, g.beats))))
    return Metre(style, home, tempo, tuple(range(1, home.beats + 1)))


def _moved(style: Style, home: Groove, tempo: float, move: Callable[[Groove], Groove]) -> Metre:
    """Return a style with its grooves of the home groove's metre moved to another one."""
    metre = (home.beats, home.division)
    grooves = tuple(move(each) for each in style.grooves if (each.beats, each.division) == metre)
    there = move(home)
    count = tuple(range(1, there.beats + 1))
    return Metre(replace(style, grooves=grooves), there, tempo, count)


def _seven(rng: np.random.Generator, style: Style, home: Groove, tempo: float) -> Metre:
    """Return the style in 7/8, its beats eighths: the last eighth of 4/4 is left out."""

    def cut(groove: Groove) -> Groove:
        return Groove(7, 2, *_patterns(groove, lambda pattern: pattern[:14]))

    tempo = float(np.clip(tempo, 65.0, 160.0))
    moved = _moved(style, home, 2 * tempo, cut)
    if moved.tempo <= _MOST_COUNTED and rng.random() < 0.6:
        return moved
    groups = _GROUPS[int(rng.integers(len(_GROUPS)))]
    count = [(place, *(0,) * (length - 1)) for place, length in enumerate(groups, start=1)]
    return replace(moved, count=sum(count, ()))


def _with_beats(groove: Groove, beats: int) -> Groove:
    """Return a groove with fewer beats, or with some of its beats played twice."""
    division = groove.division
    order = [*range(groove.beats), *range(groove.beats - 1, 0, -1)][:beats]

    def cut(pattern: str) -> str:
        return "".join(pattern[beat * division : (beat + 1) * division] for beat in order)

    return Groove(beats, division, *_patterns(groove, cut))


def _ternary(groove: Groove) -> Groove:
    """Return a groove of four steps per beat in three: what came on the half, comes on the last."""

    def bent(pattern: str) -> str:
        beats = [pattern[at : at + 4] for at in range(0, len(pattern), 4)]
        return "".join(beat[0] + (beat[1] if beat[1] != "." else ".") + beat[2] for beat in beats)

    return Groove(groove.beats, 3, *_patterns(groove, bent))


def _patterns(
    groove: Groove, change: Callable[[str], str]
) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
    """Return the patterns of drums, bass and chords, each changed."""
    drums = {drum: change(pattern) for drum, pattern in groove.drums.items()}
    return drums, tuple(map(change, groove.bass)), tuple(map(change, groove.chords))
