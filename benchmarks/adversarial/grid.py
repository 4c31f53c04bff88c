"""A grid of trainings: methods, numbers of pairs, seeds; each method with the rate that is best.

Results are plain JSON: `[NAME][SETTINGS][METHOD][PAIRS][SEED]`, without PAIRS where their number is
no question, and of the choice of rates `[NAME]["SETTINGS, rates at N pairs"][METHOD][RATE]`. Where
weights of critics are chosen, too, that is `[NAME]["SETTINGS, choice at N pairs"][METHOD]["rate
RATE, alpha ALPHA"]`. Every result says the rate, weight and batch of its training; where others are
chosen, it is trained again.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from recordings.results import Results, add_table_argument

from umir.program import use_compilation_cache

RATES = (1e-4, 3e-4, 1e-3)
TUNING_SEED = 1000  # of the trainings that choose a rate: none of those that count
VALID, TEST = "valid", "test"  # splits: rates are chosen on the one, and judged on the other
TRAINED = "trained with"  # key of a result: the choices that it is of


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        method: its name.
        seed: of parameters, batches, and which samples or songs are pairs.
        rate: of all optimisers.
        steps: of the generator, or separator.
        batch: samples, or windows, per step.
        folder: for logs and checkpoints; None for none.
        pairs: how many there are: whole samples, or songs with stems; 0 where nobody asks.
        alpha: weight of the critics; 0 where it is not chosen.
    """

    method: str
    seed: int
    rate: float
    steps: int
    batch: int
    folder: Path | None = None
    pairs: int = 0
    alpha: float = 0.0

    @property
    def choices(self) -> dict[str, float]:
        """What was chosen for it: of another choice the result is another one."""
        return {"rate": self.rate, "alpha": self.alpha, "batch": self.batch}

    def made(self, found: Mapping[str, Any]) -> bool:
        """Return whether a kept result is of its choices."""
        return found.get(TRAINED) == self.choices

    @property
    def name(self) -> str:
        """What the training is called."""
        pairs = f", {self.pairs} pairs" if self.pairs else ""
        weight = f", alpha {self.alpha:g}" if self.alpha else ""
        return f"{self.method}{pairs}, seed {self.seed}, rate {self.rate:g}{weight}"


