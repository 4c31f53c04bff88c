"""Reptile: go to a task's parameters, and move the start some of the way there.

    body <- body + rate * mean over tasks of  (theta_K - body)
    theta_{i+1} = theta_i - inner rate * d loss(theta_i, batch_i) / d theta_i

Nichol, Achiam and Schulman 2018 (arXiv:1803.02999), algorithms 1 (one task a step) and 2 (a mean
over tasks); `body - theta_K` as the gradient of an optimiser, as section 3 proposes: plain gradient
descent is the equation above. The batches must differ for Reptile to be more than joint training
(section 5.1); it knows no query, and takes support and query by turns.
"""

from dataclasses import dataclass
from itertools import cycle

import jax
import jax.numpy as jnp
from jaxtyping import PyTree, Scalar

from umir.meta.episode import Episode, Params
from umir.meta.inner_loop import descent_step, first_state
from umir.meta.meta_learner import MetaLearner


@dataclass(frozen=True)
class Reptile(MetaLearner):
    """Reptile over a body shared by all tasks; at least two inner steps, to see both batches."""

    def __post_init__(self):
        if self.inner_steps < 2:
            raise ValueError("Reptile needs two inner steps or more: one is joint training")

    def gradient(self, body: PyTree, episode: Episode) -> tuple[Scalar, PyTree]:
        """Return the loss before the last inner step, and the way back from the adapted body."""
        _, loss, head, support, query, key = episode
        params: Params = {"body": body, "head": head}
        value = jnp.asarray(jnp.nan)
        state = first_state(self.inner_optimizer, params, self.rates)
        for step, batch in zip(range(self.inner_steps), cycle((support, query)), strict=False):
            step_key = jax.random.fold_in(key, step)
            value, _, params, state = descent_step(
                loss,
                params,
                batch,
                step_key,
                rates=self.rates,
                first_order=True,
                optimizer=self.inner_optimizer,
                state=state,
            )
        return value, jax.tree.map(jnp.subtract, body, params["body"])
