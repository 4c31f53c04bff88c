"""A causal U-Net on a stream: blocks of any length in, as many outputs out, nothing computed twice.

Each layer keeps its last inputs, and the state knows the phase: how many samples have come, modulo
the cycle. A level is run only in blocks in which one of its frames falls, so the work is that of
the whole file: level l runs once in `2^l` samples, at most two levels per sample on average (the
fast inference of Stoller et al. 2020). The outputs are those of `apply` with zeros before the
start.

The network looks at nothing ahead, so there is no latency beyond that of collecting a block.

Every stage is compiled by itself (`umir.wave_unet.sequences.causal_stage`): one program for a whole
step would be one per phase. Blocks of a multiple of the cycle keep the phase, and
`jax.jit(net.step)` is then one program.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from umir.wave_unet.parameters import Params
from umir.wave_unet.sequences.causal_stage import Call, CausalStage, Signals, stream, whole_file
from umir.wave_unet.sequences.history import BufferTree, History
from umir.wave_unet.sequences.input_checks import check_at_least, check_input
from umir.wave_unet.sequences.levels import traverse
from umir.wave_unet.sequences.signal import Signal
from umir.wave_unet.sequences.unet_stages import Stages


@partial(jax.tree_util.register_dataclass, data_fields=["buffers"], meta_fields=["phase"])
@dataclass(frozen=True)
class StreamState:
    """What a stream remembers.

    Attributes:
        buffers: stage -> layer -> its last inputs, `(batch, frames, channel)`.
        phase: samples so far, modulo the cycle of the network.
    """

    buffers: BufferTree
    phase: int

    @property
    def streams(self) -> int:
        """How many streams run side by side."""
        return jax.tree.leaves(self.buffers)[0].shape[0]


@dataclass(frozen=True)
class NetStage(CausalStage):
    """One of the stages that a network is made of.

    Attributes:
        net: the network.
        name: `enter`, `down`, `bottom`, `up` or `leave`.
    """

    net: Stages
    name: str

    @classmethod
    def of(cls, net: Stages, name: str) -> "NetStage":
        """Return a stage by its name; those between two levels see two rates."""
        return cls(2 if name in ("down", "up") else 1, net, name)

    @property
    def slows(self) -> tuple[bool, ...]:
        """On the way down: what the way up joins, and the level below."""
        return (False, True) if self.name == "down" else (False,)

    def run(self, params: Params, history: History, *signals: Signal) -> Signals:
        """Return what the stage gives, without dropout."""
        return getattr(self.net, self.name)(params, *signals, history, None)


def init_state(net: Stages, params: Params, batch: int) -> StreamState:
    """Return the state before the first sample: zeros everywhere.

    Args:
        net: the network.
        params: its parameters, or their shapes.
        batch: streams that run side by side.

    Raises:
        ValueError: no streams.
    """
    check_at_least(1, batch=batch)

    def first_sample(params: Params, x: Array) -> BufferTree:
        buffers: dict[str, Any] = {}
        _run(net, params, Signal(x, 0), whole_file(buffers))
        return buffers

    sample = jax.ShapeDtypeStruct((batch, 1, net.channels), jnp.float32)
    shapes = jax.eval_shape(first_sample, params, sample)
    return StreamState(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes), 0)


def step(
    net: Stages,
    params: Params,
    state: StreamState,
    block: Float[Array, "batch time channel"],
) -> tuple[StreamState, Float[Array, "batch time out_channel"]]:
    """Run a network on the next block of a stream.

    Args:
        net: the network.
        params: its parameters.
        state: of the blocks before.
        block: one sample or more.

    Returns:
        The new state, and an output for each sample of the block.

    Raises:
        ValueError: no samples, other channels, another number of streams than the state has.
    """
    check_input(block, net.channels)
    if block.shape[0] != state.streams:
        raise ValueError(f"a block of {block.shape[0]} stream(s) in a state of {state.streams}")
    buffers = dict(state.buffers)
    y = _run(net, params, Signal(block, state.phase), stream(buffers))
    phase = (state.phase + block.shape[1]) % net.lengths.cycle
    return StreamState(buffers, phase), y.values


def _run(net: Stages, params: Params, x: Signal, call: Call) -> Signal:
    """Run a network's stages on a signal."""

    def run(stage: str, level: str, *signals: Signal) -> Signals:
        name = stage + level
        return call(name, NetStage.of(net, stage), params.get(name, {}), *signals)

    return traverse(net.lengths.levels, x, run)[0]
