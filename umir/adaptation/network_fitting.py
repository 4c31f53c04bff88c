"""Adapting a network to one task: Adam on a few labelled songs, from any start.

The same function serves `umir finetune`, the tables that `umir.meta_train` prints, and the
benchmarks, so that a meta-learned start and a start from scratch differ in nothing but the start.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import PyTree

from umir.adaptation.head_initialisation import HEAD_BATCHES, head_initialisation
from umir.data.example import Example
from umir.meta import Loss, Params, judged, loss_and_gradient, outer_update
from umir.tasks.base import Batch, Task
from umir.tasks.objective import Objective, as_arrays
from umir.tasks.segments import Pool, segment_batch
from umir.training import Callback, train
from umir.wave_unet import Network


@dataclass(frozen=True)
class Recipe:
    """How to adapt.

    Attributes:
        steps: number of gradient steps.
        learning_rate: of Adam.
        body_factor: the body's rate is this many times `learning_rate`; None: as many times as the
            body is larger than a fresh one (`relative_size`).
        head_factor: the head's rate is this many times `learning_rate`.
        segments: segments per step; None for the task's own number.
        augment: whether to vary level and bandwidth of the training audio.
        seed: of the fresh head and of the choice of segments.
        head: how the head starts (`umir.adaptation.head_initialisation`), from the first batches.
        speed: how often a segment is heard at another speed, its labels moved along
            (`umir.tasks.speed_change`).
    """

    steps: int = 300
    learning_rate: float = 1e-3
    body_factor: float | None = None
    head_factor: float = 10.0
    segments: int | None = None
    augment: bool = True
    seed: int = 0
    head: str = "prior"
    speed: float = 0.0

    def for_body(self, body: PyTree, fresh_body: Callable[[Array], PyTree]) -> "Recipe":
        """Return the same with the factor of a body: by its `relative_size`, unless one is given.

        Ask once where one body is adapted often: drawing a fresh one takes seconds to compile.
        """
        if self.body_factor is not None:
            return self
        return replace(self, body_factor=relative_size(body, fresh_body))


def batch_of_step(task: Task, pool: Pool, recipe: Recipe, rate: int, step: int) -> Batch:
    """Return the segments that a step learns from, at `rate` Hz: always the same for its number."""
    batch = segment_batch(
        task,
        pool,
        np.random.default_rng([recipe.seed, step]),
        rate=rate,
        segments=recipe.segments,
        augment=recipe.augment,
        speed=recipe.speed,
    )
    return as_arrays(batch)


def relative_size(body: PyTree, fresh_body: Callable[[Array], PyTree]) -> float:
    """Return how many times larger a body is than a fresh one: its norm over the fresh one's.

    Adam moves every weight by about the learning rate, and how far that changes what the body gives
    depends on how large the weights are. Training lets them grow: `nano` is nine times as large
    after it. At the rate of a fresh body, it learns nine times slower; at nine times that, with the
    head's rate tied to it, the head learns nine times too fast (docs/experiments.md).

    Args:
        body: its parameters.
        fresh_body: key -> a fresh one. The norms of those of other keys are alike, to 1%.
    """
    return float(optax.tree.norm(body) / optax.tree.norm(fresh_body(jax.random.key(0))))


def adapt(
    network: Network,
    task: Task,
    body: PyTree,
    examples: Sequence[Example],
    recipe: Recipe,
    *,
    watch: Callable[[int, Params], None] | None = None,
    watch_at: Sequence[int] = (),
    callbacks: Sequence[Callback] = (),
) -> Params:
    """Return body and head after `recipe.steps` steps on segments of `examples`.

    Args:
        network: body and head; the head must be the task's.
        task: what to learn.
        body: the start; the head starts afresh, as `recipe.head` says.
        examples: labelled audio at the network's rate and channels.
        recipe: how to adapt.
        watch: called with the step and the parameters at the steps in `watch_at`, 0 included.
        watch_at: steps, for example to draw a curve or to keep the best on validation data.
        callbacks: progress bar and the like.
    """
    run = Adaptation.begin(network, task, body, examples, recipe)

    def look(step: int, state: Any, metrics: Any) -> None:
        if watch is not None and step in watch_at:
            watch(step, state[0])

    look(0, run.state, {})
    return run.until(recipe.steps, [_Watch(look), *callbacks]).params


@dataclass(frozen=True)
class Adaptation:
    """An adaptation so far, which goes on from here as if it had never paused.

    Attributes:
        objective: what is minimised.
        draw: step number -> batch; of a step, every rate sees the same batch.
        state: parameters, and the optimiser's state with the learning rate and the factors in it.
        step: the number of steps done.
    """

    objective: Loss
    draw: Callable[[int], Any] = field(repr=False)
    state: tuple[Params, Any] = field(repr=False)
    step: int = 0

    @classmethod
    def begin(
        cls,
        network: Network,
        task: Task,
        body: PyTree,
        examples: Sequence[Example],
        recipe: Recipe,
    ) -> "Adaptation":
        """Return an adaptation before its first step; the arguments are those of `adapt`."""
        draw = partial(batch_of_step, task, Pool.of(task, examples), recipe, network.config.rate)
        start, heard = head_initialisation(recipe.head), map(draw, range(HEAD_BATCHES))
        head = start(network, task, body, heard, jax.random.key(recipe.seed))
        params = {"body": body, "head": head}
        recipe = recipe.for_body(body, network.init_body)
        return cls.of(Objective.of(network, task), draw, params, recipe)

    @classmethod
    def of(
        cls, objective: Loss, draw: Callable[[int], Any], params: Params, recipe: Recipe
    ) -> "Adaptation":
        """Return an adaptation of parameters to anything that has a loss, before its first step.

        Nothing is known of the size of such a body: without a factor, it has the rate itself.
        """
        body_factor = 1.0 if recipe.body_factor is None else recipe.body_factor
        factors = {"body": body_factor, "head": recipe.head_factor}
        optimizer_state = optax.tree.set(_OPTIMIZER.init(params), factors=_float32(factors))
        return cls(objective, draw, (params, optimizer_state)).at_rate(recipe.learning_rate)

    @property
    def params(self) -> Params:
        """Body and head."""
        return self.state[0]

    def at_rate(self, learning_rate: float) -> "Adaptation":
        """Return the same with another learning rate; the compiled steps serve all of them."""
        params, optimizer_state = self.state
        optimizer_state = optax.tree.set(optimizer_state, learning_rate=_float32(learning_rate))
        return replace(self, state=(params, optimizer_state))

    def until(self, steps: int, callbacks: Sequence[Callback] = ()) -> "Adaptation":
        """Return the adaptation after `steps` steps in all."""
        state = train(
            self.step_function,
            self.state,
            self.draw,
            steps=steps,
            first_step=self.step,
            callbacks=callbacks,
        )
        return replace(self, state=state, step=steps)

    def step_function(
        self, state: tuple[Params, Any], batch: Any
    ) -> tuple[tuple[Params, Any], dict[str, Any]]:
        """Return the state after one step on a batch, and its loss and gradient norm."""
        params, optimizer_state = state
        loss, gradient = loss_and_gradient(self.objective, params, batch, jax.random.key(0))
        gradient, norm = judged(loss, gradient)
        state = outer_update(_OPTIMIZER, gradient, params, optimizer_state)
        return state, {"loss": loss, "gradient_norm": norm}


class _Watch:
    """A function as a callback."""

    def __init__(self, look: Callable[[int, Any, Any], None]):
        self._look = look

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        self._look(step, state, metrics)

    def close(self) -> None:
        pass


class _Factors(NamedTuple):
    """The state of a scaling: a factor of each part of the parameters."""

    factors: dict[str, Array]


def _scale_parts() -> optax.GradientTransformation:
    """Return what scales the updates of each part by its factor, 1 until another one is set."""

    def init(params: Params) -> _Factors:
        return _Factors({part: _float32(1.0) for part in params})

    def update(updates: Params, state: _Factors, params: Any = None) -> tuple[Params, _Factors]:
        scaled = {part: optax.tree.scale(state.factors[part], updates[part]) for part in updates}
        return scaled, state

    return optax.GradientTransformation(init, update)


def _float32(numbers: PyTree) -> PyTree:
    return jax.tree.map(partial(jnp.asarray, dtype=jnp.float32), numbers)


# Gradients are clipped to norm 1. Rate and factors are a part of the state, so that one compiled
# update serves all of them: a process that compiles one for each body runs out of memory maps.
_OPTIMIZER = optax.chain(
    optax.clip_by_global_norm(1.0),
    optax.inject_hyperparams(optax.adam)(learning_rate=0.0),
    _scale_parts(),
)


def validation_loss(
    network: Network, task: Task, params: Params, batches: Sequence[Batch]
) -> float:
    """Return the mean loss of `params` over fixed batches."""
    objective = Objective.of(network, task)
    return float(np.mean([_loss(objective, params, batch) for batch in batches]))


def validation_batches(
    network: Network, task: Task, examples: Sequence[Example], number: int = 4
) -> list[Batch]:
    """Return fixed batches of segments of `examples`, without augmentation."""
    pool, rate = Pool.of(task, examples), network.config.rate
    draws = [np.random.default_rng([0, index]) for index in range(number)]
    batches = [segment_batch(task, pool, rng, rate=rate, augment=False) for rng in draws]
    return [as_arrays(batch) for batch in batches]


@partial(jax.jit, static_argnums=0)
def _loss(objective, params, batch):
    return jnp.asarray(objective(params, batch, jax.random.key(0)))
