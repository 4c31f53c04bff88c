"""A model of a causal body on a stream: audio in as it comes, findings out as soon as known.

Frame n of rate r needs the network's lookahead after n / r seconds, its decoder may wait for a few
frames more, and samples are taken in blocks: the sum is the algorithmic latency. What computing
takes comes on top.

The level of a stream is not known before its end, so that it gets a fixed gain where a file is
brought to -20 dBFS.
"""

import math
import time
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from umir.audio import LEVEL_RMS, to_channels
from umir.task_model import TaskModel
from umir.tasks.live import Finding, live_decoder
from umir.wave_unet.heads import decoder_rate
from umir.wave_unet.live import LiveState, init_state, latency, step

BLOCK_SECONDS = 0.02  # two frames of 100 Hz


@dataclass(frozen=True)
class Latency:
    """How long after its own time something is said, in milliseconds, computing left out.

    Attributes:
        network: what a frame waits for.
        decoder: what the decoder waits for after a frame.
        block: what a sample waits for at most, until the block is full.
    """

    network: float
    decoder: float
    block: float

    @property
    def total(self) -> float:
        """The sum."""
        return self.network + self.decoder + self.block


class LivePrediction:
    """A stream: `push` blocks, `finish` at the end.

    Args:
        model: for a task of frames or clips, with a causal body.
        gain_db: what every sample is amplified by; 0 for audio of about -20 dBFS RMS.

    Raises:
        ValueError: a body that looks ahead, a task without a live decoder.
    """

    def __init__(self, model: TaskModel, gain_db: float = 0.0):
        config = model.network.config
        if not config.causal:
            raise ValueError(
                f"a model whose body is a {config.body} looks ahead and cannot run live; train "
                "or adapt one with `--body seq_unet`"
            )
        self._network, self._gain = model.network, np.float32(10 ** (gain_db / 20))
        settings = model.settings or model.task.default_settings(config.rate)
        self._decoder = live_decoder(model.task, settings, config.rates[-1])
        self._rate = decoder_rate(model.network.head, config)  # frames per second
        self._params = jax.tree.map(jnp.asarray, dict(model.params))
        # Blocks of the same size, so that few programs are compiled.
        self._length = max(1, round(BLOCK_SECONDS * config.rate))
        self._state = init_state(
            self._network, self._params, clip_seconds=model.task.segment_seconds
        )
        self._held = np.zeros((0, config.channels), np.float32)
        self._channels: int | None = None
        self._frames = self._samples = 0
        self._power = 0.0
        self.elapsed = 0.0

    @property
    def latency(self) -> Latency:
        """The algorithmic latency."""
        rate = self._network.config.rate
        block = 1000 * (self._length - 1) / rate
        return Latency(latency(self._network)[1], 1000 * self._decoder.delay, block)

    @property
    def seconds(self) -> float:
        """How much has been heard, in seconds."""
        return self._samples / self._network.config.rate

    @property
    def advised_gain_db(self) -> float | None:
        """The gain that would have brought what has been heard to -20 dBFS; None for silence."""
        power = self._power / max(self._samples, 1)
        return 10 * math.log10(LEVEL_RMS**2 / power) if power > 1e-12 else None

    def warm_up(self) -> None:
        """Compile what blocks will need, on silence that is not heard."""
        config = self._network.config
        silence = np.zeros((self._length, config.channels), np.float32)
        state = self._state
        for _ in range(2 + math.lcm(config.total_stride, self._length) // self._length):
            state, _ = self._stepped(state, silence)

    def push(self, block: Float[np.ndarray, "_ channel"]) -> list[Finding]:
        """Return what is known after a block and was not before.

        Args:
            block: any number of samples at the model's rate; none change nothing.

        Raises:
            ValueError: NaN or infinite samples, or another number of channels than the blocks
                before; the stream is as it was before the call.
        """
        started = time.perf_counter()
        config = self._network.config
        if block.shape[1] != (self._channels or block.shape[1]):
            raise ValueError(
                f"a block of {block.shape[1]} channel(s) at {self.seconds:.2f} s, in a stream that "
                f"began with {self._channels}; start another one"
            )
        if not np.isfinite(block).all():
            raise ValueError(f"NaN or infinite samples at {self.seconds:.2f} s of the stream")
        own = to_channels(block, config.channels)
        self._channels = block.shape[1]
        self._samples += len(own)
        self._power += float(np.square(own, dtype=np.float64).mean(axis=1).sum())
        self._held = np.concatenate([self._held, self._gain * own])
        found = self._run()
        self.elapsed += time.perf_counter() - started
        return found

    def finish(self) -> list[Finding]:
        """Return what is known once the stream has ended; nothing may be pushed after it."""
        started = time.perf_counter()
        rest = self._network.config.lookahead + self._length
        self._held = np.pad(self._held, ((0, rest), (0, 0)))
        found = self._run() + self._decoder.finish()
        self.elapsed += time.perf_counter() - started
        return found

    def _run(self) -> list[Finding]:
        """Run the blocks that are full."""
        found = []
        while len(self._held) >= self._length:
            block, self._held = self._held[: self._length], self._held[self._length :]
            self._state, output = self._stepped(self._state, block)
            # Frames begin within the stream; those of the silence after it are not heard.
            left = math.ceil(self._samples * self._rate / self._network.config.rate) - self._frames
            self._frames += min(len(output), left)
            found += self._decoder.push(output[:left])
        return found

    def _stepped(
        self, state: LiveState, block: Float[np.ndarray, "time channel"]
    ) -> tuple[LiveState, np.ndarray]:
        state, output = step(self._network, self._params, state, jnp.asarray(block[None]))
        return state, np.asarray(output[0])
