"""Adversarial trainings from few pairs of arrays, their grid, and the table of a grid."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from recordings.results import Results
from recordings.tables import markdown, over_seeds

from adversarial import grid
from adversarial.grid import Grid, Job
from umir.meta import Params
from umir.priors import Adversarial, Streams
from umir.priors.guard import Collapsed
from umir.priors.streams import Source
from umir.priors.training_curves import draw_log
from umir.training import Callback, Diverged, JsonLog, ProgressBar, train

SETTLING = 50  # batches that give the average of generators its statistics
Metrics = dict[str, float]
Runs = Mapping[str, Mapping[str, Mapping[str, Metrics]]]  # method -> pairs -> seed -> metrics


class Course:
    """Keeps the last state of a training, and the number of its collapses.

    Args:
        state: before the first step.
    """

    def __init__(self, state: Any) -> None:
        self.state, self.collapses = state, 0.0

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Note the state, and how many there were so far."""
        self.state, self.collapses = state, metrics["collapses"]

    def close(self) -> None:
        """Nothing is left to do."""


def trained(
    objective: Adversarial, sources: Mapping[str, Source], job: Job
) -> tuple[Params, Metrics]:
    """Return the averaged generator after a training, and how often it collapsed.

    Of one that is given up it is that of the last good state.
    """
    state = objective.init(jax.random.key(job.seed))
    course = Course(state)
    callbacks: list[Callback] = [ProgressBar(job.name, job.steps), course]
    log = None if job.folder is None else job.folder / f"{job.name}.jsonl"
    if log is not None:
        callbacks.append(JsonLog(log, "adversarial"))
    stream = Streams(objective, sources, batch=job.batch, seed=job.seed)
    try:
        state = train(objective.step, state, stream, steps=job.steps, callbacks=callbacks)
    except Collapsed as error:
        print(f"{job.name}: {error}", flush=True)
        state, course.collapses = error.state, float(error.state["guard"]["collapses"])
    except Diverged as error:
        print(f"{job.name}: {error}", flush=True)
        state = course.state
    if log is not None:
        draw_log(log, log.with_suffix(".png"))
    average = objective.settled(state["networks"]["average"], stream.inputs(SETTLING))
    return average, {"collapses": course.collapses}


def add_arguments(
    p: argparse.ArgumentParser,
    *,
    out: str,
    methods: Sequence[str],
    counts: Sequence[int],
    steps: int,
) -> None:
    """Add what the grids on pairs of arrays have."""
    grid.add_arguments(p, out=out, methods=methods, steps=steps, batch=25)
    p.add_argument("--pairs", type=int, nargs="+", default=list(counts))
    p.add_argument("--tune-pairs", type=int, default=25, help="at which rates are chosen")
    p.add_argument("--logs", type=Path, help="folder for the log and picture of every training")


def grid_of(
    args: argparse.Namespace, results: Results, name: str, samples: int, **functions: Any
) -> Grid:
    """Return the grid that arguments ask for.

    Args:
        args: as `add_arguments` has them.
        results: where they are kept.
        name: of the data.
        samples: to train on; no more of them can be pairs.
        functions: `measure`, `score` and `report` of `Grid`.

    Raises:
        ValueError: numbers of pairs that there are not.
    """
    if most := [str(n) for n in (*args.pairs, args.tune_pairs) if not 0 < n <= samples]:
        raise ValueError(f"{', '.join(most)} pairs: of {samples} samples, 1 to {samples} can be")
    return Grid(
        args,
        results,
        name,
        f"{args.steps} steps of {args.batch}",
        batch=args.batch,
        folder=args.logs and args.logs / name,
        counts=args.pairs,
        tune_pairs=args.tune_pairs,
        **functions,
    )


def sound(seeds: Mapping[str, Metrics], metric: str) -> dict[str, float]:
    """Return a metric of every seed whose training has not failed: where it is finite."""
    values = {seed: metrics.get(metric, np.nan) for seed, metrics in seeds.items()}
    return {seed: value for seed, value in values.items() if np.isfinite(value)}


def table(
    runs: Runs, metric: str, counts: Sequence[int], *, digits: int = 2, scale: float = 1.0
) -> str:
    """Return rows of methods and columns of numbers of pairs: means and intervals over seeds.

    Of seeds whose metric is not finite there is no mean. A cell with fewer seeds than others have
    says so.
    """
    shown = [own.get(str(count), {}) for own in runs.values() for count in counts]
    most = max(map(len, shown), default=0)

    def cell(seeds: Mapping[str, Metrics]) -> str:
        known = [scale * value for value in sound(seeds, metric).values()]
        few = f" ({len(known)} of {most} seeds)" if seeds and len(known) < most else ""
        return (over_seeds(known, digits) if known else "-") + few

    rows = [
        [method, *(cell(by_pairs.get(str(count), {})) for count in counts)]
        for method, by_pairs in runs.items()
    ]
    return markdown([metric, *(f"{count} pairs" for count in counts)], rows)
