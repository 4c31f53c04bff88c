"""`umir separate-train`: trains a published separator as it was published, on your own stems.

Songs with stems come from a folder (`stems` in its manifest) or from MUSDB18 and the like. They are
written to OUT/songs once, at the network's rate; then follow epochs, each of which ends with a look
at the validation songs, until the recipe's last stage has seen no improvement for long enough. The
best parameters become a model directory, for `umir separate --model OUT`. Ctrl-C saves, and
`--resume` goes on.

`--init` starts from a model of the same network instead of fresh parameters.

With a prior, critics learn besides from mixtures without stems and from solos of the sources; or
one network learns to separate and, from recordings with labels of activity, to detect. Each of the
folders may be missing; the program says what it uses for what (`umir/separation/data.py`).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umir.huge_pages import begin_again_with_huge_pages
from umir.program import (
    DATA_HELP,
    MODEL_HELP,
    command_line,
    going_on_with,
    positive,
    positive_number,
    program_parser,
    run_program,
    seed,
    use_compilation_cache,
)
from umir.separation.arguments import (
    ENDS,
    check_enough,
    data_in_words,
    has_several_losses,
    is_joint,
    preset_name,
    preset_of,
    settings_of,
)

if TYPE_CHECKING:
    from umir.separation.data import SeparationData
    from umir.separation.folders import NamedData
    from umir.separation.recipes import SeparationPreset
    from umir.separation.start import SeparatorStart
    from umir.separation.training import Callbacks, SeparationTraining, State

CHECKPOINT_EVERY = 500
# Named here, since help answers without JAX; the tests hold them to `umir.separation.recipes`.
PRESET_NAMES = "m1 m2 m3 m4 m5 m6 m7 u7 u7a m5-highsr filtered".split()
PRESET_NAMES += "magnitudes magnitudes-half waveforms waveforms-half joint joint-half".split()
PRIOR_NAMES = "none adversarial factorgan joint".split()


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("separate_train", "Train a published separator on songs with stems.")
    p.add_argument("--pairs", "--data", dest="data", help=f"songs with stems: {DATA_HELP}")
    p.add_argument("--mixtures", metavar="DIR", help="mixtures without stems: folder or manifest")
    p.add_argument(
        "--solo",
        action="extend",
        nargs="+",
        type=solo,
        metavar="NAME=DIR",
        help="recordings of one source: folder or manifest; once for each source",
    )
    p.add_argument(
        "--prior",
        default="none",
        choices=PRIOR_NAMES,
        help="critics that learn from --mixtures and --solo; joint: detection beside separation",
    )
    p.add_argument(
        "--activity", metavar="DIR", help="recordings with labels of when the source is there"
    )
    p.add_argument(
        "--preset",
        choices=PRESET_NAMES,
        help="default m5-highsr; with a prior, for a CPU, magnitudes-half or joint-half",
    )
    p.add_argument(
        "--init",
        metavar="NAME|DIR",
        help=f"a model of the same network to start from: {MODEL_HELP}; none: a fresh one",
    )
    p.add_argument("--out", required=True, type=Path, help="the model's folder")
    p.add_argument(
        "--sources",
        metavar="NAME,NAME",
        help="other sources than the preset's; 'accompaniment' is whatever no other is",
    )
    p.add_argument("--batch", type=positive, help="windows per step, in every stage")
    p.add_argument("--learning-rate", type=positive_number, help="of the first stage")
    p.add_argument("--alpha", type=positive_number, help="weight of the critics of a --prior")
    p.add_argument("--epoch-steps", type=positive, help="steps between two looks")
    p.add_argument("--steps", type=positive, help="at most so many in all")
    p.add_argument("--patience", type=positive, help="looks without improvement in a stage")
    p.add_argument("--seed", type=seed, default=0)
    p.add_argument("--resume", action="store_true", help="go on where --out was left")
    return p


def solo(text: str) -> str:
    """Return an argument that spells NAME=DIR."""
    name, _, folder = text.partition("=")
    if not (name and folder):
        raise argparse.ArgumentTypeError(f"{text!r}: give NAME=DIR, as in vocals=my_singers")
    return text


def separate_train(args: argparse.Namespace, command: str) -> dict[str, float]:
    """Train, write the model directory, and return the scores on the test songs.

    Raises:
        ValueError: the data cannot be used, or `--out` holds another training.
    """
    from umir.files import locked
    from umir.priors.training_curves import draw_log
    from umir.separation.folders import NamedData
    from umir.separation.start import SeparatorStart
    from umir.separation.trained_separator import Origin, finished

    preset = preset_of(args)
    check_enough(args, preset.network.sources)
    start = SeparatorStart.load(args.init, preset.network) if args.init else None
    splits = (start.splits, start.activity_splits) if start else ({}, {})
    named = NamedData.of(
        preset.network, args.data, args.mixtures, args.solo or (), args.activity, *splits
    )
    with locked(args.out):
        training = _begun(preset, args, named, start)
        state = _run(training, args.out)
        if has_several_losses(preset):
            draw_log(args.out / "log.jsonl", args.out / "training.png")
        words = data_in_words(args, start)
        origin = Origin(words, preset_name(args), command, args.init, *splits)
        return finished(training, state, named, origin, args.out)


def _begun(
    preset: "SeparationPreset",
    args: argparse.Namespace,
    named: "NamedData",
    start: "SeparatorStart | None",
) -> "SeparationTraining":
    """Return the training that `--out` holds or is to hold, its songs stored, and say what for."""
    from umir.separation.folders import stored
    from umir.training_settings import check_settings

    check_settings(args.out, settings_of(args, preset), args.resume, free=ENDS)
    data = stored(
        named,
        preset.network,
        args.out / "songs",
        validates=preset.recipe.steps is None,
        unpaired=args.prior in ("adversarial", "factorgan"),
    )
    training = training_of(preset, args, data, start)
    for line in training.in_words:
        print(line, file=sys.stderr)
    return training


def training_of(
    preset: "SeparationPreset",
    args: argparse.Namespace,
    data: "SeparationData",
    start: "SeparatorStart | None",
) -> "SeparationTraining":
    """Return the training that a preset and arguments ask for.

    Raises:
        ValueError: there is too little to learn from, or the sources do not fit the network.
    """
    from umir.separation.data import check_difference
    from umir.separation.joint_training import joint_training
    from umir.separation.prior_training import prior_training
    from umir.separation.recipes import JointRecipe, PriorRecipe
    from umir.separation.training import SeparationTraining

    network, recipe = preset.network, preset.recipe
    params = start.params if start else None
    if isinstance(recipe, JointRecipe):
        return joint_training(preset, data, args.seed, params, detects=is_joint(args))
    if isinstance(recipe, PriorRecipe):
        return prior_training(preset, args.prior, data, args.seed, params)
    check_difference(network, data)
    return SeparationTraining(network, recipe, data.train, data.valid, args.seed, params)


def _run(training: "SeparationTraining", out: Path) -> "State":
    """Train to the end, from the newest checkpoint if there is one."""
    from umir.resuming import Checkpoints, Interruption
    from umir.training import JsonLog, ProgressBar, TensorBoard

    def checkpoints(last: int) -> Checkpoints:
        return Checkpoints(out / "checkpoints" / "separation", CHECKPOINT_EVERY, last)

    def callbacks(first: int, last: int) -> list[Any]:
        return [
            ProgressBar(f"epoch {-(-last // training.epoch_steps)}", last, first),
            JsonLog(out / "log.jsonl", "separation", first),
            TensorBoard(out / "tensorboard", first),
            checkpoints(last),
            Interruption(),
        ]

    state, stored = training.init(), checkpoints(0)
    try:
        state, step = stored.latest(state) or (state, 0)
    finally:
        stored.close()
    make: Callbacks = callbacks
    return training.run(state, step, make)


def run(args: argparse.Namespace) -> None:
    """Train, and print the scores."""
    use_compilation_cache()
    command = command_line(parser(), args, resume=False)
    with going_on_with(command_line(parser(), args, sys.executable, resume=True)):
        metrics = separate_train(args, command)
    for name, value in sorted(metrics.items()):
        print(f"{name:<24} {value:10.4f}")
    print(f"{args.out}: {use_of(args)}")


def use_of(args: argparse.Namespace) -> str:
    """Return what can be done with a model, in words."""
    separating = f"separate with `umir separate --model {args.out} FILE`"
    if not is_joint(args):
        return separating
    from umir.separation.active_songs import detection_of
    from umir.separation.joint_unet import JointUNet

    network = preset_of(args).network
    assert isinstance(network, JointUNet)
    task = detection_of(network.detected).name
    detecting = f"detect with `umir predict --model {args.out} --task {task} --out FOLDER FILE`"
    return f"{separating}, {detecting}" if args.data else detecting


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    if argv is None:
        begin_again_with_huge_pages()
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
