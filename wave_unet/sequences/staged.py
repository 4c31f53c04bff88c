"""Stages of a causal network whose rates fall by any factors, and how to run them on a stream.

A stage reads signals of two rates at most, the faster first, and gives one at either rate. It knows
nothing of its place in the network, nor of whether the signals are a whole file or a block: `Call`
decides that. On a stream every stage is compiled by itself, for the lengths that it meets and the
phase of its own factor; stages of equal sizes share their programs. Where no new frame comes, none
runs.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import jax
from jax import Array

from umir.wave_unet.parameters import Params
from umir.wave_unet.sequences.history import Buffers, History, Zeros
from umir.wave_unet.sequences.signal import Signal


@dataclass(frozen=True)
class CausalStage(ABC):
    """A stage, without parameters: what it does, as plain numbers.

    Attributes:
        factor: the faster rate over the slower one.
    """

    factor: int

    # Whether it gives frames at the slower rate.
    slows = True

    @abstractmethod
    def run(self, params: Params, history: History, *signals: Signal) -> Signal:
        """Return what the stage gives for signals, the fastest first."""


# `call(name, stage, params, *signals)`: runs a stage of that name.
Call = Callable[..., Signal]


def whole_file(buffers: dict[str, Mapping[str, Array]] | None = None) -> Call:
    """Return what runs stages on everything at once, after zeros.

    Args:
        buffers: where to keep what a stream would go on with.
    """

    def call(name: str, stage: CausalStage, params: Params, *signals: Signal) -> Signal:
        history = Zeros()
        output = stage.run(params, history, *signals)
        if buffers is not None:
            buffers[name] = history.arrays
        return output

    return call


def stream(buffers: dict[str, Mapping[str, Array]]) -> Call:
    """Return what runs stages on a block of a stream, and brings the buffers up to date."""

    def call(name: str, stage: CausalStage, params: Params, *signals: Signal) -> Signal:
        # Only the phase of a position is compiled, not the position.
        slow = signals[0].first // stage.factor
        shifts = (slow * stage.factor, slow)
        moved = [signal.later(-by) for signal, by in zip(signals, shifts, strict=False)]
        buffers[name], output = _run(stage, params, buffers[name], *moved)
        return output.later(shifts[stage.slows])

    return call


@partial(jax.jit, static_argnums=0)
def _run(
    stage: CausalStage, params: Params, buffers: Mapping[str, Array], *signals: Signal
) -> tuple[dict[str, Array], Signal]:
    history = Buffers(buffers)
    output = stage.run(params, history, *signals)
    return history.arrays, output
