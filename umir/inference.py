"""A network over a song of any length, in windows of one shape, with memory that does not grow.

Windows start on multiples of the network's total stride, so that the frames of all windows lie on
one grid. There are two ways to cut:

* *exact* windows have so much of the song on both sides (`Windows.context`) that what lies further
  away cannot change what is kept of their output. Kept parts lie end to end, and together they are,
  up to rounding, the output of the whole song run in one go between two silences. This needs a
  network of finite receptive field that normalises nothing over time: a Wave-U-Net.
* *overlapping* windows serve every other network. Where they overlap, outputs are averaged with
  weights that rise linearly from a window's ends to its middle. A clip's output is the mean of the
  outputs of its overlapping windows.

On held-out studio songs both score alike (`benchmarks/inference.py`); exact windows cost less and
do not depend on where they are cut.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from jaxtyping import Float

from umir.audio_stream import Block, with_length
from umir.meta import Params
from umir.wave_unet import Network
from umir.wave_unet.receptive_field import receptive_field

# What is kept of an exact window. With 5.8 s of context on both sides (nano) 45% are computed on
# top; windows twice as long would hold twice as much to save a sixth of the time.
KEPT_SECONDS = 25.6


@dataclass(frozen=True)
class Windows:
    """How a song is cut.

    Attributes:
        length: samples per window, a multiple of the network's total stride.
        hop: samples from one window to the next, a multiple of the total stride.
        context: samples at both ends of a window whose output is thrown away, a multiple of the
            total stride; before and after the song there is silence.
        ahead: so many at the end, if they are not as many as at the start: of causal networks.
    """

    length: int
    hop: int
    context: int = 0
    ahead: int | None = None

    @classmethod
    def of(cls, network: Network, seconds: float) -> "Windows":
        """Return the windows that suit the network: exact, for clips overlapping of `seconds`."""
        return (
            cls.overlapping(network, seconds) if network.head.kind == "clip" else cls.exact(network)
        )

    @classmethod
    def exact(cls, network: Network, seconds: float = KEPT_SECONDS) -> "Windows":
        """Return windows that keep about `seconds`, and see all that this depends on."""
        stride = network.config.total_stride
        kept = max(1, round(seconds * network.config.rate / stride)) * stride
        before, after = receptive_field(network)
        if network.config.causal:
            before, after = (-(-samples // stride) * stride for samples in (before, after))
            return cls(before + kept + after, kept, before, after)
        context = -(-max(before, after) // stride) * stride
        return cls(kept + 2 * context, kept, context)

    @classmethod
    def overlapping(cls, network: Network, seconds: float, overlap: float = 0.5) -> "Windows":
        """Return windows of about `seconds` that overlap by about the fraction `overlap`."""
        stride, rate = network.config.total_stride, network.config.rate
        blocks = max(2, round(seconds * rate / stride))
        return cls(blocks * stride, max(1, round(blocks * (1 - overlap))) * stride)

    @property
    def kept(self) -> int:
        """Samples per window whose output is kept."""
        return self.length - self.context - self.after

    @property
    def after(self) -> int:
        """Samples at the end of a window whose output is thrown away."""
        return self.context if self.ahead is None else self.ahead

    def cut(self, blocks: Iterable[Block]) -> Iterator[tuple[Block, int]]:
        """Cut a stream.

        Args:
            blocks: the song, in blocks of any lengths.

        Yields:
            Windows of shape `(length, channel)`; and of how many samples, from the first that is
            kept, this window completes the output: `hop`, but all that are left in the last one.
        """
        source, buffer = iter(blocks), np.zeros((0, 0), np.float32)
        start = seen = 0
        while True:
            # One sample more than the window: whether there is more tells if it is the last.
            while len(buffer) <= self.length and (block := next(source, None)) is not None:
                before = buffer if seen else np.zeros((self.context, block.shape[1]), np.float32)
                buffer = np.concatenate([before, block])
                seen += len(block)
            last = seen <= start + self.kept
            yield (
                with_length(buffer[: self.length], self.length),
                seen - start if last else self.hop,
            )
            if last:
                return
            start, buffer = start + self.hop, buffer[self.hop :]

    def weights(self, steps: int) -> Float[np.ndarray, " {steps}"]:
        """Return the weights of the `steps` outputs that are kept of a window."""
        if self.hop >= self.kept:
            return np.ones(steps, np.float32)
        # 1 2 3 ... 3 2 1: positive everywhere, so that a sample under one window is that window's.
        return np.minimum(np.arange(1, steps + 1), np.arange(steps, 0, -1)).astype(np.float32)


def stream(
    run: Callable[[Block], np.ndarray], blocks: Iterable[Block], windows: Windows
) -> Iterator[np.ndarray]:
    """Run a function on all windows of a song and put its outputs together.

    Args:
        run: takes a window of shape `(length, channel)` and returns its output, `(step, ...)`,
            with a whole number of samples per step.
        blocks: the song at the network's rate, in blocks of any lengths.
        windows: how to cut.

    Yields:
        The output from the song's first step on, in blocks of `(step, ...)`: as many steps as
        begin within the song.
    """
    sums = weights = np.zeros(())
    for window, complete in windows.cut(blocks):
        output = run(window)
        per_step = windows.length // len(output)
        first, last = windows.context // per_step, windows.after // per_step
        kept = output[first : len(output) - last]
        ramp = windows.weights(len(kept)).reshape(-1, *[1] * (kept.ndim - 1))
        if not sums.ndim:
            sums, weights = np.zeros_like(kept), np.zeros_like(ramp)
        sums, weights = sums + ramp * kept, weights + ramp
        done = -(-complete // per_step)
        yield sums[:done] / weights[:done]
        sums, weights = _moved(sums, done), _moved(weights, done)


def whole_song(
    network: Network, params: Params, blocks: Iterable[Block], windows: Windows
) -> np.ndarray:
    """Return the network's output for a song of any length.

    Args:
        network: body and head.
        params: parameters of both.
        blocks: the song at the network's rate, level normalised, in blocks of any lengths.
        windows: how to cut.

    Returns:
        `(frame, class)`, `(class,)` or `(time, stem, channel)`, as the head has it; frame n is at
        n / rate seconds.
    """
    run = partial(run_window, network, params)
    if network.head.kind == "clip":
        return np.mean([run(window) for window, _ in windows.cut(blocks)], axis=0)
    return np.concatenate(list(stream(run, blocks, windows)))


def run_window(network: Network, params: Params, window: Block) -> np.ndarray:
    """Return the network's output for one window: all windows of a song share a compiled shape."""
    return np.asarray(_output(network, params, window[None])[0])


@partial(jax.jit, static_argnums=0)
def _output(network, params, windows):
    return network.apply(params, windows)[0]


def _moved(values: np.ndarray, done: int) -> np.ndarray:
    """Return the values without the first `done`, followed by as many zeros."""
    return np.concatenate([values[done:], np.zeros_like(values[:done])])
