"""The inner loop of gradient-based meta-learning: a few steps on the support set.

    theta_{i+1} = theta_i + rate_i * u_i,    u_i, state_{i+1} = optimizer(g_i, state_i, theta_i)
    g_i = d loss(theta_i, support) / d theta_i

Without an optimiser u_i = -g_i, which is gradient descent (Finn et al. 2017, arXiv:1703.03400,
eq. 1). With one it is an optax optimiser's update: `optax.adam(1.0)` with the rates beside it, or
`optax.adam(1e-3)` with rates of 1.

The steps are unrolled: a convolution inside a `lax.scan` is up to 60 times slower on a CPU. What is
not differentiated has no limit to its number of steps: each is the same two compiled programs.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PRNGKeyArray, PyTree, Scalar

from umir.meta.episode import Loss, Params
from umir.meta.gradients import loss_and_gradient

# Part -> its learning rate: a number, or a tree like the part's with a number, or an array, for
# each of its leaves.
Rates = Mapping[str, Any]


class DescentStep(NamedTuple):
    """One step of the inner loop.

    Attributes:
        value: the loss before.
        gradient: its gradient in the parts that are adapted.
        params: the parameters after.
        state: the optimiser's state after; None for gradient descent.
    """

    value: Scalar
    gradient: Params
    params: Params
    state: Any


def inner_loop(
    loss: Loss,
    params: Params,
    support: Any,
    key: PRNGKeyArray,
    *,
    steps: int,
    rates: Rates | Sequence[Rates],
    first_order: bool,
    optimizer: optax.GradientTransformation | None = None,
) -> Params:
    """Return the parameters after `steps` steps of gradient descent, or of an optax optimiser.

    Args:
        loss: the task's loss.
        params: where to start: body and head.
        support: the batch to adapt on.
        key: randomness of the loss, one key per step.
        steps: number of steps (1 to 10 if the result is differentiated: memory and compilation grow
            with them).
        rates: learning rate of each part, the mask of what is adapted: a part without a rate, or
            with a rate of 0, stays as it is and costs no gradient. A sequence holds the rates of
            each step; steps beyond its end take the last of them.
        first_order: treat the inner updates as constants when the result is differentiated.
        optimizer: what turns gradients into updates; None for gradient descent. Its state starts
            afresh and goes along. Adam needs an `eps_root` above 0 to be differentiated through.
            Make it once: it is the key under which compiled programs are found again.
    """
    state = first_state(optimizer, params, rates_at(rates, 0))
    for number in range(steps):
        step_key = jax.random.fold_in(key, number)
        _, _, params, state = descent_step(
            loss,
            params,
            support,
            step_key,
            rates=rates_at(rates, number),
            first_order=first_order,
            optimizer=optimizer,
            state=state,
        )
    return params


def descent_step(
    loss: Loss,
    params: Params,
    batch: Any,
    key: PRNGKeyArray,
    *,
    rates: Rates,
    first_order: bool,
    optimizer: optax.GradientTransformation | None = None,
    state: Any = None,
) -> DescentStep:
    """Take one step, of an inner loop or alone; `inner_loop` says what the arguments are."""
    before, rates = adapted(params, rates), adapted(rates, rates)
    value, gradient = loss_and_gradient(loss, params, batch, key, tuple(before))
    after, state = advance(optimizer, first_order, before, gradient, state, rates)
    return DescentStep(value, gradient, {**params, **after}, state)


def adapted(parts: Mapping[str, Any], rates: Rates) -> dict[str, Any]:
    """Return those of `parts` that have a rate, in the order of their names."""
    named = sorted(part for part, rate in rates.items() if _is_tree(rate) or rate)
    return {part: parts[part] for part in named}


def first_state(
    optimizer: optax.GradientTransformation | None, params: Params, rates: Rates
) -> Any:
    """Return the state that an optimiser starts a task with; None for gradient descent."""
    return None if optimizer is None else optimizer.init(adapted(params, rates))


@partial(jax.jit, static_argnums=(0, 1))
def advance(
    optimizer: optax.GradientTransformation | None,
    first_order: bool,
    params: Params,
    gradient: Params,
    state: Any,
    rates: Rates,
) -> tuple[Params, Any]:
    """Return the adapted parts and the optimiser's state after a step along `gradient`."""
    if optimizer is None:
        updates: Params = jax.tree.map(jnp.negative, gradient)
    else:
        # optax raises floats to integer step counts: see `gradients.outer_update`.
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(gradient, state, params)
    if first_order:
        updates, state = jax.lax.stop_gradient((updates, state))
    return {part: _moved(params[part], updates[part], rates[part]) for part in params}, state


def _moved(params: PyTree, updates: PyTree, rate: Any) -> PyTree:
    """Return one part after its update, times one rate or a rate for each leaf."""
    rates = rate if _is_tree(rate) else jax.tree.map(lambda _: rate, params)
    return jax.tree.map(lambda p, u, r: p + r * u, params, updates, rates)


def _is_tree(rate: Any) -> bool:
    """Return whether there is a rate for each leaf of a part, and not one for all."""
    return not jax.tree_util.all_leaves([rate])


def rates_at(rates: Rates | Sequence[Rates], step: int) -> Rates:
    """Return the rates of one step: those that all steps share, or its own, or the last."""
    if isinstance(rates, Mapping):
        return rates
    return rates[min(step, len(rates) - 1)]
