"""Decoder settings of a model: fitted on validation songs, unless those of the start serve better.

A few songs fit settings of their own, which need not hold for others. A start that has a head for
the very task also has settings for it, fitted on more songs than most users label. Which ones to
take is decided by cross-validation: are settings that are fitted on all validation groups but one
better for that one than those of the start?
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from umir.annotations import Annotation
from umir.data.example import Example
from umir.task_model import TaskModel
from umir.tasks.base import Settings, Task

# So many groups fit settings that need no proof.
MANY_GROUPS = 10

Outputs = Sequence[np.ndarray]  # of the network, one per song


def with_decoder(
    model: TaskModel, valid: Sequence[Example], known: Settings | None = None
) -> TaskModel:
    """Return the model with decoder settings for songs like those to validate with.

    Args:
        model: network and task.
        valid: songs that nothing was trained on.
        known: settings that the model started with; None: there are none.
    """
    # Of stems nothing is fitted, and to separate whole songs takes longer than to adapt to them.
    heard = [] if model.task.kind == "stems" else valid
    outputs = [model.output(example.waveform) for example in heard]
    if known and outputs and not _fits_better(model.task, outputs, valid, known):
        return replace(model, settings=known)
    return _fitted(model, outputs, valid)


def fit_and_predict(
    model: TaskModel, valid: Sequence[Example]
) -> tuple[TaskModel, list[Annotation]]:
    """Return the model with fitted settings, and what it finds in the songs they are fitted on.

    The network hears each song once: that is what takes the time.
    """
    if model.task.kind == "stems":
        found = [model.predict(example.waveform, example.rate) for example in valid]
        return with_decoder(model, valid), found
    outputs = [model.output(example.waveform) for example in valid]
    model = _fitted(model, outputs, valid)
    return model, [model.task.decode(output, model.settings) for output in outputs]


def _fitted(model: TaskModel, outputs: Outputs, valid: Sequence[Example]) -> TaskModel:
    return replace(model, settings=_settings(model.task, outputs, valid))


def _settings(task: Task, outputs: Outputs, songs: Sequence[Example]) -> Settings:
    return task.fit_decoder(outputs, [song.annotation for song in songs])


def _fits_better(task: Task, outputs: Outputs, songs: Sequence[Example], known: Settings) -> bool:
    """Return whether fitted settings do better than known ones on groups that they do not know."""
    groups = {song.group for song in songs}
    if len(groups) >= MANY_GROUPS:
        return True
    # mAP, by which several labels are judged, does not ask for thresholds: it cannot choose them.
    if len(groups) < 2 or task.kind == "labels":
        return False
    annotations = [song.annotation for song in songs]
    pairs = list(zip(outputs, songs, strict=True))
    settings = {}
    for group in groups:
        others, theirs = zip(*(pair for pair in pairs if pair[1].group != group), strict=True)
        settings[group] = _settings(task, others, theirs)

    def score(chosen: Sequence[Settings]) -> float:
        found = [task.decode(*pair) for pair in zip(outputs, chosen, strict=True)]
        return task.evaluate_all(annotations, found)[0][task.headline]

    return score([settings[song.group] for song in songs]) > score([known] * len(songs))
