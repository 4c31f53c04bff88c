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
its last checkpoint, in FOLDER. `--seeds 0 --methods none adversarial --pairs 10` does a part.

Printed are the metrics of the library over test songs (`SDR/STEM` the median over songs of medians
over seconds, `SDR_pooled/STEM` the median over all seconds), the multi-resolution STFT distance
(`umir.tasks.metrics.spectral_distance`), means over seeds; then by how much each prior is ahead of
none in SDR, dB, the mean over songs, with the 95% interval of a paired bootstrap over songs, and of
MIR-1K over singers as well, whose clips are not independent; and up to how many pairs.

    python benchmarks/separation_priors.py studio --folder /tmp/tiny --out /tmp/tiny/found.json \\
        --preset nano --steps 4 --seeds 0 --pairs 1 2 --pool 2 --unpaired 6 --valid 1 --test 2 \\
        --song-seconds 4 --rates 1e-3 --alphas 1e-3

shows in a minute whether it works.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from adversarial import separation_trials
from adversarial.runs import RATES, TUNING_SEED, assembled
from adversarial.separation_runs import Job, in_batches, measured
from adversarial.separation_tables import report
from adversarial.separation_trials import Trial, trial_of
from adversarial.vocal_songs import TEST, VALID
from recordings.results import Results

from umir.huge_pages import begin_again_with_huge_pages
from umir.magnitude_unet import MagnitudeUNet
from umir.program import use_compilation_cache
from umir.separation_data import ADVERSARIAL, FACTORGAN, NONE
from umir.separation_recipes import PRESETS, SMALL_SEMI_SUPERVISED, SeparationPreset
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
    p.add_argument("--out", type=Path, default=Path("separation_priors.json"))
    p.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    p.add_argument("--preset", default="magnitudes-half", choices=KNOWN)
    p.add_argument("--steps", type=int, default=2000, help="of the separator")
    p.add_argument("--batch", type=int, help="windows per step; default the preset's")
    p.add_argument("--rates", type=float, nargs="+", default=list(RATES), help="to choose from")
    p.add_argument("--alphas", type=float, nargs="+", default=list(ALPHAS), help="likewise")
    return p


class Grid:
    """The trainings of a trial: those that are missing are done, all are kept.

    Results are plain JSON: `[TRIAL][SETTINGS][METHOD][PAIRS][SEED]`, as of
    `adversarial.separation_runs.measured`, and of what is chosen `[TRIAL]["SETTINGS, choice at N
    pairs"][METHOD][RATE AND WEIGHT]`.
    """

    def __init__(self, args: argparse.Namespace):
        self.args, self.preset = args, in_batches(KNOWN[args.preset], args.batch)
        self.trial: Trial = trial_of(args, self.preset.network)
        self.results = Results(args.out)
        batch = self.preset.recipe.stages[0].batch
        self.settings = f"{args.preset}, {args.steps} steps of {batch}"

    def run(self) -> Mapping[str, Any]:
        """Do what is missing, seed by seed, and return all runs: a table is complete early."""
        chosen = {method: self.chosen(method) for method in self.args.methods}
        for seed in self.args.seeds:
            for pairs in self.trial.counts:
                for method in self.args.methods:
                    job = self.job(method, pairs, seed, *chosen[method])
                    own = self.results.part(self.trial.name, self.settings, method, str(pairs))
                    measure = partial(measured, self.trial, job, TEST)
                    self.results.once(own, str(seed), measure, job.name, shown)
        return self.results.part(self.trial.name, self.settings)

    def chosen(self, method: str) -> tuple[float, float]:
        """Return the rate, then the weight of critics, that are best on validation songs."""
        alphas = self.args.alphas if method != NONE else [0.0]
        rates = {rate: (rate, alphas[0]) for rate in self.args.rates}
        rate, _ = self.best(method, list(rates.values()))
        found = self.best(method, [(rate, alpha) for alpha in alphas])
        print(f"{self.trial.name}, {method}: rate {found[0]:g}, alpha {found[1]:g}", flush=True)
        return found

    def best(self, method: str, choices: Sequence[tuple[float, float]]) -> tuple[float, float]:
        """Return which of some rates and weights is best; the only one is not tried."""
        if len(choices) == 1:
            return choices[0]
        kept = f"{self.settings}, choice at {self.trial.tune_pairs} pairs"
        own, found = self.results.part(self.trial.name, kept, method), {}
        for choice in choices:
            job = self.job(method, self.trial.tune_pairs, TUNING_SEED, *choice)
            measure = partial(measured, self.trial, job, VALID)
            key = f"rate {choice[0]:g}, alpha {choice[1]:g}"
            found[choice] = self.results.once(own, key, measure, job.name, shown)["set"]["SDR"]
        return max(found, key=lambda choice: np.nan_to_num(found[choice], nan=-np.inf))

    def job(self, method: str, pairs: int, seed: int, rate: float, alpha: float) -> Job:
        """Return a training."""
        folder = self.args.folder / "trainings" / self.trial.name / self.settings
        return Job(method, pairs, seed, rate, alpha, self.preset, self.args.steps, folder)


def shown(found: Mapping[str, Any]) -> str:
    """Return what a training came to in short."""
    whole = found["set"]
    names = [name for name in whole if name.startswith("SDR/")]
    return ", ".join(f"{name} {whole[name]:.2f}" for name in names)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, do what is missing, and print the tables."""
    use_compilation_cache()
    grid = assembled(parser(), argv, Grid)
    runs = grid.run()
    print(f"\n{grid.trial.name}, {grid.settings}\n")
    report(grid.trial, runs)


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
