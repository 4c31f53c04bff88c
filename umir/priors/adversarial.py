"""The adversarial objective: a generator and any number of critics, each with its own optimiser.

    critics     each of them its own loss (`criteria`) on what its factor tells apart (`factor_gan`)
    generator   L  +  weight * generator_loss(log density ratio of what it makes)

where L is the loss on what is labelled, if there is any. A step takes several rounds of all
critics, each on fresh batches, and then one step of the generator. `Adversarial` has no state of
its own: `init` and `step` work on one tree of arrays, which is stored and resumed as a whole. What
is used in the end is the running average of the generator's parameters (Yazici et al.: The unusual
effectiveness of averaging in GAN training, ICLR 2019), which does not swing as the last ones do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, PyTree, Scalar

from umir.meta import judged, outer_update
from umir.priors import spectral_norm
from umir.priors.criteria import Logistic, Wasserstein
from umir.priors.factor_gan import DENSITY, Factor, Parts, log_density_ratio, sides, together
from umir.priors.guard import Guard
from umir.priors.protocols import (
    Batches,
    CriticNetwork,
    Generator,
    Measures,
    Metrics,
    Supervision,
)
from umir.priors.streams import INPUTS
from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.separators.normalisation import has_statistics

State = dict[str, Any]


@dataclass(frozen=True)
class Critic:
    """A factor and the network that judges it.

    Attributes:
        factor: what is told apart.
        network: what does.
        spectral_norm: whether its kernels are normalised whenever it runs.
    """

    factor: Factor
    network: CriticNetwork
    spectral_norm: bool = True


@cache
def adam(rate: float = 1e-4, momentum: float = 0.5) -> optax.GradientTransformation:
    """Return Adam, the same object for the same numbers, with the momentum that GANs take."""
    return optax.adam(rate, b1=momentum, b2=0.999)


@dataclass(frozen=True)
class Adversarial:
    """Adversarial training, without its state.

    Attributes:
        generator: what makes parts.
        critics: what judges them, one per factor; none: supervision alone.
        criterion: what both sides minimise.
        optimizer: of the generator.
        critic_optimizer: of each critic, which has a state of its own.
        weight: of the critics in the generator's loss.
        memory: of the running average of the generator's parameters, at most.
        supervision: the loss beside them; None where only critics teach.
        measures: numbers about what is generated, beside its spread; None: no others.
        guard: what watches over the training.
    """

    generator: Generator
    critics: tuple[Critic, ...]
    criterion: Logistic | Wasserstein = Logistic()
    optimizer: optax.GradientTransformation = field(default_factory=adam)
    critic_optimizer: optax.GradientTransformation = field(default_factory=adam)
    weight: float = 1.0
    memory: float = 0.999
    supervision: Supervision | None = None
    measures: Measures | None = None
    # What is compiled does not know of it: its limits change with the data of every training.
    guard: Guard = field(default=Guard(), compare=False)

    @property
    def critic_streams(self) -> tuple[str, ...]:
        """Names of the streams of a round of the critics."""
        own = (critic.factor.stream for critic in self.critics)
        return tuple(dict.fromkeys([INPUTS, *(name for name in own if name is not None)]))

    @property
    def generator_streams(self) -> tuple[str, ...]:
        """Names of the streams of a step of the generator."""
        own = () if self.supervision is None else self.supervision.streams
        return tuple(dict.fromkeys([INPUTS, *own]))

    def init(self, key: Key, start: Params | None = None) -> State:
        """Return the state before the first step.

        Args:
            key: what all networks are drawn from.
            start: parameters of the generator to start from; None: it is drawn as well.

        Returns:
            `networks`: parameters of the `generator`, their `average`, those of the `critics`, the
            `vectors` of their spectral normalisation, the states of the `optimizer`s, the number of
            `steps`; and `guard`.
        """
        networks = self._init_networks(key, start)
        return {"networks": networks, "guard": self.guard.init(networks, self._watched)}

    @property
    def _watched(self) -> list[str]:
        """Names of the metrics that a guard can watch."""
        factors = (critic.factor for critic in self.critics)
        spreads = [f"spread/{factor.name}" for factor in factors if factor.contrast == DENSITY]
        return [*spreads, *(self.measures.names if self.measures else ())]

    @partial(jax.jit, static_argnums=0)  # one compilation, not one for each shape
    def _init_networks(self, key: Key, start: Params | None = None) -> PyTree:
        own, *keys = jax.random.split(_quick(key), 2 * len(self.critics) + 1)
        generator = self.generator.init(own) if start is None else start
        critics, vectors = {}, {}
        for critic, (first, second) in zip(
            self.critics, zip(keys[::2], keys[1::2], strict=True), strict=True
        ):
            name = critic.factor.name
            critics[name] = critic.network.init(first)
            normal = critic.spectral_norm
            vectors[name] = spectral_norm.init_vectors(critics[name], second) if normal else {}
        optimizer = {
            "generator": self.optimizer.init(generator),
            "critics": {n: self.critic_optimizer.init(params) for n, params in critics.items()},
        }
        networks: State = {"generator": generator, "average": generator, "critics": critics}
        networks |= {"vectors": vectors, "steps": jnp.zeros((), jnp.int32)}
        return {**networks, "optimizer": optimizer}

    def step(self, state: State, item: Mapping[str, Any]) -> tuple[State, dict[str, float]]:
        """Take the rounds of the critics, and a step of the generator.

        A network whose loss or gradient is not finite stays as it is.

        Args:
            state: as `init` or the last step returned it.
            item: as `umir.priors.streams.Streams` gives it: `rounds`, `generator` and `keys`.

        Returns:
            The state, and of the last round and the generator: `loss/NAME`, `gradient_norm/NAME`,
            of each critic `balance/NAME` (how often it gives the right side the higher logit: 0.5
            if it cannot tell, 1 if it always can), of what is generated `spread/NAME` (its
            deviation over a batch, over that of what is real; left out where all of that is
            silent); what `measures` gives, and those of the guard.
        """
        networks, metrics = state["networks"], {}
        for batches, key in zip(item["rounds"], item["keys"], strict=True):
            networks, metrics = self.critics_step(networks, batches, key)
        size = state["guard"]["weight"]
        networks, own = self.generator_step(networks, item["generator"], size)
        numbers = {name: float(x) for name, x in jax.device_get(metrics | own).items()}
        return self.guard.watched({**state, "networks": networks}, numbers)

    @partial(jax.jit, static_argnums=0, static_argnames="training")
    def generated(
        self, params: Params, inputs: Parts, *, training: bool = False
    ) -> tuple[Parts, Any]:
        """Return what the generator makes, beside what it was given, and its features."""
        made, features = self.generator.apply(params, inputs, training=training)
        return {**inputs, **made}, features

    def settled(self, params: Params, batches: Iterable[Parts]) -> Params:
        """Return parameters with the statistics that batch normalisation has with them.

        An average has those of all that it was made of, whose activations were others.

        Args:
            params: of a generator; without such layers they stay as they are.
            batches: of what it is given, as many as it takes to forget the old ones: 50 where 0.9
                of what was stays with each, 450 where 0.99 does.
        """
        if has_statistics(params):
            for batch in batches:
                _, features = self.generated(params, batch, training=True)
                params = self.generator.remembered(params, features)
        return params

    @partial(jax.jit, static_argnums=0)
    def critics_step(self, networks: PyTree, batches: Batches, key: Key) -> tuple[PyTree, Metrics]:
        """Return the networks after a step of every critic, and metrics."""
        made, _ = self.generated(networks["generator"], batches[INPUTS], training=True)
        params, vectors = dict(networks["critics"]), dict(networks["vectors"])
        states = dict(networks["optimizer"]["critics"])
        metrics: Metrics = {}
        for critic, own in zip(self.critics, jax.random.split(key, len(self.critics)), strict=True):
            name, real = critic.factor.name, batches.get(critic.factor.stream or "")
            value, found, gradient = self._judged(critic, networks, (real, made), own)
            vectors[name], (high, low) = found
            gradient, norm = judged(value, gradient)
            params[name], states[name] = outer_update(
                self.critic_optimizer, gradient, params[name], states[name]
            )
            metrics |= {f"loss/{name}": value, f"gradient_norm/{name}": norm}
            metrics[f"balance/{name}"] = _balance(high, low)
            if critic.factor.contrast == DENSITY and real is not None:
                # Of what is made alone: what was given is real on both sides.
                parts = [part for part in critic.factor.parts if part not in batches[INPUTS]]
                parts = parts or list(critic.factor.parts)
                below, above = together(made, parts), together(real, parts)
                metrics[f"spread/{name}"] = _ratio(_spread(below), _spread(above))
        optimizer = {**networks["optimizer"], "critics": states}
        moved = {"critics": params, "vectors": vectors, "optimizer": optimizer}
        return {**networks, **moved}, metrics

    def _judged(
        self,
        critic: Critic,
        networks: PyTree,
        samples: tuple[Parts | None, Parts],
        key: Key,
    ) -> tuple[Scalar, Any, PyTree]:
        """Return loss, what was found on the way and gradient of one critic."""
        name = critic.factor.name
        first, second = jax.random.split(key)
        above, below = sides(critic.factor, *samples, first)

        def loss_of(params: Params) -> tuple[Scalar, Any]:
            smooth, vectors = _smooth(critic, params, networks["vectors"][name])
            judge = partial(critic.network.apply, smooth)
            loss, logits = self.criterion.critic_loss(judge, above, below, second)
            return loss, (vectors, logits)

        grad = jax.value_and_grad(loss_of, has_aux=True)
        (value, found), gradient = grad(networks["critics"][name])
        return value, found, gradient

    @partial(jax.jit, static_argnums=0)
    def generator_step(
        self, networks: PyTree, batches: Batches, size: Float[Array | np.ndarray, ""]
    ) -> tuple[PyTree, Metrics]:
        """Return the networks after a step of the generator, and metrics.

        Args:
            networks: of the state.
            batches: of the streams of the generator.
            size: share of the weight of the critics that is left (`umir.priors.guard`). Where
                nothing but critics teaches, Adam would not notice a smaller weight: there it
                shortens the step.
        """

        def loss_of(params: Params) -> tuple[Scalar, Any]:
            made, features = self.generated(params, batches[INPUTS], training=True)
            logits, vectors = self._logits(networks, made)
            factors = [critic.factor for critic in self.critics]
            loss = jnp.zeros(())
            if factors:
                loss = self.criterion.generator_loss(log_density_ratio(factors, logits))
            measured = {} if self.measures is None else self.measures(made)
            if self.supervision is None:
                return loss, (loss, jnp.zeros(()), vectors, features, measured)
            own = self.supervision.loss(self.generator, params, batches, features)
            return own + size * self.weight * loss, (loss, own, vectors, features, measured)

        old, state = networks["generator"], networks["optimizer"]["generator"]
        (value, found), gradient = jax.value_and_grad(loss_of, has_aux=True)(old)
        loss, own, vectors, features, measured = found
        gradient, norm = judged(value, gradient)
        new, state = outer_update(self.optimizer, gradient, old, state)
        if self.supervision is None:
            new = jax.tree.map(lambda a, b: a + size * (b - a), old, new)
        usable = jnp.isfinite(norm) & jnp.isfinite(value)
        new = jax.tree.map(
            partial(jnp.where, usable), self.generator.remembered(new, features), old
        )
        optimizer = {**networks["optimizer"], "generator": state}
        metrics = {"loss/generator": loss, "gradient_norm/generator": norm} | measured
        if self.supervision is not None:
            metrics["loss/supervised"] = own
        steps = networks["steps"] + 1
        # Early on, when all is still far away, an average over about the last tenth of the steps.
        memory = jnp.minimum(self.memory, 1 - 10 / (steps.astype(jnp.float32) + 9))
        average = jax.tree.map(lambda a, b: memory * a + (1 - memory) * b, networks["average"], new)
        moved = {"generator": new, "average": average, "vectors": vectors}
        moved |= {"optimizer": optimizer, "steps": steps}
        return {**networks, **moved}, metrics

    def _logits(
        self, networks: PyTree, made: Parts
    ) -> tuple[dict[str, Float[Array, " batch"]], dict[str, Any]]:
        """Return what every critic says of samples, and the vectors after that."""
        logits, vectors = {}, {}
        for critic in self.critics:
            name, parts = critic.factor.name, critic.factor.parts
            smooth, vectors[name] = _smooth(
                critic, networks["critics"][name], networks["vectors"][name]
            )
            logits[name] = critic.network.apply(smooth, together(made, parts))
        return logits, vectors


def _quick(key: Key) -> Key:
    """Return a key whose draws compile in a third of the time: dozens of kernels are drawn.

    It draws by the backend's own generator, so that a GPU draws other numbers than a CPU.
    """
    numbers = key if jnp.issubdtype(key.dtype, jnp.uint32) else jax.random.key_data(key)
    return jax.random.wrap_key_data(jnp.concatenate([numbers, numbers]), impl="rbg")


def _smooth(critic: Critic, params: Params, vectors: PyTree) -> tuple[Params, PyTree]:
    """Return the parameters that a critic runs with."""
    return spectral_norm.normalised(params, vectors) if critic.spectral_norm else (params, vectors)


def _balance(high: Float[Array, " batch"], low: Float[Array, " batch"]) -> Scalar:
    """Return how often a logit of the one side is above one of the other: the area under the ROC.

    Ties count half.
    """
    apart = high[:, None] - low[None]
    return jnp.mean(jnp.where(apart > 0, 1.0, jnp.where(apart == 0, 0.5, 0.0)))


def _spread(x: Float[Array, "batch *space channel"]) -> Scalar:
    """Return the mean over places and channels of the deviation over the batch."""
    return jnp.mean(jnp.std(x, axis=0))


def _ratio(made: Scalar, real: Scalar) -> Scalar:
    """Return a spread over that of what is real; inf where that is none: it is not known."""
    return jnp.where(real > 0, made / real, jnp.inf)
