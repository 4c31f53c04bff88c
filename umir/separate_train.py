"""`umir separate-train`: trains a published separator as it was published, on your own stems.

Songs with stems come from a folder (`stems` in its manifest) or from MUSDB18 and the like. They are
written to OUT/songs once, at the network's rate; then follow epochs, each of which ends with a look
at the validation songs, until the recipe's last stage has seen no improvement for long enough. The
best parameters become a model directory, for `umir separate --model OUT`. Ctrl-C saves, and
`--resume` goes on.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umir.program import (
    DATA_HELP,
    command_line,
    going_on_with,
    positive,
    positive_number,
    program_parser,
    run_program,
    seed,
    use_compilation_cache,
)

if TYPE_CHECKING:
    from umir.data_specification import LabelledData
    from umir.separation_recipes import SeparationPreset
    from umir.separation_training import Callbacks, SeparationTraining, State
    from umir.stem_songs import StemSong

CHECKPOINT_EVERY = 500
# Named here, since help answers without JAX; the tests hold them to `umir.separation_recipes`.
PRESET_NAMES = "m1 m2 m3 m4 m5 m6 m7 u7 u7a m5-highsr filtered".split()


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("separate_train", "Train a published separator on songs with stems.")
    p.add_argument("--data", required=True, help=DATA_HELP)
    p.add_argument("--preset", default="m5-highsr", choices=PRESET_NAMES)
    p.add_argument("--out", required=True, type=Path, help="the model's folder")
    p.add_argument("--sources", metavar="NAME,NAME", help="other sources than the preset's")
    p.add_argument("--batch", type=positive, help="windows per step, in every stage")
    p.add_argument("--learning-rate", type=positive_number, help="of the first stage")
    p.add_argument("--epoch-steps", type=positive, help="steps between two looks")
    p.add_argument("--patience", type=positive, help="looks without improvement in a stage")
    p.add_argument("--seed", type=seed, default=0)
    p.add_argument("--resume", action="store_true", help="go on where --out was left")
    return p


def preset_of(args: argparse.Namespace) -> "SeparationPreset":
    """Return the preset that arguments ask for, with their changes.

    Raises:
        ValueError: what they ask for does not fit together.
    """
    from umir.separation_recipes import PRESETS

    preset = PRESETS[args.preset]
    network, recipe = preset.network, preset.recipe
    if args.sources:
        network = replace(network, sources=tuple(args.sources.split(",")))
    given = {"epoch_steps": args.epoch_steps, "patience": args.patience}
    recipe = replace(recipe, **{name: value for name, value in given.items() if value})
    factor = (args.learning_rate or recipe.stages[0].learning_rate) / recipe.stages[0].learning_rate
    stages = [
        replace(
            stage,
            batch=args.batch or stage.batch,
            learning_rate=stage.learning_rate * factor,
            lowest=stage.lowest and stage.lowest * factor,
        )
        for stage in recipe.stages
    ]
    return replace(preset, network=network, recipe=replace(recipe, stages=tuple(stages)))


def separate_train(args: argparse.Namespace, command: str) -> dict[str, float]:
    """Train, write the model directory, and return the scores on the test songs.

    Raises:
        ValueError: the data cannot be used, or `--out` holds another training.
    """
    from umir.data.problems import describe
    from umir.data_specification import open_data
    from umir.separation_training import SeparationTraining
    from umir.training_settings import check_settings

    preset = preset_of(args)
    settings = {"data": str(args.data), "seed": args.seed, **as_json(preset)}
    check_settings(args.out, settings, args.resume)
    data = open_data(args.data, "stems", None, common_stems=False)
    songs = {split: _songs(args, preset, data, split) for split in ("train", "valid")}
    if data.problems:
        print(describe(data.problems), file=sys.stderr)
    for split, found in songs.items():
        if not found:
            raise ValueError(f"{data.path}: no song with stems is in the split {split!r}")
    training = SeparationTraining(
        preset.network, preset.recipe, songs["train"], songs["valid"], args.seed
    )
    state = _run(training, args.out)
    return _finished(training, state, data, args, command)


def as_json(preset: "SeparationPreset") -> dict[str, Any]:
    """Return a preset as plain JSON: what another training of the same folder must agree with."""
    return json.loads(json.dumps(asdict(preset)))


def _songs(
    args: argparse.Namespace, preset: "SeparationPreset", data: "LabelledData", split: str
) -> "list[StemSong]":
    from tqdm import tqdm

    from umir.stem_songs import separation_of, stored_songs

    network = preset.network
    task, folder = separation_of(network.sources), args.out / "songs" / split
    bar = lambda songs: tqdm(songs, desc=f"{split} songs", unit="song", disable=None)  # noqa: E731
    return stored_songs(data, split, task, network.rate, network.channels, folder, bar)


def _run(training: "SeparationTraining", out: Path) -> "State":
    """Train to the end, from the newest checkpoint if there is one."""
    from umir.resuming import Checkpoints, Interruption
    from umir.training import JsonLog, ProgressBar, TensorBoard

    def checkpoints(last: int) -> Checkpoints:
        return Checkpoints(out / "checkpoints" / "separation", CHECKPOINT_EVERY, last)

    def callbacks(first: int, last: int) -> list[Any]:
        return [
            ProgressBar(f"epoch {last // training.epoch_steps}", last, first),
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


def _finished(
    training: "SeparationTraining",
    state: "State",
    data: "LabelledData",
    args: argparse.Namespace,
    command: str,
) -> dict[str, float]:
    """Score the best parameters on the test songs, and write the model directory."""
    from umir.data_specification import sources_of
    from umir.fine_tuning import score
    from umir.separator_model import SeparatorModel
    from umir.stem_songs import separation_of
    from umir.user_data import known_examples

    facts = {
        "data": sources_of(args.data),
        "splits": dict(data.assignment),
        "validation_loss": float(state["best_loss"]),
    }
    model = SeparatorModel(training.network, state["best"], facts)
    read = data.examples("test", model.rate, model.channels)
    examples = known_examples(separation_of(training.network.sources), read, data)
    metrics = score(model, examples)[0] if examples else {}
    model.save(args.out, separator_card(model, metrics, args.preset, command))
    return metrics


def separator_card(model: Any, metrics: dict[str, float], preset: str, command: str) -> str:
    """Return the MODEL_CARD.md of a separator that was trained here."""
    from umir.model_card import DATA, LICENCE, LICENCE_WITH_DATA, MADE_BY

    scores = [f"| {name} | {value:.4f} |" for name, value in sorted(metrics.items())]
    splits = list(model.facts["splits"].values())
    counts = ", ".join(f"{splits.count(name)} {name}" for name in ("train", "valid", "test"))
    return "\n".join(
        [
            "# source_separation",
            "",
            f"A published separator ({preset}), trained with umir. Sources: "
            f"{', '.join(model.network.sources)}; {model.channels} channel(s) at {model.rate} Hz.",
            "",
            f"- {MADE_BY}: `{command}`",
            f"- Training: the best validation loss was {model.facts['validation_loss']:.6f}.",
            f"- {DATA}: {', '.join(model.facts['data'])}; groups: {counts}.",
            f"- {LICENCE}: {LICENCE_WITH_DATA}",
            "",
            "## Scores on the test songs",
            "",
            *(["| metric | value |", "|---|---|", *scores] if scores else ["None were held out."]),
            "",
        ]
    )


def run(args: argparse.Namespace) -> None:
    """Train, and print the scores."""
    use_compilation_cache()
    command = command_line(parser(), args, resume=False)
    with going_on_with(command_line(parser(), args, sys.executable, resume=True)):
        metrics = separate_train(args, command)
    for name, value in sorted(metrics.items()):
        print(f"{name:<24} {value:10.4f}")
    print(f"{args.out}: separate with `umir separate --model {args.out} FILE`")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
