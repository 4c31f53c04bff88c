"""`umir separate-train`: trains a published separator as it was published, on your own stems.

Songs with stems come from a folder (`stems` in its manifest) or from MUSDB18 and the like. They are
written to OUT/songs once, at the network's rate; then follow epochs, each of which ends with a look
at the validation songs, until the recipe's last stage has seen no improvement for long enough. The
best parameters become a model directory, for `umir separate --model OUT`. Ctrl-C saves, and
`--resume` goes on.

With a prior, critics learn besides from mixtures without stems and from solos of the sources. Each
of the folders may be missing; the program says what it uses for what (`umir/separation_data.py`).
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
    from umir.separation_data import SeparationData
    from umir.separation_recipes import SeparationPreset
    from umir.separation_training import Callbacks, SeparationTraining, State
    from umir.stem_songs import StemSong
    from umir.unpaired_audio import Fingerprints

CHECKPOINT_EVERY = 500
# Named here, since help answers without JAX; the tests hold them to `umir.separation_recipes`.
PRESET_NAMES = "m1 m2 m3 m4 m5 m6 m7 u7 u7a m5-highsr filtered magnitudes magnitudes-half".split()
PRIOR_NAMES = "none adversarial factorgan".split()


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
        help="critics that learn from --mixtures and --solo",
    )
    p.add_argument(
        "--preset",
        choices=PRESET_NAMES,
        help="default m5-highsr, with a prior magnitudes-half (for a CPU)",
    )
    p.add_argument("--out", required=True, type=Path, help="the model's folder")
    p.add_argument("--sources", metavar="NAME,NAME", help="other sources than the preset's")
    p.add_argument("--batch", type=positive, help="windows per step, in every stage")
    p.add_argument("--learning-rate", type=positive_number, help="of the first stage")
    p.add_argument("--epoch-steps", type=positive, help="steps between two looks")
    p.add_argument("--steps", type=positive, help="at most so many, of the magnitudes presets")
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


def preset_of(args: argparse.Namespace) -> "SeparationPreset":
    """Return the preset that arguments ask for, with their changes.

    Raises:
        ValueError: what they ask for does not fit together.
    """
    from umir.separation_recipes import PRESETS, PriorRecipe

    preset = PRESETS[preset_name(args)]
    network, recipe = preset.network, preset.recipe
    if args.sources:
        network = replace(network, sources=tuple(args.sources.split(",")))
    given = {"epoch_steps": args.epoch_steps, "patience": args.patience, "steps": args.steps}
    if not isinstance(recipe, PriorRecipe):
        asked = {"--steps": args.steps, "--mixtures": args.mixtures, "--solo": args.solo}
        asked["--prior"] = args.prior != "none"
        if wrong := [name for name, value in asked.items() if value]:
            raise ValueError(
                f"{', '.join(wrong)}: not of the preset {preset_name(args)}; leave --preset out, "
                "or take magnitudes or magnitudes-half"
            )
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


def preset_name(args: argparse.Namespace) -> str:
    """Return the preset that is asked for, or the one that does for the other arguments."""
    unpaired = args.prior != "none" or args.mixtures or args.solo
    return args.preset or ("magnitudes-half" if unpaired else "m5-highsr")


def separate_train(args: argparse.Namespace, command: str) -> dict[str, float]:
    """Train, write the model directory, and return the scores on the test songs.

    Raises:
        ValueError: the data cannot be used, or `--out` holds another training.
    """
    from umir.data_specification import open_data
    from umir.prior_training import prior_training
    from umir.priors.pictures import draw_log
    from umir.separation_recipes import PriorRecipe
    from umir.separation_training import SeparationTraining
    from umir.training_settings import check_settings

    preset = preset_of(args)
    with_prior = isinstance(preset.recipe, PriorRecipe)
    if not (args.data or with_prior):
        raise ValueError("no songs with stems: give --pairs")
    settings = {"data": str(args.data), "seed": args.seed, **as_json(preset)}
    if with_prior:
        settings |= {"prior": args.prior, "mixtures": str(args.mixtures), "solo": args.solo}
    check_settings(args.out, settings, args.resume)
    data = open_data(args.data, "stems", None, common_stems=False) if args.data else None
    songs = {} if data is None else _labelled_songs(args, preset, data)
    if with_prior:
        known = _separation_data(args, preset, data, songs)
        training: SeparationTraining = prior_training(preset, args.prior, known, args.seed)
    else:
        training = SeparationTraining(
            preset.network, preset.recipe, songs["train"], songs["valid"], args.seed
        )
    for line in training.in_words:
        print(line, file=sys.stderr)
    state = _run(training, args.out)
    if with_prior:
        draw_log(args.out / "log.jsonl", args.out / "training.png")
    return _finished(training, state, data, args, command)


def _labelled_songs(
    args: argparse.Namespace, preset: "SeparationPreset", data: "LabelledData"
) -> "dict[str, list[StemSong]]":
    """Return the songs of the splits that training needs, and say what cannot be used."""
    from umir.data.problems import describe

    songs = {split: _songs(args, preset, data, split) for split in ("train", "valid")}
    if data.problems:
        print(describe(data.problems), file=sys.stderr)
    for split in ("train", "valid") if args.prior == "none" else ("train",):
        if not songs[split]:
            raise ValueError(f"{data.path}: no song with stems is in the split {split!r}")
    return songs


def _separation_data(
    args: argparse.Namespace,
    preset: "SeparationPreset",
    data: "LabelledData | None",
    songs: "dict[str, list[StemSong]]",
) -> "SeparationData":
    """Return all songs, those without stems written to OUT/songs as well."""
    from tqdm import tqdm

    from umir.separation_data import SeparationData
    from umir.unpaired_audio import held_out_fingerprints, read_folder

    solos = dict(text.split("=", 1) for text in args.solo or ())
    if len(solos) < len(args.solo or ()):
        raise ValueError("--solo: a source is named twice; put its recordings into one folder")
    rate, channels = preset.network.rate, preset.network.channels
    held_out: Fingerprints = {}
    if data is not None and (args.mixtures or solos):
        held_out = held_out_fingerprints(data, rate, channels)

    def recordings(path: str, name: str) -> "tuple[StemSong, ...]":
        bar = lambda files: tqdm(files, desc=name, unit="file", disable=None)  # noqa: E731
        found = read_folder(Path(path), held_out, rate, channels, args.out / "songs" / name, bar)
        for problem in found.problems:
            print(problem, file=sys.stderr)
        return found.songs

    return SeparationData(
        tuple(songs.get("train", ())),
        tuple(songs.get("valid", ())),
        recordings(args.mixtures, "mixtures") if args.mixtures else (),
        {name: recordings(folder, f"solo-{name}") for name, folder in solos.items()},
    )


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
    data: "LabelledData | None",
    args: argparse.Namespace,
    command: str,
) -> dict[str, float]:
    """Score the best parameters on the test songs, and write the model directory."""
    from umir.data_specification import OWN_FOLDER, sources_of
    from umir.fine_tuning import score
    from umir.separator_model import SeparatorModel
    from umir.stem_songs import separation_of
    from umir.user_data import known_examples

    sources = sources_of(args.data) if args.data else []
    unpaired = [OWN_FOLDER] if args.mixtures or args.solo else []
    facts = {
        "data": list(dict.fromkeys(sources + unpaired)),
        "splits": {} if data is None else dict(data.assignment),
        "validation_loss": float(state["best_loss"]) if training.valid_songs else None,
    }
    model = SeparatorModel(training.network, state["best"], facts)
    metrics = {}
    if data is not None:
        read = data.examples("test", model.rate, model.channels)
        examples = known_examples(separation_of(training.network.sources), read, data)
        metrics = score(model, examples)[0] if examples else {}
    model.save(args.out, separator_card(model, metrics, preset_name(args), command))
    return metrics


def separator_card(model: Any, metrics: dict[str, float], preset: str, command: str) -> str:
    """Return the MODEL_CARD.md of a separator that was trained here."""
    from umir.model_card import DATA, LICENCE, LICENCE_WITH_DATA, MADE_BY

    scores = [f"| {name} | {value:.4f} |" for name, value in sorted(metrics.items())]
    splits = list(model.facts["splits"].values())
    loss = model.facts["validation_loss"]
    best = (
        "there were no songs to validate with"
        if loss is None
        else f"the best validation loss was {loss:.6f}"
    )
    counts = ", ".join(f"{splits.count(name)} {name}" for name in ("train", "valid", "test"))
    return "\n".join(
        [
            "# source_separation",
            "",
            f"A published separator ({preset}), trained with umir. Sources: "
            f"{', '.join(model.network.sources)}; {model.channels} channel(s) at {model.rate} Hz.",
            "",
            f"- {MADE_BY}: `{command}`",
            f"- Training: {best}.",
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
