"""What an adaptation starts from: a body that is stored, heads with it perhaps, or a fresh body."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial

import jax
from jaxtyping import PyTree

from umir.adaptation.head_initialisation import HEAD_INITIALISATIONS, own_head
from umir.adaptation.network_fitting import Recipe
from umir.annotations import Annotation
from umir.checkpoint import Model, check_params, load_model
from umir.released_models import RELEASE_KEY, SCRATCH, find_model
from umir.task_model import TaskModel
from umir.tasks import TASKS, Task, for_body
from umir.tasks.base import Settings
from umir.tasks.speed_change import usual_speed
from umir.wave_unet import PRESETS, WaveUNetConfig, init_body


@dataclass(frozen=True)
class Start:
    """A body, and how it is to be adapted.

    Attributes:
        name: the model directory or released model that it is from, or `scratch`.
        config: size of the network.
        body: its parameters.
        model: all that is stored; None from scratch.
    """

    name: str
    config: WaveUNetConfig
    body: PyTree
    model: Model | None = None

    @classmethod
    def load(cls, name: str, config: WaveUNetConfig | None = None, seed: int = 0) -> "Start":
        """Return the start of a name.

        Args:
            name: model directory or released model (`umir models`), or `scratch`.
            config: the size of a body from scratch, `nano` if none is given; of another start, if
                given, it must be this one.
            seed: of a body from scratch.

        Raises:
            ValueError: no such model, one without a network, or one of another size: says in which
                fields.
        """
        if name == SCRATCH:
            config = config or PRESETS["nano"]
            return cls(name, config, init_body(config, jax.random.key(seed)))
        model = load_model(find_model(name, instead=", or start with `--init scratch`"))
        if "network" not in model.config or "body" not in model.params:
            raise ValueError(
                f"{name}: holds no network to start from; give another model directory"
            )
        try:
            own = WaveUNetConfig.from_json(model.config["network"])
        except ValueError as error:
            raise ValueError(f"{name}: {error}; update umir, or copy it again") from None
        expected = jax.eval_shape(partial(init_body, own), jax.random.key(0))
        check_params({"body": model.params["body"]}, {"body": expected}, name)
        _check_size(name, own, config)
        return cls(name, own, model.params["body"], model)

    @property
    def splits(self) -> Mapping[str, str]:
        """The groups that it was adapted with, and their splits; none of a released model.

        Who goes on with a model must not score it on songs that it has learnt from.
        """
        if self.model is None or RELEASE_KEY in self.model.config:
            return {}
        return self.model.config.get("splits", {})

    def knows(self, task: Task) -> bool:
        """Return whether it has a head for the very task."""
        return self.model is not None and own_head(self.model, task) is not None

    def as_it_is(self, task: Task) -> TaskModel | None:
        """Return what it is for a task without adaptation; None where it has no head for it."""
        return TaskModel.load(self.name, task.name) if self.knows(task) else None

    def decoder(self, task: Task) -> Settings | None:
        """Return the decoder settings of `as_it_is`; None where it has no head for the task."""
        model = self.as_it_is(task)
        return model.settings if model else None

    def fitting(self, task: Task, annotations: Sequence[Annotation]) -> list[str]:
        """Return the named tasks that it has heads for and that annotations fit.

        Args:
            task: what the annotations pose without the name of a task.
            annotations: of songs to learn from. They fit a task that knows all their labels, and
                tells some apart if there are several.
        """
        alike = [other for other in TASKS.values() if other.kind == task.kind]
        if len(task.vocabulary) > 1:
            alike = [other for other in alike if len(other.vocabulary) > 1]
        return [
            other.name
            for other in alike
            if self.knows(for_body(other, self.config))
            and not any(map(other.complaint, annotations))
            and any(map(other.can_use, annotations))
        ]

    def recipe(self, task: Task, seed: int) -> Recipe:
        """Return how to adapt it to a task: where it has a head for the task, that one goes on.

        Such a head has learnt already with the body, and both are adapted at the same rate; with a
        fresh head, the body's rate goes with its size. Other speeds are heard as often as is usual
        for the task.
        """
        usual = Recipe(seed=seed, speed=usual_speed(task))
        if self.knows(task):
            own = os.path.join(os.curdir, self.name)  # a folder called as a way to begin heads
            head = own if self.name in HEAD_INITIALISATIONS else self.name
            return replace(usual, head=head, body_factor=1.0, head_factor=1.0)
        return usual.for_body(self.body, partial(init_body, self.config))


def _check_size(name: str, config: WaveUNetConfig, wanted: WaveUNetConfig | None) -> None:
    """Raise if a start has another size than the one asked for, and say in which fields."""
    if wanted is None or wanted == config:
        return
    differences = [
        f"{field.name} {getattr(config, field.name)} instead of {getattr(wanted, field.name)}"
        for field in fields(config)
        if getattr(config, field.name) != getattr(wanted, field.name)
    ]
    raise ValueError(
        f"{name}: not of the preset {wanted.preset!r}: {', '.join(differences)}; leave out "
        "--preset and --body, or give another start"
    )
