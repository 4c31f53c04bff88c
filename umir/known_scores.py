"""What is known of a model's worth: files of scores, and the main result in a line."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from umir.task_model import TaskModel

# What a meta-training writes beside its model (start -> task -> step -> score), and its title.
ADAPTATION_NAME = "adaptation.json"
ADAPTATION = "Adaptation to held-out songs, after so many steps"


def read_scores(directory: Path, files: Sequence[Path]) -> dict[str, Any]:
    """Return the scores of `adaptation.json` in a directory, if it is there, and of other files.

    Returns:
        Title -> what a file holds, without lists (the scores of single songs); None for NaN.

    Raises:
        ValueError: a file is not JSON, or two have the same name.
    """
    own = directory / ADAPTATION_NAME
    found = {ADAPTATION: _scores(own)} if own.exists() else {}
    for path in files:
        if path.stem in found:
            raise ValueError(f"{path}: a second file of scores called {path.stem}; rename one")
        found[path.stem] = _scores(path)
    return found


def headline_of(models: Mapping[str, TaskModel], scores: Mapping[str, Any]) -> str:
    """Return the main result in a line: of adaptation, or of the only task that was scored."""
    if curves := scores.get(ADAPTATION):
        start, *_ = curves
        scratch = curves.get("scratch", {})
        last = {task: max(scratch[task], key=int) for task in scratch if task in curves[start]}
        ahead = sum(
            _comparable(curves[start][task].get(step)) > _comparable(scratch[task][step])
            for task, step in last.items()
        )
        if last:
            steps = max(last.values(), key=int)
            return f"after {steps} steps ahead of scratch on {ahead} of {len(last)} tasks"
    parts = []
    for name, found in scores.items():
        model = models.get(found.get("task", ""))
        value = found.get("metrics", {}).get(model.task.headline) if model else None
        if model and value is not None:
            parts.append(f"{model.task.name} {model.task.headline} {value:.3f} ({name})")
    return ", ".join(parts) or ("see the card" if scores else "not measured")


def _comparable(score: float | None) -> float:
    """Return a score, of which none at all is the lowest (an SDR may well be below 0)."""
    return -math.inf if score is None else score


def _scores(path: Path) -> dict[str, Any]:
    """Read one file of scores."""
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: is not JSON ({error})") from error
    if not isinstance(scores, dict):
        raise ValueError(f"{path}: holds no scores: a JSON object is needed")
    return _without_lists(scores)


def _without_lists(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_lists(value) if isinstance(value, Mapping) else _finite(value)
        for name, value in scores.items()
        if not isinstance(value, list)
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
