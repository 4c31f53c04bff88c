"""The inner loop of gradient-based meta-learning: a few steps of descent on the support set.

The steps are unrolled: a convolution inside a `lax.scan` is up to 60 times slower on a CPU.
"""

from typing import Any

import jax
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from umir.meta.episode import Loss, Params
from umir.meta.gradients import loss_and_gradient


def inner_loop(
    loss: Loss,
    params: Params,
    support: Any,
    key: PRNGKeyArray,
    *,
    steps: int,
    rates: dict[str, float],
    first_order: bool,
) -> Params:
    """Return the parameters after `steps` steps of gradient descent.

    theta_{i+1} = theta_i - rate * d loss(theta_i, support) / d theta_i    (Finn et al. 2017, eq. 1)

    Args:
        loss: the task's loss.
        params: where to start: body and head.
        support: the batch to adapt on.
        key: randomness of the loss, one key per step.
        steps: number of steps (1 to 10; memory and compilation grow with it when differentiated).
        rates: learning rate of each part; a rate of 0 leaves the part as it is.
        first_order: treat the inner gradients as constants when the result is differentiated.
    """
    for step in range(steps):
        _, gradient = loss_and_gradient(loss, params, support, jax.random.fold_in(key, step))
        if first_order:
            gradient = jax.lax.stop_gradient(gradient)
        params = {part: _descend(params[part], gradient[part], rates[part]) for part in params}
    return params


@jax.jit
def _descend(params: PyTree, gradient: PyTree, rate: float | Float[Array, ""]) -> PyTree:
    return jax.tree.map(lambda p, g: p - rate * g, params, gradient)
