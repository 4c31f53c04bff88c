"""Vocals from few pairs: what critics gain over supervision alone, and up to how many pairs.

    pip install -e '.[benchmarks]'
    python benchmarks/separation_priors.py studio --folder FOLDER --out priors.json
    python benchmarks/separation_priors.py mir1k --folder FOLDER --mir-1k DIR --out priors.json
    python benchmarks/separation_priors.py studio_to_real --folder FOLDER --mir-1k DIR \\
        --out priors.json

DIR holds the folder `MIR-1K`; songs of the studio are rendered into FOLDER once. The trials are
those of `adversarial.separation_trials`. All methods have the network, the steps, the batches and
the windows of pairs in common, and the rate, with a prior also the weight of its critics, that is
best for them on validation songs (`--tune-pairs`, a seed of its own). Every training is kept in
`--out` when it is done, and a second call does what is missing; one that was killed goes on from
its last checkpoint, in FOLDER. Several processes with the same arguments share the work. `--seeds 0
--methods none adversarial --pairs 10` does a part.

Printed are the metrics of the library over test songs (`SDR/STEM` the median over songs of medians
over seconds, `SDR_pooled/STEM` the median over all seconds), the multi-resolution STFT distance
(`umir.tasks.metrics.spectral_distance`), means over seeds with 95% intervals of Student's t; then
by how much each prior is ahead of none in SDR, dB, the mean over songs, with the 95% interval of a
paired bootstrap over songs, and of MIR-1K over singers as well, whose clips are not independent;
and up to how many pairs, of MIR-1K by the interval over singers.

    python benchmarks/separation_priors.py studio --folder /tmp/tiny --out /tmp/tiny/found.json \\
        --preset nano --steps 4 --seeds 0 --pairs 1 2 --pool 2 --unpaired 6 --valid 1 --test 2 \\
        --song-seconds 4 --rates 1e-3 --alphas 1e-3

shows in a minute whether it works.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from adversarial import separation_trials
from adversarial.grid import Grid, add_arguments, run_grids
from adversarial.separation_runs import grid_of, measured
from adversarial.separation_tables import report
from adversarial.separation_trials import plan_of, trial_of

from umir.huge_pages import begin_again_with_huge_pages
from umir.separation.data import ADVERSARIAL, FACTORGAN, NONE
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.recipes import PRESETS, SMALL_SEMI_SUPERVISED, SeparationPreset
from umir.wave_unet.separators.variants import VOICE

METHODS = [NONE, ADVERSARIAL, FACTORGAN]
ALPHAS = (1e-3, 1e-2, 1e-4)  # the first is that of the preset, with which rates are chosen
NANO = SeparationPreset(  # to see whether it works
    MagnitudeUNet(VOICE, 8192, window=64, frames=8, filters=2, levels=2),
    replace(SMALL_SEMI_SUPERVISED, critic_filters=2),
)
KNOWN = {"nano": NANO, **{name: PRESETS[name] for name in ("magnitudes-half", "magnitudes")}}


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    separation_trials.add_arguments(p)
    add_arguments(p, out="separation_priors.json", methods=METHODS, steps=2000)
    p.add_argument("--preset", default="magnitudes-half", choices=KNOWN)
    p.add_argument("--alphas", type=float, nargs="+", default=list(ALPHAS), help="to choose from")
    return p


def grids_of(args: argparse.Namespace) -> list[Grid]:
    """Return the one grid."""
    preset = KNOWN[args.preset]
    plan = plan_of(args)
    grid = grid_of(
        args,
        plan.name,
        preset,
        partial(trial_of, args, preset.network),
        measured,
        score=lambda found: found["set"]["SDR"],
        report=partial(report, plan.counts, preset.network.sources),
        counts=plan.counts,
        tune_pairs=plan.tune_pairs,
        alphas={method: args.alphas for method in (ADVERSARIAL, FACTORGAN)},
        shown=("SDR/",),
    )
    return [grid]


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, do what is missing, and print the tables."""
    run_grids(parser(), argv, grids_of)


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
