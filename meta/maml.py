"""Model-agnostic meta-learning: find a body from which a few steps suffice (Finn et al. 2017).

    min over body of  sum over tasks of  loss(inner_loop(body, head, support), query)

Second order differentiates through the inner steps. First order (FOMAML, section 5.2 of the paper)
takes the query gradient at the adapted parameters instead. Counted in forward passes, K inner steps
cost 9K+3 and 3K+3.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import optax
from jaxtyping import PRNGKeyArray, PyTree, Scalar

from umir.meta.episode import Episode, Loss, MetaState, Params
from umir.meta.gradients import loss_and_gradient, mean_of_trees, outer_update
from umir.meta.inner_loop import inner_loop


@dataclass(frozen=True)
class MAML:
    """MAML over a body shared by all tasks, with a fresh head for every episode.

    Attributes:
        optimizer: the outer optimiser.
        inner_steps: number of steps of the inner loop.
        body_rate: learning rate of the body in the inner loop.
        head_rate: learning rate of the head in the inner loop.
        first_order: whether inner gradients count as constants.
    """

    optimizer: optax.GradientTransformation
    inner_steps: int = 3
    body_rate: float = 0.1
    head_rate: float = 0.3
    first_order: bool = True

    def init(self, body: PyTree) -> MetaState:
        """Return the state that meta-training starts from."""
        return MetaState(body, {}, self.optimizer.init(body))

    def adapt(self, params: Params, loss: Loss, support: Any, key: PRNGKeyArray) -> Params:
        """Return `params` after the inner loop on `support`."""
        return inner_loop(
            loss,
            params,
            support,
            key,
            steps=self.inner_steps,
            rates={"body": self.body_rate, "head": self.head_rate},
            first_order=self.first_order,
        )

    def outer_loss(
        self, body: PyTree, head: PyTree, loss: Loss, support: Any, query: Any, key: PRNGKeyArray
    ) -> Scalar:
        """Return the query loss of the adapted parameters, which meta-training minimises."""
        inner_key, query_key = jax.random.split(key)
        adapted = self.adapt({"body": body, "head": head}, loss, support, inner_key)
        return loss(adapted, query, query_key)

    def step(self, meta: MetaState, episodes: list[Episode]) -> tuple[MetaState, dict[str, Scalar]]:
        """Return the state after one outer step on `episodes`, and the query loss of each task."""
        losses, gradients = zip(*(self._gradient(meta.body, e) for e in episodes), strict=True)
        body, optimizer = outer_update(
            self.optimizer, mean_of_trees(list(gradients)), meta.body, meta.optimizer
        )
        metrics = {f"loss/{e.name}": loss for e, loss in zip(episodes, losses, strict=True)}
        return MetaState(body, meta.heads, optimizer), metrics

    def _gradient(self, body: PyTree, episode: Episode) -> tuple[Scalar, PyTree]:
        """Return the query loss and the outer gradient in the body."""
        _, loss, head, support, query, key = episode
        if not self.first_order:
            return _outer_gradient(self, loss, body, head, support, query, key)
        inner_key, query_key = jax.random.split(key)
        adapted = self.adapt({"body": body, "head": head}, loss, support, inner_key)
        value, gradient = loss_and_gradient(loss, adapted, query, query_key)
        return value, gradient["body"]


@partial(jax.jit, static_argnums=(0, 1))
def _outer_gradient(algorithm, loss, body, head, support, query, key):
    return jax.value_and_grad(algorithm.outer_loss)(body, head, loss, support, query, key)
