"""Semi-supervised separation: critics of sources, assembled of `umir.priors`.

    Stoller, Ewert, Dixon: Adversarial semi-supervised audio source separation applied to singing
    voice extraction, ICASSP 2018; the factorised prior is that of FactorGAN (ICLR 2020).

    L = Ls + alpha * Lu + beta * Ladd

    Ls      sum over sources of the squared error, on songs with stems
    Lu      what the critics say of the sources that are separated from unlabelled mixtures
    Ladd    squared error between the mixture and the sum of its sources, on unlabelled mixtures

What errors are of, and what a critic sees of a source, its part, is said by a domain
(`umir.separation.domains`): as published, errors and parts are log(1 + magnitude), and sources add
up in linear magnitude.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Scalar

from umir.priors import Adversarial, Critic, Factor, Guard, Logistic, Wasserstein
from umir.priors.adversarial import Batches, adam
from umir.priors.factor_gan import PAIRED, Parts
from umir.priors.networks.separation_unet import MIXTURE
from umir.priors.streams import INPUTS
from umir.separation.domains import Domain
from umir.separation.stem_songs import StemSong
from umir.separation.training_streams import LABELLED, LabelledWindows
from umir.wave_unet.parameters import Key, Params

# Shares of the mixture's magnitude: a source that has less is silent, one that differs from the
# mixture by less is equal to it. Of a source that is rare it is a share of what it truly has.
LEVEL, DISTANCE = "level/", "distance/"
FLOOR, LEAST_FLOOR, TRUE_SHARE = 0.02, 1e-4, 0.2
FLOORS = ((LEVEL, FLOOR), (DISTANCE, FLOOR))
TRUE_BATCHES = 8  # of songs with stems, by which that is measured
FOUND, REMEMBERED = "found", "remembered"  # features of what separates


@dataclass(frozen=True)
class SeparatedParts:
    """A separator as the generator of an adversarial training.

    Attributes:
        domain: of what separates.
    """

    domain: Domain

    def init(self, key: Key) -> Params:
        """Draw fresh parameters."""
        return self.domain.network.init(key)

    def apply(
        self, params: Params, inputs: Parts, *, training: bool = False
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the sources as critics see them; as features, all that comes out of them."""
        seen = jnp.asarray(inputs[MIXTURE])
        found, remembered = self.domain.separated(params, seen, training=training)
        parts = {name: jnp.asarray(self.domain.heard(x)) for name, x in found.items()}
        return parts, {FOUND: found, REMEMBERED: remembered}

    def remembered(self, params: Params, features: dict[str, Any]) -> Params:
        """Return the parameters with what the network keeps of a batch in training."""
        return self.domain.network.remembered(params, features[REMEMBERED])


def squared_errors(
    domain: Domain, params: Params, batch: Parts, *, training: bool = False
) -> Float[Array, " batch"]:
    """Return Ls for each window of a batch of `umir.separation.training_streams.labelled_batch`."""
    found, _ = domain.separated(params, jnp.asarray(batch[MIXTURE]), training=training)
    errors = [jnp.square(found[name] - batch[name]) for name in domain.network.sources]
    means = [jnp.mean(error, axis=tuple(range(1, error.ndim))) for error in errors]
    return jnp.sum(jnp.stack(means), axis=0)


def additivity(domain: Domain, found: Mapping[str, Array], seen: Array) -> Scalar:
    """Return Ladd: the mean over all that comes out.

    Args:
        domain: of what separates.
        found: what it gives (`Domain.separated`).
        seen: of what.
    """
    sources = [domain.additive(found[name]) for name in domain.network.sources]
    total = jnp.sum(jnp.stack(sources), axis=0)
    return jnp.mean(jnp.square(total - domain.additive(domain.middle(seen))))


