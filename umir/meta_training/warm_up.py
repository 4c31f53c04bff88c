"""The warm-up: multi-task training of one body, with one head per task that persists.

Tasks that share the waveforms of songs are learnt jointly, all of them in each pass of the body,
as one turn called `songs`. The others (separation, whose stems are mixed anew, and clips of single
instruments) take turns with it, one turn in five.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray, PyTree

from umir.meta import Episode, MultiTask
from umir.meta_training.broken_tasks import BrokenTasks
from umir.meta_training.plan import LEFT_OUT, Plan
from umir.meta_training.schedules import body_optimizer, outer_optimizer
from umir.meta_training.training_songs import TrainingSongs
from umir.tasks import Task
from umir.tasks.joint import JointObjective
from umir.tasks.objective import Objective, as_arrays, fresh_params
from umir.wave_unet import Network, init_body

SONGS = "songs"  # the turn of the tasks that are learnt jointly
# Of them, to one turn of another task: eight tasks learn in it, and two take turns of their own.
JOINT_TURNS = 4
# Of Muon and of Adam, by the losses of `nano` after 300 updates: 3e-3 is slower, 2e-2 no better.
# With Adam for the body, too, 3e-3 is best, and 300 updates teach as much as 100 do here.
BODY_RATE, HEAD_RATE = 1e-2, 1e-2


class WarmUp:
    """The turns of a warm-up, their batches and their heads.

    Args:
        plan: network, tasks, number of steps, seed.
        songs: what each step draws from.
        first_step: the number of steps that are already done.
    """

    def __init__(self, plan: Plan, songs: TrainingSongs, first_step: int = 0):
        self._plan, self._songs, self._first_step = plan, songs, first_step
        first = songs.at(first_step)
        self.joint = first.joint
        self.alone = {t.name: t for t in first.sampler.tasks if t not in self.joint}
        self._turns = tuple(_turns(bool(self.joint), list(self.alone)))
        self.broken = BrokenTasks(SONGS, plan.out / "checkpoints" / LEFT_OUT, first_step)

    def turn(self, step: int) -> str:
        """Return the name of the turn that a step takes: of a task, or `SONGS`."""
        return self._turns[step % len(self._turns)]

    def algorithm(self) -> MultiTask:
        """Return the multi-task training, whose rates end when the plan's warm-up does."""
        steps = self._plan.warm_up_steps
        own = {name: sum(self.turn(s) == name for s in range(steps)) for name in set(self._turns)}
        heads = {name: outer_optimizer(HEAD_RATE, 2 * count) for name, count in own.items()}
        return MultiTask(body_optimizer(BODY_RATE, 2 * steps), heads)

    def parameters(self, key: PRNGKeyArray) -> tuple[PyTree, dict[str, PyTree]]:
        """Return the body that training starts from, and a persistent head for each turn.

        Every head has a key of its own. Drawn from `key`, it would be the head that adaptation with
        the same seed starts from: "fresh" to the eye, but the one that the body has grown used to.
        """
        body = init_body(self._plan.config, key)
        keys = iter(jax.random.split(key, len(self._plan.tasks)))
        heads: dict[str, PyTree] = {}
        first = self._songs.at(self._first_step)
        if first.pool is not None:
            targets = first.pool.batch(np.random.default_rng(self._plan.seed)).targets
            heads[SONGS] = {
                task.name: self._head(body, task, targets[task.name], next(keys))
                for task in self.joint
            }
        for name, task in self.alone.items():
            target = first.sampler.episode(0, task=task, variants=False).support.target
            heads[name] = self._head(body, task, target, next(keys))
        return body, heads

    def _head(self, body: PyTree, task: Task, target: Any, key: PRNGKeyArray) -> PyTree:
        network = Network(self._plan.config, task.head)
        return fresh_params(network, body, task, target, key)["head"]

    def episode(self, step: int) -> Episode:
        """Return the two batches of a step as support and query, for `MultiTask`."""
        name, songs = self.turn(step), self._songs.at(step)
        key = jax.random.fold_in(jax.random.key(self._plan.seed), step)
        if name == SONGS:
            assert songs.pool is not None
            rng = np.random.default_rng([self._plan.seed, step])
            joint = JointObjective.of(self._plan.config, self.joint)
            drawn = [self.broken.without(songs.pool.batch(rng), step) for _ in range(2)]
            support, query = map(as_arrays, drawn)
            return self.broken.note(step, Episode(name, joint, None, support, query, key))
        task = self.alone[name]
        own = songs.sampler.episode(step, task=task, variants=False)
        objective = Objective.of(Network(self._plan.config, task.head), task)
        return Episode(name, objective, None, as_arrays(own.support), as_arrays(own.query), key)


def heads_by_task(heads: Mapping[str, PyTree]) -> dict[str, PyTree]:
    """Return the heads of a warm-up by the names of their tasks."""
    alone = {name: head for name, head in heads.items() if name != SONGS}
    return alone | dict(heads.get(SONGS, {}))


def _turns(joint: bool, alone: list[str]) -> list[str]:
    """Return one round of turns."""
    if not joint:
        return alone
    if not alone:
        return [SONGS]
    return [turn for name in alone for turn in (*[SONGS] * JOINT_TURNS, name)]