@dataclass(frozen=True)
class Grid:
    """The trainings of a trial: those that are missing are done, all are kept.

    Attributes:
        args: as `add_arguments` has them.
        results: where they are kept.
        name: of the trial.
        settings: what else results depend on.
        measure: training and split, `VALID` or `TEST` -> what it came to.
        score: what it came to on `VALID` -> number by which rates are chosen; more is better.
        report: all trainings -> printed tables.
        batch: of all trainings.
        folder: likewise.
        counts: numbers of pairs.
        tune_pairs: with which rates and weights are chosen.
        alphas: method -> weights of its critics to choose from.
        shown: how names of metrics begin that are shown when a training is done.
    """

    args: argparse.Namespace
    results: Results
    name: str
    settings: str
    measure: Callable[[Job, str], dict[str, Any]]
    score: Callable[[Mapping[str, Any]], float]
    report: Callable[[Mapping[str, Any]], None]
    batch: int
    folder: Path | None = None
    counts: Sequence[int] = (0,)
    tune_pairs: int = 0
    alphas: Mapping[str, Sequence[float]] = field(default_factory=dict)
    shown: tuple[str, ...] = ("",)

    def run(self) -> Mapping[str, Any]:
        """Do what is missing, seed by seed, so that a table is complete early.

        Returns:
            All runs of the methods that are asked for, those of earlier calls as well.
        """
        chosen = {method: self.chosen(method) for method in self.args.methods}
        for seed, pairs, method in product(self.args.seeds, self.counts, self.args.methods):
            job = replace(chosen[method], seed=seed, pairs=pairs)
            self.once([self.settings, method, *([str(pairs)] if pairs else [])], str(seed), job)
        return {method: self.current(job) for method, job in chosen.items()}

    def current(self, job: Job) -> dict[str, Any]:
        """Return the runs of a job's method that have its choices: others are another training.

        The file may hold seeds and numbers of pairs of another call, for which others were chosen.
        """
        runs, pairs = self.results.part(self.name, self.settings, job.method), any(self.counts)
        every = runs if pairs else {"": runs}
        found = {
            count: {seed: run for seed, run in own.items() if job.made(run)}
            for count, own in every.items()
        }
        if left := sum(len(every[count]) - len(own) for count, own in found.items()):
            print(f"{self.name}, {job.method}: left out, of another choice: {left}", flush=True)
        return found if pairs else found[""]

    def chosen(self, method: str) -> Job:
        """Return a job with the rate, then the weight, that are best on validation data."""
        alphas = self.alphas.get(method, [0.0])
        job = Job(method, TUNING_SEED, 0.0, self.args.steps, self.batch, self.folder)
        job = replace(job, pairs=self.tune_pairs, alpha=alphas[0])
        job = self.best([replace(job, rate=rate) for rate in self.args.rates])
        job = self.best([replace(job, alpha=alpha) for alpha in alphas])
        print(f"{self.name}, {method}: {self.choice(job)}", flush=True)
        return job

    def best(self, jobs: Sequence[Job]) -> Job:
        """Return the job that is best on validation data; the only one is not tried."""
        if len(jobs) == 1:
            return jobs[0]
        kept = "choice" if self.alphas else "rates"
        kept += f" at {self.tune_pairs} pairs" if self.tune_pairs else ""
        keys = [f"{self.settings}, {kept}", jobs[0].method]
        scores = []
        for job in jobs:
            key = self.choice(job) if self.alphas else f"{job.rate:g}"
            if (found := self.once(keys, key, job, VALID)) is None:
                raise NothingKept(self.results.lacks(job.name, "--methods, --steps or --rates"))
            scores.append(self.score(found))
        if np.isnan(scores).all():
            first = self.choice(jobs[0])
            print(f"{self.name}, {jobs[0].method}: no score is finite; takes {first}", flush=True)
        return jobs[int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))]

    def choice(self, job: Job) -> str:
        """Return what is chosen for a job, in words."""
        return f"rate {job.rate:g}" + (f", alpha {job.alpha:g}" if self.alphas else "")

    def once(self, keys: Sequence[str], key: str, job: Job, split: str = TEST) -> Any:
        """Return what a job came to on a split; done and kept if it was not yet."""
        part, show = self.results.part(self.name, *keys), partial(shown, begin=self.shown)

        def measure() -> dict[str, Any]:
            return {**self.measure(job, split), TRAINED: job.choices}

        return self.results.once(part, key, measure, job.name, show, counts=job.made)


class NothingKept(ValueError):
    """A choice that was not made yet, of which no table can be printed."""


def shown(found: Mapping[str, Any], begin: tuple[str, ...]) -> str:
    """Return what a training came to in short.

    Args:
        found: metrics, or those of all songs under `set`.
        begin: how the names of those begin that are shown; if none does, all are.
    """
    whole = found.get("set", found)
    numbers = [name for name in whole if name != TRAINED]
    names = [name for name in numbers if name.startswith(begin)] or numbers
    return ", ".join(f"{name} {whole[name]:.3f}" for name in names)


def add_arguments(
    p: argparse.ArgumentParser,
    *,
    out: str,
    methods: Sequence[str],
    steps: int,
    batch: int | None = None,
) -> None:
    """Add what all grids have."""
    p.add_argument("--out", type=Path, default=Path(out))
    p.add_argument("--methods", nargs="+", default=list(methods), choices=methods)
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    p.add_argument("--steps", type=int, default=steps, help="of the generator or separator")
    preset = "" if batch else "; default the preset's"
    p.add_argument("--batch", type=int, default=batch, help=f"samples per step{preset}")
    p.add_argument("--rates", type=float, nargs="+", default=list(RATES), help="to choose from")
    add_table_argument(p)


def run_grids(
    p: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    grids_of: Callable[[argparse.Namespace], Sequence[Grid]],
) -> None:
    """Parse, do what is missing, and print the tables of each grid.

    What is wrong with the arguments is one line, before hours.
    """
    use_compilation_cache()
    args = p.parse_args(argv)
    try:
        grids = grids_of(args)
    except ValueError as error:
        p.error(str(error))
    for grid in grids:
        try:
            runs = grid.run()
        except NothingKept as error:
            p.error(str(error))
        print(f"\n{grid.name}, {grid.settings}\n")
        grid.report(runs)
