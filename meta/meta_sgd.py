"""Meta-SGD: MAML with a learnt rate for every parameter, the same in all inner steps.

    min over body and alpha of  sum over tasks of  loss(theta_K, query)
    theta_i = theta_{i-1} - alpha o d loss(theta_{i-1}, support) / d theta_{i-1}

Li, Zhou, Chen and Li 2017 (arXiv:1707.09835), section 3.1 and algorithm 1, there with K = 1. The
rates give the update its size and its direction: they are free in sign.
"""

from dataclasses import dataclass, field

from umir.meta.learnt_rates import PARAMETER
from umir.meta.maml_plus_plus import MAMLPlusPlus


@dataclass(frozen=True)
class MetaSGD(MAMLPlusPlus):
    """MAML++ with a rate for every parameter, shared by the steps, and the last loss alone."""

    granularity: str = field(default=PARAMETER, init=False)
    per_step: bool = field(default=False, init=False)
    multi_step_until: int = field(default=0, init=False)
