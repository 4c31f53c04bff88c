"""The MODEL_CARD.md of a model directory: what it is, what it learnt from, what it scores.

A card lists facts as `- Name: text`. `Made by`, `Data` and `Licence` are on every card that umir
writes, so that `umir release` finds them there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from umir.task_model import TaskModel

MADE_BY, DATA, LICENCE = "Made by", "Data", "Licence"
LICENCE_WITH_DATA = "that of the data allows or forbids the model's use; umir itself is Apache-2.0."


def model_card(model: "TaskModel", metrics: Mapping[str, float], command: str) -> str:
    """Return the card of a model adapted to labelled audio.

    Args:
        model: the model; its facts name the start, the data, the recipe and the splits.
        metrics: scores on the test songs.
        command: the command that made it.
    """
    splits = list(model.facts.get("splits", {}).values())
    counts = ", ".join(f"{splits.count(name)} {name}" for name in ("train", "valid", "test"))
    scores = [f"| {name} | {value:.4f} |" for name, value in sorted(metrics.items())]
    return "\n".join(
        [
            f"# {model.task.name}",
            "",
            f"A umir model. Classes: {', '.join(model.task.vocabulary)}.",
            "",
            f"- Network: {model.network.config.preset}, audio at {model.network.config.rate} Hz, "
            f"{model.network.config.channels} channel(s).",
            f"- Start: {model.facts.get('init', 'unknown')}.",
            f"- {MADE_BY}: `{command}`",
            *_training(model.facts.get("search")),
            f"- {DATA}: {', '.join(model.facts.get('data', ['unknown']))}; "
            f"groups so far: {counts}.",
            f"- {LICENCE}: {LICENCE_WITH_DATA}",
            "",
            "## Scores on the test songs",
            "",
            *(["| metric | value |", "|---|---|", *scores] if scores else ["None were scored."]),
            "",
        ]
    )


def _training(search: Mapping[str, Any] | None) -> list[str]:
    """Return the line on how `umir.adaptation.rate_search` found rate and step, if it did."""
    if search is None:
        return []
    tried = ", ".join(search["tried"])
    line = (
        f"- Training: step {search['step']} of {search['steps']} at the learning rate "
        f"{search['learning_rate']:g} (tried: {tried}), validation loss "
        f"{search['validation_loss']:.4f}"
    )
    # Models of before were chosen by the loss; a score that is not defined is null.
    if search.get("validation_score") is not None:
        line += f", {search['chosen_by']} {search['validation_score']:.4f}, which it was chosen by"
    return [f"{line}; {search['stopped']}."]


def card_facts(card: str) -> dict[str, str]:
    """Return the facts that a card lists as `- Name: text`."""
    return dict(re.findall(r"^- ([^:\n]+): *(.*\S)", card, re.MULTILINE))


def released_card(
    name: str, summary: Sequence[str], facts: Mapping[str, str], scores: Mapping[str, Any]
) -> str:
    """Return the card of a released model.

    Args:
        name: what it is called.
        summary: paragraphs: what it is for, its main result, how to use it.
        facts: name -> text: how it was made, from what, its licence.
        scores: what was measured -> nested mapping to numbers, all of which are shown.
    """
    paragraphs = [f"# {name}", *summary, "\n".join(f"- {fact}: {facts[fact]}" for fact in facts)]
    paragraphs += ["## Scores", *([] if scores else ["None were measured."])]
    for what, found in scores.items():
        paragraphs += [f"### {what}", *score_tables(found)]
    return "\n\n".join(paragraphs) + "\n"


def score_tables(scores: Mapping[str, Any]) -> Iterator[str]:
    """Yield tables of all numbers of a nested mapping.

    A mapping to numbers is a row, under the names that lead to it; rows of the same columns that
    follow each other share a table. What is neither a number nor a mapping is left out.
    """
    for columns, rows in groupby(_rows(scores, ()), key=lambda row: tuple(row[1])):
        lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        lines += [f"| {', '.join(path)} | {' | '.join(row.values())} |" for path, row in rows]
        yield "\n".join(lines)


def _rows(
    scores: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Yield every mapping to numbers: the names that lead to it, and its cells."""
    numbers = {name: _cell(value) for name, value in scores.items() if _is_score(value)}
    if numbers:
        yield path, numbers
    for name, value in scores.items():
        if isinstance(value, Mapping):
            yield from _rows(value, (*path, str(name)))


def _is_score(value: Any) -> bool:
    """Return whether a JSON value is a number; null is one that could not be measured."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: int | float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
