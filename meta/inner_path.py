"""The inner loop there and back: the chain rule over its steps, each a compiled program of its own.

    c_i = c_{i+1} d theta_{i+1} / d theta_i  (+ what the outer loss asks of theta_i itself)

`walk` takes the steps and keeps the parameters between them; `way_back` computes again what was
inside. So memory is that of one step, and no program grows with the number of steps. A step back is
the derivative of the update, which is element-wise, and one product with the Hessian; of first
order, the update is a constant and only the rates have a derivative.

`jax.checkpoint` inside one program gains nothing on a CPU: there XLA drops the barriers and merges
the second computation with the first.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PRNGKeyArray

from umir.meta.episode import Loss, Params
from umir.meta.hessian import hessian_product
from umir.meta.inner_loop import Rates, adapted, advance, descent_step, first_state, rates_at


class Stop(NamedTuple):
    """Where the inner loop was before one of its steps, and how it went on.

    Attributes:
        params: the parameters before the step.
        gradient: the gradient there, in the parts that are adapted.
        state: the optimiser's state before the step; None for gradient descent.
        rates: of the step.
        key: of the step.
    """

    params: Params
    gradient: Params
    state: Any
    rates: Rates
    key: PRNGKeyArray


def walk(
    loss: Loss,
    params: Params,
    support: Any,
    key: PRNGKeyArray,
    *,
    steps: int,
    rates: Rates | Sequence[Rates],
    optimizer: optax.GradientTransformation | None = None,
) -> tuple[list[Stop], Params]:
    """Return the stops of the inner loop and its result, which is that of `inner_loop`."""
    path: list[Stop] = []
    state = first_state(optimizer, params, rates_at(rates, 0))
    for number in range(steps):
        own, step_key = rates_at(rates, number), jax.random.fold_in(key, number)
        step = descent_step(
            loss,
            params,
            support,
            step_key,
            rates=own,
            first_order=True,
            optimizer=optimizer,
            state=state,
        )
        path.append(Stop(params, step.gradient, state, adapted(own, own), step_key))
        params, state = step.params, step.state
    return path, params


def way_back(
    loss: Loss,
    path: Sequence[Stop],
    support: Any,
    slopes: Sequence[Params | None],
    *,
    first_order: bool,
    optimizer: optax.GradientTransformation | None = None,
) -> tuple[Params, list[Rates]]:
    """Return the slope of the outer loss in the first parameters, and in the rates of each step.

    Args:
        loss: the task's loss.
        path: as `walk` returned it.
        support: the batch of the inner loop.
        slopes: what the outer loss asks of the parameters at each stop and, last, of the result:
            None where it does not look at them.
        first_order: treat the inner updates as constants.
        optimizer: that of the inner loop.
    """
    slope = slopes[-1]
    assert slope is not None, "the outer loss looks at the result of the inner loop"
    of_rates: list[Rates] = []
    of_state = _no_slope(path[-1].state) if path else []
    for stop, own in zip(reversed(path), reversed(slopes[:-1]), strict=True):
        after = {part: slope[part] for part in stop.gradient}
        before, of_gradient, of_state, of_step = _back(
            optimizer, first_order, adapted(stop.params, stop.rates), *stop[1:4], after, of_state
        )
        of_rates.insert(0, of_step)
        slope = {**slope, **before}
        if not first_order:
            product = hessian_product(loss, stop.params, support, stop.key, of_gradient)
            slope = _sum(slope, product)
        slope = slope if own is None else _sum(slope, own)
    return slope, of_rates


@partial(jax.jit, static_argnums=(0, 1))
def _back(optimizer, first_order, params, gradient, state, rates, of_params, of_state):
    """Return the slopes before an update, in all that goes into it, from those after it."""
    leaves, structure = jax.tree.flatten(state)

    def update(params, gradient, floats, rates):
        kept = [leaf if own is None else own for leaf, own in zip(leaves, floats, strict=True)]
        state = jax.tree.unflatten(structure, kept)
        params, state = advance(optimizer, first_order, params, gradient, state, rates)
        return params, _floats(state)

    _, pull_back = jax.vjp(update, params, gradient, _floats(state), rates)
    return pull_back((of_params, of_state))


def _floats(state: Any) -> list[Any]:
    """Return the leaves that have a slope: None in the place of counts of steps and the like."""
    leaves = jax.tree.leaves(state)
    return [leaf if jnp.issubdtype(leaf.dtype, jnp.inexact) else None for leaf in leaves]


def _no_slope(state: Any) -> list[Any]:
    return jax.tree.map(jnp.zeros_like, _floats(state))


_sum = jax.jit(optax.tree.add)
