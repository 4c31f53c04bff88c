"""A stretch of frames that knows where in time it lies.

In a causal network everything ends at the same moment, and layers differ in how early they start.
So each signal carries the position of its first frame, counted at its own rate: frame n of a signal
that was decimated l times is aligned with sample `n * 2**l` of the input, the last sample that it
may depend on.
"""

from dataclasses import dataclass
from functools import partial

import jax
from jax import Array
from jaxtyping import Float


@partial(jax.tree_util.register_dataclass, data_fields=["values"], meta_fields=["first"])
@dataclass(frozen=True)
class Signal:
    """Frames and the position of the first one.

    Attributes:
        values: shape `(batch, time, channel)`; `time` may be 0.
        first: position of the first frame at the signal's own rate; may be negative.
    """

    values: Float[Array, "batch time channel"]
    first: int

    @property
    def end(self) -> int:
        """Position after the last frame."""
        return self.first + self.values.shape[1]

    def within(self, first: int, end: int) -> "Signal":
        """Return the frames from `first` on and before `end`, as far as there are any."""
        first = max(first, self.first)
        end = max(min(end, self.end), first)
        return Signal(self.values[:, first - self.first : end - self.first], first)

    def later(self, frames: int) -> "Signal":
        """Return the same frames at positions so much later."""
        return Signal(self.values, self.first + frames)
