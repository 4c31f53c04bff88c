"""A network over a whole song: overlapping windows of one length, stitched.

Windows start on multiples of the network's total stride, so that the frames of all windows lie on
one grid. Where windows overlap, outputs are averaged with weights that fall linearly towards a
window's ends; a clip's output is the mean of its windows' outputs.
"""

from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from jaxtyping import Float

from umir.meta import Params
from umir.wave_unet import Network


@dataclass(frozen=True)
class Windows:
    """How a song is cut.

    Attributes:
        length: samples per window, a multiple of the network's total stride.
        hop: samples from one window to the next, a multiple of the total stride.
    """

    length: int
    hop: int

    @classmethod
    def of(cls, network: Network, seconds: float, overlap: float = 0.5) -> "Windows":
        """Return windows of about `seconds` that overlap by about the fraction `overlap`."""
        stride, rate = network.config.total_stride, network.config.rate
        blocks = max(2, round(seconds * rate / stride))
        return cls(blocks * stride, max(1, round(blocks * (1 - overlap))) * stride)

    def starts(self, n_samples: int) -> range:
        """Return the first sample of each window; together they cover `n_samples`."""
        after_first = max(0, n_samples - self.length)
        return range(0, -(-after_first // self.hop) * self.hop + 1, self.hop)


def whole_song(
    network: Network,
    params: Params,
    waveform: Float[np.ndarray, "time channel"],
    windows: Windows,
    batch: int = 4,
) -> np.ndarray:
    """Return the network's output for a waveform of any length.

    Args:
        network: body and head.
        params: parameters of both.
        waveform: shape `(time, channel)` at the network's rate, level normalised.
        windows: how to cut.
        batch: windows per call, one compiled shape.

    Returns:
        `(frame, class)`, `(class,)` or `(time, stem, channel)`, as the head has it; frame n is at
        n / rate seconds.
    """
    starts = list(windows.starts(len(waveform)))
    padded = np.zeros((starts[-1] + windows.length, waveform.shape[1]), np.float32)
    padded[: len(waveform)] = waveform
    outputs: list[np.ndarray] = []
    for first in range(0, len(starts), batch):
        chosen = starts[first : first + batch]
        segments = np.zeros((batch, windows.length, waveform.shape[1]), np.float32)
        for row, start in enumerate(chosen):
            segments[row] = padded[start : start + windows.length]
        outputs.extend(np.asarray(_output(network, params, segments))[: len(chosen)])
    if network.head.kind == "clip":
        return np.mean(outputs, axis=0)
    return _stitch(outputs, windows, starts, len(waveform))


@partial(jax.jit, static_argnums=0)
def _output(network, params, segments):
    return network.apply(params, segments)[0]


def _stitch(
    outputs: list[np.ndarray], windows: Windows, starts: list[int], n_samples: int
) -> np.ndarray:
    """Average overlapping outputs of shape `(step, ...)` with triangular weights."""
    length = len(outputs[0])
    samples_per_step = windows.length // length
    total = starts[-1] // samples_per_step + length
    # 1 2 3 ... 3 2 1: positive everywhere, so that a sample under one window is that window's.
    ramp = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)).astype(np.float32)
    ramp = ramp.reshape(-1, *[1] * (outputs[0].ndim - 1))
    sums = np.zeros((total, *outputs[0].shape[1:]), np.float32)
    weights = np.zeros((total, *[1] * (outputs[0].ndim - 1)), np.float32)
    for start, output in zip(starts, outputs, strict=True):
        first = start // samples_per_step
        sums[first : first + length] += ramp * output
        weights[first : first + length] += ramp
    return (sums / weights)[: -(-n_samples // samples_per_step)]
