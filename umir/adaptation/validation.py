"""What validation songs say of parameters: a loss, and with songs enough a score that decides.

With a few minutes of labelled audio a network soon is sure of wrong answers: the loss rises while
scores still do, for hundreds of steps (`benchmarks/choosing_steps.py`). Of one or two validation
songs the score is as much a matter of luck; of many it is what to choose by.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from umir.adaptation.decoder_fitting import MANY_GROUPS, fit_and_predict
from umir.adaptation.network_fitting import validation_batches, validation_loss
from umir.data.example import Example
from umir.meta import Params
from umir.task_model import TaskModel
from umir.tasks.base import Task
from umir.wave_unet import Network

# Of the audio that is scored at each look: songs are cut to equal lengths, but no shorter than
# this, and so many of them are taken.
MOST_SECONDS, SHORTEST_SECONDS = 600.0, 10.0


@dataclass(frozen=True)
class Look:
    """What the validation songs say of parameters.

    Attributes:
        loss: mean over fixed segments.
        score: the task's headline; None where the loss decides alone.
    """

    loss: float
    score: float | None = None

    def beats(self, other: "Look") -> bool:
        """Return whether the score is better, of equal scores or without any the loss lower."""
        return self.order > other.order

    @property
    def order(self) -> tuple[float, float]:
        """What is better is larger; a loss that is not finite is worst, whatever the score."""
        if not math.isfinite(self.loss):
            return -math.inf, -math.inf
        score = 0.0 if self.score is None else self.score
        return -math.inf if math.isnan(score) else score, -self.loss

    def decided_by(self, score: str) -> str:
        """Return what decides: `loss`, or the name of the score."""
        return "loss" if self.score is None else score

    @property
    def better(self) -> str:
        """What a better one is called."""
        return "lower" if self.score is None else "better"

    @property
    def worse(self) -> str:
        """What a worse one is called."""
        return "higher" if self.score is None else "worse"


WORST = Look(math.inf)


class Validation:
    """Looks at parameters with validation songs.

    Args:
        network: body and head.
        task: what the head is for.
        songs: with labels.
        seen: whether they are trained on: then no number of them is enough to be believed.

    Attributes:
        many: whether the groups are enough to be believed.
        by_score: whether the score decides.
    """

    def __init__(
        self, network: Network, task: Task, songs: Sequence[Example], *, seen: bool = False
    ):
        self._network, self._task = network, task
        self._batches = validation_batches(network, task, songs)
        self._songs = of_equal_length(songs)
        self.many = not seen and len({song.group for song in songs}) >= MANY_GROUPS
        # Of songs in which nothing occurs the score is not defined, or one false alarm decides it.
        found = (task.labels_in(song.annotation) & task.source_labels for song in self._songs)
        # Whole songs take longer to separate than to learn from.
        self.by_score = self.many and not network.head.gives_waveforms and any(found)

    def look(self, params: Params) -> Look:
        """Return the loss of parameters, and their score if that decides."""
        loss = validation_loss(self._network, self._task, params, self._batches)
        return Look(loss, self.score(params) if self.by_score else None)

    def score(self, params: Params) -> float:
        """Return the task's headline, a little too good: the decoder is fitted on these songs."""
        _, found = fit_and_predict(TaskModel(self._network, self._task, params), self._songs)
        metrics, _ = self._task.evaluate_all([song.annotation for song in self._songs], found)
        return metrics[self._task.headline]


def of_equal_length(
    songs: Sequence[Example], seconds: float = MOST_SECONDS, shortest: float = SHORTEST_SECONDS
) -> list[Example]:
    """Return songs that last no more than so many seconds in all, cut if they must be.

    Args:
        songs: any.
        seconds: of audio in all.
        shortest: to which a song is cut; if all songs are too many then, those at even distances.
    """
    if sum(song.duration for song in songs) <= seconds:
        return list(songs)
    most = max(1, int(seconds / shortest))
    if len(songs) > most:
        songs = [songs[index] for index in np.linspace(0, len(songs) - 1, most).round().astype(int)]
    length = seconds / len(songs)
    return [song.crop(0.0, min(song.duration, length)) for song in songs]
