"""Segmentation from few pairs: a plain GAN and a FactorGAN, on pictures of shapes.

    python benchmarks/factor_gan_segmentation.py --pairs 25 100 500 2000 --seeds 0 1 2

The pictures are those of `adversarial.shapes`, with shapes anywhere or, with `--layout village`,
in places of their own, as streets have it. The generator is given a picture and noise; the
picture's marginal cancels, so that a FactorGAN has three critics: of segmentations, of real pairs,
of generated ones. Both methods have generator, number of steps and batches in common, critics of
the same size, and the learning rate that is best for them on validation pictures (`--tune-pairs`, a
seed of its own). The plain GAN learns from pairs alone. Results go to `--out` after every training,
and a second call does what is missing. After the tables it is said how far FactorGAN is ahead of
the plain GAN, and whether that is the aim. `supervised` is the generator with the cross-entropy of
the pairs alone, without any critic: what there is to learn.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from adversarial.grid import Grid, Job, run_grids
from adversarial.grid_readings import Aim, Comparison
from adversarial.layouts import ANYWHERE, LAYOUTS, NAMES
from adversarial.runs import Runs, add_arguments, grid_of, table, trained
from adversarial.shapes import LABELLED, MAP, PHOTO, Shapes, judged
from jax import Array
from jaxtyping import Float
from recordings.results import Results

from umir.huge_pages import begin_again_with_huge_pages
from umir.priors import Adversarial, Critic, Factor, Noise, factor_gan, joint
from umir.priors.adversarial import adam
from umir.priors.networks import ConvolutionalCritic, ImageUNet
from umir.priors.protocols import Batches, Generator
from umir.wave_unet.parameters import Params

METHODS: dict[str, tuple[Factor, ...]] = {
    "GAN": joint([PHOTO, MAP]),
    "FactorGAN": factor_gan([MAP], given=[PHOTO]),
    "supervised": (),
}
FROM_PAIRS = ("GAN", "supervised")  # what sees no other pictures
COUNTS = (25, 100, 500, 2000)
SMALLEST = 1e-6  # share of a class, so that its log is finite
CHANNELS = {PHOTO: 3, MAP: len(NAMES)}
# A quarter of the published generator's channels, all filters of its critics: for pictures of 32
# pixels, where critics have two levels less, they have 0.8 times its parameters, as published.
WIDTH, LEVELS, FILTERS = 8, 4, 32
POINTS = Comparison(
    "accuracy", "pixel accuracy in points, FactorGAN minus GAN", scale=100, digits=1
)
AIM = Aim(
    "aim, FactorGAN at least 10 points ahead of GAN with 25 pairs", POINTS, 10.0, counts=(25,)
)


@dataclass(frozen=True)
class CrossEntropy:
    """Supervision by pairs: minus the log of the share that a pixel's class has."""

    streams: tuple[str, ...] = (LABELLED,)

    def loss(
        self, generator: Generator, params: Params, batches: Batches, features: Any
    ) -> Float[Array, ""]:
        """Return the mean over the pixels of a batch."""
        del features
        batch = batches[LABELLED]
        made, _ = generator.apply(params, batch, training=True)
        return -jnp.mean(jnp.log(jnp.sum(batch[MAP] * made[MAP], axis=-1) + SMALLEST))


def objective_of(method: str, rate: float, side: int) -> Adversarial:
    """Return the objective of a method."""
    space = (side, side)
    critics = tuple(
        Critic(
            factor,
            ConvolutionalCritic(space, sum(CHANNELS[part] for part in factor.parts), FILTERS),
        )
        for factor in METHODS[method]
    )
    generator = ImageUNet(
        (PHOTO, CHANNELS[PHOTO]), ((MAP, CHANNELS[MAP]),), space, WIDTH, LEVELS, whole=True
    )
    return Adversarial(
        generator,
        critics,
        optimizer=adam(rate),
        critic_optimizer=adam(rate),
        supervision=None if critics else CrossEntropy(),
    )


def run_once(shapes: Shapes, job: Job, split: str) -> dict[str, float]:
    """Train once and return the metrics on the pictures of a split."""
    objective = objective_of(job.method, job.rate, shapes.side)
    sources = shapes.sources(job.pairs, job.seed, paired_inputs=job.method in FROM_PAIRS)
    average, course = trained(objective, sources, job)
    photos, maps = shapes.split(split)
    noise = Noise().draw(np.random.default_rng(job.seed), len(photos))
    made, _ = objective.generated(average, {PHOTO: photos, **noise})
    return judged(np.asarray(made[MAP]), maps) | course


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("--side", type=int, default=32, help="of the pictures, in pixels")
    p.add_argument("--layout", default=ANYWHERE, choices=LAYOUTS, help="where shapes are")
    out = "factor_gan_segmentation.json"
    add_arguments(p, out=out, methods=list(METHODS), counts=COUNTS, steps=6000)
    return p


def grids_of(args: argparse.Namespace) -> list[Grid]:
    """Return the one grid."""
    shapes = Shapes(args.side, layout=args.layout)
    grid = grid_of(
        args,
        Results(args.out, measuring=not args.table),
        f"{args.side} pixels" + (f", {args.layout}" if args.layout != ANYWHERE else ""),
        shapes.train,
        measure=partial(run_once, shapes),
        score=lambda found: found["accuracy"],
        report=partial(report, args.pairs),
    )
    return [grid]


def report(counts: Sequence[int], runs: Runs) -> None:
    """Print the tables, how far FactorGAN is ahead or behind, and whether that is the aim."""
    print(table(runs, "accuracy", counts, digits=1, scale=100))
    print(table(runs, "mse", counts, digits=4))
    print(table(runs, "collapses", counts, digits=1))
    print("\n".join(POINTS.line(runs, pairs) for pairs in counts) + "\n")
    print(AIM.said(runs) + "\n")


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, do what is missing, and print the tables."""
    run_grids(parser(), argv, grids_of)


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
