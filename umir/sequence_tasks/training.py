"""Training a sequence model: epochs, a look after each, a rate that is halved, the best kept.

The state is one tree of arrays, so that it is stored and resumed as a whole. A look belongs to the
last step of its epoch, so that a training can be stopped after any step.

Pieces of music are many and short, a step takes some milliseconds; so nothing waits for a step
before the next one is handed over, but for every `REPORT_STEPS`th. The gradient and the update are
two programs: only the first is compiled for each length of pieces.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, Integer

from umir.sequence_tasks.batches import Batch, SequenceData
from umir.sequence_tasks.recipes import Recipe
from umir.sequence_tasks.task import SequenceTask, Totals
from umir.training import Callback, train
from umir.wave_unet.parameters import Key, Params, scalar, whole_number

State = dict[str, Any]
Item = tuple[int, Batch]
REPORT_STEPS = 20  # between two losses of the training data, each the mean since the last
ADAM = optax.scale_by_adam()


@dataclass(frozen=True)
class SequenceTraining:
    """A training, without its state.

    Attributes:
        task: what learns what.
        recipe: how.
        data: from what.
        seed: of the parameters, the order of the data and what is dropped.
    """

    task: SequenceTask
    recipe: Recipe
    data: SequenceData
    seed: int = 0

    @property
    def epoch_steps(self) -> int:
        """Steps between two looks."""
        return self.recipe.epoch_steps or self.data.epoch_steps

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.recipe.epochs * self.epoch_steps

    def init(self) -> State:
        """Return the state before the first step."""
        params = jax.tree.map(np.asarray, self.task.init(self._key))
        return {
            "params": params,
            "adam": ADAM.init(params),
            "learning_rate": scalar(self.recipe.learning_rate),
            "seen": {"nats": scalar(0.0), "count": scalar(0.0)},  # since the last report
            "recent": np.full(self.recipe.patience or 1, -np.inf, np.float32),  # latest losses
            "best": params,
            "best_loss": scalar(np.inf),
            "best_epoch": whole_number(0),
        }

    def run(self, state: State, step: int, callbacks: Sequence[Callback]) -> State:
        """Train to the end.

        Args:
            state: after `step` steps.
            step: steps that are done.
            callbacks: of the loop.

        Returns:
            The state in the end.
        """
        return train(
            self.step,
            state,
            self.item,
            steps=self.steps,
            first_step=min(step, self.steps),
            callbacks=callbacks,
        )

    def totals(self, params: Params, split: str) -> dict[str, float]:
        """Return what all targets of a split cost together, without dropout."""
        found = [_totals(self.task, params, batch) for batch in self.data.in_turn(split)]
        return {name: math.fsum(float(one[name]) for one in found) for name in found[0]}

    def validation_loss(self, params: Params) -> float:
        """Return the nats per target of the validation data."""
        totals = self.totals(params, "valid")
        return totals["nats"] / totals["count"]

    def scores(self, params: Params) -> dict[str, dict[str, float]]:
        """Return split -> metric -> value."""
        return {split: self.task.scores(self.totals(params, split)) for split in self.data.splits}

    @cached_property
    def _key(self) -> Key:
        return jax.random.key(self.seed)

    def item(self, step: int) -> Item:
        """Return what a step takes: its number, from 0 on, and its batch."""
        return step, self.data.batch(step, self.seed)

    def step(self, state: State, item: Item) -> tuple[State, dict[str, Any]]:
        """Take a step, and a look if it is the last one of its epoch.

        Args:
            state: before the step.
            item: of the step.

        Returns:
            The state, and the losses if they are to be reported.
        """
        number, batch = item
        totals, gradient = _gradient(
            self.task, state["params"], batch, self._key, np.asarray(number, np.int32)
        )
        moved = _update(
            self.recipe.clip,
            (state["params"], state["adam"], state["seen"]),
            state["learning_rate"],
            totals,
            gradient,
        )
        state = {**state, **dict(zip(("params", "adam", "seen"), moved, strict=True))}
        epoch, rest = divmod(number + 1, self.epoch_steps)
        if rest:
            return self._reported(state) if (number + 1) % REPORT_STEPS == 0 else (state, {})
        state, metrics = self._reported(state)
        state, valid = self._looked(state, epoch)
        return state, {**metrics, "loss/valid": valid}

    def _reported(self, state: State) -> tuple[State, dict[str, float]]:
        """Return the mean loss since the last report, and the state that begins another mean."""
        nats, count = (float(state["seen"][name]) for name in ("nats", "count"))
        empty = {"nats": scalar(0.0), "count": scalar(0.0)}
        return {**state, "seen": empty}, {"loss/train": nats / count if count else math.nan}

    def _looked(self, state: State, epoch: int) -> tuple[State, float]:
        """Return the state after the look at the end of an epoch, and the loss."""
        loss = self.validation_loss(state["params"])
        if loss < state["best_loss"]:
            best = {"best": state["params"], "best_loss": scalar(loss)}
            state = {**state, **best, "best_epoch": whole_number(epoch)}
        if is_worse(loss, np.asarray(state["recent"]).tolist(), epoch, self.recipe):
            state = {**state, "learning_rate": scalar(float(state["learning_rate"]) / 2)}
        recent = np.append(np.asarray(state["recent"])[1:], np.float32(loss))
        return {**state, "recent": recent}, loss


def is_worse(loss: float, recent: Sequence[float], epoch: int, recipe: Recipe) -> bool:
    """Return whether the rate is to be halved after an epoch.

    Args:
        loss: of this epoch.
        recent: of the epochs before it, as many as the recipe's patience, oldest first.
        epoch: number of this epoch, the first is 1.
        recipe: what decides.
    """
    if recipe.patience is None or epoch <= recipe.warm_epochs:
        return False
    # Kept losses are float32: the same loss again is not worse.
    return bool(np.float32(loss) > np.float32(max(recent)))


@partial(jax.jit, static_argnums=0)
def _gradient(
    task: SequenceTask, params: Params, batch: Mapping[str, Any], key: Key, step: Integer[Array, ""]
) -> tuple[Totals, Params]:
    """Return what a batch costs, and the gradient of it (of the mean unless the task sums)."""

    def loss_of(params: Params) -> tuple[Array, Totals]:
        totals = task.totals(params, batch, jax.random.fold_in(key, step))
        loss = totals["nats"] if task.summed else totals["nats"] / totals["count"]
        return loss, totals

    gradient, totals = jax.grad(loss_of, has_aux=True)(params)
    return {name: totals[name] for name in ("nats", "count")}, gradient


@partial(jax.jit, static_argnums=0)
def _update(
    clip: float | None,
    before: tuple[Params, Any, Totals],
    rate: Float[Array, ""],
    totals: Totals,
    gradient: Params,
) -> tuple[Params, Any, Totals]:
    """Return parameters, state of Adam and what was seen after a step; nothing moves if it is NaN.

    Args:
        clip: longest gradient, over all parameters; None: any.
        before: parameters, state of Adam and what was seen before the step.
        rate: of learning.
        totals: `nats` and `count` of the batch.
        gradient: of the parameters.
    """
    norm = optax.tree.norm(gradient)
    usable = jnp.isfinite(norm) & jnp.isfinite(totals["nats"])

    def moved() -> tuple[Params, Any, Totals]:
        params, state, seen = before
        factor = 1.0 if clip is None else jnp.minimum(1.0, clip / norm)
        # optax raises floats to integer step counts, which strict promotion of types would refuse.
        with jax.numpy_dtype_promotion("standard"):
            change, state = ADAM.update(jax.tree.map(lambda g: factor * g, gradient), state)
        params = jax.tree.map(lambda p, c: p - rate * c, params, change)
        return params, state, jax.tree.map(jnp.add, seen, totals)

    return jax.lax.cond(usable, moved, lambda: before)


@partial(jax.jit, static_argnums=0)
def _totals(task: SequenceTask, params: Params, batch: Mapping[str, Any]) -> Totals:
    return task.totals(params, batch)
