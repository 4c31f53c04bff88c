"""What lies before a block: zeros, nothing, or what the block before has left.

Every causal layer with K taps needs the K-1 frames before the frames it is given. Where these come
from is all that distinguishes the three ways to run a network:

- zeros: a whole file, as many outputs as inputs (every layer's past is silence);
- nothing: "valid" sizes, outputs only where no layer's past is missing;
- buffers: a stream, where each layer keeps its last frames from block to block.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array

from umir.wave_unet.sequences.signal import Signal

PADDINGS = ("zeros", "valid")
BufferTree = Mapping[str, Mapping[str, Array]]  # stage -> layer -> its last frames


class History(ABC):
    """Something that knows the past of each layer by the layer's name."""

    @abstractmethod
    def before(self, name: str, x: Signal, frames: int) -> Signal:
        """Return `x` with up to `frames` earlier frames in front."""


class Nothing(History):
    """No past: layers lose the frames for which they would need one."""

    def before(self, name: str, x: Signal, frames: int) -> Signal:
        """Return `x` as it is."""
        del name, frames
        return x


class Buffers(History):
    """A past in buffers, which `before` brings up to date.

    Attributes:
        arrays: layer -> its last frames, `(batch, frames, channel)`.
    """

    def __init__(self, arrays: Mapping[str, Array]):
        self.arrays = dict(arrays)

    def before(self, name: str, x: Signal, frames: int) -> Signal:
        """Return `x` behind the layer's last frames, and keep the last frames of both."""
        values = self.past(name, x, frames)
        if x.values.shape[1]:  # nothing new may come with the width of another layer
            values = jnp.concatenate([values, x.values], axis=1)
        self.arrays[name] = values[:, values.shape[1] - frames :]
        return Signal(values, x.first - frames)

    def past(self, name: str, x: Signal, frames: int) -> Array:
        """Return the frames before `x`."""
        del x, frames
        return self.arrays[name]


class Zeros(Buffers):
    """A past of zeros; the buffers are what a stream would go on with."""

    def __init__(self):
        super().__init__({})

    def past(self, name: str, x: Signal, frames: int) -> Array:
        """Return zeros."""
        del name
        batch, _, channels = x.values.shape
        return jnp.zeros((batch, frames, channels), x.values.dtype)


def whole(padding: str) -> History:
    """Return the history of a network that is given everything at once: `zeros` or `valid`."""
    return Zeros() if padding == "zeros" else Nothing()