@dataclass(frozen=True)
class SeparationLoss:
    """The loss beside the critics.

    Attributes:
        labelled: whether there are songs with stems.
        beta: weight of additivity.
    """

    labelled: bool = True
    beta: float = 0.001

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams that it needs."""
        return (LABELLED,) if self.labelled else ()

    def loss(
        self,
        generator: SeparatedParts,
        params: Params,
        batches: Batches,
        features: Mapping[str, Any],
    ) -> Scalar:
        """Return Ls + beta * Ladd, of which the second is of what is separated for the critics."""
        domain, loss = generator.domain, jnp.zeros(())
        if self.labelled:
            errors = squared_errors(domain, params, batches[LABELLED], training=True)
            loss = loss + jnp.mean(errors)
        if self.beta:
            seen = jnp.asarray(batches[INPUTS][MIXTURE])
            loss = loss + self.beta * additivity(domain, features[FOUND], seen)
        return loss


@dataclass(frozen=True)
class Presence:
    """How much of a mixture is in each source, and how far that is from all of it.

    Attributes:
        domain: of what separates.
    """

    domain: Domain

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the numbers."""
        sources = self.domain.network.sources
        return tuple(f"{prefix}{name}" for prefix in (LEVEL, DISTANCE) for name in sources)

    def __call__(self, parts: Parts) -> dict[str, Scalar]:
        """Return `level/NAME` and `distance/NAME`, in shares of the mixture's mean magnitude."""
        mixture = self.domain.heard(self.domain.middle(jnp.asarray(parts[MIXTURE])))
        whole = jnp.mean(jnp.abs(mixture)) + 1e-8
        measured = {}
        for name in self.domain.network.sources:
            made = jnp.asarray(parts[name])
            measured[f"{LEVEL}{name}"] = jnp.mean(jnp.abs(made)) / whole
            measured[f"{DISTANCE}{name}"] = jnp.mean(jnp.abs(made - mixture)) / whole
        return measured


def floors_of(
    domain: Domain, songs: Sequence[StemSong], batch: int
) -> tuple[tuple[str, float], ...]:
    """Return the floors of all that `Presence` measures, lower for what is rare or quiet in songs.

    Args:
        domain: of what separates.
        songs: with stems; none: the floors of every source alike.
        batch: windows that are looked at together.
    """
    if not songs:
        return FLOORS
    windows, presence = LabelledWindows(domain, songs), Presence(domain)
    rng = np.random.default_rng(0)
    found = [presence(_as_separated(domain, windows.draw(rng, batch))) for _ in range(TRUE_BATCHES)]
    floors = {}
    # From the last name to the first: one that another begins with comes after that.
    for name in sorted(presence.names, reverse=True):
        true = float(np.mean([measured[name] for measured in found]))
        floors[name] = min(FLOOR, max(LEAST_FLOOR, TRUE_SHARE * true))
    return tuple(floors.items())


def _as_separated(domain: Domain, batch: Parts) -> Parts:
    """Return a labelled batch as if its sources had been separated."""
    return {name: x if name == MIXTURE else domain.heard(x) for name, x in batch.items()}


def separation_objective(
    domain: Domain,
    factors: Sequence[Factor],
    *,
    labelled: bool,
    alpha: float,
    beta: float,
    learning_rate: float,
    critic_filters: int,
    floors: tuple[tuple[str, float], ...] = FLOORS,
) -> Adversarial:
    """Return the objective.

    Args:
        domain: of what separates.
        factors: what critics tell apart. If all of them are marginals the criterion is
            Wasserstein's distance, as in the paper of 2018; else the logistic loss, which alone
            has logits that add up, with critics that spectral normalisation keeps smooth. None:
            supervision alone.
        labelled: whether there are songs with stems.
        alpha: weight of the critics.
        beta: weight of additivity; without critics there is none of it either.
        learning_rate: of all networks.
        critic_filters: of the first convolution of critics.
        floors: of what is measured, under which the training has collapsed.
    """
    factorised = any(factor.stream in (None, PAIRED) for factor in factors)
    optimizer = adam(learning_rate, 0.5 if factorised else 0.9)
    beta = beta if factors else 0.0
    critics = (
        Critic(factor, domain.critic(len(factor.parts), critic_filters), factorised)
        for factor in factors
    )
    return Adversarial(
        SeparatedParts(domain),
        tuple(critics),
        criterion=Logistic() if factorised else Wasserstein(),
        optimizer=optimizer,
        critic_optimizer=optimizer,
        weight=alpha,
        supervision=SeparationLoss(labelled, beta) if labelled or beta else None,
        measures=Presence(domain),
        guard=Guard(floors=floors) if factors else Guard(factor=1.0),
    )
