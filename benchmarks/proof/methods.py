"""What adapts a start to labelled audio: Adam, an inner loop, or a probe on what stays as it is.

A method takes a problem, a rate and `look`, which it calls with the number of steps and the
parameters at each step where the problem wants them judged. It returns the losses of its steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from umir.adaptation.head_initialisation import head_initialisation
from umir.adaptation.linear_probe import linear_probe
from umir.adaptation.network_fitting import (
    Recipe,
    adapt,
    batch_of_step,
    validation_batches,
    validation_loss,
)
from umir.checkpoint import load_model
from umir.data.example import Example
from umir.meta import Params, inner_loop
from umir.meta_training.algorithms import INNER_OPTIMIZERS, inner_loop_of, usual_body_rate
from umir.tasks import Pool, Task
from umir.tasks.objective import Objective
from umir.tasks.speed_change import usual_speed
from umir.training import Diverged
from umir.wave_unet import Network

INNER_STEPS = 3
PROBE_BATCHES = 32  # of segments with labels, which a probe learns from until nothing changes
PROBE_VALID = 8

Look = Callable[[int, Params], None]


@dataclass(frozen=True)
class Problem:
    """A start, and what it is adapted to.

    Attributes:
        network: body and head.
        task: what to learn.
        body: parameters to start from.
        directory: of the model that they are from; None if they are fresh.
        examples: labelled audio to learn from.
        valid: labelled audio that nothing learns from.
        steps: when to look.
        segments: segments per step; None for the task's own number.
        head: how the head begins.
        seed: of head and segments.
    """

    network: Network
    task: Task
    body: Any
    directory: Path | None
    examples: Sequence[Example]
    valid: Sequence[Example]
    steps: Sequence[int]
    segments: int | None
    head: str
    seed: int

    def recipe(self, rate: float) -> Recipe:
        """Return how Adam adapts at a rate; chords and keys hear other speeds, as users' do."""
        return Recipe(
            max(self.steps),
            rate,
            segments=self.segments,
            seed=self.seed,
            head=self.head,
            speed=usual_speed(self.task),
        )

    def batch(self, number: int) -> Any:
        """Return the segments of one step: those that `recipe` has Adam learn from."""
        # The rate of learning makes no difference to what is heard.
        return batch_of_step(
            self.task, self._pool, self.recipe(0.0), self.network.config.rate, number
        )

    @cached_property
    def _pool(self) -> Pool:
        return Pool.of(self.task, self.examples)


# problem, rate, look -> losses of the steps
Method = Callable[[Problem, float, Look], list[float]]


def adam(problem: Problem, rate: float, look: Look) -> list[float]:
    """Fine-tune as `umir.adaptation.network_fitting` does, for the most steps to look at."""
    losses = Losses()
    adapt(
        problem.network,
        problem.task,
        problem.body,
        problem.examples,
        problem.recipe(rate),
        watch=look,
        watch_at=problem.steps,
        callbacks=[losses],
    )
    return losses.values


def episode_loop(problem: Problem, rate: float, look: Look) -> list[float]:
    """Take the inner loop that the start was meta-trained for; `rate` is not asked.

    Its steps are on one set of segments, as in meta-training; each further round goes on from there
    on another set. `problem.steps` counts rounds, what is looked at counts steps.

    Raises:
        ValueError: the start was not meta-trained.
    """
    del rate
    assert problem.directory is not None, "a fresh body was trained for no inner loop"
    model = load_model(problem.directory)
    loop = inner_loop_of(model)
    if loop is None:
        raise ValueError(f"{problem.directory}: was not trained for an inner loop")
    return _rounds(problem, look, loop, model.config["training"]["inner_steps"])


def plain_loop(problem: Problem, rate: float, look: Look) -> list[float]:
    """Take the inner loop of MAML, its rates times `rate`, from any start."""
    body_rate, head_rate = usual_body_rate("sgd", problem.body), INNER_OPTIMIZERS["sgd"].head_rate
    rates = {"body": rate * body_rate, "head": rate * head_rate}

    def loop(params: Params, loss: Any, support: Any, key: Any) -> Params:
        return inner_loop(
            loss, params, support, key, steps=INNER_STEPS, rates=rates, first_order=True
        )

    return _rounds(problem, look, loop, INNER_STEPS)


def probe(problem: Problem, rate: float, look: Look) -> list[float]:
    """Train the head to convergence on the body as it is; `rate` is not asked, steps are 0."""
    del rate
    batches = [problem.batch(number) for number in range(PROBE_BATCHES)]
    valid = validation_batches(problem.network, problem.task, problem.valid, PROBE_VALID)
    network, key = problem.network, jax.random.key(problem.seed)
    look(0, linear_probe(network, problem.task, problem.body, batches, valid=valid, key=key))
    return []


class LoopDiverged(Diverged):
    """An inner loop whose rate is too high."""

    def __init__(self, step: int):
        ValueError.__init__(self, f"after {step} steps of the inner loop nothing is finite")


class Losses:
    """Notes the loss of each step: a callback."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Note it."""
        self.values.append(metrics["loss"])

    def close(self) -> None:
        """Nothing is left to do."""


def _rounds(problem: Problem, look: Look, loop: Callable, steps_per_round: int) -> list[float]:
    """Run an inner loop round after round; return for each step the loss before its round.

    Raises:
        LoopDiverged: a parameter is not finite any more.
    """
    network, task = problem.network, problem.task
    key, objective = jax.random.key(problem.seed), Objective.of(network, task)
    start = head_initialisation(problem.head)
    head = start(network, task, problem.body, map(problem.batch, range(1)), key)
    params: Params = {"body": problem.body, "head": head}
    losses: list[float] = []
    for number in range(max(problem.steps)):
        support = problem.batch(number)
        losses += steps_per_round * [validation_loss(network, task, params, [support])]
        params = loop(params, objective, support, jax.random.fold_in(key, number))
        if not np.isfinite(float(optax.tree.norm(params))):
            raise LoopDiverged(steps_per_round * (number + 1))
        if number + 1 in problem.steps:
            look(steps_per_round * (number + 1), params)
    return losses
