"""What algorithms are made of: the gradient of a loss and the outer update, each compiled once.

All first-order training calls the same compiled gradient: inner steps, the outer gradient,
multi-task training and fine-tuning differ only in what they do with it. Compiling it takes seconds
per objective; K unrolled steps as one program would take K times as long and run no faster.
"""

from functools import partial
from typing import Any

import jax
import optax
from jaxtyping import PRNGKeyArray, PyTree, Scalar

from umir.meta.episode import Loss, Params


@partial(jax.jit, static_argnums=0)
def loss_and_gradient(
    loss: Loss, params: Params, batch: Any, key: PRNGKeyArray
) -> tuple[Scalar, Params]:
    """Return `loss(params, batch, key)` and its gradient in all parameters."""
    return jax.value_and_grad(loss)(params, batch, key)


@partial(jax.jit, static_argnums=0)
def outer_update(
    optimizer: optax.GradientTransformation, gradient: PyTree, params: PyTree, state: Any
) -> tuple[PyTree, Any]:
    """Return parameters and optimiser state after one step along `gradient`."""
    # optax raises floats to integer step counts, which strict promotion of types would refuse.
    with jax.numpy_dtype_promotion("standard"):
        updates, state = optimizer.update(gradient, state, params)
    return optax.apply_updates(params, updates), state


def mean_of_trees(trees: list[PyTree]) -> PyTree:
    """Return the element-wise mean of trees of one structure."""
    return jax.tree.map(lambda *leaves: sum(leaves[1:], leaves[0]) / len(leaves), *trees)
