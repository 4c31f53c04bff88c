"""What algorithms are made of: the gradient of a loss and the outer update, each compiled once.

All first-order training calls the same compiled gradient: inner steps, the outer gradient,
multi-task training and fine-tuning differ only in what they do with it. Compiling it takes seconds
per objective; K unrolled steps as one program would take K times as long and run no faster.

NaN stands for "no gradient" here: `judged` makes a gradient that cannot be used NaN throughout,
`mean_of_usable` passes over it, and `outer_update` along NaN changes nothing. So one bad episode
costs its own update and nothing else, without a look at any number between the compiled parts.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PRNGKeyArray, PyTree, Scalar

from umir.meta.episode import Loss, Params


def loss_and_gradient(
    loss: Loss,
    params: Params,
    batch: Any,
    key: PRNGKeyArray,
    parts: tuple[str, ...] | None = None,
) -> tuple[Scalar, Params]:
    """Return `loss(params, batch, key)` and its gradient in `parts` (default: all parts)."""
    return _loss_and_gradient(loss, params, batch, key, parts or tuple(sorted(params)))


@partial(jax.jit, static_argnums=(0, 4))
def _loss_and_gradient(loss, params, batch, key, parts):
    def of_parts(free):
        return loss({**params, **free}, batch, key)

    return jax.value_and_grad(of_parts)({part: params[part] for part in parts})


@partial(jax.jit, static_argnums=0)
def outer_update(
    optimizer: optax.GradientTransformation, gradient: PyTree, params: PyTree, state: Any
) -> tuple[PyTree, Any]:
    """Return parameters and optimiser state after one step along `gradient`.

    A gradient that is not finite leaves both as they are.
    """
    # optax raises floats to integer step counts, which strict promotion of types would refuse.
    with jax.numpy_dtype_promotion("standard"):
        updates, new_state = optimizer.update(gradient, state, params)
    new = optax.apply_updates(params, updates), new_state
    usable = jnp.isfinite(optax.tree.norm(gradient))
    return jax.tree.map(partial(jnp.where, usable), new, (params, state))


@jax.jit
def judged(value: Scalar, gradient: PyTree) -> tuple[PyTree, Scalar]:
    """Return the gradient, NaN throughout unless it and its loss `value` are finite, and its norm.

    The norm (over all leaves) is not finite if any element of the gradient is not.
    """
    norm = optax.tree.norm(gradient)
    usable = jnp.isfinite(value) & jnp.isfinite(norm)
    return jax.tree.map(lambda g: jnp.where(usable, g, jnp.nan), gradient), norm


@jax.jit
def mean_of_usable(gradients: list[PyTree]) -> PyTree:
    """Return the mean of the `judged` gradients that can be used; NaN if none can."""
    return jax.tree.map(lambda *leaves: jnp.nanmean(jnp.stack(leaves), axis=0), *gradients)


def mean_of_alike(metrics: Sequence[tuple[str, Scalar]]) -> dict[str, Scalar]:
    """Return the mean over the metrics of one name, not finite unless all are."""
    found: dict[str, list[Scalar]] = {}
    for name, value in metrics:
        found.setdefault(name, []).append(value)
    return {name: mean_of_trees(values) for name, values in found.items()}


def mean_of_trees(trees: list[PyTree]) -> PyTree:
    """Return the element-wise mean of trees of one structure."""
    return jax.tree.map(lambda *leaves: sum(leaves[1:], leaves[0]) / len(leaves), *trees)
