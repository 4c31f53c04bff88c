"""`umir sequences`: the sequence models of the Seq-U-Net paper, trained as published, and at work.

`umir sequences music|copy|characters|words|audio` trains a network on a task of
`umir.sequence_tasks`: epochs, each with a look at the validation data, the best parameters kept as
a model directory. Ctrl-C saves, and `--resume` goes on. `umir sequences generate` lets such a model
go on with a beginning: audio as WAV, text as text, piano rolls as MIDI.
"""

import argparse
import math
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umir.huge_pages import begin_again_with_huge_pages
from umir.program import (
    fraction,
    going_on_with,
    positive,
    positive_number,
    program_parser,
    run_program,
    seed,
    use_compilation_cache,
)
from umir.sequence_generation import add_generate

if TYPE_CHECKING:
    from umir.sequence_tasks.model import SequenceModel
    from umir.sequence_tasks.recipes import Recipe, SequencePreset
    from umir.sequence_tasks.sources import Source
    from umir.sequence_tasks.training import SequenceTraining, State
    from umir.training import Callback

CHECKPOINT_EVERY = 500
# Named here, since help answers without JAX; the tests hold them to `umir.sequence_tasks.recipes`.
PRESET_NAMES = {
    "music": ("jsb", "muse", "nottingham"),
    "copy": ("copy",),
    "characters": ("ptb",),
    "words": ("ptb",),
    "audio": ("piano",),
}
NETWORK_NAMES = {
    **dict.fromkeys(("music", "copy", "characters", "words"), ("seq_unet", "tcn")),
    "audio": ("residual_seq_unet", "wavenet"),
}
_SUMMARIES = {
    "music": "which keys of a piano sound next, in piano rolls (.mat)",
    "copy": "digits that were shown long ago",
    "characters": "the next character of a text",
    "words": "the next word of a text",
    "audio": "the next sample of audio, mu-law in 256 classes",
}


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("sequences", "The sequence models of the Seq-U-Net paper.")
    commands = p.add_subparsers(dest="task", required=True, metavar="COMMAND")
    for task, summary in _SUMMARIES.items():
        own = commands.add_parser(
            task,
            help=f"learn to predict {summary}",
            description=f"Train a network to predict {summary}.",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        _add_data(own, task)
        _add_training(own, task)
    add_generate(commands)
    return p


def _add_data(p: argparse.ArgumentParser, task: str) -> None:
    """Add what says where the data of a task come from."""
    if task == "music":
        p.add_argument("data", type=Path, metavar="FILE.mat", help="with pieces of each split")
    elif task == "copy":
        p.add_argument("--blanks", type=positive, default=1000, help="between digits and marks")
        p.add_argument("--digits", type=positive, default=10, help="to recall")
    elif task == "audio":
        p.add_argument("data", type=Path, nargs="+", metavar="FILE_OR_DIR", help="audio")
        p.add_argument("--targets", type=positive, help="samples per window, at least")
    else:
        p.add_argument(
            "data", type=Path, nargs="+", metavar="FILE",
            help="one text (its end validates and tests), or three: train, valid, test",
        )  # fmt: skip
        p.add_argument("--targets", type=positive, help="symbols per window, at least")
    if task == "characters":
        p.add_argument(
            "--spell-newlines", action="store_true", help="write <eos> for each, as in the paper"
        )
    if task == "words":
        p.add_argument("--vocabulary", type=positive, help="most frequent words, others are <unk>")


def _add_training(p: argparse.ArgumentParser, task: str) -> None:
    """Add what says how to train."""
    networks, presets = NETWORK_NAMES[task], PRESET_NAMES[task]
    only = presets[0] if len(presets) == 1 else None
    p.add_argument("--network", choices=networks, default=networks[0])
    p.add_argument("--preset", choices=presets, default=only, required=only is None)
    p.add_argument("--out", required=True, type=Path, help="the model's folder")
    p.add_argument("--epochs", type=positive, help="other than the preset's, like those below")
    p.add_argument("--epoch-steps", type=positive, help="steps between two looks; all data once")
    if task != "music":  # a step of which takes one piece
        p.add_argument("--batch", type=positive, help="sequences per step")
    p.add_argument("--learning-rate", type=positive_number, help="of Adam, in the beginning")
    p.add_argument("--clip", type=_clip, metavar="LENGTH", help="longest gradient; 0: any")
    p.add_argument("--dropout", type=fraction, help="after the layers of seq_unet and tcn")
    p.add_argument("--seed", type=seed, default=0)
    p.add_argument("--resume", action="store_true", help="go on where --out was left")
    p.add_argument("--json", type=Path, metavar="FILE", help="write the scores there, too")


def _clip(text: str) -> float:
    number = float(text)
    return number if number == 0 else positive_number(text)


def preset_of(args: argparse.Namespace) -> "SequencePreset":
    """Return the preset that arguments ask for, with their changes.

    Raises:
        ValueError: what they ask for does not fit together.
    """
    from umir.sequence_tasks.recipes import PRESETS

    preset = PRESETS[args.task][args.preset][args.network]
    task = preset.task
    if args.dropout is not None:
        if not hasattr(task.network, "dropout"):
            raise ValueError(f"--dropout: a {args.network} drops nothing; leave it out")
        task = replace(task, network=replace(task.network, dropout=args.dropout))
    own = {name: getattr(args, name, None) for name in ("blanks", "digits", "targets")}
    task = replace(task, **{name: value for name, value in own.items() if value is not None})
    return replace(preset, task=task, recipe=_recipe(args, preset.recipe))


def _recipe(args: argparse.Namespace, recipe: "Recipe") -> "Recipe":
    given: dict[str, Any]
    names = ("epochs", "epoch_steps", "batch", "learning_rate")
    given = {name: getattr(args, name, None) for name in names}
    given = {name: value for name, value in given.items() if value is not None}
    if args.clip is not None:
        given["clip"] = args.clip or None
    return replace(recipe, **given)


def source_of(args: argparse.Namespace, preset: "SequencePreset") -> "Source":
    """Open the data that arguments name.

    Raises:
        ValueError: they cannot be used.
    """
    from tqdm import tqdm

    from umir.sequence_tasks import sources

    task: Any = preset.task
    batch = preset.recipe.batch
    if args.task == "music":
        return sources.open_piano_rolls(task, args.data)
    if args.task == "copy":
        return sources.open_copy(task, batch, args.seed)
    if args.task == "audio":
        bar: Callable[[Sequence[Path]], Iterable[Path]]
        bar = lambda files: tqdm(files, desc="reading", unit="file", disable=None)  # noqa: E731
        report = partial(print, file=sys.stderr)
        return sources.open_recordings(task, args.data, batch, report, bar)
    options = {n: getattr(args, n) for n in ("spell_newlines", "vocabulary") if hasattr(args, n)}
    return sources.open_text(task, args.data, batch, **options)


def train_model(args: argparse.Namespace, command: str) -> dict[str, Any]:
    """Train, write the model directory, and return what `--json` writes.

    Raises:
        ValueError: the data cannot be used, or `--out` holds another training.
    """
    from umir.sequence_tasks.training import SequenceTraining
    from umir.training_settings import check_settings

    preset = preset_of(args)
    source = source_of(args, preset)
    training = SequenceTraining(source.task, preset.recipe, source.data, args.seed)
    # A training may be made longer: epochs are no part of what must stay.
    recipe = {name: value for name, value in asdict(preset.recipe).items() if name != "epochs"}
    settings = {
        "task": source.task.as_json(),
        "recipe": recipe,
        "data": source.data.description,
        "seed": args.seed,
    }
    check_settings(args.out, settings, args.resume)
    state = run_training(training, args.out)
    return _finished(training, state, source, args, command)


def run_training(training: "SequenceTraining", out: Path, title: str = "training") -> "State":
    """Train to the end, from the newest checkpoint if there is one.

    Args:
        training: what to train.
        out: where checkpoints and logs lie.
        title: of the progress bar.

    Returns:
        The state in the end.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the state is saved.
        ValueError: the newest checkpoint cannot be read.
    """
    from umir.resuming import Checkpoints, Interruption
    from umir.training import JsonLog, ProgressBar, TensorBoard, WithMetrics

    checkpoints = Checkpoints(out / "checkpoints" / "sequences", CHECKPOINT_EVERY, training.steps)
    state = training.init()
    try:
        state, step = checkpoints.latest(state) or (state, 0)
        watching: list[Callback] = [
            ProgressBar(title, training.steps, step),
            JsonLog(out / "log.jsonl", "sequences", step),
            TensorBoard(out / "tensorboard", step),
        ]
    except BaseException:
        checkpoints.close()
        raise
    measured = [WithMetrics(callback) for callback in watching]
    return training.run(state, step, [*measured, checkpoints, Interruption()])


def _finished(
    training: "SequenceTraining",
    state: "State",
    source: "Source",
    args: argparse.Namespace,
    command: str,
) -> dict[str, Any]:
    """Score the best parameters, and write the model directory."""
    from umir.sequence_tasks.model import SequenceModel
    from umir.wave_unet import n_parameters

    if not math.isfinite(float(state["best_loss"])):
        raise ValueError(
            f"{args.out}: no model was written: no epoch had a finite validation loss; lower "
            "--learning-rate"
        )
    splits = training.scores(state["best"])
    scores = {
        "task": args.task,
        "network": args.network,
        "preset": args.preset,
        "seed": args.seed,
        "parameters": n_parameters(state["best"]),
        "best_epoch": int(state["best_epoch"]),
        "metrics": splits.get("test", {}),
        "splits": splits,
    }
    facts = {**source.facts, "data": list(source.names), "scores": splits}
    model = SequenceModel(source.task, state["best"], facts)
    model.save(args.out, sequence_card(model, scores, command))
    return scores


def sequence_card(model: "SequenceModel", scores: Mapping[str, Any], command: str) -> str:
    """Return the MODEL_CARD.md of a sequence model.

    Args:
        model: with the names of its data among the facts.
        scores: `network`, `preset`, `parameters`, `best_epoch`, and `splits`: split -> metrics.
        command: what made it.
    """
    from umir.model_card import DATA, LICENCE, LICENCE_WITH_DATA, MADE_BY, score_tables

    splits = {split: dict(metrics) for split, metrics in scores["splits"].items()}
    return "\n".join(
        [
            f"# {model.task.kind}",
            "",
            f"A sequence model of umir: {scores['network']} with the preset {scores['preset']}, "
            f"{scores['parameters']} parameters.",
            "",
            f"- {MADE_BY}: `{command}`",
            f"- Training: the parameters of epoch {scores['best_epoch']}, whose validation loss "
            "was the best.",
            f"- {DATA}: {', '.join(model.facts['data'])}.",
            f"- {LICENCE}: {LICENCE_WITH_DATA}",
            "",
            "## Scores",
            "",
            *score_tables(splits),
            "",
        ]
    )


def run(words: Sequence[str], args: argparse.Namespace) -> None:
    """Run the command, and print what came out.

    Args:
        words: as they were typed.
        args: what they say.
    """
    from umir.files import locked, write_json

    use_compilation_cache()
    if args.task == "generate":
        from umir.sequence_generation import generate

        generate(args)
        return
    typed = [word for word in words if word != "--resume"]
    go_on = shlex.join([sys.executable, "-m", "umir.sequences", *typed, "--resume"])
    with locked(args.out), going_on_with(go_on):
        scores = train_model(args, shlex.join(["umir", "sequences", *typed]))
    for split, metrics in scores["splits"].items():
        print(f"{split}: {', '.join(f'{name} {value:.4f}' for name, value in metrics.items())}")
    if args.json:
        write_json(args.json, scores)
    silent = args.task == "copy" or args.network == "wavenet"
    hint = "" if silent else f"; `umir sequences generate --model {args.out}` goes on"
    print(f"{args.out}: the parameters of epoch {scores['best_epoch']}{hint}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    if argv is None:
        begin_again_with_huge_pages()
    words = list(sys.argv[1:] if argv is None else argv)
    return run_program(parser(), partial(run, words), words)


if __name__ == "__main__":
    sys.exit(main())
