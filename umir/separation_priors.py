"""Semi-supervised separation: critics of sources, assembled of `umir.priors`.

    Stoller, Ewert, Dixon: Adversarial semi-supervised audio source separation applied to singing
    voice extraction, ICASSP 2018; the factorised prior is that of FactorGAN (ICLR 2020).

    L = Ls + alpha * Lu + beta * Ladd

    Ls      sum over sources of the squared error of log(1 + magnitude), on songs with stems
    Lu      what the critics say of the sources that are separated from unlabelled mixtures
    Ladd    squared error between the mixture and the sum of its sources, in linear magnitude, on
            unlabelled mixtures

A part is a source: log(1 + magnitude), `(batch, bin, frame, 1)`, without the lowest bin, and at the
frames that cover what the separator gives, so that sides are powers of 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Scalar

from umir.magnitude_unet import MagnitudeUNet
from umir.priors import Adversarial, Critic, Factor, Guard, Logistic, Wasserstein
from umir.priors.adversarial import Batches, adam
from umir.priors.factor_gan import PAIRED, Parts
from umir.priors.networks import SeparationCritic
from umir.priors.networks.separation_unet import MIXTURE
from umir.priors.streams import INPUTS, Batch
from umir.stem_songs import StemSong, random_windows
from umir.wave_unet.parameters import Key
from umir.wave_unet.separators import Sizes
from umir.wave_unet.separators.layers import Params

LABELLED = "labelled"  # the stream of mixtures with their sources
# Shares of the mixture's magnitude: a source that has less is silent, one that differs from the
# mixture by less is equal to it.
LEVEL, DISTANCE = "level/", "distance/"
FLOORS = ((LEVEL, 0.02), (DISTANCE, 0.02))


def labelled_sizes(network: MagnitudeUNet) -> Sizes:
    """Return windows whose output is all samples of the frames that come out of a network."""
    return replace(network.sizes, output=network.sizes.output + network.window)


def source_sizes(network: MagnitudeUNet) -> Sizes:
    """Return windows of a source as critics see it, without context."""
    return replace(network.sizes, input=network.sizes.output)


def labelled_batch(
    network: MagnitudeUNet,
    mixtures: Float[np.ndarray, "batch time 1"],
    targets: Float[np.ndarray, "batch kept source 1"],
) -> dict[str, Array]:
    """Return windows of `labelled_sizes` as what a network sees, and what it should give."""
    found = {
        name: network.seen(np.ascontiguousarray(targets[:, :, n, 0]))
        for n, name in enumerate(network.sources)
    }
    return {MIXTURE: network.seen(mixtures[:, :, 0]), **found}


@dataclass(frozen=True)
class MixtureWindows:
    """Windows of mixtures, as the network sees them: a source of `umir.priors.Streams`.

    Attributes:
        network: that sees them.
        songs: of which they are cut.
        gains: range of the numbers that sources are multiplied by.
    """

    network: MagnitudeUNet
    songs: Sequence[StemSong]
    gains: tuple[float, float]

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return a part `mixture`."""
        mixtures, _ = random_windows(self.songs, self.network.sizes, batch, self.gains, rng)
        return {MIXTURE: np.asarray(self.network.seen(mixtures[:, :, 0]))}


@dataclass(frozen=True)
class SourceWindows:
    """Windows of sources, as critics see them: a source of `umir.priors.Streams`.

    Attributes:
        network: whose critics see them.
        songs: of which they are cut, all sources of a song at the same place.
        parts: name of a source -> its number in the songs.
        gains: range of the numbers that sources are multiplied by.
    """

    network: MagnitudeUNet
    songs: Sequence[StemSong]
    parts: Mapping[str, int]
    gains: tuple[float, float]

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return the parts."""
        sizes = source_sizes(self.network)
        _, targets = random_windows(self.songs, sizes, batch, self.gains, rng)
        return {
            name: np.asarray(self.network.seen(np.ascontiguousarray(targets[:, :, n, 0])))[:, 1:]
            for name, n in self.parts.items()
        }


@dataclass(frozen=True)
class LabelledWindows:
    """Windows of songs with stems, of the loudness that they have: a source of `Streams`.

    Attributes:
        network: that learns from them.
        songs: of which they are cut.
    """

    network: MagnitudeUNet
    songs: Sequence[StemSong]

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return what `labelled_batch` does."""
        windows = random_windows(self.songs, labelled_sizes(self.network), batch, (1.0, 1.0), rng)
        found = labelled_batch(self.network, *windows)
        return {name: np.asarray(x) for name, x in found.items()}


