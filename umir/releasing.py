"""From the directory of a trained model to a released one: checked, made smaller, with its card."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax

from umir.checkpoint import (
    CARD_NAME,
    CheckpointError,
    Model,
    check_params,
    load_model,
    save_model,
)
from umir.half_precision import output_change
from umir.known_scores import headline_of, read_scores
from umir.model_card import DATA, LICENCE, LICENCE_WITH_DATA, MADE_BY, card_facts, released_card
from umir.released_models import (
    INITIALISATION,
    RELEASE_KEY,
    SCRATCH,
    SEPARATOR,
    TASK,
    set_default_model,
)
from umir.task_model import FORMAT, TaskModel
from umir.task_model import INITIALISATION as INITIALISATION_FORMAT
from umir.wave_unet import WaveUNetConfig, init_body

# What all files of a released model may take together, in bytes.
LARGEST = 20_000_000
# Half precision is for models whose outputs (probabilities; samples, at -20 dBFS) change by less.
LARGEST_CHANGE = 1e-3
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_VOCABULARIES = ("task", "heads", "decoder")  # hold names of classes, never of files
# The folders that lead to a file, of a path from the root: nobody else has them.
_FOLDERS = re.compile(r"(?<![\w.~/])/(?:[^\s/,:;'\"`]+/)+")


@dataclass(frozen=True)
class Made:
    """What a release made.

    Attributes:
        directory: the released model.
        change: how much half precision changes outputs, at most.
        half: whether that is little enough, and weights are stored so.
    """

    directory: Path
    change: float
    half: bool

    @property
    def stored_as(self) -> str:
        """The precision of the weights that are stored."""
        return "float16" if self.half else "float32"


def release(
    directory: Path,
    name: str,
    folder: Path,
    *,
    scores: Sequence[Path] = (),
    headline: str | None = None,
    licence: str | None = None,
    best: bool = False,
) -> Made:
    """Make a released model of a trained one; an older one of that name is replaced.

    Args:
        directory: what a training wrote.
        name: what to call it.
        folder: where released models lie.
        scores: JSON files for the card, beside `adaptation.json` in the directory.
        headline: the main result, in a line; default: taken from the scores.
        licence: of the weights; default: what the card in the directory says.
        best: whether to take it where no model of its purpose is asked for.

    Raises:
        ValueError: a name that cannot be one, a model that is damaged, not finite or too large, or
            a card that lacks data, licence or command.
        OSError: the folder cannot be written to.
    """
    if not _NAME.fullmatch(name) or name == SCRATCH:
        raise ValueError(f"{name!r}: cannot name a model; give small letters, digits, '.', '-'")
    if (folder / name).resolve() == directory.resolve():
        raise ValueError(
            f"{directory}: would be replaced by its own copy; give another --to or NAME"
        )
    model = load_model(directory)
    models = models_in(directory, model)
    facts, found = released_facts(directory, licence), read_scores(directory, scores)
    change = output_change(model, models)
    made = Made(folder / name, change, change < LARGEST_CHANGE)
    info = {
        **purpose_of(model, models),
        "licence": facts[LICENCE].rstrip("."),
        "headline": headline or headline_of(models, found),
        "scores": found,
    }
    facts["Weights"] = f"{made.stored_as}; rounding to float16 changes outputs by {change:.1e}."
    card = released_card(name, summary(name, info), facts, found)
    to_ship = Model({**_portable(dict(model.config)), RELEASE_KEY: info}, model.params)
    check_size(directory, to_ship, card, made.half)
    save_model(made.directory, to_ship, card, half=made.half)
    if best:
        set_default_model(info["purpose"], name, folder)
    return made


def models_in(directory: Path, model: Model) -> dict[str, TaskModel]:
    """Return the models of tasks that a directory holds, each checked against its network.

    Raises:
        ValueError: the directory is of something else, or lacks a part.
    """
    form = model.config.get("format")
    if form == FORMAT:
        only = TaskModel.load(directory)
        return {only.task.name: only}
    if form != INITIALISATION_FORMAT:
        raise ValueError(f"{directory}: not a model that this version of umir knows, but {form!r}")
    if missing := {"network", "tasks"} - model.config.keys() or {"body"} - model.params.keys():
        raise CheckpointError(f"{directory}: lacks {', '.join(sorted(missing))}; copy it again")
    config = WaveUNetConfig.from_json(model.config["network"])
    body = jax.eval_shape(partial(init_body, config), jax.random.key(0))
    check_params({"body": model.params["body"]}, {"body": body}, directory)
    return {name: TaskModel.load(directory, name) for name in model.config.get("heads", ())}


def purpose_of(model: Model, models: Mapping[str, TaskModel]) -> dict[str, Any]:
    """Return purpose, tasks and stems of a model, as `umir.released_models.Release` reads them."""
    if model.config["format"] == INITIALISATION_FORMAT:
        tasks = list(model.config["tasks"])
        return {"purpose": INITIALISATION, "tasks": tasks, "ready": bool(models), "stems": []}
    (only,) = models.values()
    separates = only.task.kind == "stems"
    return {
        "purpose": SEPARATOR if separates else TASK,
        "tasks": [only.task.name],
        "ready": True,
        "stems": list(only.task.vocabulary) if separates else [],
    }


def released_facts(directory: Path, licence: str | None) -> dict[str, str]:
    """Return the facts of a training's card, for the card of the released model.

    Raises:
        ValueError: there is no card, or it does not say how the model was made, from what data, or
            under which licence it may be used.
    """
    path = directory / CARD_NAME
    if not path.exists():
        raise CheckpointError(f"{path}: is missing; copy the whole model directory")
    facts = _portable(card_facts(path.read_text(encoding="utf-8")))
    facts.pop("Scores", None)
    if licence:
        facts[LICENCE] = licence
    if facts.get(LICENCE) == LICENCE_WITH_DATA:
        raise ValueError(f"{path}: the data's licences decide; read them and give --licence")
    for fact in (MADE_BY, DATA, LICENCE):
        if not facts.get(fact):
            more = " or give --licence" if fact == LICENCE else ""
            raise ValueError(f"{path}: lacks `- {fact}: ...`; write it there{more}")
    return facts


def summary(name: str, info: Mapping[str, Any]) -> list[str]:
    """Return the paragraphs at the head of a released model's card."""
    use = {
        INITIALISATION: f"A start: `umir finetune --init {name} --data FOLDER --out DIR`."
        + (
            " It also serves its tasks as it is: "
            f"`umir predict FILE --model {name} --task TASK --out DIR`." * info["ready"]
        ),
        SEPARATOR: f"Separates {', '.join(info['stems'])}: `umir separate FILE --model {name}`.",
        TASK: f"A model for {info['tasks'][0]}: `umir predict FILE --model {name} --out DIR`.",
    }
    return [use[info["purpose"]], f"Main result: {info['headline']}."]


def check_size(directory: Path, model: Model, card: str, half: bool) -> None:
    """Raise unless the released model is small enough, and reads as what it is.

    Raises:
        ValueError: it is too large.
    """
    with TemporaryDirectory() as trial:
        save_model(trial, model, card, half=half)
        models_in(Path(trial), load_model(trial))
        size = sum(path.stat().st_size for path in Path(trial).iterdir())
    if size > LARGEST:
        raise ValueError(
            f"{directory}: would take {size / 1e6:.1f} MB, and a released model may take "
            f"{LARGEST / 1e6:.0f} MB; train a smaller preset"
        )


def _portable(value: Any) -> Any:
    """Return plain JSON whose texts name files of this machine without their folders."""
    if isinstance(value, str):
        return _FOLDERS.sub("", value)
    if isinstance(value, Mapping):
        return {
            _portable(name): item if name in _VOCABULARIES else _portable(item)
            for name, item in value.items()
        }
    return [_portable(item) for item in value] if isinstance(value, list) else value
