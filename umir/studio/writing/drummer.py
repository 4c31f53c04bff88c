"""The drummer: writes out the grooves of the sections, with fills at their ends and crashes.

With a generator of the group *metre* fills are of many kinds and lengths
(`umir.studio.writing.fills`).
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from umir.studio.styles.style import Groove
from umir.studio.writing.fills import write_fill
from umir.studio.writing.players import ACCENTS, CHORDLESS, Section
from umir.studio.writing.score import ScoreHit

_PLAIN_ENDS = ("end", "stop", *CHORDLESS)  # kinds of section that end without a fill
_CRASHES = 0.75


class Drummer:
    """Writes the drums of a song.

    Args:
        rng: where chance comes from.
        groove: the home groove, for the metre.
        kinds: the kind of section that each bar belongs to.
        first: the bar that each bar's section starts with.
        materials: the material of each kind of section.
        playing: the kinds of section in which drums play.
        variety: where the fills come from; None: plain runs over snare and toms.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        groove: Groove,
        kinds: Sequence[str],
        first: Sequence[int],
        materials: Mapping[str, Section],
        playing: Collection[str],
        variety: np.random.Generator | None = None,
    ):
        self._rng, self._groove, self._kinds, self._first = rng, groove, kinds, first
        self._materials, self._playing, self._variety = materials, playing, variety

    def write(self) -> tuple[ScoreHit, ...]:
        """Write the hits of the whole song, sorted."""
        hits: list[ScoreHit] = []
        for bar, kind in enumerate(self._kinds):
            if kind in self._playing:
                hits += self._bar(bar, kind) if self._variety is None else self._varied(bar, kind)
        return tuple(sorted(hits, key=lambda hit: (hit.start, hit.drum)))

    def _bar(self, bar: int, kind: str) -> list[ScoreHit]:
        """Write a bar with a plain fill, if its section ends."""
        fill = self._groove.division if self._is_last(bar) and self._rng.random() < 0.7 else 0
        fill = 0 if kind == "end" else fill
        hits = self._pattern(bar, kind, self._groove.steps - fill)
        hits += self._fill(bar, fill)
        if bar == self._first[bar] and self._rng.random() < 0.6:
            hits.append(self._hit(bar, 0, "crash", 0.9))
        return hits

    def _varied(self, bar: int, kind: str) -> list[ScoreHit]:
        """Write a bar with a fill of any kind, if its section ends, and now and then inside one."""
        assert self._variety is not None
        wanted = 0.75 if self._is_last(bar) else 0.05
        fill: list[ScoreHit] = []
        steps = self._groove.steps
        if kind not in _PLAIN_ENDS and self._variety.random() < wanted:
            steps, fill = write_fill(self._variety, bar, self._groove)
        hits = self._pattern(bar, kind, steps) + fill
        fresh = bar == self._first[bar] and kind not in CHORDLESS
        if fresh and self._variety.random() < _CRASHES:
            hits.append(self._hit(bar, 0, "crash", 0.9))
            if not any(hit.start == hits[-1].start and hit.drum == "kick" for hit in hits):
                hits.append(self._hit(bar, 0, "kick", 0.9))
        return list({(hit.start, hit.drum): hit for hit in hits}.values())

    def _is_last(self, bar: int) -> bool:
        return bar + 1 == len(self._kinds) or self._first[bar + 1] == bar + 1

    def _pattern(self, bar: int, kind: str, steps: int) -> list[ScoreHit]:
        """Write the first steps of the groove of a kind of section."""
        hits = []
        for drum, pattern in sorted(self._materials[kind].groove.drums.items()):
            for step in range(steps):
                if pattern[step] != ".":
                    hits.append(self._hit(bar, step, drum, ACCENTS[pattern[step]]))
        return hits

    def _fill(self, bar: int, steps: int) -> list[ScoreHit]:
        """Write a run over snare and toms on the last `steps` steps of a bar."""
        first = self._groove.steps - steps
        drum = str(self._rng.choice(["snare", "tom"]))
        hits = []
        for step in range(first, self._groove.steps):
            if self._rng.random() < 0.8:
                drum = drum if self._rng.random() < 0.7 else "tom"
                accent = 0.6 + 0.3 * (step - first + 1) / steps
                hits.append(self._hit(bar, step, drum, accent))
        return hits

    def _hit(self, bar: int, step: int, drum: str, accent: float) -> ScoreHit:
        """Write one drum hit."""
        accent = float(np.clip(accent + self._rng.uniform(-0.06, 0.05), 0.05, 1.0))
        return ScoreHit(bar * self._groove.beats + step / self._groove.division, drum, accent)
