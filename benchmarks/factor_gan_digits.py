"""Paired digits from few pairs: a plain GAN, and FactorGAN with and without its own dependency.

    python benchmarks/factor_gan_digits.py --pairs 10 25 50 100 300 1100 --seeds 0 1 2

The data and the metrics are those of `adversarial.digit_pairs`. All methods have the generator, the
number of steps and the batches in common, critics of the published size, and the learning rate that
is best for them by the validation digits (at `--tune-pairs`, with a seed of its own). Results go
to `--out` after every training, and a second call does what is missing. After the tables it is said
how far FactorGAN is ahead of the plain GAN, and whether that is the aim.
"""

import argparse
from collections.abc import Collection, Sequence
from functools import partial

import numpy as np
from adversarial.digit_pairs import PARTS, SIDE, TRAIN, Digits
from adversarial.grid import Grid, Job, run_grids
from adversarial.grid_readings import Aim, Comparison
from adversarial.runs import Runs, add_arguments, grid_of, table, trained
from recordings.results import Results

from umir.huge_pages import begin_again_with_huge_pages
from umir.priors import Adversarial, Critic, Factor, Noise, factor_gan, joint
from umir.priors.adversarial import adam
from umir.priors.networks import DenseCritic, DenseGenerator

PIXELS = SIDE * SIDE
METHODS: dict[str, tuple[Factor, ...]] = {
    "GAN": joint(PARTS),
    "FactorGAN": factor_gan(PARTS),
    "FactorGAN no-cp": factor_gan(PARTS, independent=True),
}
COUNTS = (10, 25, 50, 100, 300, 1100)
GENERATED = 5000  # pairs that are judged
AHEAD_UP_TO, FAR_AHEAD_UP_TO = 100, 25  # pairs
FAR_AHEAD = 3.0  # times the FID
FID = Comparison("FID", "FID of GAN over that of FactorGAN", ratio=True)
DEPENDENCY = Comparison("dependency", "dependency distance (lower is better), FactorGAN minus GAN")


def objective_of(method: str, rate: float) -> Adversarial:
    """Return the objective of a method: the networks are the paper's, for 8 by 8 pixels."""
    critics = tuple(
        Critic(factor, DenseCritic(PIXELS * len(factor.parts))) for factor in METHODS[method]
    )
    generator = DenseGenerator((SIDE, SIDE), tuple((part, 1) for part in PARTS))
    return Adversarial(generator, critics, optimizer=adam(rate), critic_optimizer=adam(rate))


def run_once(digits: Digits, dependence: float, job: Job, split: str) -> dict[str, float]:
    """Train once and return the metrics of what is generated."""
    objective = objective_of(job.method, job.rate)
    sources = digits.sources(job.pairs, dependence, job.seed)
    average, course = trained(objective, sources, job)
    noise = Noise().draw(np.random.default_rng(job.seed), GENERATED)
    made, _ = objective.generated(average, noise)
    pairs = {part: np.asarray(made[part]) for part in PARTS}
    return digits.judged(pairs, dependence, split) | course


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("--dependence", type=float, nargs="+", default=[0.9], help="lambda")
    out = "factor_gan_digits.json"
    add_arguments(p, out=out, methods=list(METHODS), counts=COUNTS, steps=15_000)
    return p


def grids_of(args: argparse.Namespace) -> list[Grid]:
    """Return a grid for each dependence."""
    results, digits = Results(args.out, measuring=not args.table), Digits()

    def grid(dependence: float) -> Grid:
        return grid_of(
            args,
            results,
            f"lambda {dependence:g}",
            TRAIN,
            measure=partial(run_once, digits, dependence),
            score=lambda found: -found["FID"],
            report=partial(report, digits, dependence, args.pairs, args.seeds),
        )

    return [grid(dependence) for dependence in args.dependence]


def report(
    digits: Digits, dependence: float, counts: Sequence[int], seeds: Sequence[int], runs: Runs
) -> None:
    """Print the tables, how far FactorGAN is ahead or behind, and whether that is the aim."""
    print(by_heart(digits, dependence, counts, seeds))
    for metric in ("FID", "dependency", "collapses"):
        print(table(runs, metric, counts))
    for comparison in (FID, DEPENDENCY):
        print("\n".join(comparison.line(runs, pairs) for pairs in counts) + "\n")
    print("\n".join(aim.said(runs) for aim in aims({*COUNTS, *counts})) + "\n")


def by_heart(digits: Digits, dependence: float, counts: Sequence[int], seeds: Sequence[int]) -> str:
    """Return what FID real digits have beside others: those of the pairs, and all to learn from."""
    of_pairs = {
        pairs: [digits.repeated(pairs, dependence, seed) for seed in seeds] for pairs in counts
    }
    every = dict.fromkeys(PARTS, digits.images("train"))
    rows = [f"{pairs} pairs {np.mean(found):.2f}" for pairs, found in of_pairs.items()]
    whole = f"all {TRAIN} digits {digits.judged(every, dependence)['FID']:.2f}"
    return f"FID of real digits, those of {', '.join(rows)}; {whole}\n"


def aims(counts: Collection[int]) -> tuple[Aim, Aim]:
    """Return what FactorGAN should be, at all of these numbers of pairs that are few enough."""
    few, fewest = (
        [pairs for pairs in counts if pairs <= most] for most in (AHEAD_UP_TO, FAR_AHEAD_UP_TO)
    )
    ahead = f"aim, FID of GAN above that of FactorGAN up to {AHEAD_UP_TO} pairs"
    far = f"aim, FID of GAN at least {FAR_AHEAD:g} times that of FactorGAN"
    return (
        Aim(ahead, FID, 1.0, few, beyond=True),
        Aim(f"{far} up to {FAR_AHEAD_UP_TO} pairs", FID, FAR_AHEAD, fewest),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, do what is missing, and print the tables."""
    run_grids(parser(), argv, grids_of)


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
