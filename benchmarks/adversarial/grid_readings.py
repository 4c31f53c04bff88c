"""How far FactorGAN is ahead of the plain GAN with the same seeds, and whether that is the aim.

A seed decides which samples are pairs and where both trainings start: only seeds that both methods
have count, and intervals are those of the differences. A training whose metric is not finite has
failed, and has no seed in common. Nothing is said of an aim before both have three seeds, and the
same ones, at every number of pairs that it is about; unless one of those misses it already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from recordings.tables import Bounded, bounded, half_width

from adversarial.runs import Metrics, Runs, sound

OURS, OTHER = "FactorGAN", "GAN"
SEEDS = 3  # in common, to say something of an aim
ROUNDING = 1e-9  # of floats: 85% is 10 points more than 75%
Seeds = Float[np.ndarray, " seed"]


@dataclass(frozen=True)
class Reading:
    """What a comparison came to at a number of pairs.

    Attributes:
        values: figure and ends of its interval, which are the figure where there is one seed; None:
            no seed in common.
        seeds: how many are in common.
        lacking: what is not in common, and why, in words; none: all is.
    """

    values: Bounded | None
    seeds: int
    lacking: tuple[str, ...] = ()

    @property
    def count(self) -> str:
        """How many seeds there are, in words."""
        return {0: "no seed in common", 1: "one seed"}.get(self.seeds, f"{self.seeds} seeds")

    @property
    def missing(self) -> str:
        """Why nothing is said of an aim, in words; empty if something is."""
        few = (self.count,) if self.seeds < SEEDS else ()
        return ", ".join((*few, *self.lacking))


@dataclass(frozen=True)
class Comparison:
    """By what FactorGAN is held against the plain GAN.

    Attributes:
        metric: of the runs.
        words: what the figure is.
        ratio: it is the metric of GAN over that of FactorGAN, the geometric mean over seeds, and
            the metric is above 0; otherwise it is FactorGAN minus GAN.
        scale: what the metric is multiplied by.
        digits: decimals of the figure.
    """

    metric: str
    words: str
    ratio: bool = False
    scale: float = 1.0
    digits: int = 2

    def figure(self, ours: Seeds, other: Seeds) -> Bounded:
        """Return the figure of paired seeds, and its 95% interval by Student's t."""
        apart = np.log(other) - np.log(ours) if self.ratio else self.scale * (ours - other)
        mean, half = float(np.mean(apart)), half_width(apart) if len(apart) > 1 else 0.0
        ends = (mean, mean - half, mean + half)
        middle, low, high = (float(np.exp(end)) for end in ends) if self.ratio else ends
        return middle, low, high

    def read(self, runs: Runs, pairs: int) -> Reading:
        """Return what it comes to at a number of pairs."""
        both = {name: runs.get(name, {}).get(str(pairs), {}) for name in (OURS, OTHER)}
        values_of = {name: sound(own, self.metric) for name, own in both.items()}
        shared = sorted({*values_of[OURS]} & {*values_of[OTHER]}, key=int)
        ours, other = (np.array([own[seed] for seed in shared]) for own in values_of.values())
        values = self.figure(ours, other) if shared else None
        return Reading(values, len(shared), _lacking(both, values_of))

    def shown(self, values: Bounded, seeds: int) -> str:
        """Return a figure with its interval, or alone where there is one seed."""
        sign = "" if self.ratio else "+"
        if seeds < 2:
            return f"{values[0]:{sign}.{self.digits}f}"
        return bounded(values, sign, self.digits)

    def line(self, runs: Runs, pairs: int) -> str:
        """Return what it comes to at a number of pairs, in a line."""
        found = self.read(runs, pairs)
        figure = () if found.values is None else (self.shown(found.values, found.seeds),)
        return f"{self.words}, {pairs} pairs: {', '.join((*figure, found.count, *found.lacking))}"


@dataclass(frozen=True)
class Aim:
    """What the figure of a comparison should be.

    Attributes:
        words: the aim.
        comparison: whose figure.
        bar: the least that it should be.
        counts: numbers of pairs, at each of which it should.
        beyond: it should be more than `bar`.
    """

    words: str
    comparison: Comparison
    bar: float
    counts: Sequence[int]
    beyond: bool = False

    def holds(self, figure: float) -> bool:
        """Return whether a figure is enough."""
        return figure > self.bar if self.beyond else figure >= self.bar * (1 - ROUNDING)

    def said(self, runs: Runs) -> str:
        """Return whether it is reached, in a line: `reached`, `missed` or `cannot be said yet`."""
        found = {pairs: self.comparison.read(runs, pairs) for pairs in sorted({*self.counts})}
        known = {pairs: own.values for pairs, own in found.items() if own.values is not None}
        whole = {pairs: values for pairs, values in known.items() if not found[pairs].missing}
        below = [pairs for pairs, (figure, *_) in whole.items() if not self.holds(figure)]
        waits = [f"at {pairs} pairs {own.missing}" for pairs, own in found.items() if own.missing]
        if below:
            word = "missed"
        elif waits:
            word, whole = f"cannot be said yet ({'; '.join(waits)})", known
        else:
            word = "reached"
        return f"{self.words}: {word}{self._least(found, whole)}"

    def _least(self, found: Mapping[int, Reading], values: Mapping[int, Bounded]) -> str:
        """Return the least of figures in words, and where their intervals hold the bar."""
        if not values:
            return ""
        pairs = min(values, key=lambda pairs: values[pairs][0])
        least = self.comparison.shown(values[pairs], found[pairs].seeds)
        unsure = [str(n) for n, (_, low, high) in values.items() if low < self.bar < high]
        but = f"; the interval holds {self.bar:g} at {', '.join(unsure)} pairs" if unsure else ""
        return f", {least} at {pairs} pairs{', the least' if len(values) > 1 else ''}{but}"


def _lacking(
    both: Mapping[str, Mapping[str, Metrics]], values: Mapping[str, Mapping[str, float]]
) -> tuple[str, ...]:
    """Return in words which seeds one method alone has, and which have failed."""
    every = {seed for own in both.values() for seed in own}
    words = []
    for name, own in both.items():
        for what, seeds in (("lacks", every - {*own}), ("failed with", {*own} - {*values[name]})):
            if seeds:
                noun = "seed" if len(seeds) == 1 else "seeds"
                words.append(f"{name} {what} {noun} {', '.join(sorted(seeds, key=int))}")
    return tuple(words)
