"""The meta-learning algorithms by name, with the settings that suit the tasks of music.

`meta_learner` is what a training uses; `inner_loop_of` gives the inner loop of a training that is
over, with the rates that it learnt, from its model directory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PRNGKeyArray, PyTree

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


@dataclass(frozen=True)
class InnerOptimizer:
    """An optimiser of the inner loop, and the rates that suit it.

    Attributes:
        update: what turns inner gradients into updates; None for gradient descent.
        differentiable: the same for algorithms whose gradient goes through the inner loop.
        head_rate: of the head.
        body_rate: of the body, over a power of its norm.
        power: of the norm.
        before: the body's rate of models that have none in their facts.
    """

    update: optax.GradientTransformation | None
    differentiable: optax.GradientTransformation | None
    head_rate: float
    body_rate: float
    power: int
    before: float


# How far a step of gradient descent changes what a body gives shrinks with the square of the
# body's size, which Muon lets grow: nano's norm is 66 when it is fresh and 590 after its training.
# Three steps gain most with a rate of 1 of the fresh one and of 100 of the trained one
# (`benchmarks/inner_rates.py`), so the rate is this times the squared norm; with 0.1, as it was
# until 30 November 2026, they move nothing but the head. How far a step of Adam, which is as long
# as its rate whatever the gradient, changes it shrinks with the size itself. Its rates are those of
# fine-tuning: 1e-3 of a fresh body, nine times that of a trained one.
# Adam's derivative has no bound near 0 without an `eps_root`, which makes it gradient descent at a
# rate of 10 where gradients are far below 1e-4.
INNER_OPTIMIZERS: dict[str, InnerOptimizer] = {
    "sgd": InnerOptimizer(None, None, 0.3, 100 / 590**2, 2, before=0.1),
    "adam": InnerOptimizer(
        optax.adam(1.0), optax.adam(1.0, eps_root=1e-8), 1e-2, 1e-3 / 66, 1, before=1e-3
    ),
}
META_RATE = 5e-4
# An outer step moves a learnt rate by at most so much of what it starts as.
RATES_RATE = 0.02
# The fraction of meta-training in which losses before the last inner step count (MAML++).
MULTI_STEP = 0.1


def usual_body_rate(inner_optimizer: str, body: PyTree) -> float:
    """Return the rate in the inner loop that suits a body.

    Args:
        inner_optimizer: one of `INNER_OPTIMIZERS`.
        body: as meta-training begins with it.
    """
    optimizer = INNER_OPTIMIZERS[inner_optimizer]
    return optimizer.body_rate * float(optax.tree.norm(body)) ** optimizer.power


def meta_learner(
    name: str,
    steps: int,
    inner_steps: int,
    *,
    body_rate: float,
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
        body_rate: of the body in the inner loop (`usual_body_rate`); ANIL has none.
        inner_optimizer: one of `INNER_OPTIMIZERS`.
        rematerialise: less memory for more time (MAML, ANIL).
        first_order: where rates are learnt, the fraction of the steps before second order.
        proximity: how strongly implicit MAML is drawn to where it starts.

    Raises:
        ValueError: the algorithm refuses the settings.
    """
    kind = ALGORITHMS[name]
    optimizer = outer_optimizer(META_RATE, steps)
    inner = INNER_OPTIMIZERS[inner_optimizer]
    rates = {"head": inner.head_rate}
    if kind is not ANIL:
        rates["body"] = body_rate
    through = issubclass(kind, MAML) or (issubclass(kind, MAMLPlusPlus) and first_order < 1)
    options: dict[str, Any] = {f"{part}_rate": rate for part, rate in rates.items()}
    options["inner_optimizer"] = inner.differentiable if through else inner.update
    if issubclass(kind, MAML):
        options["rematerialise"] = rematerialise
    if issubclass(kind, ImplicitMAML):
        options["proximity"] = proximity
    if issubclass(kind, MAMLPlusPlus):
        of_rates = {
            f"rates of {part}": outer_optimizer(RATES_RATE * rate, steps)
            for part, rate in rates.items()
        }
        names = {"body": "body", "rates": {part: f"rates of {part}" for part in rates}}
        optimizer = optax.partition({"body": optimizer, **of_rates}, names)
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
    # Not in models made before there was a choice.
    names = ("inner_optimizer", "proximity", "first_order", "body_rate")
    options = {name: facts[name] for name in names if name in facts}
    before = INNER_OPTIMIZERS[options.get("inner_optimizer", "sgd")].before
    options.setdefault("body_rate", before)
    learner = meta_learner(facts["algorithm"], 1, facts["inner_steps"], **options)
    if not isinstance(learner, MAMLPlusPlus):
        return learner.adapt
    if "rates" not in model.params:
        raise ValueError(f"a model of {facts['algorithm']} without the rates that it learnt")
    return partial(learner.adapt, rates=jax.tree.map(jnp.asarray, model.params["rates"]))
