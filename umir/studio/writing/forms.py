"""Song forms: the order of sections, how long they are, and what happens between them.

Songs begin anywhere in their form, as excerpts do. Some begin with sticks that count a bar in, some
stop for a bar, leave one to the drums, or come to an end.
"""

import numpy as np

_SONGS = (
    ("intro", "verse", "prechorus", "chorus", "verse", "prechorus", "chorus", "bridge", "chorus"),
    ("intro", "verse", "chorus", "verse", "chorus", "solo", "chorus", "outro"),
    ("verse", "chorus", "verse", "chorus", "break", "chorus", "chorus"),
    ("verse", "verse", "bridge", "verse", "solo", "bridge", "verse"),
    ("solo", "verse", "solo", "verse", "solo"),
    ("vamp", "verse", "chorus", "vamp", "verse", "chorus", "outro"),
    ("quiet", "verse", "chorus", "quiet", "chorus", "solo", "outro"),
    ("intro", "quiet", "prechorus", "chorus", "break", "bridge", "chorus"),
    ("chorus", "verse", "chorus", "bridge", "solo", "chorus"),
)
_SHORT = ("intro", "prechorus", "vamp", "outro", "break")
_FROM_THE_START, _COUNTED_IN, _DRUMS_FIRST = 0.4, 0.35, 0.2
_STOPS, _DRUM_BREAKS = 0.07, 0.06  # part of the sections that end so
_ODD = 0.15  # part of the sections with a bar more or less
_ENDS = 0.12  # part of the songs that end before the excerpt does
# Beyond what lasts as long as is asked for: tempi may rise, and bars be cut.
_MARGIN = 1.4


def draw_form(rng: np.random.Generator, duration: float, seconds: float) -> tuple[str, ...]:
    """Draw the kind of section that each bar belongs to.

    Args:
        rng: where chance comes from.
        duration: seconds that the song has to last, at least (unless it comes to an end).
        seconds: length of a bar.

    Returns:
        One of `umir.studio.writing.players.PLAYERS` per bar.
    """
    wanted = int(np.ceil(_MARGIN * duration / seconds)) + 2
    song = _SONGS[int(rng.integers(len(_SONGS)))]
    start = 0 if rng.random() < _FROM_THE_START else int(rng.integers(len(song)))
    kinds: list[str] = _beginning(rng) if start == 0 else []
    at = start
    while len(kinds) < wanted:
        kind = song[at % len(song)]
        kinds += _section(rng, kind, _length(rng, kind, seconds))
        at += 1
    end = int((duration - rng.uniform(0.5, 2.5)) / seconds)
    if rng.random() < _ENDS and end >= 3:
        return (*kinds[: end - 1], "end")
    return tuple(kinds[:wanted])


def _beginning(rng: np.random.Generator) -> list[str]:
    """Return what comes before the first section: sticks, drums, mostly nothing."""
    chance = rng.random()
    if chance < _COUNTED_IN:
        return ["count"]
    return ["drums"] * int(rng.integers(1, 3)) if chance < _COUNTED_IN + _DRUMS_FIRST else []


def _length(rng: np.random.Generator, kind: str, seconds: float) -> int:
    """Draw the length of a section in bars: mostly powers of two, of 4 to 14 s."""
    aim = float(rng.uniform(4, 8) if kind in _SHORT else rng.uniform(6, 14))
    bars = int(2 ** np.clip(np.round(np.log2(aim / seconds)), 0, 4))
    if rng.random() < _ODD:
        bars += int(rng.choice([-1, 1, 1, 2]))
    return max(bars, 1)


def _section(rng: np.random.Generator, kind: str, bars: int) -> list[str]:
    """Return the bars of a section, of which the last may be a stop or a break."""
    chance = rng.random()
    if bars < 3 or chance >= _STOPS + _DRUM_BREAKS:
        return [kind] * bars
    return [kind] * (bars - 1) + ["stop" if chance < _STOPS else "drums"]
