"""What all command-line programs share: parsing, one clear line on failure, exit status.

Exit status 0 is done, 1 failed (with one line that says why), 2 wrong arguments, 130 interrupted,
143 and 129 ended by SIGTERM and SIGHUP.
"""

import argparse
import contextlib
import math
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from umir import __version__
from umir.interrupts import exit_status, interrupts_as_such, interrupts_heard

# Of every `--data` that takes labelled audio (`umir.data_specification`).
DATA_HELP = "folder with manifest.jsonl, or public data sets as NAME:PATH,NAME:PATH"
# Of every `--model` and `--init` (`umir.released_models`).
MODEL_HELP = "model directory, or the name of a released model (`umir models`)"
START_HELP = f"{MODEL_HELP}; none: the best released start, which has a head for each of its tasks"
MOST_DECIBELS = 200.0  # of a gain: more than between what is too soft and too loud to be stored
INIT_HELP = f"what to start from: {MODEL_HELP}, or 'scratch'"


def model_or_best(parser: argparse.ArgumentParser, model: str | None, *purposes: str) -> str:
    """Return the model that was asked for, else the best released one for a purpose.

    The first purpose that has one counts. Without any it ends as wrong arguments do.
    """
    from umir.released_models import default_model

    for purpose in purposes:
        model = model or default_model(purpose)
    if model is None:
        parser.error(f"no {purposes[0]} comes with this installation: --model is required")
    return model


def program_parser(name: str, description: str) -> argparse.ArgumentParser:
    """Return a parser for `umir NAME`, with `--version`, before anything heavy is imported."""
    parser = argparse.ArgumentParser(
        prog=f"umir {as_typed(name)}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"umir {__version__}")
    return parser


def as_typed(program: str) -> str:
    """Return how a program is typed and shown, `meta-train`, from the name of its module."""
    return program.replace("_", "-")


def module_name(program: str) -> str:
    """Return the name of a program's module, `meta_train`, from what was typed."""
    return program.replace("-", "_")


def positive(text: str) -> int:
    """Return the whole number above 0 that an argument spells."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: must be at least 1")
    return number


def fraction(text: str) -> float:
    """Return the number from 0 to 1 that an argument spells."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{number}: must be from 0 to 1")
    return number


def positive_number(text: str) -> float:
    """Return the finite number above 0 that an argument spells."""
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{number}: must be above 0, and finite")
    return number


def names(option: str, text: str) -> tuple[str, ...]:
    """Return the names that the value of an option spells, with commas between them.

    Raises:
        ValueError: one of them is empty, or there twice.
    """
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise ValueError(f"{option} {text!r}: a name is empty; give NAME,NAME")
    if twice := [name for name in found if found.count(name) > 1]:
        raise ValueError(f"{option} {text!r}: {twice[0]!r} is there twice; give each name once")
    return found


def decibels(text: str) -> float:
    """Return the level in dB that an argument spells.

    Raises:
        argparse.ArgumentTypeError: it is no level of anything.
    """
    number = float(text)
    if not abs(number) <= MOST_DECIBELS:
        raise argparse.ArgumentTypeError(f"{text}: must be from -200 to 200 dB")
    return number


def seed(text: str) -> int:
    """Return the whole number that is not negative that an argument spells."""
    number = int(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{number}: must be from 0 to {2**32 - 1}")
    return number


def run_program(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], int | None],
    argv: Sequence[str] | None,
) -> int:
    """Parse `argv`, run, and return the exit status.

    Errors that a user can mend (bad files, bad values, no space) become one line on standard
    error; set UMIR_TRACEBACK=1 to see where they came from.
    """
    args = parser.parse_args(argv)
    if hasattr(sys.stdout, "reconfigure"):  # names of files need not be text
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with interrupts_heard(), interrupts_as_such():
            status = run(args) or 0
        sys.stdout.flush()  # or what is wrong with it comes when Python ends
        return status
    except KeyboardInterrupt as stop:
        print(f"{parser.prog}: {str(stop) or 'interrupted'}", file=sys.stderr)
        return exit_status()
    except BrokenPipeError:  # whoever read what is printed has enough, as `head` does
        print_no_more()
        return 128 + 13  # SIGPIPE, which Windows does not name
    except (ValueError, OSError) as error:
        if os.environ.get("UMIR_TRACEBACK"):
            raise
        print(f"{parser.prog}: {' '.join(str(error).split())}", file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:  # that is the error
            print_no_more()
        return 1


def print_no_more() -> None:
    """Give up standard output, or Python complains of it when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def command_line(
    parser: argparse.ArgumentParser,
    args: argparse.Namespace,
    python: str = "python",
    **changed: Any,
) -> str:
    """Return the shortest command that parses to `args`, with some of them changed.

    Args:
        parser: whose options, not positional arguments, are spelled; defaults are left out.
        args: what it parsed.
        python: the interpreter to name.
        changed: other values for some of `args`.
    """
    words = [python, "-m", module_name(parser.prog).replace(" ", ".")]
    values = {**vars(args), **changed}
    for action in parser._actions:
        value = values.get(action.dest, action.default)
        if action.option_strings and value != action.default:
            several = value if isinstance(value, list) else [value]
            words += [action.option_strings[-1], *(several if action.nargs != 0 else [])]
    return shlex.join(map(str, words))


@contextlib.contextmanager
def going_on_with(command: str) -> Iterator[None]:
    """Let Ctrl-C in the block end the program with a line that says how to go on.

    Raises:
        OSError: what was to be saved then could not be.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        if isinstance(stop.__context__, OSError):
            raise stop.__context__ from None
        raise KeyboardInterrupt(f"interrupted; go on with: {command}") from None


def use_compilation_cache() -> None:
    """Keep compiled programs on disk, so that a second run starts in seconds.

    The folder is `$JAX_COMPILATION_CACHE_DIR`, else `umir/jax` in the user's cache folder.
    """
    import jax

    if not jax.config.values["jax_compilation_cache_dir"]:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        jax.config.update("jax_compilation_cache_dir", os.path.join(home, "umir", "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
