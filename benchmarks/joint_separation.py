"""Detection beside separation: one network that learns both, against the same one for each alone.

    pip install -e '.[benchmarks]'
    python benchmarks/joint_separation.py studio --folder FOLDER --out joint.json
    python benchmarks/joint_separation.py mir1k --folder FOLDER --mir-1k DIR --out joint.json

DIR holds the folder `MIR-1K`; songs of the studio are rendered into FOLDER once, and are those of
`separation_priors.py` if it is given the same. The trials are those of `adversarial.joint_trials`,
the methods those of `adversarial.joint_runs`: all have the network, its start, the steps, the
batches and the windows at a step in common, and the rate that is best for each of them by its own
loss on validation songs (a seed of its own). Every training is kept in `--out` when it is done, and
a second call does what is missing; one that was killed goes on from its last checkpoint, in FOLDER.

Printed are means over seeds. Of separation: the metrics of the library over test songs (`SDR/STEM`
the median over songs of medians over seconds, `SDR_pooled/STEM` the median over all seconds),
`silence_rms_db` in seconds in which a stem is digital silence, which no song of MIR-1K has, and
`nonvocal_rms_db` of the voice wherever the labels say that nobody sings. Of detection: the area
under the ROC of the frames of all test songs, and the accuracy of a decoder that was fitted on
validation songs. Then joint minus single, the mean over songs (their own area under the ROC, where
a song has frames of both kinds) with the 95% interval of a paired bootstrap over songs, and of
MIR-1K over singers as well, whose clips are not independent; and in words what the intervals over
songs say.

    python benchmarks/joint_separation.py studio --folder /tmp/tiny --out /tmp/tiny/joint.json \\
        --preset nano --steps 4 --seeds 0 --pairs 1 --active 2 --valid 1 --test 2 \\
        --song-seconds 4 --rates 1e-3

shows in a minute whether it works.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from adversarial import joint_trials
from adversarial.joint_runs import AREA, METHODS, Job, measured, tried
from adversarial.joint_tables import report
from adversarial.joint_trials import JointTrial, trial_of
from adversarial.runs import RATES, TUNING_SEED, assembled
from adversarial.runs import shown as shown_metrics
from adversarial.separation_runs import in_batches
from adversarial.vocal_songs import TEST
from recordings.results import Results

from umir.huge_pages import begin_again_with_huge_pages
from umir.joint_unet import JointUNet
from umir.program import use_compilation_cache
from umir.separation_recipes import PRESETS, SMALL_JOINT, SeparationPreset
from umir.wave_unet.separators.variants import VOICE

NANO = SeparationPreset(  # to see whether it works
    JointUNet(VOICE, 8192, window=64, frames=8, filters=2, levels=2), SMALL_JOINT
)
KNOWN = {"nano": NANO, **{name: PRESETS[name] for name in ("joint-half", "joint")}}


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    joint_trials.add_arguments(p)
    p.add_argument("--out", type=Path, default=Path("joint_separation.json"))
    p.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    p.add_argument("--preset", default="joint-half", choices=KNOWN)
    p.add_argument("--steps", type=int, default=2000)
    p.add_argument("--batch", type=int, help="windows per step; default the preset's")
    p.add_argument("--rates", type=float, nargs="+", default=list(RATES), help="to choose from")
    return p


class Grid:
    """The trainings of a trial: those that are missing are done, all are kept.

    Results are plain JSON: `[TRIAL][SETTINGS][METHOD][SEED]`, as `adversarial.joint_runs.measured`
    returns them, and of the choice of rates `[TRIAL]["SETTINGS, rates"][METHOD][RATE]`.
    """

    def __init__(self, args: argparse.Namespace):
        self.args, self.preset = args, in_batches(KNOWN[args.preset], args.batch)
        network: Any = self.preset.network
        self.trial: JointTrial = trial_of(args, network)
        self.results = Results(args.out)
        batch = self.preset.recipe.stages[0].batch
        self.settings = f"{args.preset}, {args.steps} steps of {batch}"

    def run(self) -> Mapping[str, Any]:
        """Do what is missing, seed by seed, and return all runs: a table is complete early."""
        rates = {method: self.rate(method) for method in self.args.methods}
        for seed in self.args.seeds:
            for method in self.args.methods:
                job = self.job(method, seed, rates[method])
                own = self.results.part(self.trial.name, self.settings, method)
                measure = partial(measured, self.trial, job, TEST)
                self.results.once(own, str(seed), measure, job.name, shown)
        return self.results.part(self.trial.name, self.settings)

    def rate(self, method: str) -> float:
        """Return the rate with the lowest loss on validation songs; the only one is not tried."""
        rates, found = self.args.rates, {}
        own = self.results.part(self.trial.name, f"{self.settings}, rates", method)
        for rate in rates if len(rates) > 1 else ():
            job = self.job(method, TUNING_SEED, rate)
            measure = partial(tried, self.trial, job)
            metrics = self.results.once(own, f"{rate:g}", measure, job.name, shown_metrics)
            found[rate] = metrics["validation_loss"]
        best = min(found, key=lambda rate: found[rate]) if found else rates[0]
        print(f"{self.trial.name}, {method}: rate {best:g}", flush=True)
        return best

    def job(self, method: str, seed: int, rate: float) -> Job:
        """Return a training."""
        folder = self.args.folder / "trainings" / self.trial.name / self.settings
        return Job(method, seed, rate, self.preset, self.args.steps, folder)


def shown(found: Mapping[str, Any]) -> str:
    """Return what a training came to in short."""
    whole = found["set"]
    names = [name for name in whole if name.startswith("SDR/") or name == AREA]
    return ", ".join(f"{name} {whole[name]:.3f}" for name in names)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, do what is missing, and print the tables."""
    use_compilation_cache()
    grid = assembled(parser(), argv, Grid)
    runs = grid.run()
    print(f"\n{grid.trial.name}, {grid.settings}\n")
    report(runs, grid.trial.share.songs.network.sources, grid.trial.singers)


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
