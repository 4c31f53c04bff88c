"""Sampling from a causal U-Net one sample at a time, each fed back as the next input.

The state is that of a stream (`umir.wave_unet.sequences.streaming`), so that a prefix runs through
`net.step` in blocks and generation goes on from there. All samples are made in one compiled loop.
Whether a level runs is decided by `lax.cond` on the clock, one inside the other: level l where the
clock is a multiple of `2^l`. One frame is a matrix product of the layer's last inputs with its
kernel, both gates at once, which inside a loop is tens of times faster than a convolution.

What costs is reading the weights, each used once per frame. The residual net of the paper has 107
MB of them, of which a sample needs 19.3 MB on average: level l every `2^l` samples. One product
after another with all its kernels, and nothing else, read 20 GB/s on two CPU cores, which would be
1040 samples per second; what stays in the cache is faster. With the machine to itself this loop
made 1552 (`docs/published_networks.md`), beside other programs 640 to 1080. The loop itself costs
little (30,000 samples per second with 8 channels). Kernels are read as rows (`with_rows`), which is
1.3 times faster and takes 0.13 seconds to prepare: do that once where `generate` is called often.
Calling `net.step` with prepared kernels sample by sample is as fast for a net so wide, and lets the
caller choose the sample; one program per pattern of levels, called by the host, is no faster, and
takes 20 seconds to compile instead of 7.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int

from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.sequences.causal_convolution import with_rows
from umir.wave_unet.sequences.causal_stage import run_stage
from umir.wave_unet.sequences.history import BufferTree
from umir.wave_unet.sequences.input_checks import check_at_least, check_temperature
from umir.wave_unet.sequences.signal import Signal
from umir.wave_unet.sequences.streaming import NetStage, StreamState
from umir.wave_unet.sequences.unet_stages import Stages


def generate(
    net: Stages,
    params: Params,
    state: StreamState,
    last: Int[Array, " batch"],
    count: int,
    *,
    key: Key,
    temperature: float = 1.0,
) -> tuple[StreamState, Int[Array, "batch time"]]:
    """Draw classes one after another, each from the logits that those before give.

    Args:
        net: the network, as many outputs as channels: logits and one-hot vectors of classes.
        params: its parameters, or what `with_rows` makes of them.
        state: of the stream so far, without its last sample.
        last: class of the last sample of the stream, the first input.
        count: samples to draw.
        key: what to draw from.
        temperature: the logits are divided by it; 0 takes the most probable class.

    Returns:
        The state, which has seen all samples but the last, and the classes.

    Raises:
        ValueError: a network whose outputs are not its inputs, no samples, a temperature below 0,
            another number of streams than the state has.
    """
    if net.outputs != net.channels:
        raise ValueError(f"{net.outputs} outputs cannot be fed back as {net.channels} channels")
    check_at_least(1, count=count)
    check_temperature(temperature)
    if last.shape[0] != state.streams:
        raise ValueError(f"{last.shape[0]} last sample(s) for {state.streams} stream(s)")
    drawn_from = None if temperature == 0 else key
    options = drawn_from, jnp.float32(temperature)
    # The phase as a number that the program is given: one program does for all of them.
    start = state.buffers, jnp.int32(state.phase)
    buffers, classes = _generate(net, params, *start, last, count, *options)
    return StreamState(buffers, (state.phase + count) % net.lengths.cycle), classes


@partial(jax.jit, static_argnums=(0, 5))
def _generate(
    net: Stages,
    params: Params,
    buffers: BufferTree,
    phase: Int[Array, ""],
    last: Array,
    count: int,
    key: Key | None,
    temperature: Array,
) -> tuple[BufferTree, Int[Array, "batch time"]]:
    def sample(carry, clock):
        buffers, last = carry
        frame = jax.nn.one_hot(last, net.channels)[:, None]
        buffers, logits = run_sample(net, params, buffers, clock, frame)
        logits = logits[:, 0]
        if key is None:
            chosen = jnp.argmax(logits, axis=-1)
        else:
            drawn = jax.random.fold_in(key, clock)
            chosen = jax.random.categorical(drawn, logits / temperature)
        chosen = chosen.astype(last.dtype)
        return (buffers, chosen), chosen

    params = params if "rows" in params["leave"] else with_rows(params)
    clocks = phase + jnp.arange(count)
    (buffers, _), classes = lax.scan(sample, (buffers, last), clocks)
    return buffers, classes.T


def run_sample(
    net: Stages,
    params: Params,
    buffers: BufferTree,
    clock: Int[Array, ""],
    sample: Float[Array, "batch 1 channel"],
) -> tuple[BufferTree, Float[Array, "batch 1 out_channel"]]:
    """Run a network on one sample of a stream at a clock that is known only when it runs.

    Args:
        net: the network.
        params: its parameters.
        buffers: of the stream.
        clock: number of the sample in the stream, or that modulo the cycle.
        sample: shape `(batch, 1, channel)`.

    Returns:
        The new buffers, and the output.
    """

    def stage(buffers: BufferTree, name: str, level: str, *signals: Signal):
        here = name + level
        own = NetStage.of(net, name)
        kept, outputs = run_stage(own, params.get(here, {}), buffers[here], *signals)
        return {**buffers, here: kept}, outputs

    def level(number: int, buffers: BufferTree, x: Array) -> tuple[BufferTree, Array]:
        if number == net.lengths.levels - 1:
            buffers, y = stage(buffers, "bottom", "", Signal(x, 0))
            return buffers, y.values

        def at(phase: int, buffers: BufferTree, x: Array) -> tuple[BufferTree, Array]:
            buffers, (skip, low) = stage(buffers, "down", str(number), Signal(x, phase))
            if phase == 0:
                buffers, values = level(number + 1, buffers, low.values)
                low = Signal(values, 0)
            buffers, y = stage(buffers, "up", str(number), skip, low)
            return buffers, y.values

        here = (clock >> number) & 1
        return lax.cond(here == 0, partial(at, 0), partial(at, 1), buffers, x)

    buffers, x = stage(buffers, "enter", "", Signal(sample, 0))
    buffers, values = level(0, buffers, x.values)
    buffers, y = stage(buffers, "leave", "", Signal(values, 0))
    return buffers, y.values
