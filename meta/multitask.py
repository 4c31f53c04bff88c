"""Multi-task training: one body and one persistent head per task, trained together.

    min over body and heads of  sum over tasks of  loss(body, head_task, support and query)

The warm-up of meta-training, and the baseline without which no claim of a meta-learner counts.
A step trains on the support batches and then on the query batches: two updates, which see the same
audio as one step of MAML.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import optax
from jaxtyping import PRNGKeyArray, PyTree, Scalar

from umir.meta.episode import Episode, MetaState
from umir.meta.gradients import (
    judged,
    loss_and_gradient,
    mean_of_alike,
    mean_of_trees,
    mean_of_usable,
    outer_update,
)


@dataclass(frozen=True)
class MultiTask:
    """Joint training of a shared body and of one head per task name.

    Attributes:
        optimizer: optimiser of the body.
        head_optimizers: task name -> optimiser of its head. A head sees only its own task and
            learns a linear map: it may go faster than the body.
    """

    optimizer: optax.GradientTransformation
    head_optimizers: Mapping[str, optax.GradientTransformation]

    def init(self, body: PyTree, heads: dict[str, PyTree]) -> MetaState:
        """Return the state that training starts from; `heads` holds one head per task name."""
        states = {name: self.head_optimizers[name].init(head) for name, head in heads.items()}
        return MetaState(body, heads, {"body": self.optimizer.init(body), "heads": states})

    def step(self, meta: MetaState, episodes: list[Episode]) -> tuple[MetaState, dict[str, Scalar]]:
        """Return the state after one step, and loss and norm of gradient of each task.

        The fresh heads of the episodes are not used; a head is only touched by its own task. A
        batch whose loss or gradient is not finite changes neither its head nor the body.

        Raises:
            KeyError: if an episode's task has no head in the state.
        """
        keys = [jax.random.split(e.key) for e in episodes]
        support = [(e, e.support, key[0]) for e, key in zip(episodes, keys, strict=True)]
        query = [(e, e.query, key[1]) for e, key in zip(episodes, keys, strict=True)]
        meta, first = self._update(meta, support)
        meta, second = self._update(meta, query)
        return meta, mean_of_trees([first, second])

    def _update(
        self, meta: MetaState, batches: list[tuple[Episode, Any, PRNGKeyArray]]
    ) -> tuple[MetaState, dict[str, Scalar]]:
        """Return the state after one update on one batch of each episode."""
        heads, states = dict(meta.heads), dict(meta.optimizer["heads"])
        body_gradients: list[PyTree] = []
        metrics: list[tuple[str, Scalar]] = []
        for episode, batch, key in batches:
            name = episode.name
            params = {"body": meta.body, "head": heads[name]}
            value, gradient = loss_and_gradient(episode.loss, params, batch, key)
            gradient, norm = judged(value, gradient)
            heads[name], states[name] = outer_update(
                self.head_optimizers[name], gradient["head"], heads[name], states[name]
            )
            body_gradients.append(gradient["body"])
            metrics += [(f"loss/{name}", value), (f"gradient_norm/{name}", norm)]
        mean = mean_of_usable(body_gradients)
        body, body_state = outer_update(self.optimizer, mean, meta.body, meta.optimizer["body"])
        return MetaState(body, heads, {"body": body_state, "heads": states}), mean_of_alike(metrics)
