"""Almost no inner loop: MAML in which only the head is adapted.

    min over body of  sum over tasks of  loss(body, head_K, query)
    head_{i+1} = head_i - rate * d loss(body, head_i, support) / d head_i

Raghu et al. 2020 (arXiv:1909.09157), section 4: what MAML learns is mostly features that serve as
they are. Here the head is fresh in every episode, so that the body learns to be read by a head that
has had K steps.
"""

from dataclasses import dataclass, field

from umir.meta.maml import MAML


@dataclass(frozen=True)
class ANIL(MAML):
    """MAML with the body masked out of the inner loop.

    Attributes:
        body_rate: 0, which is the mask.
        first_order: whether the inner gradients of the head count as constants.
    """

    body_rate: float = field(default=0.0, init=False)
    first_order: bool = False
