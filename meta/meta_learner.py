"""What the meta-learning algorithms share: a body, an inner loop from fresh heads, an outer step.

    body <- optimizer(body, mean over episodes of  gradient(body, episode))

They differ in `gradient`, the direction that one episode asks for: see `maml`, `first_order_maml`,
`anil`, `reptile` and `implicit_maml`; `maml_plus_plus` and `meta_sgd` learn the rates as well.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optax
from jaxtyping import PRNGKeyArray, PyTree, Scalar

from umir.meta.episode import Episode, Loss, MetaState, Params
from umir.meta.gradients import judged, mean_of_alike, mean_of_usable, outer_update
from umir.meta.inner_loop import Rates, inner_loop


@dataclass(frozen=True)
class MetaLearner(ABC):
    """Meta-learning of a body that all tasks share, with a fresh head for every episode.

    Attributes:
        optimizer: the outer optimiser.
        inner_steps: number of steps of the inner loop.
        body_rate: learning rate of the body in the inner loop.
        head_rate: learning rate of the head in the inner loop.
        inner_optimizer: any optimiser of optax for the inner loop, whose updates are multiplied by
            the rates (`optax.adam(1.0)`); None for gradient descent. Starts afresh with every task.
    """

    optimizer: optax.GradientTransformation
    inner_steps: int = 3
    body_rate: float = 0.1
    head_rate: float = 0.3
    inner_optimizer: optax.GradientTransformation | None = None

    @property
    def rates(self) -> dict[str, float]:
        """Learning rate of each part in the inner loop."""
        return {"body": self.body_rate, "head": self.head_rate}

    @property
    def first_order(self) -> bool:
        """Whether inner gradients count as constants."""
        return True

    @property
    def inner_update(self) -> optax.GradientTransformation | None:
        """What takes the inner steps: `inner_optimizer`, or what an algorithm makes of it."""
        return self.inner_optimizer

    def init(self, body: PyTree) -> MetaState:
        """Return the state that meta-training starts from."""
        return MetaState(body, {}, self.optimizer.init(body))

    def learnt_rates(self, meta: MetaState) -> PyTree | None:
        """Return the learnt rates of the inner loop (`learnt_rates`); None where they are fixed."""
        return None

    def adapt(self, params: Params, loss: Loss, support: Any, key: PRNGKeyArray) -> Params:
        """Return `params` after the inner loop on `support`."""
        return self._adapted(params, loss, support, key, self.rates)

    def _adapted(
        self,
        params: Params,
        loss: Loss,
        support: Any,
        key: PRNGKeyArray,
        rates: Rates | Sequence[Rates],
    ) -> Params:
        """Return `params` after the inner loop with these rates."""
        return inner_loop(
            loss,
            params,
            support,
            key,
            steps=self.inner_steps,
            rates=rates,
            first_order=self.first_order,
            optimizer=self.inner_update,
        )

    @abstractmethod
    def gradient(self, body: PyTree, episode: Episode) -> tuple[Scalar, PyTree]:
        """Return an episode's loss, and the direction in the body that it asks to descend."""

    def step(self, meta: MetaState, episodes: list[Episode]) -> tuple[MetaState, dict[str, Scalar]]:
        """Return the state after one outer step, and loss and norm of gradient of each task, means.

        An episode whose loss or gradient is not finite is left out; if all are, nothing changes.
        """
        gradients: list[PyTree] = []
        metrics: list[tuple[str, Scalar]] = []
        for episode in episodes:
            value, gradient = self._gradient(meta, episode)
            gradient, norm = judged(value, gradient)
            gradients.append(gradient)
            metrics += [(f"loss/{episode.name}", value), (f"gradient_norm/{episode.name}", norm)]
        return self._moved(meta, mean_of_usable(gradients)), mean_of_alike(metrics)

    def _gradient(self, meta: MetaState, episode: Episode) -> tuple[Scalar, PyTree]:
        """Return an episode's loss, and its gradient in all that the outer step moves."""
        return self.gradient(meta.body, episode)

    def _moved(self, meta: MetaState, gradient: PyTree) -> MetaState:
        """Return the state after the outer step along `gradient`."""
        body, optimizer = outer_update(self.optimizer, gradient, meta.body, meta.optimizer)
        return meta._replace(body=body, optimizer=optimizer)
