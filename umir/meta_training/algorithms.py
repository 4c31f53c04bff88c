"""The meta-learning algorithms by name, with the settings that suit the tasks of music.

`meta_learner` is what a training uses; `inner_loop_of` gives the inner loop of a training that is
over, with the rates that it learnt, from its model directory.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PRNGKeyArray

from umir.checkpoint import Model
from umir.meta import (
    ANIL,
    MAML,
    FirstOrderMAML,
    ImplicitMAML,
    Loss,
    MAMLPlusPlus,
    MetaLearner,
    MetaSGD,
    Params,
    Reptile,
)
from umir.meta_training.schedules import outer_optimizer

# Of the phase after the warm-up; `multitask` is the warm-up alone.
ALGORITHMS: dict[str, type[MetaLearner]] = {
    "maml": MAML,
    "fomaml": FirstOrderMAML,
    "reptile": Reptile,
    "anil": ANIL,
    "maml_plus_plus": MAMLPlusPlus,
    "meta_sgd": MetaSGD,
    "imaml": ImplicitMAML,
}
# Name -> what turns inner gradients into updates, and the rates of body and head that suit it.
# Adam's are those of fine-tuning; MAML differentiates it, which needs the `eps_root`.
INNER_OPTIMIZERS: dict[str, tuple[optax.GradientTransformation | None, float, float]] = {
    "sgd": (None, 0.1, 0.3),
    "adam": (optax.adam(1.0, eps_root=1e-8), 1e-3, 1e-2),
}
META_RATE = 5e-4
# An outer step moves a learnt rate by at most so much of what the body's rate starts as.
RATES_RATE = 0.02
# The fraction of meta-training in which losses before the last inner step count (MAML++).
MULTI_STEP = 0.1


def meta_learner(
    name: str,
    steps: int,
    inner_steps: int,
    *,
    inner_optimizer: str = "sgd",
    rematerialise: bool = False,
    first_order: float = 1.0,
    proximity: float = 1.0,
) -> MetaLearner:
    """Return the algorithm of a meta-training.

    Args:
        name: one of `ALGORITHMS`.
        steps: number of outer steps, at whose end the outer rates are 0.
        inner_steps: number of steps of the inner loop.
        inner_optimizer: one of `INNER_OPTIMIZERS`.
        rematerialise: less memory for more time (MAML, ANIL).
        first_order: where rates are learnt, the fraction of the steps before second order.
        proximity: how strongly implicit MAML is drawn to where it starts.

    Raises:
        ValueError: the algorithm refuses the settings.
    """
    kind = ALGORITHMS[name]
    optimizer = outer_optimizer(META_RATE, steps)
    inner, body_rate, head_rate = INNER_OPTIMIZERS[inner_optimizer]
    options: dict[str, Any] = {"inner_optimizer": inner, "head_rate": head_rate}
    if kind is not ANIL:
        options["body_rate"] = body_rate
    if issubclass(kind, MAML):
        options["rematerialise"] = rematerialise
    if issubclass(kind, ImplicitMAML):
        options["proximity"] = proximity
    if issubclass(kind, MAMLPlusPlus):
        of_rates = outer_optimizer(RATES_RATE * body_rate, steps)
        parts = {"body": "body", "rates": "rates"}
        optimizer = optax.partition({"body": optimizer, "rates": of_rates}, parts)
        options["second_order_from"] = None if first_order == 1 else round(first_order * steps)
    if kind is MAMLPlusPlus:
        options["multi_step_until"] = round(MULTI_STEP * steps)
    return kind(optimizer, inner_steps, **options)


def inner_loop_of(model: Model) -> Callable[[Params, Loss, Any, PRNGKeyArray], Params] | None:
    """Return `adapt(params, loss, support, key) -> params`, as a model was meta-trained for it.

    None if there was no meta-training: the model is of `multitask`, of a warm-up alone (which
    leaves heads), or adapted to a task.

    Args:
        model: as `umir.checkpoint.load_model` returns it. Learnt rates lie beside the body.

    Raises:
        ValueError: the algorithm learns rates, and the model has none.
    """
    facts = model.config.get("training", {})
    if facts.get("algorithm") not in ALGORITHMS or model.config.get("heads"):
        return None
    names = ("inner_optimizer", "proximity")  # not in models made before there was a choice
    options = {name: facts[name] for name in names if name in facts}
    learner = meta_learner(facts["algorithm"], 1, facts["inner_steps"], **options)
    if not isinstance(learner, MAMLPlusPlus):
        return learner.adapt
    if "rates" not in model.params:
        raise ValueError(f"a model of {facts['algorithm']} without the rates that it learnt")
    return partial(learner.adapt, rates=jax.tree.map(jnp.asarray, model.params["rates"]))
