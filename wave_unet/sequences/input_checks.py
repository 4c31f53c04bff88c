"""Clear errors for input that a sequence model cannot take."""

from collections.abc import Sequence

from jax import Array
from jaxtyping import Float


def check_input(x: Float[Array, "batch time channel"], channels: int) -> None:
    """Raise unless a signal has samples, and the channels that a model takes.

    Raises:
        ValueError: it has not.
    """
    batch, time, given = x.shape
    if given != channels:
        raise ValueError(f"this model takes {channels} channel(s), not {given}")
    if batch == 0 or time == 0:
        raise ValueError(f"a signal of shape {x.shape} has no samples")


def check_choice(what: str, value: str, choices: Sequence[str]) -> None:
    """Raise unless a value is one of the choices.

    Raises:
        ValueError: it is not.
    """
    if value not in choices:
        raise ValueError(f"{what} {value!r}: choose one of {', '.join(choices)}")


def check_at_least(least: int, **sizes: int) -> None:
    """Raise unless all sizes, given by name, are at least that.

    Raises:
        ValueError: one is not.
    """
    for name, size in sizes.items():
        if size < least:
            raise ValueError(f"{name} {size}: give {least} or more")


def check_temperature(temperature: float) -> None:
    """Raise unless logits can be divided by a temperature, or it is 0: the most probable class.

    Raises:
        ValueError: it is below 0, or no number.
    """
    if not temperature >= 0:
        raise ValueError(f"a temperature of {temperature}: give 0 or more")


def check_taps(taps: int) -> None:
    """Raise unless a Seq-U-Net can have kernels of that length.

    Raises:
        ValueError: an even number or one below 3.
    """
    if taps < 3 or taps % 2 == 0:
        raise ValueError(f"taps {taps}: a Seq-U-Net takes an odd number from 3 on")
