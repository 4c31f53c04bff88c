"""The stages that a causal U-Net is made of: what a Seq-U-Net has to say about its layers.

A stage takes its own parameters, signals, what lies before them, and a key for dropout (None drops
nothing). Stages know nothing of their level, nor of whether the signals are a whole file or a block
of a stream.
"""

from abc import ABC, abstractmethod

from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.sequences.history import History
from umir.wave_unet.sequences.signal import Signal
from umir.wave_unet.sequences.valid_lengths import ValidLengths


class Stages(ABC):
    """The stages of a network, without parameters.

    Attributes:
        channels: of the input.
        outputs: channels of the output.
    """

    channels: int
    outputs: int

    @property
    @abstractmethod
    def lengths(self) -> ValidLengths:
        """What decides on lengths without padding."""

    @abstractmethod
    def init(self, key: Key) -> Params:
        """Draw fresh parameters, `{stage: {layer: ...}}`."""

    @abstractmethod
    def enter(self, params: Params, x: Signal, history: History, key: Key | None) -> Signal:
        """Run what comes before the first level."""

    @abstractmethod
    def down(
        self, params: Params, x: Signal, history: History, key: Key | None
    ) -> tuple[Signal, Signal]:
        """Run a level on the way down: what the way up joins, and the same at half the rate."""

    @abstractmethod
    def bottom(self, params: Params, x: Signal, history: History, key: Key | None) -> Signal:
        """Run the last level."""

    @abstractmethod
    def up(
        self, params: Params, skip: Signal, low: Signal, history: History, key: Key | None
    ) -> Signal:
        """Run a level on the way up: `low` at twice its rate, joined with `skip`."""

    @abstractmethod
    def leave(self, params: Params, x: Signal, history: History, key: Key | None) -> Signal:
        """Run what comes after the last level."""
