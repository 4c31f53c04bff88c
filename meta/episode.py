"""What algorithms pass around: an episode of one task, and the state of meta-training."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jaxtyping import PRNGKeyArray, PyTree, Scalar

# {"body": ..., "head": ...}: two trees of arrays.
Params = Mapping[str, PyTree]
# loss(params, batch, key) -> scalar. Hashable and equal for equal computations: it is the key under
# which compiled steps are found again.
Loss = Callable[[Params, Any, PRNGKeyArray], Scalar]


class Episode(NamedTuple):
    """One task for one step of meta-training.

    Attributes:
        name: the task's name: the persistent head of multi-task training, and the metrics' key.
        loss: the task's loss.
        head: a fresh head for the task.
        support: the batch to adapt on.
        query: the batch that judges the adapted parameters.
        key: randomness of this episode.
    """

    name: str
    loss: Loss
    head: PyTree
    support: Any
    query: Any
    key: PRNGKeyArray


class MetaState(NamedTuple):
    """What meta-training learns and remembers.

    Attributes:
        body: the shared initialisation.
        heads: task name -> persistent head (multi-task training only).
        optimizer: state of the outer optimiser; of multi-task training `{"body": ..., "heads":
            ...}`. Where rates of the inner optimiser are learnt (`learnt_rates`), they lie beside
            it: `{"outer": ..., "rates": ...}`. A field of their own would make checkpoints of all
            other trainings unreadable.
    """

    body: PyTree
    heads: dict[str, PyTree]
    optimizer: Any
