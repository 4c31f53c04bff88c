"""`umir finetune`: from a folder of labelled audio to a model directory.

The folder holds a `manifest.jsonl` (docs/users_folder.md); public data sets (`umir data list`)
serve as well. From Python: `umir.fine_tuning`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from umir.program import (
    DATA_HELP,
    command_line,
    positive,
    positive_number,
    program_parser,
    run_program,
    seed,
    use_compilation_cache,
)


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("finetune", "Adapt a network to your own labelled audio.")
    p.add_argument("--data", required=True, help=DATA_HELP)
    p.add_argument("--out", required=True, type=Path, help="model directory to write")
    what = p.add_mutually_exclusive_group()
    what.add_argument("--task", help="a named task; default: what the manifest's kind is")
    what.add_argument("--kind", help="which annotation to use if the manifest has several")
    p.add_argument(
        "--init", default="models/umir-nano", help="model directory to start from, or 'scratch'"
    )
    p.add_argument("--preset", default="nano", help="network size when starting from scratch")
    p.add_argument("--steps", type=positive, default=300, help="gradient steps")
    p.add_argument("--learning-rate", type=positive_number, default=1e-3, help="of Adam")
    p.add_argument("--seed", type=seed, default=0, help="of the fresh head and the batches")
    p.add_argument("--compare", action="store_true", help="train from scratch as well")
    return p


def run(args: argparse.Namespace) -> int:
    """Fine-tune, print the scores, write the model directory."""
    from umir.files import locked
    from umir.fine_tuning import finetune
    from umir.model_card import model_card

    use_compilation_cache()
    options = {name: value for name, value in vars(args).items() if name not in ("out", "compare")}
    with locked(args.out):
        model, metrics = finetune(**options)
        model.save(args.out, model_card(model, metrics, command_line(parser(), args)))
        rows = {args.init: metrics}
        if args.compare and args.init != "scratch":
            scratch = {**options, "init": "scratch", "config": model.network.config}
            rows["scratch"] = finetune(**scratch)[1]
    print_scores(rows, model.task.headline)
    print(f"model: {args.out}")
    return 0


def print_scores(rows: dict[str, dict[str, float]], headline: str) -> None:
    """Print metrics of several starts side by side, the headline metric first."""
    names = sorted({name for metrics in rows.values() for name in metrics}, key=str)
    names.sort(key=lambda name: name != headline)
    if not names:
        print("no test songs: nothing to score")
        return
    width = max(map(len, names))
    print(" " * width, *(f"{Path(start).name:>12}" for start in rows))
    for name in names:
        print(f"{name:<{width}}", *(f"{rows[start][name]:12.3f}" for start in rows))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
