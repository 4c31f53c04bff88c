"""A grid of trainings: methods, numbers of pairs, seeds; each method with the rate that is best.

Results are plain JSON: `[NAME][SETTINGS][METHOD][PAIRS][SEED]`, without PAIRS where their number is
no question, and of the choice of rates `[NAME]["SETTINGS, rates at N pairs"][METHOD][RATE]`. Where
weights of critics are chosen, too, that is `[NAME]["SETTINGS, choice at N pairs"][METHOD]["rate
RATE, alpha ALPHA"]`. Every result says the rate, weight and batch of its training; where others are
chosen, it is trained again.

The same command in several processes at the same time does a grid together, as on a GPU, which a
single training of this size leaves idle: what one is at, the others leave. All wait for the last
training, and print the whole table.
"""

import argparse
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from recordings.results import Results, add_table_argument

from umir.files import LockedError, locked
from umir.program import use_compilation_cache

RATES = (1e-4, 3e-4, 1e-3)
TUNING_SEED = 1000  # of the trainings that choose a rate: none of those that count
VALID, TEST = "valid", "test"  # splits: rates are chosen on the one, and judged on the other
TRAINED = "trained with"  # key of a result: the choices that it is of
PAUSE = 1.0  # seconds until it is looked again whether others are done


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
class Piece:
    """A training of a grid, and where its result is kept.

    Attributes:
        job: the training.
        split: that it is scored on.
        keys: of the part of the results.
        key: in it.
    """

    job: Job
    split: str
    keys: tuple[str, ...]
    key: str


@dataclass(frozen=True)
class Grid:
    """The trainings of a trial: those that are missing are done, all are kept.

    Attributes:
        args: as `add_arguments` has them.
        results: where they are kept.
        name: of the trial.
        settings: what else results depend on.
        measure: training and split, `VALID` or `TEST` -> what it came to; None: only tables.
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
    measure: Callable[[Job, str], dict[str, Any]] | None
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

        Raises:
            NothingKept: a choice is missing, and nothing is to be trained.
        """
        while self.results.measuring and (missing := self.missing()):
            if not any(map(self.done, missing)):
                time.sleep(PAUSE)
        chosen = {method: self.chosen(method) for method in self.args.methods}
        return {method: self.current(job) for method, job in chosen.items()}

    def missing(self) -> list[Piece]:
        """Return what can be done now: what choices need, then the runs of those that are made."""
        self.results.read()
        choices, chosen = [], {}
        for method in self.args.methods:
            needed, job = self.search(method)
            choices += needed
            if job is not None:
                chosen[method] = job
        order = product(self.args.seeds, self.counts, chosen)
        return choices + self._open([self.piece(chosen[name], *at) for *at, name in order])

    def piece(self, chosen: Job, seed: int, pairs: int) -> Piece:
        """Return the run of a seed, with so many pairs."""
        job = replace(chosen, seed=seed, pairs=pairs)
        keys = (self.settings, job.method, *([str(pairs)] if pairs else []))
        return Piece(job, TEST, keys, str(seed))

    def done(self, piece: Piece) -> bool:
        """Do a training, unless another process is at it: return whether it is done."""
        digest = hashlib.sha256("/".join((self.name, *piece.keys, piece.key)).encode())
        locks = self.results.path.with_name(f".{self.results.path.stem}.locks")
        with ExitStack() as held:
            try:
                held.enter_context(locked(locks / digest.hexdigest()[:16]))
            except LockedError:  # of this lock alone: a training may meet another one, and fail
                return False
            self.once(piece)
        return True

    def current(self, job: Job) -> dict[str, Any]:
        """Return the runs of a job's method and choices, of the seeds that are asked for.

        The file may hold seeds and numbers of pairs of another call, for which others were chosen:
        these are other trainings.
        """
        runs, pairs = self.results.part(self.name, self.settings, job.method), any(self.counts)
        asked = {*map(str, self.args.seeds)}
        every = {
            count: {seed: run for seed, run in own.items() if seed in asked}
            for count, own in (runs if pairs else {"": runs}).items()
        }
        found = {
            count: {seed: run for seed, run in own.items() if job.made(run)}
            for count, own in every.items()
        }
        if left := sum(len(every[count]) - len(own) for count, own in found.items()):
            print(f"{self.name}, {job.method}: left out, of another choice: {left}", flush=True)
        return found if pairs else found[""]

    def chosen(self, method: str) -> Job:
        """Return a job with the rate, then the weight, that are best on validation data.

        Raises:
            NothingKept: a training is missing by which it is chosen.
        """
        needed, job = self.search(method)
        if job is None:
            raise NothingKept(
                self.results.lacks(needed[0].job.name, "--methods, --steps or --rates")
            )
        found, choice = self._found(self._trial(job)), self.choice(job)
        if found is not None and np.isnan(self.score(found)):  # or another one would be chosen
            print(f"{self.name}, {method}: no score is finite; takes {choice}", flush=True)
        print(f"{self.name}, {method}: {choice}", flush=True)
        return job

    def search(self, method: str) -> tuple[list[Piece], Job | None]:
        """Return the trainings that are needed next to choose, and the chosen job if none is."""
        alphas = self.alphas.get(method, [0.0])
        job = Job(method, TUNING_SEED, 0.0, self.args.steps, self.batch, self.folder)
        job = replace(job, pairs=self.tune_pairs, alpha=alphas[0])
        needed, best = self.best([replace(job, rate=rate) for rate in self.args.rates])
        if best is None:
            return needed, None
        return self.best([replace(best, alpha=alpha) for alpha in alphas])

    def best(self, jobs: Sequence[Job]) -> tuple[list[Piece], Job | None]:
        """Return which of these trainings are missing, and the best on validation data if none is.

        The only one is not tried.
        """
        if len(jobs) == 1:
            return [], jobs[0]
        trials = [self._trial(job) for job in jobs]
        if missing := self._open(trials):
            return missing, None
        scores = [self.score(self._found(trial)) for trial in trials]
        return [], jobs[int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))]

    def _trial(self, job: Job) -> Piece:
        """Return the training by which a rate or a weight is judged."""
        kept = "choice" if self.alphas else "rates"
        kept += f" at {self.tune_pairs} pairs" if self.tune_pairs else ""
        key = self.choice(job) if self.alphas else f"{job.rate:g}"
        return Piece(job, VALID, (f"{self.settings}, {kept}", job.method), key)

    def _found(self, piece: Piece) -> Any:
        """Return the kept result of a training; None if there is none that counts."""
        found = self.results.part(self.name, *piece.keys).get(piece.key)
        return found if found is not None and piece.job.made(found) else None

    def _open(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Return the trainings of which no result is kept that counts."""
        return [piece for piece in pieces if self._found(piece) is None]

    def choice(self, job: Job) -> str:
        """Return what is chosen for a job, in words."""
        return f"rate {job.rate:g}" + (f", alpha {job.alpha:g}" if self.alphas else "")

    def once(self, piece: Piece) -> None:
        """Do and keep a training, if it was not done yet."""
        part, show = self.results.part(self.name, *piece.keys), partial(shown, begin=self.shown)
        job = piece.job

        def measure() -> dict[str, Any]:
            assert self.measure is not None  # tables alone ask for nothing
            return {**self.measure(job, piece.split), TRAINED: job.choices}

        self.results.once(part, piece.key, measure, job.name, show, counts=job.made)


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
