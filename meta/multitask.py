"""Multi-task training: one body and one persistent head per task, trained together.

    min over body and heads of  sum over tasks of  loss(body, head_task, support and query)

The warm-up of meta-training, and the baseline without which no claim of a meta-learner counts.
Both batches of an episode are trained on, so that a step sees the same audio as a step of MAML.
"""

from dataclasses import dataclass

import jax
import optax
from jaxtyping import PyTree, Scalar

from umir.meta.episode import Episode, MetaState, Params
from umir.meta.gradients import loss_and_gradient, mean_of_trees, outer_update


@dataclass(frozen=True)
class MultiTask:
    """Joint training of a shared body and of one head per task name.

    Attributes:
        optimizer: optimiser of body and heads; each head has its own state.
    """

    optimizer: optax.GradientTransformation

    def init(self, body: PyTree, heads: dict[str, PyTree]) -> MetaState:
        """Return the state that training starts from; `heads` holds one head per task name."""
        states = {name: self.optimizer.init(head) for name, head in heads.items()}
        return MetaState(body, heads, {"body": self.optimizer.init(body), "heads": states})

    def step(self, meta: MetaState, episodes: list[Episode]) -> tuple[MetaState, dict[str, Scalar]]:
        """Return the state after one step on `episodes`, and the loss of each task.

        The fresh heads of the episodes are not used; a head is only touched by its own task.

        Raises:
            KeyError: if an episode's task has no head in the state.
        """
        heads, states = dict(meta.heads), dict(meta.optimizer["heads"])
        body_gradients, metrics = [], {}
        for episode in episodes:
            name = episode.name
            value, gradient = _mean_gradient({"body": meta.body, "head": heads[name]}, episode)
            heads[name], states[name] = outer_update(
                self.optimizer, gradient["head"], heads[name], states[name]
            )
            body_gradients.append(gradient["body"])
            metrics[f"loss/{name}"] = value
        body, body_state = outer_update(
            self.optimizer, mean_of_trees(body_gradients), meta.body, meta.optimizer["body"]
        )
        return MetaState(body, heads, {"body": body_state, "heads": states}), metrics


def _mean_gradient(params: Params, episode: Episode) -> tuple[Scalar, Params]:
    """Return loss and gradient, the mean over support and query."""
    first, second = jax.random.split(episode.key)
    pairs = [
        loss_and_gradient(episode.loss, params, episode.support, first),
        loss_and_gradient(episode.loss, params, episode.query, second),
    ]
    return mean_of_trees(pairs)
