"""Learning rates of the inner loop that are learnt with the body.

    theta_{i+1} = theta_i + alpha_i o u_i,    u_i the update (-gradient for gradient descent)

A rate belongs to a *layer* (one for each array of the body, kernels and biases apart: MAML++'s
LSLR) or to a *parameter* (one for each number: Meta-SGD), and to one step or to all of them. Heads
are fresh in every episode and differ in shape: their rates are one for weights and one for biases,
whatever the granularity.

The tree of rates is `{"body": like the body, "head": {"weight": ..., "bias": ...}}`, every leaf
with a first axis of steps, of length 1 where steps share their rates. It says all about itself, and
steps after the last take the rates of the last.

A rate may change its sign: both papers learn the direction of the update with its size (Li et al.
2017, section 3.1; LSLR is "learning rates and gradient directions" in full).

With first-order gradients a rate's gradient is minus the scalar product of the inner gradient and
of the outer one after the step: it costs nothing.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from umir.meta.episode import Params
from umir.meta.inner_loop import Rates

LAYER, PARAMETER = GRANULARITIES = ("layer", "parameter")


def fresh_rates(
    body: PyTree, rates: Rates, *, granularity: str = LAYER, steps: int = 1
) -> dict[str, PyTree]:
    """Return the tree of rates that meta-training starts from.

    Args:
        body: what the rates of the body are for.
        rates: one number for the body and one for the head.
        granularity: `layer` or `parameter`.
        steps: number of steps that have rates of their own; 1 if all share theirs.

    Raises:
        ValueError: another granularity.
    """
    if granularity not in GRANULARITIES:
        raise ValueError(f"granularity {granularity!r}: choose from {', '.join(GRANULARITIES)}")

    def of_leaf(leaf: Array) -> Array:
        shape = leaf.shape if granularity == PARAMETER else ()
        return jnp.full((steps, *shape), rates["body"], leaf.dtype)

    dtype = jnp.result_type(*jax.tree.leaves(body))
    head = {kind: jnp.full((steps,), rates["head"], dtype) for kind in ("weight", "bias")}
    return {"body": jax.tree.map(of_leaf, body), "head": head}


@partial(jax.jit, static_argnums=2)
def rates_of_steps(rates: PyTree, params: Params, steps: int) -> list[dict[str, Any]]:
    """Return what `inner_loop` takes for `params`: for each step, a rate for each leaf.

    Args:
        rates: a tree of rates; the body's must be like the body of `params`.
        params: body and head.
        steps: number of steps.
    """

    def of_step(number: int) -> dict[str, Any]:
        at = lambda leaf: leaf[min(number, leaf.shape[0] - 1)]  # noqa: E731
        head = {kind: at(leaf) for kind, leaf in rates["head"].items()}
        return {
            "body": jax.tree.map(at, rates["body"]),
            "head": jax.tree.map(lambda leaf: head[_kind(leaf)], params["head"]),
        }

    return [of_step(number) for number in range(steps)]


@jax.jit
def gradient_of_rates(rates: PyTree, params: Params, of_steps: list[Rates]) -> PyTree:
    """Return the gradient in a tree of rates from that in the rates of each step."""
    _, pull_back = jax.vjp(lambda rates: rates_of_steps(rates, params, len(of_steps)), rates)
    return pull_back(of_steps)[0]


def _kind(leaf: Array) -> str:
    """Return `bias` for what has one axis; biases of masks have two, and go with the weights."""
    return "bias" if leaf.ndim <= 1 else "weight"
