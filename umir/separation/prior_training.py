"""Training a separator with critics: the objective of `umir.separation.priors` in epochs.

Epochs, looks at validation songs and resuming are those of `umir.separation.training`; a look is at
the running average of the separator's parameters, and that is what is kept. Without validation
songs the last average is.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from umir.priors import Adversarial, Streams
from umir.priors.factor_gan import Parts
from umir.priors.guard import Collapsed
from umir.priors.streams import Source
from umir.separation.data import (
    SeparationData,
    add_up,
    check_difference,
    factors_of,
    in_words,
    sources_of_streams,
)
from umir.separation.domains import Domain, domain_of
from umir.separation.priors import floors_of, separation_objective, squared_errors
from umir.separation.recipes import PriorRecipe, SeparationPreset, Stage
from umir.separation.stem_songs import windows_in_turn
from umir.separation.training import Callbacks, SeparationTraining, State
from umir.separation.training_streams import labelled_batch
from umir.training import Diverged
from umir.wave_unet.parameters import Params, scalar, whole_number

# Batches that give the averaged parameters their statistics, before each look, if they have any:
# where 0.99 of what was stays with each (`FilteredWaveUNet`), 1% is left of the old ones.
SETTLING = 450


@dataclass(frozen=True, kw_only=True)
class PriorTraining(SeparationTraining):
    """A training with critics, without its state.

    Attributes:
        domain: what the network is seen through.
        objective: what it learns.
        sources: stream -> where its batches come from.
        rounds: steps of the critics for one of the separator.
        used: what is used for what, and what is missing, a line each.
    """

    domain: Domain
    objective: Adversarial
    sources: Mapping[str, Source]
    rounds: int = 0
    used: Sequence[str] = ()

    @property
    def in_words(self) -> Sequence[str]:
        """What is used for what, and what is missing, a line each."""
        return self.used

    def init(self) -> State:
        """Return the state before the first step."""
        networks = self.objective.init(jax.random.key(self.seed), self.start)
        params = networks["networks"]["average"]
        return {
            "params": params,
            "adversarial": networks,
            "best": params,
            "best_loss": scalar(np.inf),
            "worse": whole_number(0),  # looks since the best one
            "looks": whole_number(0),
            "stage": whole_number(0),
        }

    def step(self, stage: Stage, state: State, item: Any) -> tuple[State, dict]:
        """Take the rounds of the critics and a step of the separator.

        Args:
            stage: makes no difference; the rate is the objective's.
            state: before the step.
            item: as `umir.priors.Streams` gives it.

        Returns:
            The state, and the metrics of `Adversarial.step`.
        """
        networks, metrics = self.objective.step(state["adversarial"], item)
        params = networks["networks"]["average"]
        return {**state, "adversarial": networks, "params": params}, metrics

    def _streams(self, stage: Stage) -> Streams:
        return Streams(self.objective, self.sources, stage.batch, self.rounds, self.seed)

    def validation_loss(self, params: Params, batch: int) -> float:
        """Return the mean of Ls over all windows of the validation songs."""
        total = count = 0.0
        sizes = self.domain.labelled_sizes
        for mixtures, targets, known in windows_in_turn(self.valid_songs, sizes, batch):
            windows = labelled_batch(self.domain, mixtures, targets)
            found = np.asarray(_errors(self.domain, params, windows))
            total, count = total + float(found[known].sum()), count + known.sum()
        return total / count

    def _batch(self, stage: Stage, step: int) -> dict[str, Any]:
        return self._streams(stage)(step)

    def _trained(
        self, state: State, stage: Stage, first: int, last: int, callbacks: Callbacks
    ) -> State:
        """Return the state after an epoch; one that is given up is the end, the best is kept.

        Raises:
            Collapsed: there was no look yet, and so nothing worth keeping.
            Diverged: likewise, and no loss was finite.
        """
        try:
            return super()._trained(state, stage, first, last, callbacks)
        except (Collapsed, Diverged) as error:
            if not state["looks"]:
                raise
            kept = "the best parameters before are kept" if self.validates else "goes back"
            tqdm.write(f"{error}; training ends here, {kept}", file=sys.stderr)
            # The last good state, and not that before this call, which resuming moves.
            good = error.state if isinstance(error, Collapsed) else state["adversarial"]
            return {
                **state,
                "adversarial": good,
                "params": good["networks"]["average"],
                "stage": whole_number(len(self.recipe.stages)),
            }

    def _looked(self, state: State, stage: Stage) -> State:
        batches = self._streams(stage).inputs(SETTLING)
        state = {**state, "params": self.objective.settled(state["params"], batches)}
        if self.validates:
            return super()._looked(state, stage)
        return {**state, "looks": whole_number(state["looks"] + 1), "best": state["params"]}


def prior_training(
    preset: SeparationPreset,
    prior: str,
    data: SeparationData,
    seed: int = 0,
    start: Params | None = None,
) -> PriorTraining:
    """Return the training of a preset with the critics that there are recordings for.

    Args:
        preset: with a network that has a domain, and a `PriorRecipe`.
        prior: one of `umir.separation.data.PRIORS`.
        data: what there is to learn from.
        seed: of the parameters and the windows.
        start: parameters of the network to start from, while critics are fresh; None: fresh ones.

    Raises:
        ValueError: there is too little for the prior, or the preset is another one or cannot have
            these sources.
    """
    network, recipe = preset.network, preset.recipe
    check_difference(network, data)
    domain = domain_of(network)
    if not isinstance(recipe, PriorRecipe):
        raise ValueError(f"a recipe for the loss {recipe.loss!r} alone: it has no critics")
    factors = factors_of(prior, network.sources, data)
    objective = separation_objective(
        domain,
        factors,
        labelled=bool(data.train),
        alpha=recipe.alpha,
        beta=recipe.beta if add_up(network.sources, data) else 0.0,
        learning_rate=recipe.stages[0].learning_rate,
        critic_filters=recipe.critic_filters,
        floors=floors_of(domain, data.train, recipe.stages[0].batch) if factors else (),
    )
    used = in_words(network.sources, factors, data, network.rate)
    if factors and objective.supervision is None:
        used.append("only critics teach: their weight, --alpha, makes no difference")
    return PriorTraining(
        network=network,
        domain=domain,
        recipe=recipe,
        train_songs=data.train,
        valid_songs=data.valid,
        seed=seed,
        start=start,
        objective=objective,
        sources=sources_of_streams(domain, factors, data, recipe.gains),
        rounds=recipe.rounds if factors else 0,
        used=used,
    )


@partial(jax.jit, static_argnums=0)
def _errors(domain: Domain, params: Params, batch: Parts) -> Float[jax.Array, " batch"]:
    return squared_errors(domain, params, batch)
