"""What an adversarial objective is made of: networks and losses, as far as it knows them."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from jax import Array
from jaxtyping import Float, Scalar

from umir.priors.factor_gan import Parts
from umir.wave_unet.parameters import Key, Params

Metrics = dict[str, Scalar]
Batches = Mapping[str, Parts]  # stream -> batch


@runtime_checkable
class Generator(Protocol):
    """What makes parts of what it is given. A frozen dataclass, without its parameters."""

    def init(self, key: Key) -> Params:
        """Draw fresh parameters."""

    def apply(self, params: Params, inputs: Parts, *, training: bool = False) -> tuple[Parts, Any]:
        """Return the parts that are made, and features (statistics of the batch, say)."""

    def remembered(self, params: Params, features: Any) -> Params:
        """Return the parameters with what a batch in training leaves in them; or as they are."""


@runtime_checkable
class CriticNetwork(Protocol):
    """What judges samples. A frozen dataclass, without its parameters."""

    def init(self, key: Key) -> Params:
        """Draw fresh parameters."""

    def apply(
        self, params: Params, x: Float[Array, "batch *space channel"]
    ) -> Float[Array, " batch"]:
        """Return a number for each sample, high for what is real."""


@runtime_checkable
class Supervision(Protocol):
    """A loss of the generator beside the critics. A frozen dataclass."""

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams that it needs."""

    def loss(self, generator: Any, params: Params, batches: Batches, features: Any) -> Scalar:
        """Return the loss; `features` are those of the generator on the stream of inputs."""


@runtime_checkable
class Measures(Protocol):
    """Numbers about what a generator makes, for the log and the guard. A frozen dataclass."""

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""

    def __call__(self, parts: Parts) -> Metrics:
        """Return numbers by name of a batch, generated from what it was given."""
