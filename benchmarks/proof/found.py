"""What was found on one material, as curves: the rows of its JSON file, read again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proof.materials import Material
from proof.pieces import FRESH, MINUTES
from proof.starts import LONGEST, STARTS
from proof.statistics import Curve, counts

SCRATCH = "scratch"


@dataclass(frozen=True)
class Found:
    """Results of one material.

    Where two starts are compared, each is given with the other `beside` it: only runs count whose
    pair of seeds (meta-training / adaptation) both have; beside a fresh start, which knows the
    seed of adaptation alone, runs with the same one are averaged first. So a pair that is half
    done, or one that diverged, makes nobody look better.

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
        names = self.values["facts"]["groups"]
        return [name for name, known in zip(names, self._known, strict=True) if known]

    def starts(self, family: str, minutes: float) -> list[str]:
        """Return the starts that there are runs of."""
        return [name for name in STARTS if self._runs(name, family, minutes)]

    def steps(
        self, start: str, family: str, minutes: float = max(MINUTES), beside: str = ""
    ) -> list[int]:
        """Return the numbers of steps that all runs of a start were scored at."""
        runs = self._runs(start, family, minutes, beside)
        looks = [set(run["looks"]) for run in runs.values()]
        common = set.intersection(*looks) if looks else set()
        return sorted(map(int, common))

    def curve(
        self, start: str, family: str, minutes: float = max(MINUTES), beside: str = ""
    ) -> Curve:
        """Return scores `(group, step)`, the mean over pairs of seeds.

        Beside a fresh start it is the mean over seeds of adaptation, each the mean over its pairs.
        """
        steps = self.steps(start, family, minutes, beside)
        shape = (len(steps), len(self.groups))
        known_by = self._known_by(start, beside)
        seeds: dict[str, list[list[np.ndarray]]] = {}
        for pair, run in self._runs(start, family, minutes, beside).items():
            scores = [self._scores(run["looks"][str(step)]) for step in steps]
            seeds.setdefault(known_by(pair), []).append(scores)
        return _mean_of([_mean_of(runs, shape) for runs in seeds.values()], shape).T

    def at(
        self,
        start: str,
        family: str,
        step: int,
        minutes: float = max(MINUTES),
        beside: str = "",
    ) -> np.ndarray | None:
        """Return the score of each group at one number of steps; None if there is none."""
        steps = self.steps(start, family, minutes, beside)
        if step not in steps:
            return None
        return self.curve(start, family, minutes, beside)[:, steps.index(step)]

    def diverged(self, start: str, family: str, minutes: float) -> dict[str, str]:
        """Return why runs ended before their last step, by their seeds."""
        runs = self._all_runs(start, family, minutes)
        return {seeds: run["failed"] for seeds, run in runs.items() if run["failed"]}

    def loss(self, kind: str, start: str, family: str, minutes: float) -> dict[int, float]:
        """Return the mean over pairs of a loss at each look.

        Args:
            kind: `losses` (of training, since the last look) or `valid_losses`.
            start: which start.
            family: what its body has not seen.
            minutes: of labelled audio.
        """
        runs = list(self._runs(start, family, minutes).values())
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
        return self._scores(self.values["chance"])

    @property
    def target(self) -> np.ndarray | None:
        """The score of each group that scratch has after its last step; None if it is not run."""
        return self.at(SCRATCH, FRESH, LONGEST)

    def target_beside(self, start: str, family: str, *, best: bool = False) -> np.ndarray | None:
        """Return the score of each group that a start is to reach; None if scratch is not run.

        Args:
            start: which start.
            family: what its body has not seen.
            best: the score of scratch at the look with its best mean, not after its last step.
        """
        if best:
            return self._best_of_scratch(start, family)
        return self.at(SCRATCH, family, LONGEST, beside=start)

    def _best_of_scratch(self, beside: str = "", family: str = FRESH) -> np.ndarray | None:
        curve = self.curve(SCRATCH, family, beside=beside)
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
        (scores,) = run["looks"].values()
        long = self._scores(scores)
        scratch = self._best_of_scratch()
        return long if scratch is None else max(long, scratch, key=_mean)

    @property
    def counts(self) -> bool | None:
        """Whether the task can be learnt at this size; None where that is not known yet."""
        if self.target is None:
            return None
        chance, target = _mean(self.chance), _mean(self.target)
        if target <= chance:  # less than half of the way to any ceiling
            return False
        return None if self.ceiling is None else counts(chance, target, _mean(self.ceiling))

    @property
    def _known(self) -> np.ndarray:
        """Which groups have a score by chance."""
        return ~np.isnan(np.array(self.values["chance"], float))

    def _scores(self, kept: Sequence[float]) -> np.ndarray:
        """Return the score of each of `groups` from what a row keeps."""
        return np.array(kept, float)[self._known]

    def _runs(
        self, start: str, family: str, minutes: float, beside: str = ""
    ) -> dict[str, Mapping]:
        """Return the runs of a start that got to their end, by pair of seeds."""
        runs = self._ended(start, family, minutes)
        if not beside:
            return runs
        known_by = self._known_by(start, beside)
        both = {known_by(pair) for pair in self._ended(beside, family, minutes)}
        return {pair: run for pair, run in runs.items() if known_by(pair) in both}

    def _ended(self, start: str, family: str, minutes: float) -> dict[str, Mapping]:
        runs = self._all_runs(start, family, minutes)
        return {pair: run for pair, run in runs.items() if run["looks"] and not run["failed"]}

    @staticmethod
    def _known_by(start: str, beside: str) -> Callable[[str], str]:
        """Return what of a pair of seeds both starts have: all, or the seed of adaptation."""
        fresh = beside and not (STARTS[start].algorithm and STARTS[beside].algorithm)
        return _seed if fresh else str

    def _all_runs(self, start: str, family: str, minutes: float) -> Mapping[str, Mapping]:
        runs = self.values.get("runs", {}).get(_seen(start, family), {}).get(start, {})
        return runs.get(f"{minutes:g}", {})


def _mean(scores: np.ndarray) -> float:
    return float(np.nanmean(scores))


def _mean_of(runs: Sequence, shape: tuple[int, int]) -> np.ndarray:
    """Return the mean over runs of scores of a shape; NaN where none has a score.

    A group counts in the runs that have a score of it.
    """
    shaped = np.array(runs).reshape(len(runs), *shape)
    return np.ma.masked_invalid(shaped).mean(axis=0).filled(np.nan)


def _seed(pair: str) -> str:
    """Return the seed of adaptation of a pair, as the rows have it."""
    return pair.split("/")[1]


def _seen(start: str, family: str) -> str:
    """Return what the rows of a start are kept under: one that is fresh has held out nothing."""
    return family if STARTS[start].algorithm else FRESH
