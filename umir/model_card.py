"""The MODEL_CARD.md of a model directory: what it is, what it learnt from, what it scores."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from umir.task_model import TaskModel

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
            f"- Made by: `{command}`",
            f"- Data: {', '.join(model.facts.get('data', ['unknown']))}; groups: {counts}.",
            f"- Licence: {LICENCE_WITH_DATA}",
            "",
            "## Scores on the test songs",
            "",
            *(["| metric | value |", "|---|---|", *scores] if scores else ["None were held out."]),
            "",
        ]
    )
