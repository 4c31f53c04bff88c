"""What was found on one material, as curves: the rows of its JSON file, read again."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from recordings.tables import HEADLINE, per_group

from proof.materials import Material
from proof.pieces import FRESH, MINUTES
from proof.starts import LONGEST, STARTS
from proof.statistics import Curve, counts

SCRATCH = "scratch"


@dataclass(frozen=True)
class Found:
    """Results of one material.

    Attributes:
        material: what was adapted to.
        values: what its JSON file holds.
    """

    material: Material
    values: Mapping

    @property
    def metric(self) -> str:
        """The name of the score."""
        return self.values.get("facts", {}).get("headline", "score")

    @property
    def groups(self) -> list[str]:
        """The test groups that have a score by chance, sorted: all are scored on these."""
        return list(per_group([self.values["chance"]], HEADLINE))

    def starts(self, family: str, minutes: float) -> list[str]:
        """Return the starts that there are runs of."""
        return [name for name in STARTS if self._runs(name, family, minutes)]

    def steps(self, start: str, family: str, minutes: float = max(MINUTES)) -> list[int]:
        """Return the numbers of steps that all runs of a start were scored at."""
        runs = self._runs(start, family, minutes)
        common = set.intersection(*(set(run["looks"]) for run in runs)) if runs else set()
        return sorted(map(int, common))

    def curve(self, start: str, family: str, minutes: float = max(MINUTES)) -> Curve:
        """Return scores `(group, step)`, the mean over pairs of seeds."""
        runs = self._runs(start, family, minutes)
        columns = []
        for step in self.steps(start, family, minutes):
            scores = per_group([run["looks"][str(step)] for run in runs], HEADLINE)
            columns.append([scores.get(group, np.nan) for group in self.groups])
        return np.array(columns, float).reshape(len(columns), len(self.groups)).T

    def at(
        self, start: str, family: str, step: int, minutes: float = max(MINUTES)
    ) -> np.ndarray | None:
        """Return the score of each group at one number of steps; None if there is none."""
        steps = self.steps(start, family, minutes)
        if step not in steps:
            return None
        return self.curve(start, family, minutes)[:, steps.index(step)]

    def loss(self, kind: str, start: str, family: str, minutes: float) -> dict[int, float]:
        """Return the mean over pairs of a loss at each look.

        Args:
            kind: `losses` (of training, since the last look) or `valid_losses`.
            start: which start.
            family: what its body has not seen.
            minutes: of labelled audio.
        """
        runs = self._runs(start, family, minutes)
        steps = sorted({int(step) for run in runs for step in run[kind]})
        found = {n: [run[kind][str(n)] for run in runs if str(n) in run[kind]] for n in steps}
        return {step: float(np.mean(values)) for step, values in found.items()}

    def validation(self, start: str, family: str) -> dict[float, float]:
        """Return the mean validation score of each rate that a start could choose from."""
        found = self.values.get("search", {}).get(_seen(start, family), {}).get(start, {})
        return {float(rate): float(np.mean(list(v.values()))) for rate, v in found.items() if v}

    @property
    def chance(self) -> np.ndarray:
        """The score of each group of the best answer that does not listen."""
        scores = per_group([self.values["chance"]], HEADLINE)
        return np.array([scores[group] for group in self.groups])

    @property
    def target(self) -> np.ndarray | None:
        """The score of each group that scratch has after its last step; None if it is not run."""
        return self.at(SCRATCH, FRESH, LONGEST)

    @property
    def best_of_scratch(self) -> np.ndarray | None:
        """The score of each group at the look at which scratch has its best mean score."""
        curve = self.curve(SCRATCH, FRESH)
        return max(curve.T, key=_mean) if curve.size else None

    @property
    def ceiling(self) -> np.ndarray | None:
        """The best there is; None if the long training is not run.

        The score of each group after the long training or, where that has a lower mean, at the best
        look of scratch.
        """
        run = self.values.get("ceiling")
        if not run or not run["looks"]:
            return None
        (groups,) = run["looks"].values()
        scores = per_group([groups], HEADLINE)
        long = np.array([scores.get(group, np.nan) for group in self.groups])
        scratch = self.best_of_scratch
        return long if scratch is None else max(long, scratch, key=_mean)

    @property
    def counts(self) -> bool | None:
        """Whether the task can be learnt at this size; None where that is not known yet."""
        if self.target is None or self.ceiling is None:
            return None
        return counts(*map(_mean, (self.chance, self.target, self.ceiling)))

    def _runs(self, start: str, family: str, minutes: float) -> list[Mapping]:
        runs = self.values.get("runs", {}).get(_seen(start, family), {}).get(start, {})
        runs = runs.get(f"{minutes:g}", {})
        return [run for run in runs.values() if run["looks"] and not run["failed"]]


def _mean(scores: np.ndarray) -> float:
    return float(np.nanmean(scores))


def _seen(start: str, family: str) -> str:
    """Return what the rows of a start are kept under: one that is fresh has held out nothing."""
    return family if STARTS[start].algorithm else FRESH
