"""`umir finetune`: from a folder of labelled audio to a model directory.

The folder holds a `manifest.jsonl` (docs/users_folder.md); public data sets (`umir data list`)
serve as well. From Python: `umir.fine_tuning`.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

from umir.huge_pages import begin_again_with_huge_pages
from umir.program import (
    DATA_HELP,
    INIT_HELP,
    command_line,
    fraction,
    positive,
    positive_number,
    program_parser,
    run_program,
    seed,
    use_compilation_cache,
)
from umir.released_models import INITIALISATION, default_model

if TYPE_CHECKING:
    from umir.task_model import TaskModel

UNADAPTED = "as it is"  # the title of its column


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("finetune", "Adapt a network to your own labelled audio.")
    p.add_argument("--data", required=True, help=DATA_HELP)
    p.add_argument("--out", required=True, type=Path, help="model directory to write")
    what = p.add_mutually_exclusive_group()
    what.add_argument("--task", help="a named task; default: what the manifest's kind is")
    what.add_argument("--kind", help="which annotation to use if the manifest has several")
    p.add_argument(
        "--init", metavar="NAME|DIR|scratch", help=f"{INIT_HELP}; none: the best released model"
    )
    p.add_argument("--preset", help="network size when starting from scratch; none: nano")
    p.add_argument(
        "--body",
        choices=["wave_unet", "seq_unet"],
        help="kind of network when starting from scratch; seq_unet is causal; none: wave_unet",
    )
    p.add_argument(
        "--steps", type=positive, help="gradient steps; none: while the validation songs gain"
    )
    p.add_argument(
        "--learning-rate",
        type=positive_number,
        help="of Adam, for a body from scratch, and as many times that as another one is larger; "
        "none: the best of three on the validation songs",
    )
    p.add_argument("--seed", type=seed, default=0, help="of all that is random")
    p.add_argument(
        "--speed",
        type=fraction,
        metavar="FRACTION",
        help="how often training audio is heard up to two semitones faster and higher, or slower "
        "and lower, its labels moved along; none: 0.8 of chords and keys, 0 of other tasks",
    )
    p.add_argument(
        "--share",
        type=fraction,
        metavar="FRACTION",
        help="how far the weights go from the start's to those that were learnt, where its own "
        "head goes on; none: halfway, or all the way if ten validation groups say that is better",
    )
    p.add_argument(
        "--compare",
        action="store_true",
        help="score the start as it is, where it knows the task, and train from scratch as well",
    )
    return p


def run(args: argparse.Namespace) -> int:
    """Fine-tune, print the scores, write the model directory.

    After Ctrl-C and the like the best model so far is written, and its status returned.
    """
    from umir.adaptation.rate_search import INTERRUPTED
    from umir.files import locked
    from umir.fine_tuning import finetune
    from umir.interrupts import exit_status
    from umir.model_card import model_card

    use_compilation_cache()
    # Not the parser's default: the card spells it, and damaged defaults fail like all else.
    args.init = args.init or default_model(INITIALISATION) or "models/nano-fomaml"
    options = {name: value for name, value in vars(args).items() if name not in ("out", "compare")}
    with locked(args.out):
        model, metrics = finetune(**options)
        go_on = args.compare and model.facts["search"]["stopped"] != INTERRUPTED
        # Read before the model is written: that may be in its place.
        before = _as_it_is(args.init, model) if go_on else None
        try:
            model.save(args.out, model_card(model, metrics, command_line(parser(), args)))
        except OSError:  # a full disk: what it came to is known all the same
            print_scores({args.init: metrics}, model.task.headline)
            raise
        rows, last = {args.init: metrics}, model
        try:
            if go_on and args.init == "scratch":
                print("nothing to compare: the model itself is from scratch", file=sys.stderr)
            elif go_on and not metrics:
                print("nothing to compare: there are no test songs", file=sys.stderr)
            elif go_on:
                rows |= unadapted(args.init, before, args.data)
                print("the same from scratch, with the same budget:", file=sys.stderr)
                scratch = {**options, "init": "scratch", "config": model.network.config}
                scratch["share"] = None  # there is nothing to go back to
                scratch["splits"] = model.facts["splits"]  # as the start was given them
                last, rows["scratch"] = finetune(**scratch)
        finally:  # the model is there, whatever becomes of the comparison
            print_scores(rows, model.task.headline)
            print(f"model: {args.out}")
    return exit_status() if last.facts["search"]["stopped"] == INTERRUPTED else 0


def _as_it_is(init: str, adapted: "TaskModel") -> "TaskModel | None":
    """Return a start as it is for a task, with the splits of what was made of it."""
    from umir.adaptation.start import Start

    model = Start.load(init).as_it_is(adapted.task)
    # What was dealt again because songs cannot be used is nowhere else.
    splits = {"splits": adapted.facts["splits"]}
    return model and replace(model, facts={**model.facts, **splits})


def unadapted(init: str, model: "TaskModel | None", data: str) -> dict[str, dict[str, float]]:
    """Return the metrics of a start as it is, on the same test songs; nothing without a head."""
    from umir.evaluate import evaluate

    try:
        return {} if model is None else {UNADAPTED: evaluate(model, data)["metrics"]}
    except ValueError as error:  # the start has learnt from all of these songs
        print(f"{init} as it is: not scored: {error}", file=sys.stderr)
        return {}


def print_scores(rows: dict[str, dict[str, float]], headline: str) -> None:
    """Print metrics of several starts side by side, the headline metric first."""
    names = sorted({name for metrics in rows.values() for name in metrics}, key=str)
    names.sort(key=lambda name: name != headline)
    if not names:
        print("no test songs were scored")
        return
    width = max(map(len, names))
    print(" " * width, *(f"{Path(start).name:>12}" for start in rows))
    for name in names:
        print(f"{name:<{width}}", *(f"{row.get(name, nan):12.3f}" for row in rows.values()))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    if argv is None:
        begin_again_with_huge_pages()
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
