"""The inner loop of gradient-based meta-learning: a few steps of descent on the support set.

The steps are unrolled: a convolution inside a `lax.scan` is up to 60 times slower on a CPU.
"""

from collections.abc import Mapping
from typing import Any

import jax
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, Scalar

from umir.meta.episode import Loss, Params
from umir.meta.gradients import loss_and_gradient


def inner_loop(
    loss: Loss,
    params: Params,
    support: Any,
    key: PRNGKeyArray,
    *,
    steps: int,
    rates: Mapping[str, float],
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
        rates: learning rate of each part, the mask of what is adapted: a part without a rate, or
            with a rate of 0, stays as it is and costs no gradient.
        first_order: treat the inner gradients as constants when the result is differentiated.
    """
    for number in range(steps):
        step_key = jax.random.fold_in(key, number)
        _, params = descent_step(
            loss, params, support, step_key, rates=rates, first_order=first_order
        )
    return params


def descent_step(
    loss: Loss,
    params: Params,
    batch: Any,
    key: PRNGKeyArray,
    *,
    rates: Mapping[str, float],
    first_order: bool,
) -> tuple[Scalar, Params]:
    """Return the loss before, and the parameters after, one step of gradient descent."""
    adapted = tuple(sorted(part for part, rate in rates.items() if rate))
    value, gradient = loss_and_gradient(loss, params, batch, key, adapted)
    if first_order:
        gradient = jax.lax.stop_gradient(gradient)
    moved = {part: _descend(params[part], gradient[part], rates[part]) for part in adapted}
    return value, {**params, **moved}


@jax.jit
def _descend(params: PyTree, gradient: PyTree, rate: float | Float[Array, ""]) -> PyTree:
    return jax.tree.map(lambda p, g: p - rate * g, params, gradient)
