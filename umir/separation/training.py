"""Training a published separator: epochs, looks at validation songs, stages that end by themselves.

The state of a training is one tree of arrays, so that it is stored and resumed as a whole:
parameters and optimiser of the last step, the best parameters so far, and where the stage is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float

from umir.separation.recipes import SeparationRecipe, Stage
from umir.separation.stem_songs import StemSong, random_windows, windows_in_turn
from umir.separation.window_separator import WindowNetwork
from umir.training import Callback, train
from umir.wave_unet.parameters import Key, Params, scalar, whole_number
from umir.wave_unet.separators.spectrogram import stft

Batch = tuple[np.ndarray, np.ndarray]  # mixtures and targets, as of `umir.separation.stem_songs`
Windows = tuple[Float[Array, "batch time channel"], Float[Array, "batch kept source channel"]]
State = dict[str, Any]
Callbacks = Callable[[int, int], Sequence[Callback]]  # of the steps from one to another


@dataclass(frozen=True)
class SeparationTraining:
    """A training, without its state.

    Attributes:
        network: what learns.
        recipe: how.
        train_songs: to learn from.
        valid_songs: to look at.
        seed: of the parameters, the windows and what is dropped.
        start: parameters to start from; None: fresh ones.
    """

    network: WindowNetwork
    recipe: SeparationRecipe
    train_songs: Sequence[StemSong]
    valid_songs: Sequence[StemSong]
    seed: int = 0
    start: Params | None = field(default=None, repr=False, compare=False)

    @property
    def in_words(self) -> Sequence[str]:
        """What is used for what, where that needs to be said, a line each."""
        return ()

    @property
    def validates(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self.valid_songs)

    @property
    def epoch_steps(self) -> int:
        """Steps between two looks."""
        if self.recipe.epoch_steps is not None:
            return self.recipe.epoch_steps
        length, batch = self.network.sizes.output, self.recipe.stages[0].batch
        return max(1, sum(song.length // length + 1 for song in self.train_songs) // batch)

    def init(self) -> State:
        """Return the state before the first step."""
        params = self.start
        if params is None:
            params = self.network.init(jax.random.key(self.seed))
        return {
            "params": params,
            "optimizer": {
                name: adam(self.recipe.stages[0], self.epoch_steps).init(own)
                for name, (_, own) in self.network.parts(params).items()
            },
            "best": params,
            "best_loss": scalar(np.inf),
            "worse": whole_number(0),  # looks since the best one
            "looks": whole_number(0),
            "stage": whole_number(0),
        }

    def run(self, state: State, step: int, callbacks: Callbacks) -> State:
        """Train until the last stage has ended.

        Args:
            state: after `step` steps.
            step: steps that are done.
            callbacks: makes those of the steps from one number to another.

        Returns:
            The state in the end.

        Raises:
            ValueError: it would never end: nothing validates, and no number of steps is given.
        """
        if not (self.validates or self.recipe.steps):
            raise ValueError(
                "nothing to validate with, which is what would end the training: give --steps, or "
                "songs with stems of a second group (song, artist, singer)"
            )
        while not self.is_over(state):
            stage = self.recipe.stages[int(state["stage"])]
            # A training that was killed before a look takes it now.
            if step // self.epoch_steps == int(state["looks"]):
                last = (step // self.epoch_steps + 1) * self.epoch_steps
                last = min(last, self.recipe.steps or last)
                state, step = self._trained(state, stage, step, last, callbacks), last
            state = self._looked(state, stage)
        return state

    def is_over(self, state: State) -> bool:
        """Return whether the last stage has ended, or all steps are taken."""
        done = int(state["looks"]) * self.epoch_steps
        return int(state["stage"]) >= len(self.recipe.stages) or done >= (
            self.recipe.steps or np.inf
        )

    def _trained(
        self, state: State, stage: Stage, first: int, last: int, callbacks: Callbacks
    ) -> State:
        return train(
            partial(self.step, stage),
            state,
            partial(self._batch, stage),
            steps=last,
            first_step=first,
            callbacks=callbacks(first, last),
        )

    def validation_loss(self, params: Params, batch: int) -> float:
        """Return the mean loss over all windows of the validation songs."""
        total = count = 0.0
        for *windows, known in windows_in_turn(self.valid_songs, self.network.sizes, batch):
            found = np.asarray(_losses(self.network, self.recipe.loss, params, tuple(windows)))
            total, count = total + float(found[known].sum()), count + known.sum()
        return total / count

    def step(self, stage: Stage, state: State, item: Any) -> tuple[State, dict]:
        """Take a step with each part of the network, one after the other, to save memory.

        Args:
            stage: batch and rate.
            state: before the step.
            item: of the stream: a `Batch`, and the key that decides on what is dropped.

        Returns:
            The state, and the mean `loss` of the parts.
        """
        (mixture, targets), key = item
        optimizer = adam(stage, self.epoch_steps)
        params, states, losses = {}, {}, []
        parts = self.network.parts(state["params"])
        for n, (name, (network, own)) in enumerate(parts.items()):
            target = targets if len(parts) == 1 else targets[:, :, n : n + 1]
            params[name], states[name], loss = training_step(
                network,
                self.recipe.loss,
                optimizer,
                own,
                state["optimizer"][name],
                (mixture, target),
                key,
            )
            losses.append(loss)
        new = {**state, "params": self.network.whole(params), "optimizer": states}
        return new, {"loss": sum(losses[1:], losses[0]) / len(losses)}

    def _batch(self, stage: Stage, step: int) -> Any:
        rng = np.random.default_rng((self.seed, step))
        batch = random_windows(
            self.train_songs, self.network.sizes, stage.batch, self.recipe.gains, rng
        )
        return batch, jax.random.fold_in(jax.random.key(self.seed), step)

    def _looked(self, state: State, stage: Stage) -> State:
        """Return the state after a look: a new best, or one step nearer to the stage's end."""
        state = {**state, "looks": whole_number(state["looks"] + 1)}
        if not self.validates:
            return {**state, "best": state["params"]}
        loss = scalar(self.validation_loss(state["params"], stage.batch))
        if loss < state["best_loss"]:
            best = {"best": state["params"], "best_loss": loss}
            return {**state, **best, "worse": whole_number(0)}
        worse = whole_number(state["worse"] + 1)
        if worse < self.recipe.patience:
            return {**state, "worse": worse}
        stage_number = whole_number(state["stage"] + 1)
        return {**state, "worse": whole_number(0), "stage": stage_number}