@dataclass(frozen=True)
class SeparatedParts:
    """A separator as the generator of an adversarial training.

    Attributes:
        network: what separates.
    """

    network: MagnitudeUNet

    def init(self, key: Key) -> Params:
        """Draw fresh parameters."""
        return self.network.init(key)

    def apply(
        self, params: Params, inputs: Parts, *, training: bool = False
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the sources as critics see them, and as features all that comes out of them."""
        found = self.network.magnitudes(params, jnp.asarray(inputs[MIXTURE]))
        return {name: x[:, 1:, 1:-1] for name, x in found.items()}, found

    def remembered(self, params: Params, features: dict[str, Any]) -> Params:
        """Return the parameters as they are."""
        return params


def squared_errors(network: MagnitudeUNet, params: Params, batch: Parts) -> Float[Array, " batch"]:
    """Return Ls for each window of a batch of `labelled_batch`."""
    found = network.magnitudes(params, batch[MIXTURE])
    errors = [
        jnp.mean(jnp.square(found[name] - batch[name]), axis=(1, 2, 3)) for name in network.sources
    ]
    return jnp.sum(jnp.stack(errors), axis=0)


def additivity(network: MagnitudeUNet, found: Mapping[str, Array], seen: Array) -> Scalar:
    """Return Ladd: the mean over all bins and frames that come out.

    Args:
        network: what separates.
        found: what it gives (`MagnitudeUNet.magnitudes`).
        seen: of what.
    """
    total = jnp.sum(jnp.stack([jnp.expm1(found[name]) for name in network.sources]), axis=0)
    return jnp.mean(jnp.square(total - jnp.expm1(_middle(network, seen))))


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
        features: Mapping[str, Array],
    ) -> Scalar:
        """Return Ls + beta * Ladd, of which the second is of what is separated for the critics."""
        network, loss = generator.network, jnp.zeros(())
        if self.labelled:
            loss = loss + jnp.mean(squared_errors(network, params, batches[LABELLED]))
        if self.beta:
            seen = jnp.asarray(batches[INPUTS][MIXTURE])
            loss = loss + self.beta * additivity(network, features, seen)
        return loss


@dataclass(frozen=True)
class Presence:
    """How much of a mixture is in each source, and how far that is from all of it.

    Attributes:
        network: what separates.
    """

    network: MagnitudeUNet

    def __call__(self, parts: Parts) -> dict[str, Scalar]:
        """Return `level/NAME` and `distance/NAME`, in shares of the mixture's mean magnitude."""
        mixture = _middle(self.network, jnp.asarray(parts[MIXTURE]))[:, 1:, 1:-1]
        whole = jnp.mean(mixture) + 1e-8
        measured = {}
        for name in self.network.sources:
            made = jnp.asarray(parts[name])
            measured[f"{LEVEL}{name}"] = jnp.mean(made) / whole
            measured[f"{DISTANCE}{name}"] = jnp.mean(jnp.abs(made - mixture)) / whole
        return measured


def _middle(network: MagnitudeUNet, seen: Array) -> Array:
    """Return the frames of what a network sees that come out of it."""
    _, before = network.context
    return seen[:, :, before : before + network.frames + 2]


def separation_critic(network: MagnitudeUNet, factor: Factor, filters: int, smooth: bool) -> Critic:
    """Return a factor with the published critic of as many sources as it has.

    Args:
        network: whose sources it sees.
        factor: what it tells apart.
        filters: of its first convolution, 32 as published.
        smooth: whether by spectral normalisation; else the loss has to see to it.
    """
    space = (network.bins - 1, network.frames)
    return Critic(factor, SeparationCritic(space, len(factor.parts), filters), smooth)


def separation_objective(
    network: MagnitudeUNet,
    factors: Sequence[Factor],
    *,
    labelled: bool,
    alpha: float,
    beta: float,
    learning_rate: float,
    critic_filters: int,
) -> Adversarial:
    """Return the objective.

    Args:
        network: what separates.
        factors: what critics tell apart. If all of them are marginals the criterion is
            Wasserstein's distance, as in the paper of 2018; else the logistic loss, which alone
            has logits that add up. None: supervision alone.
        labelled: whether there are songs with stems.
        alpha: weight of the critics.
        beta: weight of additivity; without critics there is none of it either.
        learning_rate: of all networks.
        critic_filters: of the first convolution of critics.
    """
    factorised = any(factor.stream in (None, PAIRED) for factor in factors)
    optimizer = adam(learning_rate, 0.5 if factorised else 0.9)
    return Adversarial(
        SeparatedParts(network),
        tuple(separation_critic(network, f, critic_filters, factorised) for f in factors),
        criterion=Logistic() if factorised else Wasserstein(),
        optimizer=optimizer,
        critic_optimizer=optimizer,
        weight=alpha,
        supervision=SeparationLoss(labelled, beta if factors else 0.0),
        measures=Presence(network),
        guard=Guard(floors=FLOORS) if factors else Guard(),
    )
