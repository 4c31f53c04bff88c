"""Sequence models as model directories: they load with no flags, the network and its task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax

from umir.checkpoint import CheckpointError, Model, check_params, load_model, save_model
from umir.sequence_tasks.language import Characters, Words
from umir.sequence_tasks.networks import network_of_json
from umir.sequence_tasks.recipes import TASKS
from umir.sequence_tasks.task import SequenceTask

FORMAT = "umir sequence model 1"


@dataclass(frozen=True)
class SequenceModel:
    """A task with its network and parameters.

    Attributes:
        task: what it predicts.
        params: as `task.init` draws them.
        facts: what else is worth keeping (the vocabulary, where it came from): plain JSON.
    """

    task: SequenceTask
    params: Mapping[str, Any] = field(repr=False)
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def save(self, directory: Path, card: str) -> None:
        """Write a model directory with `card` as its MODEL_CARD.md."""
        config = {"format": FORMAT, "task": self.task.as_json(), **self.facts}
        save_model(directory, Model(config, self.params), card)

    @classmethod
    def load(cls, directory: Path) -> "SequenceModel":
        """Read a model directory.

        Raises:
            CheckpointError: it is something else, or damaged.
        """
        stored = load_model(directory)
        config = dict(stored.config)
        if config.pop("format", None) != FORMAT:
            raise CheckpointError(f"{directory}: holds no sequence model; give one that holds one")
        try:
            task = task_of_json(config.pop("task", {}))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"{directory}: config.json describes a task that this version of umir does not "
                f"know ({error})"
            ) from None
        _check_vocabulary(task, config, directory)
        check_params(stored.params, jax.eval_shape(task.init, jax.random.key(0)), directory)
        return cls(task, stored.params, config)


def _check_vocabulary(task: SequenceTask, facts: Mapping[str, Any], directory: Path) -> None:
    if isinstance(task, Characters | Words):
        known = facts.get("vocabulary")
        if not isinstance(known, list) or len({*map(str, known)}) != task.symbols:
            raise CheckpointError(
                f"{directory}: config.json has no vocabulary of {task.symbols} symbols; the "
                "directory is damaged: copy it again"
            )


def task_of_json(fields: Mapping[str, Any]) -> SequenceTask:
    """Return the task that `SequenceTask.as_json` described.

    Raises:
        ValueError: this version does not know it.
    """
    known = dict(fields)
    kind = known.pop("kind", None)
    if kind not in TASKS:
        raise ValueError(f"task {kind!r}: known are {', '.join(TASKS)}")
    network = network_of_json(known.pop("network"))
    return TASKS[kind](network=network, **known)
