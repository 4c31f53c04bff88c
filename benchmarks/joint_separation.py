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
Several processes with the same arguments share the work.

Printed are means over seeds, with 95% intervals of Student's t. Of separation: the metrics of the
library over test songs (`SDR/STEM` the median over songs of medians over seconds, `SDR_pooled/STEM`
the median over all seconds), `silence_rms_db` in seconds in which a stem is digital silence, which
no song of MIR-1K has, and `nonvocal_rms_db` of the voice wherever the labels say that nobody sings.
Of detection: the area under the ROC of the frames of all test songs, and the accuracy of a decoder
that was fitted on validation songs. Then joint minus single, the mean over songs (their own area
under the ROC, where a song has frames of both kinds) with the 95% interval of a paired bootstrap
over songs, and of MIR-1K over singers as well, whose clips are not independent; and in words what
the intervals say, of MIR-1K those over singers.

    python benchmarks/joint_separation.py studio --folder /tmp/tiny --out /tmp/tiny/joint.json \\
        --preset nano --steps 4 --seeds 0 --pairs 1 --active 2 --valid 1 --test 2 \\
        --song-seconds 4 --rates 1e-3

shows in a minute whether it works.
"""

import argparse
from collections.abc import Sequence
from functools import partial

from adversarial import joint_trials
from adversarial.grid import Grid, add_arguments, run_grids
from adversarial.joint_runs import AREA, METHODS, measured
from adversarial.joint_tables import report
from adversarial.joint_trials import name_of, trial_of
from adversarial.separation_runs import grid_of

from umir.huge_pages import begin_again_with_huge_pages
from umir.separation.joint_unet import JointUNet
from umir.separation.recipes import PRESETS, SMALL_JOINT, SeparationPreset
from umir.wave_unet.separators.variants import VOICE

NANO = SeparationPreset(  # to see whether it works
    JointUNet(VOICE, 8192, window=64, frames=8, filters=2, levels=2), SMALL_JOINT
)
KNOWN = {"nano": NANO, **{name: PRESETS[name] for name in ("joint-half", "joint")}}


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    joint_trials.add_arguments(p)
    add_arguments(p, out="joint_separation.json", methods=METHODS, steps=2000)
    p.add_argument("--preset", default="joint-half", choices=KNOWN)
    return p


def grids_of(args: argparse.Namespace) -> list[Grid]:
    """Return the one grid."""
    preset = KNOWN[args.preset]
    grid = grid_of(
        args,
        name_of(args),
        preset,
        partial(trial_of, args, preset.network),
        measured,
        score=lambda found: -found["validation_loss"],
        report=partial(report, preset.network.sources),
        shown=("SDR/", AREA),
    )
    return [grid]


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, do what is missing, and print the tables."""
    run_grids(parser(), argv, grids_of)


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
