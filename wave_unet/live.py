"""A network with a causal body on a stream: blocks of any length in, what they make known out.

Every layer keeps its last inputs from block to block, so each frame of each level is computed once,
and the outputs are those of a whole file. A stream starts after silence, as files do in
`umir.inference`.

What comes of a block, besides the new state, by the kind of head:

- `frames`: logits of the frames that are complete now, `(batch, frame, class)`;
- `clip`: the same at the body's lowest rate, each of the mean and maximum over the last
  `clip_seconds` (fewer at the start), as if these were a clip;
- `waveform`: the stems of the samples that are complete now, `(batch, time, stem, channel)`.

Frame n of rate r is complete once sample `n * rate / r + lookahead` is there; counting them from
the first one says when each is.
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from umir.wave_unet.heads import (
    WAVEFORM_TAPS,
    ClipHead,
    FramesHead,
    HeadSpec,
    WaveformHead,
    decoder_rate,
)
from umir.wave_unet.network import Network, head_with
from umir.wave_unet.parameters import Params
from umir.wave_unet.receptive_field import receptive_field
from umir.wave_unet.sequences.causal_convolution import causal_convolution
from umir.wave_unet.sequences.causal_stage import Call, CausalStage, run_or_skip, stream, whole_file
from umir.wave_unet.sequences.history import BufferTree, History
from umir.wave_unet.sequences.input_checks import check_at_least
from umir.wave_unet.sequences.signal import Signal
from umir.wave_unet.universal_seq_unet import universal_seq_unet
from umir.wave_unet.wave_unet import feature_name

HEAD = "head"  # the stage of that name


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["buffers"],
    meta_fields=["position", "streams", "clip_seconds"],
)
@dataclass(frozen=True)
class LiveState:
    """What a stream remembers.

    Attributes:
        buffers: stage -> layer -> its last inputs.
        position: samples so far less the lookahead; from 0 on modulo the body's total stride.
        streams: how many streams run side by side.
        clip_seconds: how far back the head of a clip hears.
    """

    buffers: BufferTree
    position: int
    streams: int
    clip_seconds: float


@dataclass(frozen=True)
class Frames(CausalStage):
    """A head of frames, which looks at one at a time."""

    network: Network

    def run(self, params: Params, history: History, *signals: Signal) -> Signal:
        """Return the logits of features."""
        del history
        (x,) = signals
        head = head_with(self.network.config, self.network.head, params)
        assert isinstance(head, FramesHead)
        return Signal(head({head.feature: x.values}, x.values), x.first)


@dataclass(frozen=True)
class Clip(CausalStage):
    """A head of a clip over the last frames.

    Attributes:
        frames: how many.
    """

    network: Network
    frames: int

    def run(self, params: Params, history: History, *signals: Signal) -> Signal:
        """Return the logits of what is heard up to each frame, of `marked` features."""
        (x,) = signals
        head = head_with(self.network.config, self.network.head, params)
        assert isinstance(head, ClipHead)
        marked = history.before("clip", x, self.frames - 1)
        number = x.values.shape[1]
        stretches = jnp.stack(
            [marked.values[:, n : n + number] for n in range(self.frames)], axis=2
        )  # (batch, frame, heard frame, channel)
        values, heard = stretches[..., :-1], stretches[..., -1:]
        count = jnp.maximum(jnp.sum(heard, axis=2), 1.0)
        mean = jnp.sum(values * heard, axis=2) / count
        highest = jnp.max(jnp.where(heard > 0, values, -jnp.inf), axis=2)
        # Before 0 s nothing is heard; those frames are not given out.
        highest = jnp.where(jnp.isfinite(highest), highest, 0.0)
        return Signal(head.logits(mean, highest), x.first)


def marked(x: Signal) -> Signal:
    """Return a signal with one more channel: 1 where a song is heard, 0 before 0 s.

    What a stream remembers before it starts is 0 there, too. A stage does not know its place in the
    stream, so that this is not for `Clip` to find out.
    """
    heard = (x.first + jnp.arange(x.values.shape[1]) >= 0).astype(x.values.dtype)
    heard = jnp.broadcast_to(heard[None, :, None], (*x.values.shape[:2], 1))
    return Signal(jnp.concatenate([x.values, heard], axis=-1), x.first)


@dataclass(frozen=True)
class Waveform(CausalStage):
    """A head of samples, which reads the mixture at the time of each frame."""

    network: Network

    @property
    def slows(self) -> tuple[bool, ...]:
        """Its one signal is at the faster rate."""
        return (False,)

    def run(self, params: Params, history: History, *signals: Signal) -> Signal:
        """Return stems `(batch, time, stem * channel)` of the mixture, the fast signal."""
        fast, x = signals
        config, stride = self.network.config, self.factor
        head = head_with(config, self.network.head, params)
        assert isinstance(head, WaveformHead)
        # The samples of frame n, stride * n onwards, lie `lookahead` positions before it.
        held = history.before("mixture", fast, config.lookahead)
        first, last = (stride * frame - config.lookahead for frame in (x.first, x.end))
        mixture = held.within(first, last).values
        folded = mixture.reshape(mixture.shape[0], x.values.shape[1], stride * config.channels)
        inputs = Signal(head.inputs(x.values, folded), x.first)
        convolved = causal_convolution({"kernel": head.scaled_kernel}, inputs, history, "inputs")
        stems = head.outputs(convolved.values, mixture)
        flat = stems.reshape(*stems.shape[:2], head.stems * config.channels)
        return Signal(flat, stride * x.first)


def init_state(
    network: Network, params: Params, batch: int = 1, clip_seconds: float = 3.2
) -> LiveState:
    """Return the state of a stream before its first sample, after silence.

    Args:
        network: causal body and a head.
        params: of both.
        batch: streams that run side by side.
        clip_seconds: how far back the head of a clip hears.

    Raises:
        ValueError: a body that is not causal, no streams, nothing of a clip to hear.
    """
    config = network.config
    if not config.causal:
        raise ValueError(f"a body of kind {config.body} looks ahead: a stream takes a seq_unet")
    check_at_least(1, batch=batch)
    if not clip_seconds > 0:
        raise ValueError(f"clip_seconds {clip_seconds}: give more than 0")
    buffers = _after_silence(network, params, batch, clip_seconds)
    return LiveState(buffers, -config.lookahead, batch, clip_seconds)


@partial(jax.jit, static_argnums=(0, 2, 3))
def _after_silence(network: Network, params: Params, batch: int, clip_seconds: float) -> BufferTree:
    config, length = network.config, _context(network)
    buffers: dict[str, Any] = {}
    silence = jnp.zeros((batch, length, config.channels))
    first = -config.lookahead - length
    _run(network, params, Signal(silence, first), clip_seconds, whole_file(buffers))
    return buffers


def step(
    network: Network, params: Params, state: LiveState, block: Float[Array, "batch time channel"]
) -> tuple[LiveState, Float[Array, "batch ..."]]:
    """Run a network on the next block of a stream.

    Args:
        network: as in `init_state`.
        params: as in `init_state`.
        state: of the blocks before.
        block: any number of samples, none included, at the level that the network was trained at.

    Returns:
        The new state, and what is complete now (see the top of this file), which may be nothing.

    Raises:
        ValueError: another number of channels, or of streams, than the stream has.
    """
    batch, time, channels = block.shape
    config = network.config
    if channels != config.channels:
        raise ValueError(f"a block of {channels} channel(s) in a stream of {config.channels}")
    if batch != state.streams:
        raise ValueError(f"a block of {batch} stream(s) in a state of {state.streams}")
    buffers = dict(state.buffers)
    x = Signal(block, state.position)
    y = _run(network, params, x, state.clip_seconds, stream(buffers))
    position = state.position + time
    if position >= 0:
        position %= config.total_stride
    values = y.within(0, max(y.end, 0)).values  # frames before 0 s are not given out
    if network.head.kind == "waveform":
        values = values.reshape(*values.shape[:2], network.head.channels, channels)
    return LiveState(buffers, position, batch, state.clip_seconds), values


def latency(network: Network) -> tuple[int, float]:
    """Return what a frame waits for after its own time, whatever the blocks: samples, milliseconds.

    Blocks of B samples add up to B - 1, and computing takes its time.
    """
    return network.config.lookahead, 1000 * network.config.lookahead / network.config.rate


def _run(network: Network, params: Params, x: Signal, clip_seconds: float, call: Call) -> Signal:
    """Run body and head on signals."""
    config = network.config
    rate = decoder_rate(network.head, config)
    features = universal_seq_unet(config).run(params["body"], x, config.level_of(rate), call)
    decoded = features[feature_name("decoder", rate)]
    stage = _head(network, clip_seconds)
    decoded = marked(decoded) if isinstance(stage, Clip) else decoded
    signals = (x, decoded) if isinstance(stage, Waveform) else (decoded,)
    return run_or_skip(call, HEAD, stage, params["head"], *signals, width=_width(network))


def _head(network: Network, clip_seconds: float) -> CausalStage:
    config, head = network.config, network.head
    if head.kind == "clip":
        return Clip(1, network, max(1, round(clip_seconds * config.rates[-1])))
    return Waveform(config.strides[0], network) if head.kind == "waveform" else Frames(1, network)


def _width(network: Network) -> int:
    """Return how many channels the output has."""
    many = network.config.channels if network.head.kind == "waveform" else 1
    return network.head.channels * many


@cache
def _context(network: Network) -> int:
    """Return how much silence makes every layer's past that of silence."""
    config = network.config
    rate = decoder_rate(network.head, config)
    before = receptive_field(Network(config, HeadSpec("frames", 1, rate)))[0]
    return before + WAVEFORM_TAPS * config.strides[0] + config.total_stride