@cache
def adam(stage: Stage, epoch_steps: int) -> optax.GradientTransformation:
    """Return Adam, whose state has the same form in every stage: the next goes on with it."""
    return optax.adam(stage.rate(epoch_steps))


@partial(jax.jit, static_argnums=(0, 1, 2))
def training_step(
    network: WindowNetwork,
    kind: str,
    optimizer: optax.GradientTransformation,
    params: Params,
    optimizer_state: Any,
    windows: Windows,
    key: Key,
) -> tuple[Params, Any, Float[Array, ""]]:
    """Return parameters and optimiser after a step, and the loss; nothing moves if it is NaN."""

    def loss_of(params: Params) -> tuple[Array, dict[str, Any]]:
        output, features = network.apply(params, windows[0], training=True, key=key)
        return jnp.mean(_errors(kind, output, features, windows[1])), features

    (loss, features), gradient = jax.value_and_grad(loss_of, has_aux=True)(params)
    usable = jnp.isfinite(loss) & jnp.isfinite(optax.tree.norm(gradient))

    def moved() -> tuple[Params, Any]:
        # optax raises floats to integer step counts, which strict promotion of types would refuse.
        with jax.numpy_dtype_promotion("standard"):
            change, new_state = optimizer.update(gradient, optimizer_state, params)
        return network.remembered(optax.apply_updates(params, change), features), new_state

    # A condition, not a choice between two results: that takes ten times as long for 17 million
    # parameters, since XLA computes each of Adam's arrays in a loop of its own for it.
    kept = jax.lax.cond(usable, moved, lambda: (params, optimizer_state))
    return *kept, loss


@partial(jax.jit, static_argnums=(0, 1))
def _losses(
    network: WindowNetwork, kind: str, params: Params, windows: Windows
) -> Float[Array, " batch"]:
    """Return the loss of each window, with the network as it separates."""
    output, features = network.apply(params, windows[0])
    return _errors(kind, output, features, windows[1])


def _errors(
    kind: str,
    output: Float[Array, "batch time source channel"],
    features: dict[str, Any],
    target: Float[Array, "batch time source channel"],
) -> Float[Array, " batch"]:
    """Return the mean error of every window (`umir.separation.recipes.SeparationRecipe.loss`)."""
    if kind == "magnitudes":
        return _magnitude_errors(features, target)
    error = jnp.square(output - target) if kind == "squared" else jnp.abs(output - target)
    return jnp.mean(error, axis=(1, 2, 3))


def _magnitude_errors(features: dict[str, Any], target: Array) -> Float[Array, " batch"]:
    """Return the mean absolute error of masked magnitudes against those of the sources."""
    frames, bins = features["magnitudes"].shape[1:]
    window = 2 * (bins - 1)
    hop = (target.shape[1] - window) // (frames - 1)
    true = [jnp.abs(stft(target[:, :, n, 0], window, hop)) for n in range(target.shape[2])]
    found = features["magnitudes"][..., None] * features["masks"]
    return jnp.mean(jnp.abs(found - jnp.stack(true, axis=-1)), axis=(1, 2, 3))
