"""A grid of adversarial trainings: methods, numbers of pairs, seeds; each with its own best rate.

Results are plain JSON: `[GRID]["STEPS steps"][METHOD][PAIRS][SEED][METRIC]`, and of the choice of
rates `[GRID]["STEPS steps, rates"][METHOD][RATE][METRIC]`.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from recordings.results import Results
from recordings.tables import cell

from umir.priors import Adversarial, Streams
from umir.priors.pictures import draw_log
from umir.priors.streams import Source
from umir.training import Callback, JsonLog, ProgressBar, train

RATES = (1e-4, 3e-4, 1e-3)
TUNING_SEED = 1000  # of the trainings that choose a rate: none of those that count

Grid = TypeVar("Grid")
Metrics = dict[str, float]
Runs = Mapping[str, Mapping[str, Mapping[str, Metrics]]]  # method -> pairs -> seed -> metrics


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        method: its name.
        pairs: how many whole samples there are.
        seed: of parameters, batches, and which samples are whole.
        rate: of all optimisers.
        steps: of the generator.
        batch: samples per batch.
        logs: folder for its log and picture; None for none.
    """

    method: str
    pairs: int
    seed: int
    rate: float
    steps: int
    batch: int
    logs: Path | None = None

    @property
    def name(self) -> str:
        """What the training is called."""
        return f"{self.method}, {self.pairs} pairs, seed {self.seed}, rate {self.rate:g}"


class Course:
    """Keeps the number of collapses of a training."""

    def __init__(self) -> None:
        self.collapses = 0.0

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Note how many there were so far."""
        self.collapses = metrics["collapses"]

    def close(self) -> None:
        """Nothing is left to do."""


def trained(objective: Adversarial, sources: Mapping[str, Source], job: Job) -> tuple[Any, Metrics]:
    """Return the state after a training, and how often it collapsed."""
    course = Course()
    callbacks: list[Callback] = [ProgressBar(job.name, job.steps), course]
    log = None if job.logs is None else job.logs / f"{job.name}.jsonl"
    if log is not None:
        callbacks.append(JsonLog(log, "adversarial"))
    stream = Streams(objective, sources, batch=job.batch, seed=job.seed)
    state = objective.init(jax.random.key(job.seed))
    state = train(objective.step, state, stream, steps=job.steps, callbacks=callbacks)
    if log is not None:
        draw_log(log, log.with_suffix(".png"))
    return state, {"collapses": course.collapses}


def add_arguments(
    p: argparse.ArgumentParser, *, methods: Sequence[str], counts: Sequence[int], steps: int
) -> None:
    """Add what all grids have."""
    p.add_argument("--methods", nargs="+", default=list(methods), choices=methods)
    p.add_argument("--pairs", type=int, nargs="+", default=list(counts))
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    p.add_argument("--steps", type=int, default=steps, help="of the generator")
    p.add_argument("--batch", type=int, default=25)
    p.add_argument("--rates", type=float, nargs="+", default=list(RATES), help="to choose from")
    p.add_argument("--tune-pairs", type=int, default=25, help="at which rates are chosen")
    p.add_argument("--logs", type=Path, help="folder for the log and picture of every training")


def assembled(
    p: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    make: Callable[[argparse.Namespace], Grid],
) -> Grid:
    """Return what is made of arguments; what is wrong with them is one line, before hours."""
    args = p.parse_args(argv)
    try:
        return make(args)
    except ValueError as error:
        p.error(str(error))


def grid(
    results: Results,
    name: str,
    args: argparse.Namespace,
    measure: Callable[[Job, str], Metrics],
    *,
    headline: str,
    highest: bool,
) -> Runs:
    """Do the trainings that are missing, seed by seed, and return all.

    Args:
        results: where they are kept.
        name: of the grid.
        args: as `add_arguments` has them.
        measure: training and name of the split that judges -> metrics.
        headline: the metric by which rates are chosen.
        highest: whether more of it is better.
    """
    part = f"{args.steps} steps"

    def job(method: str, pairs: int, seed: int, rate: float) -> Job:
        return Job(method, pairs, seed, rate, args.steps, args.batch, args.logs)

    rates = {}
    for method in args.methods:
        own = results.part(name, f"{part}, rates", method)
        found = {}
        for rate in args.rates if len(args.rates) > 1 else ():
            tried = job(method, args.tune_pairs, TUNING_SEED, rate)
            metrics = results.once(
                own, f"{rate:g}", lambda t=tried: measure(t, "valid"), tried.name, shown
            )
            found[rate] = metrics[headline] * (-1 if highest else 1)
        rates[method] = min(found, key=found.get) if found else args.rates[0]
        print(f"{name}, {method}: rate {rates[method]:g}", flush=True)
    for seed in args.seeds:  # a table is complete, if coarse, after the first
        for pairs in args.pairs:
            for method in args.methods:
                own = results.part(name, part, method, str(pairs))
                one = job(method, pairs, seed, rates[method])
                results.once(own, str(seed), lambda j=one: measure(j, "test"), one.name, shown)
    return results.part(name, part)


def shown(metrics: Mapping[str, float]) -> str:
    """Return metrics in short."""
    return ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())


def table(
    runs: Runs, metric: str, counts: Sequence[int], *, digits: int = 2, scale: float = 1.0
) -> str:
    """Return rows of methods and columns of numbers of pairs: means over seeds.

    Intervals are 95% bootstrap intervals of the mean.
    """
    rows = [f"{metric} | " + " | ".join(f"{count} pairs" for count in counts)]
    rows.append("|".join(["---"] * (len(counts) + 1)))
    for method, by_pairs in runs.items():
        cells = [method]
        for count in counts:
            seeds = by_pairs.get(str(count), {}).values()
            values = [scale * metrics[metric] for metrics in seeds]
            cells.append(cell(values, digits=digits) if values else "-")
        rows.append(" | ".join(cells))
    return "".join(f"| {row} |\n" for row in rows)


def ahead(
    runs: Runs, metric: str, counts: Sequence[int], one: str, other: str
) -> dict[int, np.ndarray]:
    """Return how far one method is ahead of another in each seed that both have."""
    found = {}
    for count in counts:
        first, second = (runs.get(m, {}).get(str(count), {}) for m in (one, other))
        shared = sorted({*first} & {*second})
        if shared:
            found[count] = np.array([first[s][metric] - second[s][metric] for s in shared])
    return found
