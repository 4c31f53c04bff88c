"""Factors: the density ratio of a whole as a sum of what critics of its parts say.

    D. Stoller, S. Ewert, S. Dixon: Training generative adversarial networks from partial
    observations using factorised discriminators, ICLR 2020.

Let p be the density of what is real, q that of what is generated, and x = (x_1, ..., x_K). Every
density is the product of its marginals and of a rest, the dependency, c_p(x) = p(x) / prod p(x_i):

    log p(x)/q(x)  =  sum_i log p(x_i)/q(x_i)  +  log c_p(x)  -  log c_q(x)
      `joint`            `marginals`             `real`          `generated`

A classifier that tells samples of one density from those of another, and is trained with the
logistic loss, has the logarithm of their ratio as its best logit. So each term is a critic of its
own: a marginal needs samples of one part, which need not belong to any other; only the dependency
of what is real needs whole samples, and compares them with themselves after a shuffle of parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from umir.wave_unet.parameters import Key

Parts = Mapping[str, Array | np.ndarray]
Contrast = tuple[str, str]

PAIRED = "paired"  # the stream of whole samples
REAL, GENERATED, SHUFFLED = "real", "generated", "shuffled"
# What a critic gives a high logit, and from what it tells that apart.
DENSITY: Contrast = (REAL, GENERATED)
REAL_DEPENDENCY: Contrast = (REAL, SHUFFLED)
GENERATED_DEPENDENCY: Contrast = (GENERATED, SHUFFLED)


@dataclass(frozen=True)
class Factor:
    """One term of a log density ratio.

    Attributes:
        name: of its critic, its optimiser and what is logged.
        parts: what it sees; shuffling moves all but the first.
        contrast: `DENSITY`, `REAL_DEPENDENCY` or `GENERATED_DEPENDENCY`.
        sign: with which it enters the sum.
        stream: where real samples come from; None if it needs none.
    """

    name: str
    parts: tuple[str, ...]
    contrast: Contrast
    sign: int = 1
    stream: str | None = PAIRED


def joint(parts: Sequence[str], stream: str = PAIRED) -> tuple[Factor, ...]:
    """Return the one factor of a plain GAN, whose critic sees all parts at once.

    Args:
        parts: their names.
        stream: of whole samples.
    """
    return (Factor("joint", tuple(parts), DENSITY, stream=stream),)


def marginals(parts: Sequence[str]) -> tuple[Factor, ...]:
    """Return a factor for each part, with a stream of the part's name."""
    return tuple(Factor(part, (part,), DENSITY, stream=part) for part in parts)


def factor_gan(
    parts: Sequence[str], *, given: Sequence[str] = (), independent: bool = False
) -> tuple[Factor, ...]:
    """Return the factors of a FactorGAN.

    Args:
        parts: what is generated, any number of parts.
        given: what the generator is given. It is real on both sides, so that its marginals cancel,
            and it comes first, so that shuffling the first of it moves what was made of it.
        independent: take the parts to be independent in reality, and leave the factor out that
            needs whole samples (the paper's "no-cp").

    Returns:
        The marginals, whose streams have the names of the parts; `real`, with the stream `paired`,
        and `generated`, the two dependencies.

    Raises:
        ValueError: fewer than two parts in all, or one that comes twice.
    """
    whole = (*given, *parts)
    if len(whole) < 2 or len({*whole}) < len(whole) or not parts:
        raise ValueError(f"parts {whole}: two or more are needed, each once, and one to generate")
    real = (Factor("real", whole, REAL_DEPENDENCY),)
    generated = Factor("generated", whole, GENERATED_DEPENDENCY, sign=-1, stream=None)
    return (*marginals(parts), *(() if independent else real), generated)


def log_density_ratio(
    factors: Sequence[Factor], logits: Mapping[str, Float[Array, " batch"]]
) -> Float[Array, " batch"]:
    """Return the sum of the factors' logits, each with its sign.

    Args:
        factors: all that belong to the sum.
        logits: of the same samples, by the names of the factors.
    """
    total = sum(factor.sign * logits[factor.name] for factor in factors)
    return jnp.asarray(total)


def shuffled(parts: Parts, order: Sequence[str], key: Key) -> Parts:
    """Return a batch whose parts belong together no more.

    Args:
        parts: name -> `(batch, ...)`.
        order: the parts to return. The first stays as it is; each of the others is permuted
            within the batch, independently.
        key: what to draw from.
    """
    first, *others = order
    moved: dict[str, Array | np.ndarray] = {first: parts[first]}
    for part, own in zip(others, jax.random.split(key, max(len(others), 1)), strict=False):
        moved[part] = jax.random.permutation(own, parts[part])
    return moved


def together(parts: Parts, order: Sequence[str]) -> Float[Array, "batch *space channel"]:
    """Return parts as one array, one after the other along the channels, as critics take them."""
    return jnp.concatenate([parts[part] for part in order], axis=-1)


def sides(
    factor: Factor, real: Parts | None, generated: Parts, key: Key
) -> tuple[Float[Array, "batch *space channel"], Float[Array, "batch *space channel"]]:
    """Return the two batches that a factor's critic tells apart, that with the high logit first.

    Args:
        factor: what is told apart.
        real: a batch of the factor's stream; None for a factor without.
        generated: a batch of the generator, with what it was given.
        key: what to shuffle with.
    """
    found: dict[str, Parts] = {GENERATED: generated}
    if real is not None:
        found[REAL] = real
    high, low = factor.contrast
    whole = found[high]
    other = shuffled(whole, factor.parts, key) if low == SHUFFLED else found[low]
    return together(whole, factor.parts), together(other, factor.parts)
