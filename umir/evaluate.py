"""`umir evaluate`: scores a model on labelled audio."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umir.program import (
    DATA_HELP,
    START_HELP,
    model_or_best,
    program_parser,
    run_program,
    use_compilation_cache,
)

if TYPE_CHECKING:
    from umir.data.example import Example
    from umir.data_specification import LabelledData
    from umir.separation.separator_model import AnyModel
    from umir.tasks import Task


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("evaluate", "Score a model on labelled audio.")
    p.add_argument("--model", metavar="NAME|DIR", help=START_HELP)
    p.add_argument("--task", help="which task, of a model that has several")
    p.add_argument("--data", required=True, help=DATA_HELP)
    p.add_argument(
        "--split",
        default="test",
        choices=["train", "valid", "test", "all"],
        help="which songs; default test; all: every one that the model was not adapted with",
    )
    p.add_argument("--json", type=Path, help="write the scores to this file too")
    return p


def evaluate(
    model: "str | Path | AnyModel", data: str | Path, split: str = "test"
) -> dict[str, Any]:
    """Score a model on one split of labelled audio.

    Songs that the model was adapted with keep the split they had then.

    Args:
        model: a model, its directory or its name (`umir models`).
        data: a user's folder, public data sets or both (`umir.data_specification`).
        split: `train`, `valid` or `test`; `all`: of all, what the model was not adapted with, for
            example everything, for a model that has never seen the data.

    Returns:
        `{"task": name, "rate": Hz, "channels": number, "metrics": {metric: value}, "per_track":
        [{"track": name, ...}]}`: stems are compared at the rate and with the channels of the model.

    Raises:
        ValueError: if model or data cannot be used, or the split is empty.
    """
    from umir.data.problems import describe
    from umir.data.splits import splits_together
    from umir.data_specification import open_data, stored_splits
    from umir.fine_tuning import score
    from umir.separation.detector_model import ACTIVITY_SPLITS
    from umir.separation.separator_model import SeparatorModel, load_model_for
    from umir.tasks import TASKS

    loaded = load_model_for(model) if isinstance(model, (str, Path)) else model
    facts = loaded.facts
    taught = splits_together(facts.get("splits", {}), facts.get(ACTIVITY_SPLITS, {}))
    splits = stored_splits(data, taught)
    # A published separator's sources are its own, whatever a data set calls a task of its stems.
    fits = loaded.task.name in TASKS and not isinstance(loaded, SeparatorModel)
    named = loaded.task.name if fits else None
    manifest = open_data(data, loaded.task.kind, named, splits, common_stems=False)
    read = manifest.stream(None if split == "all" else split, loaded.rate, loaded.channels)
    metrics, per_track = score(loaded, _usable(loaded.task, read, manifest))
    if manifest.problems:
        print(describe(manifest.problems), file=sys.stderr)
    if not per_track:
        raise ValueError(f"{data}: no usable audio in the split {split!r}")
    return {
        "task": loaded.task.name,
        "rate": loaded.rate,
        "channels": loaded.channels,
        "metrics": metrics,
        "per_track": per_track,
    }


def _usable(
    task: "Task", examples: "Iterable[Example]", manifest: "LabelledData"
) -> "Iterator[Example]":
    """Yield the songs that `umir finetune` would score, one at a time; the others are reported."""
    from umir.user_data import known_examples

    for example in examples:
        yield from known_examples(task, [example], manifest)


def run(args: argparse.Namespace) -> None:
    """Evaluate, print the scores, write them as JSON if asked to."""
    from umir.files import write_json
    from umir.released_models import INITIALISATION
    from umir.separation.separator_model import load_model_for

    use_compilation_cache()
    name = model_or_best(parser(), args.model, INITIALISATION)
    model = load_model_for(name, args.task)
    result = evaluate(model, args.data, args.split)
    names = sorted(result["metrics"], key=lambda name: (name != model.task.headline, name))
    heard = f", at {result['rate']} Hz, {result['channels']} channel(s)"
    compared = heard if model.task.kind == "stems" else ""
    print(f"{result['task']}, {len(result['per_track'])} tracks of {args.split}{compared}")
    for name in names:
        print(f"{name:<24} {result['metrics'][name]:10.4f}")
    if args.json:
        write_json(args.json, result)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
