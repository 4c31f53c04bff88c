"""Training a sequence model: epochs, a look after each, a rate that is halved, the best kept.

The state is one tree of arrays, so that it is stored and resumed as a whole. A look belongs to the
last step of its epoch, so that a training can be stopped after any step.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import numpy as np
import optax
from jax import Array
from jaxtyping import Float

from umir.meta import judged, outer_update
from umir.sequence_tasks.batches import Batch, SequenceData
from umir.sequence_tasks.recipes import Recipe
from umir.sequence_tasks.task import SequenceTask, Totals
from umir.training import Callback, train
from umir.wave_unet.network import Key, Params

State = dict[str, Any]
Item = tuple[int, Batch, Key]


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
        params = jax.tree.map(np.asarray, self.task.init(jax.random.key(self.seed)))
        return {
            "params": params,
            "optimizer": _optimizer(self.recipe.clip).init(params),
            "learning_rate": _number(self.recipe.learning_rate),
            "recent": np.full(self.recipe.patience or 1, -np.inf, np.float32),  # latest losses
            "best": params,
            "best_loss": _number(np.inf),
            "best_epoch": np.asarray(0, np.int32),
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
            self._step,
            state,
            self._item,
            steps=self.steps,
            first_step=min(step, self.steps),
            callbacks=callbacks,
        )

    def totals(self, params: Params, split: str) -> dict[str, float]:
        """Return what all targets of a split cost together, without dropout."""
        sums: dict[str, float] = {}
        for batch in self.data.in_turn(split):
            for name, value in _totals(self.task, params, batch).items():
                sums[name] = sums.get(name, 0.0) + float(value)
        return sums

    def validation_loss(self, params: Params) -> float:
        """Return the nats per target of the validation data."""
        totals = self.totals(params, "valid")
        return totals["nats"] / totals["count"]

    def scores(self, params: Params) -> dict[str, dict[str, float]]:
        """Return split -> metric -> value."""
        return {split: self.task.scores(self.totals(params, split)) for split in self.data.scored}

    def _item(self, step: int) -> Item:
        key = jax.random.fold_in(jax.random.key(self.seed), step)
        return step, self.data.batch(step, self.seed), key

    def _step(self, state: State, item: Item) -> tuple[State, dict[str, Any]]:
        step, batch, key = item
        params, optimizer, loss = _update(
            self.task,
            self.recipe.clip,
            state["params"],
            state["optimizer"],
            state["learning_rate"],
            batch,
            key,
        )
        state = {**state, "params": params, "optimizer": optimizer}
        epoch, rest = divmod(step + 1, self.epoch_steps)
        if rest:
            return state, {"loss/train": loss}
        state, valid = self._looked(state, epoch)
        return state, {"loss/train": loss, "loss/valid": valid}

    def _looked(self, state: State, epoch: int) -> tuple[State, float]:
        """Return the state after the look at the end of an epoch, and the loss."""
        loss = self.validation_loss(state["params"])
        if loss < state["best_loss"]:
            best = {"best": state["params"], "best_loss": _number(loss)}
            state = {**state, **best, "best_epoch": np.asarray(epoch, np.int32)}
        if is_worse(loss, np.asarray(state["recent"]).tolist(), epoch, self.recipe):
            state = {**state, "learning_rate": _number(float(state["learning_rate"]) / 2)}
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
    return bool(np.float32(loss) > np.float32(max(recent, default=math.inf)))


def _number(value: float) -> np.ndarray:
    """Return a number as checkpoints take it: an array without axes."""
    return np.asarray(value, np.float32)


@cache
def _optimizer(clip: float | None) -> optax.GradientTransformation:
    """Return Adam with a rate that is set from step to step."""
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=0.0)
    return adam if clip is None else optax.chain(optax.clip_by_global_norm(clip), adam)


@partial(jax.jit, static_argnums=(0, 1))
def _update(
    task: SequenceTask,
    clip: float | None,
    params: Params,
    state: Any,
    rate: Float[Array | np.ndarray, ""],
    batch: Batch,
    key: Key,
) -> tuple[Params, Any, Float[Array, ""]]:
    """Return parameters and optimiser after a step, and the nats per target."""

    def loss_of(params: Params) -> tuple[Array, Array]:
        totals = task.totals(params, batch, key)
        mean = totals["nats"] / totals["count"]
        return totals["nats"] if task.summed else mean, mean

    (loss, mean), gradient = jax.value_and_grad(loss_of, has_aux=True)(params)
    gradient, _ = judged(loss, gradient)
    state = optax.tree.set(state, learning_rate=rate)
    return *outer_update(_optimizer(clip), gradient, params, state), mean


@partial(jax.jit, static_argnums=0)
def _totals(task: SequenceTask, params: Params, batch: Batch) -> Totals:
    return task.totals(params, batch)
