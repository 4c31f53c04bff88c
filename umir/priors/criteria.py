"""What critics and generators minimise: the logistic loss, or Wasserstein's distance.

    Goodfellow et al.: Generative adversarial nets, NeurIPS 2014 (the non-saturating form).
    Gulrajani et al.: Improved training of Wasserstein GANs, NeurIPS 2017 (the gradient penalty);
    Petzka et al.: On the regularization of Wasserstein GANs, ICLR 2018 (its one-sided form).

A criterion has `critic_loss(critic, real, fake, key)` and `generator_loss(logits)`. It is a frozen
dataclass, because compiled functions are kept by it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Scalar

from umir.wave_unet.parameters import Key

CriticFunction = Callable[[Array], Array]  # (batch, *space, channel) -> (batch,)
# The critic's loss, and its logits of what is real and of what is not.
CriticLoss = tuple[Scalar, tuple[Array, Array]]

NON_SATURATING, REVERSE_KL = "non-saturating", "reverse-kl"


@dataclass(frozen=True)
class Logistic:
    """Critics as classifiers, whose best logit is a log density ratio d.

    Attributes:
        generator: `"non-saturating"`, mean log(1 + exp(-d)), which the paper on FactorGAN calls
            JSD; or `"reverse-kl"`, mean -d, whose expectation is KL(q || p).
    """

    generator: str = NON_SATURATING

    def __post_init__(self):
        if self.generator not in (NON_SATURATING, REVERSE_KL):
            known = f"{NON_SATURATING!r} or {REVERSE_KL!r}"
            raise ValueError(f"no loss {self.generator!r} of a generator: {known}")

    def critic_loss(
        self,
        critic: CriticFunction,
        real: Float[Array, "batch *space channel"],
        fake: Float[Array, "batch *space channel"],
        key: Key,
    ) -> CriticLoss:
        """Return the binary cross-entropy, the mean of both sides: log 2 if nothing is known."""
        del key
        high, low = critic(real), critic(fake)
        loss = (jnp.mean(jax.nn.softplus(-high)) + jnp.mean(jax.nn.softplus(low))) / 2
        return loss, (high, low)

    def generator_loss(self, logits: Float[Array, " batch"]) -> Scalar:
        """Return the loss of a generator whose samples have these log density ratios."""
        return jnp.mean(jax.nn.softplus(-logits) if self.generator == NON_SATURATING else -logits)


@dataclass(frozen=True)
class Wasserstein:
    """Critics whose mean difference is a distance, as long as they are Lipschitz.

    The loss of a critic f is

        mean f(fake) - mean f(real) + penalty * mean max(|grad f(between)| - 1, 0)^2

    Attributes:
        penalty: weight of the one-sided gradient penalty.
    """

    penalty: float = 10.0

    def critic_loss(
        self,
        critic: CriticFunction,
        real: Float[Array, "batch *space channel"],
        fake: Float[Array, "batch *space channel"],
        key: Key,
    ) -> CriticLoss:
        """Return the loss; `key` draws the points at which the gradient is looked at."""
        high, low = critic(real), critic(fake)
        steep = gradient_penalty(critic, between(real, fake, key))
        return jnp.mean(low) - jnp.mean(high) + self.penalty * steep, (high, low)

    def generator_loss(self, logits: Float[Array, " batch"]) -> Scalar:
        """Return the mean that the critics give what is generated, with the sign turned."""
        return -jnp.mean(logits)


def between(
    real: Float[Array, "batch *space channel"],
    fake: Float[Array, "batch *space channel"],
    key: Key,
) -> Float[Array, "batch *space channel"]:
    """Return points on the lines between each fake sample and a random real one."""
    order, places = jax.random.split(key)
    weight = jax.random.uniform(places, (len(fake), *(1,) * (fake.ndim - 1)), fake.dtype)
    return weight * jax.random.permutation(order, real) + (1 - weight) * fake


def gradient_penalty(critic: CriticFunction, x: Float[Array, "batch *space channel"]) -> Scalar:
    """Return the mean of max(|gradient of the critic| - 1, 0)^2 over a batch.

    Critics look at each sample alone, so that the gradient of the sum of the logits holds that of
    each. Differentiated again for the critic's parameters, it runs on `umir.wave_unet.convolution`,
    whose derivatives of every order are fast.
    """
    gradient = jax.grad(lambda points: jnp.sum(critic(points)))(x)
    squares = jnp.sum(jnp.square(gradient), axis=tuple(range(1, x.ndim)))
    # The root of 1 in place of what is flat: the derivative of a root at 0 is not finite.
    steep = squares > 1
    excess = jnp.where(steep, jnp.sqrt(jnp.where(steep, squares, 1)) - 1, 0)
    return jnp.mean(jnp.square(excess))
