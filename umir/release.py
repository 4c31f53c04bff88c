"""`umir release`: a small, checked copy of what a training wrote, to ship with umir.

Of a model directory only what a user needs goes along: configuration, weights (in half precision,
if that leaves the outputs as they are) and a card with data, licence, command and every score that
is known. For who maintains umir; a copy lies in `umir/released/NAME` and becomes part of the next
wheel. With `--to`, it makes such a folder of anybody's own models (UMIR_MODELS).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from umir.program import program_parser, run_program, use_compilation_cache


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("release", "Make a small, checked copy of a model directory to ship.")
    p.add_argument("directory", type=Path, metavar="DIR", help="what a training wrote")
    p.add_argument("name", metavar="NAME", help="what to call the model, for example umir-nano")
    p.add_argument(
        "--scores", nargs="+", type=Path, default=[], metavar="FILE",
        help="JSON files of measurements for the card (`umir evaluate --json`, benchmarks); "
        "adaptation.json in DIR goes along by itself",
    )  # fmt: skip
    p.add_argument("--headline", help="the main result, in a line; else taken from the scores")
    p.add_argument("--licence", help="of the weights; else what the card in DIR says")
    p.add_argument("--best", action="store_true", help="take this model where none is asked for")
    p.add_argument("--to", type=Path, metavar="FOLDER", help="else umir's own released models")
    return p


def run(args: argparse.Namespace) -> None:
    """Make the copy and say what it is."""
    from umir.models import described
    from umir.released_models import Release, default_model, released_folder
    from umir.releasing import release

    use_compilation_cache()
    folder = args.to or released_folder()
    made = release(
        args.directory,
        args.name,
        folder,
        scores=args.scores,
        headline=args.headline,
        licence=args.licence,
        best=args.best,
    )
    found = Release.read(made.directory)
    print(f"outputs change by at most {made.change:.1e}: stored as {made.stored_as}")
    print(described(found, best=default_model(found.purpose, folder) == found.name))
    print(f"model: {made.directory}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
