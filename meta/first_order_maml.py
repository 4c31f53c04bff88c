"""First-order MAML: the query gradient at the adapted parameters stands for the one at the start.

    body <- body - rate * mean over tasks of  d loss(theta_K, query) / d theta_K
    theta_K = inner_loop(body, head, support)

Finn, Abbeel and Levine 2017 (arXiv:1703.03400), section 5.2; FOMAML in Nichol et al. 2018. It
calls one compiled gradient K+1 times: 3K+3 forward passes, and no program of its own.
"""

from dataclasses import dataclass

import jax
from jaxtyping import PyTree, Scalar

from umir.meta.episode import Episode
from umir.meta.gradients import loss_and_gradient
from umir.meta.meta_learner import MetaLearner


@dataclass(frozen=True)
class FirstOrderMAML(MetaLearner):
    """MAML in which inner gradients count as constants."""

    def gradient(self, body: PyTree, episode: Episode) -> tuple[Scalar, PyTree]:
        """Return the query loss after the inner loop, and its gradient there in the body."""
        _, loss, head, support, query, key = episode
        inner_key, query_key = jax.random.split(key)
        adapted = self.adapt({"body": body, "head": head}, loss, support, inner_key)
        value, gradient = loss_and_gradient(loss, adapted, query, query_key)
        return value, gradient["body"]
