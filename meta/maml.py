"""Model-agnostic meta-learning: find a body from which a few steps suffice.

    min over body of  sum over tasks of  loss(inner_loop(body, head, support), query)

Finn, Abbeel and Levine 2017 (arXiv:1703.03400), algorithm 1. Second order: the gradient goes
through the inner steps. Counted in forward passes, K inner steps cost 9K+3; first-order MAML, which
leaves the inner gradients out, costs 3K+3.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
from jaxtyping import PRNGKeyArray, PyTree, Scalar

from umir.meta.episode import Episode, Loss
from umir.meta.gradients import loss_and_gradient
from umir.meta.inner_path import walk, way_back
from umir.meta.meta_learner import MetaLearner


@dataclass(frozen=True)
class MAML(MetaLearner):
    """MAML of second order, over a body shared by all tasks.

    Attributes:
        rematerialise: keep only the parameters between the inner steps, and compute what is inside
            a step again on the way back (`inner_path`). 12K+3 forward passes, the memory of one
            step instead of K, and programs that do not grow with K. With 5 steps of the net of
            `benchmarks/maml.py`: 159 MB instead of 1125, and 1.3 times the time.
    """

    rematerialise: bool = False

    @property
    def first_order(self) -> bool:
        """No: this is what MAML is about."""
        return False

    def outer_loss(
        self, body: PyTree, head: PyTree, loss: Loss, support: Any, query: Any, key: PRNGKeyArray
    ) -> Scalar:
        """Return the query loss of the adapted parameters, which meta-training minimises."""
        inner_key, query_key = jax.random.split(key)
        adapted = self.adapt({"body": body, "head": head}, loss, support, inner_key)
        return loss(adapted, query, query_key)

    def gradient(self, body: PyTree, episode: Episode) -> tuple[Scalar, PyTree]:
        """Return the query loss after the inner loop, and its gradient in the body."""
        _, loss, head, support, query, key = episode
        gradient = self._step_by_step if self.rematerialise else partial(outer_gradient, self)
        return gradient(loss, body, head, support, query, key)

    def _step_by_step(
        self, loss: Loss, body: PyTree, head: PyTree, support: Any, query: Any, key: PRNGKeyArray
    ) -> tuple[Scalar, PyTree]:
        """Return the same as `outer_gradient`, by the chain rule over the inner steps."""
        inner_key, query_key = jax.random.split(key)
        start = {"body": body, "head": head}
        path, end = walk(
            loss,
            start,
            support,
            inner_key,
            steps=self.inner_steps,
            rates=self.rates,
            optimizer=self.inner_optimizer,
        )
        value, slope = loss_and_gradient(loss, end, query, query_key)
        slopes = [*[None] * len(path), slope]
        first_order, optimizer = self.first_order, self.inner_optimizer
        slope, _ = way_back(
            loss, path, support, slopes, first_order=first_order, optimizer=optimizer
        )
        return value, slope["body"]


@partial(jax.jit, static_argnums=(0, 1))
def outer_gradient(
    algorithm: MAML,
    loss: Loss,
    body: PyTree,
    head: PyTree,
    support: Any,
    query: Any,
    key: PRNGKeyArray,
) -> tuple[Scalar, PyTree]:
    """Return the outer loss and its gradient in the body, as one program."""
    return jax.value_and_grad(algorithm.outer_loss)(body, head, loss, support, query, key)
