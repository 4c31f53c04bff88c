"""The models that umir brings along: what there is, which is the best, and names for directories.

`umir/released/` holds a model directory for each, made by `umir release`, and `defaults.json`, the
one place that says which of them a program takes when none is asked for. Wherever a model is taken,
a name of one of these does as well as a directory. The environment variable UMIR_MODELS names
another folder of the same layout, to be used instead.
"""

import difflib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from umir.checkpoint import CARD_NAME, CONFIG_NAME, CheckpointError, check_weights, describe_model
from umir.files import write_json

BROUGHT_ALONG = Path(__file__).parent / "released"
FOLDER_VARIABLE = "UMIR_MODELS"
DEFAULTS_NAME = "defaults.json"
# What stands for no model where a start is asked for, and so names none.
SCRATCH = "scratch"
# What a model can be for: a start of adaptations, separation, any other single task.
INITIALISATION, SEPARATOR, TASK = PURPOSES = ("initialisation", "separator", "task")
# What `umir release` adds to the configuration of a model.
RELEASE_KEY = "release"


@dataclass(frozen=True)
class Release:
    """A released model, as lists of models show it.

    Attributes:
        name: what it is called, also its folder's name.
        directory: where it lies.
        purpose: one of `PURPOSES`.
        tasks: what it was trained on; of these it has a head if `ready`.
        ready: whether it serves its tasks without being adapted.
        stems: what a separator separates into; else empty.
        n_parameters: how many numbers it has.
        n_bytes: size of its files.
        licence: of the weights.
        headline: its main result, in a line of words.
        scores: all that is known, as it was measured: name -> nested mapping to numbers.
    """

    name: str
    directory: Path
    purpose: str
    tasks: tuple[str, ...]
    ready: bool
    stems: tuple[str, ...]
    n_parameters: int
    n_bytes: int
    licence: str
    headline: str
    scores: dict[str, Any]

    @classmethod
    def read(cls, directory: Path) -> "Release":
        """Read what a released model says of itself, without loading its weights.

        Raises:
            CheckpointError: it is damaged, or not a released model.
        """
        config, n_parameters = describe_model(directory)
        check_weights(directory)
        facts: Any = config.get(RELEASE_KEY)
        try:
            return cls(
                name=directory.name,
                directory=directory,
                purpose=facts["purpose"],
                tasks=tuple(facts["tasks"]),
                ready=facts["ready"],
                stems=tuple(facts["stems"]),
                n_parameters=n_parameters,
                n_bytes=sum(path.stat().st_size for path in directory.iterdir()),
                licence=facts["licence"],
                headline=facts["headline"],
                scores=facts["scores"],
            )
        except (KeyError, TypeError):
            raise CheckpointError(
                f"{directory / CONFIG_NAME}: not of a released model; make one with `umir release`"
            ) from None

    @property
    def card(self) -> str:
        """The text of its MODEL_CARD.md.

        Raises:
            CheckpointError: there is none.
        """
        path = self.directory / CARD_NAME
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise CheckpointError(f"{path}: is missing; copy the whole model directory") from None
        except UnicodeDecodeError as error:
            raise CheckpointError(f"{path}: is no text ({error}); copy it again") from None


def released_folder() -> Path:
    """Return the folder of released models: `$UMIR_MODELS`, else the one that is installed."""
    return Path(os.environ.get(FOLDER_VARIABLE) or BROUGHT_ALONG)


def released_names(folder: Path | None = None) -> list[str]:
    """Return the names of the released models, sorted.

    Args:
        folder: where they lie; default `released_folder()`.
    """
    folder = folder or released_folder()
    return sorted(path.parent.name for path in folder.glob(f"*/{CONFIG_NAME}"))


def default_model(purpose: str, folder: Path | None = None) -> str | None:
    """Return the name of the best released model for a purpose; None if there is none.

    Raises:
        ValueError: `defaults.json` is damaged, or names a model that is not there.
    """
    folder = folder or released_folder()
    name = _defaults(folder).get(purpose)
    if name is not None and name not in released_names(folder):
        raise ValueError(
            f"{folder / DEFAULTS_NAME}: there is no model {name!r} in this folder; copy it anew"
        )
    return name


def set_default_model(purpose: str, name: str, folder: Path) -> None:
    """Let a released model be the one that is taken for a purpose when none is asked for."""
    write_json(folder / DEFAULTS_NAME, {**_defaults(folder), purpose: name})


def find_model(model: str | os.PathLike, folder: Path | None = None, instead: str = "") -> Path:
    """Return the directory of a model that a user names.

    A folder that exists comes first. Where a released model has the same name, a line on standard
    error says which one is taken.

    Args:
        model: a model directory, or the name of a released model.
        folder: where released models lie; default `released_folder()`.
        instead: what else to do if there is no such model, for the message.

    Raises:
        ValueError: it is neither; says what is there, or what has a similar name.
    """
    folder = folder or released_folder()
    text, known = os.fspath(model), released_names(folder)
    is_name = not any(separator in text for separator in (os.sep, os.altsep) if separator)
    if os.path.exists(text):
        if is_name and text in known:
            where = folder / text
            print(f"{text}: taking the folder of this name here, not {where}", file=sys.stderr)
        return Path(text)
    if is_name and text in known:
        return folder / text
    raise ValueError(
        f"{text}: no such model directory, and no released model ({_near(text, known)}); "
        f"make one with `python -m umir.meta_train`{instead}"
    )


def find_released(name: str, folder: Path | None = None) -> Path:
    """Return the directory of a released model.

    Raises:
        ValueError: there is none of that name.
    """
    folder = folder or released_folder()
    known = released_names(folder)
    if name not in known:
        raise ValueError(f"no released model {name!r} ({_near(name, known)})")
    return folder / name


def _near(name: str, known: list[str]) -> str:
    """Return a question for the names that are like this one, or the list of all."""
    if not known:
        return "none in this installation"
    near = difflib.get_close_matches(name, known)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"


def _defaults(folder: Path) -> dict[str, str | None]:
    """Return purpose -> name, as `defaults.json` has it; empty if there is no such file."""
    path = folder / DEFAULTS_NAME
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: is damaged ({error}); install umir again") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: is to map purposes to names of models; install umir again")
    return found
