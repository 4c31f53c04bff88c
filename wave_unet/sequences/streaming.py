"""A causal U-Net on a stream: blocks of any length in, as many outputs out, nothing computed twice.

Each layer keeps its last inputs, and the state knows the phase: how many samples have come, modulo
the cycle. A level is run only in blocks in which one of its frames falls, so the work is that of
the whole file: level l runs once in `2^l` samples, at most two levels per sample on average (the
fast inference of Stoller et al. 2020). The outputs are those of `apply` with zeros before the
start.

The network looks at nothing ahead, so there is no latency beyond that of collecting a block.

Every stage is compiled by itself, for a length of block and an even or odd position; levels of
equal widths share their programs. That keeps down what is compiled when lengths vary (one program
for a whole step would be one per phase). Blocks of a multiple of the cycle keep the phase, and
`jax.jit(net.step)` is then one program.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from umir.wave_unet.parameters import Params
from umir.wave_unet.sequences.history import Buffers, BufferTree, Zeros
from umir.wave_unet.sequences.input_checks import check_at_least, check_input
from umir.wave_unet.sequences.levels import traverse
from umir.wave_unet.sequences.signal import Signal
from umir.wave_unet.sequences.stages import Stages


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
        buffers = {}

        def run(stage: str, level: str, *signals: Signal) -> Any:
            history = Zeros()
            outputs = getattr(net, stage)(params.get(stage + level, {}), *signals, history, None)
            buffers[stage + level] = history.arrays
            return outputs

        traverse(net.lengths.levels, Signal(x, 0), run)
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

    def run(stage: str, level: str, *signals: Signal) -> Any:
        name = stage + level
        base = signals[0].first // 2 * 2  # so that only the parity of a position is compiled
        kept, outputs = run_stage(
            net, stage, params.get(name, {}), buffers[name], *_later(signals, -base)
        )
        buffers[name] = kept
        return _later(outputs, base) if stage == "down" else outputs.later(base)

    y, _ = traverse(net.lengths.levels, Signal(block, state.phase), run)
    phase = (state.phase + block.shape[1]) % net.lengths.cycle
    return StreamState(buffers, phase), y.values


@partial(jax.jit, static_argnums=(0, 1))
def run_stage(
    net: Stages,
    stage: str,
    params: Params,
    buffers: Mapping[str, Array],
    *signals: Signal,
) -> tuple[dict[str, Array], Any]:
    """Run one stage of a network on a stream.

    Args:
        net: the network.
        stage: `enter`, `down`, `bottom`, `up` or `leave`.
        params: of the stage.
        buffers: of the stage.
        *signals: what the stage takes.

    Returns:
        The new buffers, and what the stage gives.
    """
    history = Buffers(buffers)
    outputs = getattr(net, stage)(params, *signals, history, None)
    return history.arrays, outputs


def latency(block_length: int, rate: float) -> tuple[int, float]:
    """Return how long the first sample of a block waits for its output: samples, milliseconds.

    The network itself adds nothing (output t needs sample t, and no later one); a block of one
    sample has no latency. The time that computing takes comes on top.

    Args:
        block_length: samples per block.
        rate: sampling rate in Hz.

    Raises:
        ValueError: an empty block, a rate of 0 or less.
    """
    check_at_least(1, block_length=block_length)
    if rate <= 0:
        raise ValueError(f"a rate of {rate} Hz: give one above 0")
    return block_length - 1, 1000 * (block_length - 1) / rate


def _later(signals: tuple[Signal, ...], frames: int) -> tuple[Signal, ...]:
    """Move signals, each of half the rate of the one before, by an even number of frames."""
    return tuple(signal.later(frames >> octave) for octave, signal in enumerate(signals))
