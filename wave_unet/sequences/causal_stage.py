"""Stages of a causal network, and how to run them: on a whole file, or on a stream.

A stage reads signals of two rates at most, the faster first, and gives signals at these rates. It
knows nothing of its place in the network, nor of whether the signals are a whole file or a block:
`Call` decides that. On a stream every stage is compiled by itself, for the lengths that it meets
and the phase of its own factor; stages of equal sizes share their programs.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from umir.wave_unet.parameters import Params
from umir.wave_unet.sequences.history import Buffers, History, Zeros
from umir.wave_unet.sequences.signal import Signal

# What a stage gives: as many signals as its `slows` has.
Signals = Signal | tuple[Signal, ...]


@dataclass(frozen=True)
class CausalStage(ABC):
    """A stage, without parameters: what it does, as plain numbers.

    Attributes:
        factor: the faster rate over the slower one.
    """

    factor: int

    @property
    def slows(self) -> tuple[bool, ...]:
        """Of each signal that it gives, whether that has the slower rate."""
        return (True,)

    @abstractmethod
    def run(self, params: Params, history: History, *signals: Signal) -> Signals:
        """Return what the stage gives for signals, the fastest first."""


# `call(name, stage, params, *signals)`: runs a stage of that name.
Call = Callable[..., Any]


def whole_file(buffers: dict[str, Mapping[str, Array]] | None = None) -> Call:
    """Return what runs stages on everything at once, after zeros.

    Args:
        buffers: where to keep what a stream would go on with.
    """

    def call(name: str, stage: CausalStage, params: Params, *signals: Signal) -> Signals:
        history = Zeros()
        outputs = stage.run(params, history, *signals)
        if buffers is not None:
            buffers[name] = history.arrays
        return outputs

    return call


def stream(buffers: dict[str, Mapping[str, Array]]) -> Call:
    """Return what runs stages on a block of a stream, and brings the buffers up to date."""

    def call(name: str, stage: CausalStage, params: Params, *signals: Signal) -> Signals:
        # Only the phase of a position is compiled, not the position.
        slow = signals[0].first // stage.factor
        shifts = (slow * stage.factor, slow)
        moved = [signal.later(-by) for signal, by in zip(signals, shifts, strict=False)]
        buffers[name], outputs = run_stage(stage, params, buffers[name], *moved)
        if isinstance(outputs, Signal):
            return outputs.later(shifts[stage.slows[0]])
        places = zip(outputs, stage.slows, strict=True)
        return tuple(output.later(shifts[slower]) for output, slower in places)

    return call


@partial(jax.jit, static_argnums=0)
def run_stage(
    stage: CausalStage, params: Params, buffers: Mapping[str, Array], *signals: Signal
) -> tuple[dict[str, Array], Signals]:
    """Run one stage on a block of a stream.

    Args:
        stage: what to run.
        params: of the stage.
        buffers: of the stage.
        *signals: what the stage takes, the fastest first.

    Returns:
        The new buffers, and what the stage gives.
    """
    history = Buffers(buffers)
    outputs = stage.run(params, history, *signals)
    return history.arrays, outputs


def run_or_skip(
    call: Call,
    name: str,
    stage: CausalStage,
    params: Params,
    *signals: Signal,
    width: int = 0,
) -> Signal:
    """Run a stage of one output, unless nothing has come: then nothing comes of it either.

    Args:
        call: runs the stage.
        name: of the stage.
        stage: what to run.
        params: of the stage.
        *signals: what it takes, the first of which decides.
        width: channels of what it gives; as many as the first signal has, where 0.
    """
    x = signals[0]
    if x.values.shape[1]:
        return call(name, stage, params, *signals)
    first = -(-x.first // stage.factor) if stage.slows[0] else x.first
    empty = jnp.zeros((x.values.shape[0], 0, width or x.values.shape[2]), x.values.dtype)
    return Signal(empty, first)
