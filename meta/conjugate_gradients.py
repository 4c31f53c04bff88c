"""Conjugate gradients on trees of arrays, unrolled: one call of the matrix in each step.

`jax.scipy.sparse.linalg.cg` runs in a `while` loop, in which a convolution is up to 60 times slower
on a CPU; and it takes the matrix to be positive, which the Hessian of a network need not be.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, PyTree


def conjugate_gradients(product: Callable[[PyTree], PyTree], target: PyTree, steps: int) -> PyTree:
    """Return x with `product(x)` near `target`, after so many steps from 0.

    A direction of negative curvature ends the search: what has been found by then is returned, or
    `target` itself if that was the first direction (Nocedal and Wright 2006, algorithm 7.1).

    Args:
        product: a symmetric matrix times a tree like `target`.
        target: the right side.
        steps: number of steps, at most the number of calls of `product`; 0 returns `target`.
    """
    if not steps:
        return target
    state = jax.tree.map(jnp.zeros_like, target), target, target
    for number in range(steps):
        x, residual, direction = state
        state = _step(x, residual, direction, product(direction), number == 0)
    return state[0]


@jax.jit
def _step(
    x: PyTree, residual: PyTree, direction: PyTree, image: PyTree, first: bool | Bool[Array, ""]
) -> tuple[PyTree, PyTree, PyTree]:
    """Return solution, residual and direction after a step; `image` is that of `direction`.

    An image that is not finite makes the solution so too.
    """
    square = optax.tree.vdot(residual, residual)
    curvature = optax.tree.vdot(direction, image)
    ended = curvature <= 0
    # Where it ended, a length of 0 (of 1 for the first direction, which is the target) stays.
    length = jnp.where(ended, jnp.where(first, 1.0, 0.0).astype(square.dtype), square / curvature)
    kept = jnp.where(ended, jnp.zeros_like(length), length)
    x = jax.tree.map(lambda a, p: a + length * p, x, direction)
    new = jax.tree.map(lambda r, q: r - kept * q, residual, image)
    ratio = jnp.where(ended, jnp.ones_like(length), optax.tree.vdot(new, new) / square)
    following = jax.tree.map(lambda r, p: jnp.where(ended, p, r + ratio * p), new, direction)
    return x, new, following
