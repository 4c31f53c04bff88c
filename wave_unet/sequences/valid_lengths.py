"""Lengths of a causal U-Net without padding, and how far its outputs see.

With K taps, D layers of stride 1 on either side of a level and C = 2^(levels - 1) samples per frame
of the last level, b frames above the bottom go

    up:    n -> 2 n - (K - 1) - D (K - 1) - margin
    down:  n <- 2 n - 2 + K + D (K - 1)
"""

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class ValidLengths:
    """Everything about a causal U-Net that decides on lengths.

    Attributes:
        taps: of every convolution, an odd number.
        levels: rates, with that of the input.
        depth: layers of stride 1 on either side of a level, and at the bottom.
        entry: layers before the first level.
        margin: outputs with a full past that every upsampling leaves out nevertheless.
        whole_cycles: whether outputs are cut to a multiple of the cycle, so that in training all
            phases of the decimation count alike.
    """

    taps: int
    levels: int
    depth: int
    entry: int
    margin: int
    whole_cycles: bool

    @property
    def cycle(self) -> int:
        """Samples per frame of the last level."""
        return 2 ** (self.levels - 1)

    @property
    def reach(self) -> int:
        """Frames that one layer looks back."""
        return self.taps - 1

    def output_of(self, bottom: int) -> int:
        """Return the length of the output for so many frames above the bottom."""
        loss = (1 + self.depth) * self.reach + self.margin
        length = self.cycle * (bottom - loss) + loss
        return length // self.cycle * self.cycle if self.whole_cycles else length

    def input_of(self, bottom: int) -> int:
        """Return the length of the input for so many frames above the bottom."""
        gain = (1 + self.depth) * self.reach - 1
        below = bottom + self.depth * self.reach
        return self.cycle * (below + gain) - gain + self.entry * self.reach

    def input_length(self, output_length: int) -> int:
        """Return the shortest input that gives that many outputs and a whole cycle of them.

        Raises:
            ValueError: a length below 1.
        """
        if output_length < 1:
            raise ValueError(f"{output_length} outputs: ask for at least one")
        return self.input_of(self._bottom(max(output_length, self.cycle)))

    def output_length(self, input_length: int) -> int:
        """Return how many outputs an input of that length gives.

        Raises:
            ValueError: a length that does not divide at every level, or below the shortest.
        """
        shortest = self.input_length(1)
        above, missing = divmod(input_length - shortest, self.cycle)
        if above < 0 or missing:
            lower = shortest + max(above, 0) * self.cycle
            nearest = f"{shortest}" if above < 0 else f"{lower} or {lower + self.cycle}"
            raise ValueError(
                f"{input_length} samples without padding: the context takes {shortest}, and each "
                f"{self.cycle} more give as many outputs more; use {nearest}, or pad with zeros"
            )
        return self.output_of(self._bottom(self.cycle) + above)

    def _bottom(self, outputs: int) -> int:
        """Return the least number of frames above the bottom that gives so many outputs."""
        loss = (1 + self.depth) * self.reach + self.margin
        if self.whole_cycles:
            outputs = -(-outputs // self.cycle) * self.cycle
        return max(loss - (loss - outputs) // self.cycle, 2)

    def context(self, phase: int) -> int:
        """Return how many samples an output sees, its own among them.

        Args:
            phase: position of the output modulo the cycle.
        """
        first = phase
        for _ in range(self.levels - 1):
            first = -(-(first - (1 + self.depth) * self.reach) // 2)
        first -= self.depth * self.reach
        for _ in range(self.levels - 1):
            first = 2 * first - (1 + self.depth) * self.reach
        return phase - (first - self.entry * self.reach) + 1


@cache
def longest_context(lengths: ValidLengths) -> int:
    """Return how many samples the output that sees furthest sees, its own among them."""
    return max(lengths.context(phase) for phase in range(lengths.cycle))
