"""Linear probe: the body stays as it is, and only the head learns.

What the head reads is computed once; then the head is trained to convergence on all of it, with the
task's own loss and a penalty on the squared weights. The problem is convex and small, and L-BFGS
(Liu and Nocedal 1989) solves it in seconds. What comes out are parameters like any other: decoders
and scores are those of fine-tuned networks.

Reference: G. Alain and Y. Bengio, "Understanding intermediate layers using linear classifier
probes", arXiv:1610.01644, 2016.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from scipy.optimize import minimize

from umir.adaptation.head_initialisation import prior
from umir.adaptation.head_inputs import head_inputs
from umir.meta import Params
from umir.tasks.base import Batch, Target, Task
from umir.tasks.objective import Objective
from umir.wave_unet import Network
from umir.wave_unet.parameters import Key

# On half the squared weights, beside the mean loss of a segment; the best on validation data is
# taken. (The weights' inputs have a squared length of about 30.)
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
PENALTY = 1e-2  # without validation data
MOST_STEPS = 1000

Loss = Callable[[Array, Target], Float[Array, " batch"]]


def linear_probe(
    network: Network,
    task: Task,
    body: Any,
    batches: Iterable[Batch],
    *,
    valid: Sequence[Batch] = (),
    penalties: Sequence[float] = PENALTIES,
    key: Key,
) -> Params:
    """Return the body as it is, with the head that is best on its features.

    Args:
        network: body and head; the head must be the task's, and one that gives logits.
        task: what to learn.
        body: parameters of the body.
        batches: labelled segments. Their features are kept: of nano, at 100 Hz, 40 MB per 1000 s.
        valid: labelled segments that choose the penalty; without any it is `PENALTY`, or the
            only one of `penalties`.
        penalties: what to choose from.
        key: of the head that L-BFGS starts from.

    Raises:
        ValueError: a head that gives waveforms, or no batch.
    """
    loss = Objective.of(network, task).task_loss
    batches = list(batches)
    if not batches:
        raise ValueError(f"{task.name}: a linear probe needs at least one batch of labelled audio")
    taught, judged = (_cached(network, body, part) for part in (batches, list(valid)))
    start = prior(network, task, body, batches, key)
    if judged is None:
        only = penalties[0] if len(penalties) == 1 else PENALTY
        return {"body": body, "head": _fitted(loss, taught, start, only)}
    heads = [_fitted(loss, taught, start, penalty) for penalty in penalties]
    losses = [float(_mean_loss(loss, head, *judged)) for head in heads]
    return {"body": body, "head": heads[int(np.nanargmin(losses))]}


def _cached(network: Network, body: Any, batches: Sequence[Batch]) -> Any:
    """Return inputs and targets of all batches as one batch; None of none."""
    if not batches:
        return None
    inputs = np.concatenate([head_inputs(network, body, batch.waveform) for batch in batches])
    values, masks = (np.concatenate(parts) for parts in zip(*(b.target for b in batches)))  # noqa: B905
    return jnp.asarray(inputs), Target(jnp.asarray(values), jnp.asarray(masks))


def _fitted(loss: Loss, data: Any, start: Params, penalty: float) -> Params:
    """Return the head with the least loss and penalty."""
    flat, unravel = ravel_pytree(start)

    def value_and_gradient(weights: np.ndarray) -> tuple[float, np.ndarray]:
        head = unravel(jnp.asarray(weights, jnp.float32))
        value, gradient = _penalised(loss, head, jnp.float32(penalty), *data)
        return float(value), np.asarray(ravel_pytree(gradient)[0], np.float64)

    options = {"maxiter": MOST_STEPS, "ftol": 1e-9, "gtol": 1e-6}
    found = minimize(
        value_and_gradient, np.asarray(flat, np.float64), jac=True, method="L-BFGS-B",
        options=options,
    )  # fmt: skip
    if found.status == 1:  # as many steps as it may take; in float32 it may also stop "abnormally"
        steepest = np.abs(found.jac).max()
        print(
            f"linear probe, penalty {penalty:g}: stopped after {found.nit} steps of L-BFGS before "
            f"it converged (largest derivative {steepest:.1e})",
            file=sys.stderr,
        )
    return unravel(jnp.asarray(found.x, jnp.float32))


@partial(jax.jit, static_argnums=0)
@partial(jax.value_and_grad, argnums=1)
def _penalised(loss, head, penalty, inputs, target):
    return _mean_loss(loss, head, inputs, target) + penalty / 2 * jnp.sum(head["kernel"] ** 2)


@partial(jax.jit, static_argnums=0)
def _mean_loss(loss, head, inputs, target):
    bias = jnp.expand_dims(head["bias"], tuple(range(inputs.ndim - 1)))
    return jnp.mean(loss(inputs @ head["kernel"] + bias, target))
