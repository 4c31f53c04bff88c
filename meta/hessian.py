"""Products with the Hessian of a loss: what second order costs, one compiled program per objective.

MAML that goes back step by step, learnt rates of second order and implicit MAML all call it; how
many inner steps there are, and what optimiser takes them, does not enter.
"""

from functools import partial
from typing import Any

import jax
import optax
from jaxtyping import PRNGKeyArray

from umir.meta.episode import Loss, Params


@partial(jax.jit, static_argnums=0)
def hessian_product(
    loss: Loss, params: Params, batch: Any, key: PRNGKeyArray, vector: Params
) -> Params:
    """Return `d/d params <d loss / d params, vector>`, the Hessian times `vector`.

    Reverse over reverse, about three gradients: our convolutions have no forward mode
    (`umir.wave_unet.convolution`).

    Args:
        loss: the task's loss.
        params: where the Hessian is taken.
        batch: the data of the loss.
        key: randomness of the loss.
        vector: trees like those of `params`; parts that are left out count as 0 and cost nothing.
            The result has all parts.
    """

    def along(params: Params) -> Any:
        def of_parts(free: Params) -> Any:
            return loss({**params, **free}, batch, key)

        gradient = jax.grad(of_parts)({part: params[part] for part in vector})
        return optax.tree.vdot(gradient, vector)

    return jax.grad(along)(params)
