"""How a fresh head starts: one function per way, all with the same arguments.

* `prior`: small random weights, and the classes' frequencies in a first batch as bias;
* `prototype`: nearest class means of what the body makes of the first batches;
* `ridge`: least squares on the same, its penalty chosen by cross-validation;
* `learnt(MODEL)`: the head that a model directory holds for the very task; for another task
  `prior`, plus one vector for all classes: the mean of the model's heads of the same kind.

The second and third are `umir.adaptation.closed_form`'s, as log-odds: they listen before they take
a step. At the mean of the features' classes they say what the prior says, that is what the loss'
best constant would. Channels that nothing can be fitted for (a class that the batches lack) start
as in `prior`, and so do whole heads of other shapes: those that give waveforms are no linear maps.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import chain
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from umir.adaptation.closed_form import calibrated, chosen_penalty, fitted, prototypes, ridge_path
from umir.adaptation.head_inputs import Moments, moments_of
from umir.checkpoint import Model, check_params, load_model
from umir.released_models import find_model, released_names
from umir.tasks.base import Batch, Target, Task
from umir.tasks.melody_extraction import MelodyExtraction
from umir.tasks.objective import fresh_params
from umir.tasks.registry import task_from_config, task_to_config
from umir.wave_unet import HeadSpec, Network
from umir.wave_unet.parameters import Key

Head = dict[str, Any]
# network, task, body, batches, key -> parameters of the head
HeadInitialisation = Callable[[Network, Task, Any, Iterable[Batch], Key], Head]
# From moments in folds and the first exclusive channel to weights of (1, x).
ClosedForm = Callable[[Moments, int], Float[np.ndarray, "class term"]]

# How many batches a head may hear before the first step: their features cost as much as some three
# steps.
HEAD_BATCHES = 8


def head_initialisation(name: str) -> HeadInitialisation:
    """Return the way that a name stands for; of a model, `learnt` from its heads.

    Raises:
        ValueError: there is no such way, and no such model.
    """
    if name in HEAD_INITIALISATIONS:
        return HEAD_INITIALISATIONS[name]
    if os.path.isdir(name) or name in released_names():
        return learnt(name)
    known = ", ".join(HEAD_INITIALISATIONS)
    raise ValueError(f"no head initialisation {name!r}: choose {known} or a model directory")


def prior(network: Network, task: Task, body: Any, batches: Iterable[Batch], key: Key) -> Head:
    """Return small random weights, with the class frequencies of the first batch as bias.

    Args:
        network: body and head; the head must be the task's.
        task: what the head is for.
        body: parameters of the body.
        batches: labelled segments, of which only the first is looked at.
        key: what to draw from.
    """
    first = next(iter(batches))
    return fresh_params(network, body, task, first.target, key)["head"]


def prototype(network: Network, task: Task, body: Any, batches: Iterable[Batch], key: Key) -> Head:
    """Return nearest class means (`umir.adaptation.closed_form.prototypes`) as log-odds.

    The arguments are those of `prior`; all batches are listened to, one after another.
    """

    def fit(folds: Moments, first_exclusive: int) -> np.ndarray:
        nearest = partial(prototypes, first_exclusive=first_exclusive)
        return calibrated(folds, nearest, first_exclusive)

    return _closed_form(fit, network, task, body, batches, key)


def ridge(network: Network, task: Task, body: Any, batches: Iterable[Batch], key: Key) -> Head:
    """Return least squares with a penalty (`umir.adaptation.closed_form.ridge_path`) as log-odds.

    The arguments are those of `prior`; all batches are listened to, one after another.
    """

    def fit(folds: Moments, first_exclusive: int) -> np.ndarray:
        penalty = np.array([chosen_penalty(folds)])
        return calibrated(folds, lambda sums: ridge_path(sums, penalty)[0], first_exclusive)

    return _closed_form(fit, network, task, body, batches, key)


def learnt(model: str | os.PathLike) -> HeadInitialisation:
    """Return the way to start from the heads that a model directory holds.

    A head for the very task goes on as it is. For another task, each class gets, added to the small
    random weights of `prior`, the mean over the classes of all heads of the same kind, rate and
    activation: what such classes have in common, as that something happens at all. Without such a
    head it is `prior`, and says so.

    Args:
        model: directory or name of a model with heads (`umir.meta_train --algorithm multitask`), or
            of a model for a task.

    Raises:
        ValueError: the model has no heads.
    """
    directory = find_model(model)
    stored = load_model(directory)
    if not _stored_heads(stored):
        raise ValueError(f"{directory}: has no heads to learn from; give a multi-task model")

    def start(network: Network, task: Task, body: Any, batches: Iterable[Batch], key: Key) -> Head:
        if (own := own_head(stored, task)) is not None:
            check_params(own, jax.eval_shape(network.init_head, key), directory)
            return jax.tree.map(lambda values: jnp.asarray(values, jnp.float32), own)
        head = prior(network, task, body, batches, key)
        vectors = _class_vectors(stored, task.head)
        if not vectors:
            return _said(task, f"{model} has no head of its kind", head)
        mean = np.mean(vectors, axis=0)[:, None]
        if mean.shape[0] != head["kernel"].shape[0]:
            raise ValueError(f"{directory}: its heads are those of a network of another size")
        return head | {"kernel": head["kernel"] + jnp.asarray(mean, jnp.float32)}

    return start


def own_head(model: Model, task: Task) -> Head | None:
    """Return the head that a model has for the very task, classes included; None without one."""
    wanted = task_to_config(task)
    for config, head in _stored_heads(model):
        # Read, because what was stored before its task had some field means what it did then. Not
        # other classes: a task that a user made may not be registered now.
        alike = config["class"] == wanted["class"]
        if alike and task_to_config(task_from_config(config)) == wanted:
            return head
    return None


HEAD_INITIALISATIONS: dict[str, HeadInitialisation] = {
    "prior": prior,
    "prototype": prototype,
    "ridge": ridge,
}


def first_exclusive(task: Task) -> int | None:
    """Return the first of a head's channels that exclude each other (softmax).

    Those before are each on or off (sigmoid); the number of channels, if all are. None for a head
    that has no such channels.
    """
    if isinstance(task, MelodyExtraction):
        return 1  # voicing, then one of the pitches
    return {"softmax": 0, "sigmoid": task.head.channels}.get(task.head.activation)


def _closed_form(
    fit: ClosedForm, network: Network, task: Task, body: Any, batches: Iterable[Batch], key: Key
) -> Head:
    """Return the head with fitted weights where there are any, and fresh ones elsewhere."""
    first, stream = _peeked(batches)
    fresh = prior(network, task, body, [first], key)
    exclusive = first_exclusive(task)
    if exclusive is None:
        return _said(task, "its head is not one of logits", fresh)
    folds = moments_of(network, body, stream)
    total = folds.total()
    there = fitted(total, exclusive)
    weights = fit(folds, exclusive)
    kernel = np.where(there, weights[:, 1:].T, np.asarray(fresh["kernel"]))
    bias = weights[:, 0] + _prior_bias(task, total, exclusive)
    return {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.asarray(bias, jnp.float32)}


def _prior_bias(
    task: Task, total: Moments, exclusive: int
) -> Float[np.ndarray | Array, " channel"]:
    """Return the task's prior of all rows together, as of one row that has their frequencies."""
    values, known = total.members.copy(), np.maximum(total.known, 1.0)
    values[:exclusive] /= known[:exclusive]
    shape = (1, -1) if task.head.kind == "clip" else (1, 1, -1)
    parts = (values, (total.known > 0).astype(float))
    row = (part.reshape(shape).astype(np.float32) for part in parts)
    bias = task.head_prior(Target(*row))
    assert bias is not None, f"{task.name}: logits without a prior"
    return bias


def _stored_heads(model: Model) -> list[tuple[Mapping[str, Any], Head]]:
    """Return the heads of a model, of one task or several, each with its task's configuration."""
    config, params = model.config, model.params
    if "task" in config:
        return [(config["task"], params["head"])]
    heads = config.get("heads") or {}
    return [(of_task["task"], params["heads"][name]) for name, of_task in heads.items()]


def _class_vectors(model: Model, spec: HeadSpec) -> list[np.ndarray]:
    """Return the kernels' columns of all heads of a kind."""
    found = []
    for config, head in _stored_heads(model):
        other = task_from_config(config).head
        alike = (other.kind, other.rate, other.activation)
        if alike == (spec.kind, spec.rate, spec.activation) and not spec.gives_waveforms:
            found += list(np.asarray(head["kernel"]).T)
    return found


def _peeked(batches: Iterable[Batch]) -> tuple[Batch, Iterable[Batch]]:
    stream = iter(batches)
    first = next(stream)
    return first, chain([first], stream)


def _said(task: Task, why: str, head: Head) -> Head:
    print(f"{task.name}: {why}: it starts from small random weights", file=sys.stderr)
    return head
