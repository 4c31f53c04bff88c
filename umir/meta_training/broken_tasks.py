"""Tasks of the joint turns whose loss is not finite: named, and left out from then on.

Tasks that share a pass of the body share its loss. One of them that is NaN would cost all of them
every step that they take together; so it is looked for as soon as such a step is, and what its
labels say counts for nothing after that. If all of them are NaN it is no task's own fault.

Batches are drawn one step ahead: what is found after a step is left out from the batch after the
next. A file remembers it for a training that is resumed, which then draws what one that was never
stopped would have drawn.
"""

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from umir.files import write_json
from umir.meta import Episode, MetaState
from umir.tasks.joint import JointBatch, JointObjective, unknown

KEPT = 3  # steps: batches are drawn one step ahead


class BrokenTasks:
    """A callback of a warm-up (`umir.training.Callback`), and what it left out.

    Args:
        turn: name of the joint turns.
        path: the file that remembers what is left out; may exist already.
        first_step: the number of steps that are already done: what was found after later ones, by
            a run that was killed, is forgotten.
    """

    def __init__(self, turn: str, path: Path, first_step: int = 0):
        self._turn, self._path = turn, path
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._found = {name: step for name, step in known.items() if step <= first_step}
        self._drawn: dict[int, Episode] = {}  # the last few, of which one is being learnt from

    def note(self, step: int, episode: Episode) -> Episode:
        """Return the episode of a step, and remember it until it has been learnt from."""
        self._drawn = {n: e for n, e in self._drawn.items() if n > step - KEPT} | {step: episode}
        return episode

    def __call__(self, step: int, state: MetaState, metrics: Mapping[str, float]) -> None:
        """Look for tasks that are broken, if the step was; name them on standard error."""
        if math.isfinite(metrics.get(f"loss/{self._turn}", 0.0)):
            return
        episode = self._drawn[step - 1]
        found = broken_in(episode, state, self._turn)
        if not found or len(found) == len(episode.support.targets):
            return
        new = sorted(found - self._found.keys())
        for name in new:
            tqdm.write(f"step {step}: task {name!r} is left out: its loss is nan", file=sys.stderr)
        if new:
            self._found |= dict.fromkeys(new, step)
            write_json(self._path, self._found)

    def close(self) -> None:
        """Nothing is open."""

    def without(self, batch: JointBatch, step: int) -> JointBatch:
        """Return the batch of a step in which nothing is known of what is left out by then."""
        found = self._found.copy()  # batches are drawn on a thread
        targets = {
            name: unknown(target) if found.get(name, step) < step else target
            for name, target in batch.targets.items()
        }
        return batch._replace(targets=targets)


def broken_in(episode: Episode, state: MetaState, turn: str) -> set[str]:
    """Return the tasks of a joint episode with a loss that is not finite."""
    objective = episode.loss
    assert isinstance(objective, JointObjective)
    params = {"body": state.body, "head": state.heads[turn]}
    found: set[str] = set()
    for batch in (episode.support, episode.query):
        losses = objective.losses(params, batch)
        found |= {name for name, loss in losses.items() if not np.isfinite(float(loss))}
    return found
