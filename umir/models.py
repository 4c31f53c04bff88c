"""`umir models`: the models that umir brings along, and the card of each."""

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umir.program import program_parser, run_program

if TYPE_CHECKING:
    from umir.released_models import Release

WIDTH = 100


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("models", "List the models that umir brings along.")
    p.add_argument("name", nargs="?", metavar="NAME", help="print the card of this model")
    p.add_argument("--json", action="store_true", help="print JSON instead of text")
    return p


def described(model: "Release", best: bool) -> str:
    """Return what a model is, in some lines of text.

    Args:
        model: what it says of itself.
        best: whether it is taken where no model of its purpose is asked for.
    """
    rows = {
        "for": purpose_of(model) + (" (taken by default)" if best else ""),
        **({"tasks": ", ".join(model.tasks)} if len(model.tasks) > 1 else {}),
        "parameters": f"{model.n_parameters / 1e6:.1f} million",
        "size": f"{model.n_bytes / 1e6:.1f} MB",
        "licence": model.licence,
        "scores": model.headline,
    }
    wrap = partial(textwrap.fill, width=WIDTH, subsequent_indent=" " * 16)
    return "\n".join([model.name, *(wrap(f"    {name:<12}{text}") for name, text in rows.items())])


def purpose_of(model: "Release") -> str:
    """Return what a model is for, and with which command."""
    from umir.released_models import INITIALISATION, SEPARATOR

    if model.purpose == SEPARATOR:
        return f"`umir separate`: {', '.join(model.stems)}"
    if model.purpose == INITIALISATION:
        predict = f"`umir predict FILE --model {model.name} --task TASK --out DIR`"
        also = f"; {predict} of its tasks" if model.ready else ""
        return f"start of `umir finetune`{also}"
    return f"`umir predict`: {', '.join(model.tasks)}"


def as_json(model: "Release", best: bool) -> dict[str, Any]:
    """Return a model's description as plain JSON."""
    return {**asdict(model), "directory": str(model.directory), "best": best}


def list_models(folder: Path, to_json: bool) -> int:
    """Print all models of a folder; those that are damaged go to standard error, and give 1."""
    from umir.released_models import Release, default_model, released_names

    found, failed = [], 0
    for name in released_names(folder):
        try:
            model = Release.read(folder / name)
        except (ValueError, OSError) as error:
            print(f"failed: {error}", file=sys.stderr)
            failed = 1
        else:
            found.append((model, default_model(model.purpose, folder) == name))
    if to_json:
        print(json.dumps([as_json(*entry) for entry in found], indent=1))
    elif found:
        print("\n\n".join(described(*entry) for entry in found))
    elif not failed:
        print("none in this installation: train one with `umir meta-train`")
    return failed


def run(args: argparse.Namespace) -> int:
    """Print the list, or one model's card."""
    from umir.released_models import Release, default_model, find_released, released_folder

    folder = released_folder()
    if args.name is None:
        return list_models(folder, args.json)
    model = Release.read(find_released(args.name, folder))
    if args.json:
        best = default_model(model.purpose, folder) == model.name
        print(json.dumps(as_json(model, best), indent=1))
    else:
        print(model.card, end="")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
