"""TCN: a stack of dilated causal convolutions, the baseline of Seq-U-Net.

Bai et al. 2018, "An empirical evaluation of generic convolutional and recurrent networks for
sequence modeling" (arXiv:1803.01271, section 3). Block i has two weight-normed convolutions of
dilation `2^i`, each followed by ReLU and dropout, and an identity beside them, linear where the
width changes; ReLU again on the sum. A linear map gives the output, but for
language, where the embedding is all that follows.

The published code asks for normal kernels of standard deviation 0.01. It writes them where weight
normalisation overwrites them in the first step, so that they hold of the identities only; all else
starts as PyTorch's layers do. So it is here.
"""

from dataclasses import dataclass
from functools import partial

import jax

from umir.wave_unet.parameters import Key, Params, init_uniform
from umir.wave_unet.sequences.causal_convolution import causal_convolution
from umir.wave_unet.sequences.dilated_stack import DilatedStack
from umir.wave_unet.sequences.dropout import check_rate, dropout, split_or_none
from umir.wave_unet.sequences.history import History
from umir.wave_unet.sequences.input_checks import check_at_least
from umir.wave_unet.sequences.signal import Signal
from umir.wave_unet.sequences.weight_norm import init_normed, normed

SCALE = 0.01  # standard deviation of fresh kernels beside a block


@dataclass(frozen=True)
class TCN(DilatedStack):
    """A TCN, without its parameters.

    Attributes:
        channels: of the input.
        widths: channels of each block.
        outputs: channels of the output.
        taps: of every convolution.
        dropout: share of numbers that is dropped after each convolution when a key is given.
        mapped: whether a linear map gives the output; without one the last block does.

    Raises:
        ValueError: sizes below 1, a dropout outside 0 to 1, other outputs than the last block's
            without a map.
    """

    channels: int
    widths: tuple[int, ...]
    outputs: int
    taps: int = 3
    dropout: float = 0.0
    mapped: bool = True

    def __post_init__(self):
        check_at_least(1, blocks=len(self.widths), taps=self.taps)
        check_at_least(1, channels=self.channels, width=min(self.widths), outputs=self.outputs)
        check_rate(self.dropout)
        if not self.mapped and self.outputs != self.widths[-1]:
            raise ValueError(f"{self.outputs} outputs of a block of {self.widths[-1]} channels")

    @property
    def receptive_field(self) -> int:
        """How many samples an output depends on, its own among them."""
        return 1 + 2 * (self.taps - 1) * (2 ** len(self.widths) - 1)

    @partial(jax.jit, static_argnums=0)
    def init(self, key: Key) -> Params:
        """Draw fresh parameters: see the top of this file."""
        last, *keys = jax.random.split(key, 1 + len(self.widths))
        inputs = self.channels, *self.widths
        params = {
            f"block{number}": self._init_block(keys[number], inputs[number], width)
            for number, width in enumerate(self.widths)
        }
        if not self.mapped:
            return params
        return params | {"leave": init_uniform(last, 1, self.widths[-1], self.outputs)}

    def run(
        self, params: Params, x: Signal, history: History, key: Key | None
    ) -> tuple[Signal, dict[str, Signal]]:
        """Run all blocks; `block_N` is the output of that of dilation N."""
        features = {}
        for number, block_key in enumerate(split_or_none(key, len(self.widths))):
            x = self._block(params[f"block{number}"], x, history, 2**number, block_key)
            features[f"block_{2**number}"] = x
        y = causal_convolution(params["leave"], x, history) if self.mapped else x
        return y, features

    def _init_block(self, key: Key, channels: int, width: int) -> Params:
        one, two, identity, small = jax.random.split(key, 4)
        block = {
            "first": init_normed(one, self.taps, channels, width),
            "second": init_normed(two, self.taps, width, width),
        }
        if channels != width:
            drawn = init_uniform(identity, 1, channels, width)
            kernel = SCALE * jax.random.normal(small, drawn["kernel"].shape)
            block["identity"] = drawn | {"kernel": kernel}
        return block

    def _block(
        self, params: Params, x: Signal, history: History, dilation: int, key: Key | None
    ) -> Signal:
        y = x
        for layer, layer_key in zip(("first", "second"), split_or_none(key, 2), strict=True):
            name = f"{layer}_{dilation}"
            y = causal_convolution(normed(params[layer]), y, history, name, dilation=dilation)
            y = Signal(dropout(jax.nn.relu(y.values), self.dropout, layer_key), y.first)
        x = x.within(y.first, y.end)
        if "identity" in params:
            x = causal_convolution(params["identity"], x, history, f"identity_{dilation}")
        return Signal(jax.nn.relu(x.values + y.values), y.first)
