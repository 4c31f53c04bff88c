"""WaveNet: stacks of gated dilated convolutions, the baseline of the residual Seq-U-Net.

van den Oord et al. 2016, "WaveNet: a generative model for raw audio" (arXiv:1609.03499, sections
2.1 to 2.4). Every layer gates two dilated convolutions of 2 taps; one linear map of the gate is
added to the layer's input, another to what all layers together give. The output: ReLU, a linear map
to as many channels, ReLU, a linear map to the outputs. Dilations double from layer to layer, and
start again at 1 in every stack.

Everything has a bias. The last layer has a map to a next layer as all others have, which nothing
reads: so the count of parameters is that of the published baseline, and its gradient is zero.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from umir.wave_unet.parameters import Key, Params, init_uniform
from umir.wave_unet.sequences.causal_convolution import causal_convolution
from umir.wave_unet.sequences.dilated_stack import DilatedStack
from umir.wave_unet.sequences.history import History
from umir.wave_unet.sequences.input_checks import check_at_least
from umir.wave_unet.sequences.signal import Signal


@dataclass(frozen=True)
class WaveNet(DilatedStack):
    """A WaveNet, without its parameters; the defaults are the baseline of the Seq-U-Net paper.

    Attributes:
        channels: of the input.
        outputs: channels of the output.
        stacks: how often dilations start again at 1.
        layers: per stack, the last one of dilation `2^(layers - 1)`.
        width: channels between the layers, and of the gates.
        skip_width: channels of what all layers give together.
        taps: of the dilated convolutions.

    Raises:
        ValueError: sizes below 1.
    """

    channels: int = 256
    outputs: int = 256
    stacks: int = 4
    layers: int = 13
    width: int = 128
    skip_width: int = 512
    taps: int = 2

    def __post_init__(self):
        check_at_least(1, channels=self.channels, outputs=self.outputs, stacks=self.stacks)
        check_at_least(1, layers=self.layers, width=self.width, taps=self.taps)
        check_at_least(1, skip_width=self.skip_width)

    @property
    def dilations(self) -> list[int]:
        """Dilation of each layer."""
        return [2**layer for layer in range(self.layers)] * self.stacks

    @property
    def receptive_field(self) -> int:
        """How many samples an output depends on, its own among them."""
        return 1 + (self.taps - 1) * sum(self.dilations)

    @partial(jax.jit, static_argnums=0)
    def init(self, key: Key) -> Params:
        """Draw fresh parameters (`init_uniform`)."""
        enter, first, last, *keys = jax.random.split(key, 3 + len(self.dilations))
        layers = {f"layer{n}": self._init_layer(layer_key) for n, layer_key in enumerate(keys)}
        return layers | {
            "enter": init_uniform(enter, 1, self.channels, self.width),
            "joined": init_uniform(first, 1, self.skip_width, self.skip_width),
            "leave": init_uniform(last, 1, self.skip_width, self.outputs),
        }

    def run(
        self, params: Params, x: Signal, history: History, key: Key | None
    ) -> tuple[Signal, dict[str, Signal]]:
        """Run all layers; `layer_N` is the output of the last one of dilation N."""
        del key
        x = causal_convolution(params["enter"], x, history)
        features, gates = {}, []
        for number, dilation in enumerate(self.dilations):
            layer = params[f"layer{number}"]
            gate = _gate(layer["gate"], x, history, f"layer{number}", dilation)
            gates.append(gate)
            onward = causal_convolution(layer["onward"], gate, history)
            x = Signal(onward.values + x.within(gate.first, gate.end).values, gate.first)
            features[f"layer_{dilation}"] = x
        return self._output(params, gates, history), features

    def _output(self, params: Params, gates: list[Signal], history: History) -> Signal:
        """Add up what the layers give where all of them give something."""
        start, end = gates[-1].first, gates[-1].end
        total = jnp.zeros(())
        for number, gate in enumerate(gates):
            skip = params[f"layer{number}"]["skip"]
            total = total + causal_convolution(skip, gate.within(start, end), history).values
        for name in ("joined", "leave"):
            y = causal_convolution(params[name], Signal(jax.nn.relu(total), start), history)
            total = y.values
        return y

    def _init_layer(self, key: Key) -> Params:
        gate, skip, onward = jax.random.split(key, 3)
        return {
            "gate": init_uniform(gate, self.taps, self.width, 2 * self.width),
            "skip": init_uniform(skip, 1, self.width, self.skip_width),
            "onward": init_uniform(onward, 1, self.width, self.width),
        }


def _gate(params: Params, x: Signal, history: History, name: str, dilation: int) -> Signal:
    y = causal_convolution(params, x, history, name, dilation=dilation)
    a, b = jnp.split(y.values, 2, axis=-1)
    return Signal(jnp.tanh(a) * jax.nn.sigmoid(b), y.first)
