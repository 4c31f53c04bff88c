"""MAML++: MAML with learnt rates of each layer and step, and a loss after every step.

    min over body and alpha of  sum over tasks of  sum over steps i of  v_i loss(theta_i, query)
    theta_i = theta_{i-1} - alpha_i o d loss(theta_{i-1}, support) / d theta_{i-1}

Antoniou, Edwards and Storkey 2019 (arXiv:1810.09502), section 4: the multi-step loss (MSL), whose
weights v_i go linearly from 1/K each to 1 for the last step and 0 for the others (the authors' code
stops at 3% of 1/K on the way, and then drops to 0); learnt per-layer per-step rates (LSLR,
`learnt_rates`); and derivative-order annealing (DA): first order to begin with, second order from
some step on. What the paper says of batch normalisation does not apply, our networks have none; the
cosine schedule is for the outer optimiser to have.

The inner loop is gone back step by step (`inner_path`), so that memory does not grow with it. In
forward passes, K inner steps cost 3K+3 with first-order gradients (as first-order MAML) and 12K+3
with second-order ones, and every further step whose loss counts 3 more.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import optax
from jaxtyping import PRNGKeyArray, PyTree, Scalar

from umir.meta.episode import Episode, Loss, MetaState, Params
from umir.meta.gradients import loss_and_gradient, outer_update
from umir.meta.inner_path import walk, way_back
from umir.meta.learnt_rates import LAYER, fresh_rates, gradient_of_rates, rates_of_steps
from umir.meta.meta_learner import MetaLearner


@dataclass(frozen=True)
class MAMLPlusPlus(MetaLearner):
    """MAML++ over a body shared by all tasks.

    The outer optimiser moves `{"body": ..., "rates": ...}`; `optax.partition` gives the two rates
    of their own.

    Attributes:
        granularity: `layer` or `parameter`: what has a rate of its own.
        per_step: whether each inner step has rates of its own.
        multi_step_until: number of outer steps in which the weights of the losses before the last
            go from 1/K to 0; 0 for the last loss alone.
        second_order_from: the first outer step of second order; None for first order for ever.
    """

    granularity: str = LAYER
    per_step: bool = True
    multi_step_until: int = 0
    second_order_from: int | None = 0

    @property
    def first_order(self) -> bool:
        """Whether inner updates always count as constants."""
        return self.second_order_from is None

    def init(self, body: PyTree) -> MetaState:
        """Return the state that meta-training starts from, all rates as they are given."""
        rates = self.fresh_rates(body)
        state = self._optimizer.init({"body": body, "rates": rates})
        return MetaState(body, {}, {"outer": state, "rates": rates})

    def learnt_rates(self, meta: MetaState) -> dict[str, PyTree]:
        """Return the tree of rates as learnt so far."""
        return meta.optimizer["rates"]

    def fresh_rates(self, body: PyTree) -> dict[str, PyTree]:
        """Return the rates that meta-training starts from."""
        steps = self.inner_steps if self.per_step else 1
        return fresh_rates(body, self.rates, granularity=self.granularity, steps=steps)

    def adapt(
        self,
        params: Params,
        loss: Loss,
        support: Any,
        key: PRNGKeyArray,
        rates: PyTree | None = None,
    ) -> Params:
        """Return `params` after the inner loop on `support`.

        Args:
            params: body and head.
            loss: the task's.
            support: the batch to adapt on.
            key: randomness of the loss.
            rates: `learnt_rates` of a state, or `fresh_rates`.

        Raises:
            ValueError: no rates.
        """
        if rates is None:
            raise ValueError(
                "no rates: give those that were learnt (learner.learnt_rates(state)), or the ones "
                "that learning started from (learner.fresh_rates(body))"
            )
        of_steps = rates_of_steps(rates, params, self.inner_steps)
        return self._adapted(params, loss, support, key, of_steps)

    def gradient(
        self, body: PyTree, episode: Episode, rates: PyTree | None = None, step: int = 0
    ) -> tuple[Scalar, PyTree]:
        """Return the multi-step loss, and its gradient in `{"body": ..., "rates": ...}`.

        Args:
            body: the shared initialisation.
            episode: the task.
            rates: the rates so far; None for fresh ones.
            step: the number of outer steps so far, which decides weights and order.
        """
        _, loss, head, support, query, key = episode
        inner_key, query_key = jax.random.split(key)
        start = {"body": body, "head": head}
        rates = self.fresh_rates(body) if rates is None else rates
        path, end = walk(
            loss,
            start,
            support,
            inner_key,
            steps=self.inner_steps,
            rates=rates_of_steps(rates, start, self.inner_steps),
            optimizer=self.inner_optimizer,
        )
        ends = [*(stop.params for stop in path[1:]), end]
        value, slopes = _multi_step_loss(self.loss_weights(step), loss, ends, query, query_key)
        slope, of_steps = way_back(
            loss,
            path,
            support,
            [None, *slopes],
            first_order=self.first_order_at(step),
            optimizer=self.inner_optimizer,
        )
        return value, {
            "body": slope["body"],
            "rates": gradient_of_rates(rates, start, of_steps),
        }

    def loss_weights(self, step: int) -> list[float]:
        """Return v_1 to v_K at an outer step; their sum is 1."""
        steps, until = self.inner_steps, self.multi_step_until
        earlier = (1 - step / until) / steps if step < until else 0.0
        return [*[earlier] * (steps - 1), 1 - (steps - 1) * earlier]

    def first_order_at(self, step: int) -> bool:
        """Return whether inner updates count as constants at an outer step."""
        return self.second_order_from is None or step < self.second_order_from

    @cached_property
    def _optimizer(self) -> optax.GradientTransformation:
        """The outer optimiser, and a count of the steps that it took."""
        return optax.chain(self.optimizer, optax.scale_by_schedule(lambda count: 1.0))

    def _gradient(self, meta: MetaState, episode: Episode) -> tuple[Scalar, PyTree]:
        step = int(meta.optimizer["outer"][-1].count)
        return self.gradient(meta.body, episode, self.learnt_rates(meta), step)

    def _moved(self, meta: MetaState, gradient: PyTree) -> MetaState:
        start = {"body": meta.body, "rates": self.learnt_rates(meta)}
        end, state = outer_update(self._optimizer, gradient, start, meta.optimizer["outer"])
        return meta._replace(body=end["body"], optimizer={"outer": state, "rates": end["rates"]})


def _multi_step_loss(
    weights: list[float], loss: Loss, ends: list[Params], query: Any, key: PRNGKeyArray
) -> tuple[Scalar, list[Params | None]]:
    """Return the weighted sum of the query losses, and its gradient in each of `ends`.

    Where a weight is 0 nothing is computed, and None stands for the gradient.
    """
    values: list[Scalar] = []
    slopes: list[Params | None] = [None] * len(ends)
    for number, (weight, params) in enumerate(zip(weights, ends, strict=True)):
        if weight:
            found = loss_and_gradient(loss, params, query, key)
            value, slopes[number] = _scaled(weight, found)
            values.append(value)
    return sum(values[1:], values[0]), slopes


_scaled = jax.jit(optax.tree.scale)
