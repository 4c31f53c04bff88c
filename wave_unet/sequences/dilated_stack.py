"""What TCN and WaveNet share: one rate, and dilations in place of levels."""

from abc import ABC, abstractmethod

from jax import Array
from jaxtyping import Float

from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.sequences.history import PADDINGS, History, whole
from umir.wave_unet.sequences.input_checks import check_at_least, check_choice, check_input
from umir.wave_unet.sequences.signal import Signal

Features = dict[str, Float[Array, "batch frame _"]]


class DilatedStack(ABC):
    """A causal network all of whose layers run at the rate of the input.

    Attributes:
        channels: of the input.
        outputs: channels of the output.
    """

    channels: int
    outputs: int

    @property
    @abstractmethod
    def receptive_field(self) -> int:
        """How many samples an output depends on, its own among them."""

    @abstractmethod
    def init(self, key: Key) -> Params:
        """Draw fresh parameters."""

    @abstractmethod
    def run(
        self, params: Params, x: Signal, history: History, key: Key | None
    ) -> tuple[Signal, dict[str, Signal]]:
        """Run all layers: the output, and the features by name."""

    def input_length(self, output_length: int) -> int:
        """Return the length of input that gives so many outputs without padding.

        Raises:
            ValueError: a length below 1.
        """
        check_at_least(1, output_length=output_length)
        return output_length + self.receptive_field - 1

    def output_length(self, input_length: int) -> int:
        """Return how many outputs an input gives without padding.

        Raises:
            ValueError: an input shorter than the receptive field.
        """
        if input_length < self.receptive_field:
            raise ValueError(
                f"{input_length} samples without padding: the context takes "
                f"{self.receptive_field}; give more, or pad with zeros"
            )
        return input_length - self.receptive_field + 1

    def apply(
        self,
        params: Params,
        x: Float[Array, "batch time channel"],
        *,
        padding: str = "zeros",
        key: Key | None = None,
    ) -> tuple[Float[Array, "batch _ out_channel"], Features]:
        """Run the network.

        Args:
            params: as `init` returns them.
            x: shape `(batch, time, channel)`.
            padding: `zeros` gives as many outputs as inputs, each layer's past being zeros;
                `valid` gives the last `output_length(time)` of them, which have a full past.
            key: for dropout; None drops nothing.

        Returns:
            The output, aligned with the end of `x`, and the features by name, one per dilation.

        Raises:
            ValueError: another number of channels, no samples, without padding fewer samples than
                the context, an unknown padding.
        """
        check_input(x, self.channels)
        check_choice("padding", padding, PADDINGS)
        if padding == "valid":
            self.output_length(x.shape[1])
        y, features = self.run(params, Signal(x, 0), whole(padding), key)
        return y.values, {name: signal.values for name, signal in features.items()}
