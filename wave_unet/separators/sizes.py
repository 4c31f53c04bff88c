"""How long the waveforms are that a network of a fixed window takes and gives."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The lengths of one window.

    Attributes:
        input: samples of the mixture that go in.
        output: samples of every source that come out, the middle ones of the input.
        bottleneck: frames at the lowest rate, as its convolution gives them.
    """

    input: int
    output: int
    bottleneck: int

    @property
    def margin(self) -> int:
        """Samples of context before the output; there are as many after it, or one more."""
        return (self.input - self.output) // 2
