"""Seq-U-Net: a causal U-Net for sequences of any kind, text and piano rolls for instance.

Stoller et al. 2020, "Seq-U-Net: a one-dimensional causal U-Net for efficient sequence modelling"
(arXiv:1911.06393). A level is one convolution, whose output the way up joins, and a
strided one; on the way up a transposed convolution doubles the rate, and one more convolution reads
what it gives, then what is joined. All of them are followed by a leaky ReLU and dropout. A linear
map gives the output.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from umir.wave_unet.parameters import Key, Params, init_uniform
from umir.wave_unet.sequences.causal_convolution import (
    STRIDE,
    causal_convolution,
    causal_upsampling,
    upsampling_reach,
)
from umir.wave_unet.sequences.causal_unet import CausalUNet
from umir.wave_unet.sequences.dropout import check_rate, dropout, split_or_none
from umir.wave_unet.sequences.history import History
from umir.wave_unet.sequences.input_checks import check_at_least, check_taps
from umir.wave_unet.sequences.signal import Signal
from umir.wave_unet.sequences.valid_lengths import ValidLengths

SLOPE = 0.01  # of the leaky ReLU below zero


@dataclass(frozen=True)
class SeqUNet(CausalUNet):
    """A Seq-U-Net, without its parameters.

    Attributes:
        channels: of the input.
        widths: channels of each level, from the rate of the input down.
        outputs: channels of the output.
        taps: of every convolution, an odd number.
        dropout: share of numbers that is dropped after each layer when a key is given.

    Raises:
        ValueError: less than two levels, an even number of taps, sizes below 1.
    """

    channels: int
    widths: tuple[int, ...]
    outputs: int
    taps: int = 5
    dropout: float = 0.0

    def __post_init__(self):
        check_taps(self.taps)
        check_at_least(2, levels=len(self.widths))
        check_at_least(1, channels=self.channels, width=min(self.widths), outputs=self.outputs)
        check_rate(self.dropout)

    @property
    def lengths(self) -> ValidLengths:
        """What decides on lengths without padding."""
        levels = len(self.widths)
        return ValidLengths(self.taps, levels, 1, entry=0, margin=1, whole_cycles=False)

    @partial(jax.jit, static_argnums=0)
    def init(self, key: Key) -> Params:
        """Draw fresh parameters (`init_uniform`)."""
        keys = iter(jax.random.split(key, 4 * len(self.widths)))

        def layer(channels_in: int, channels_out: int) -> Params:
            return init_uniform(next(keys), self.taps, channels_in, channels_out)

        params, above = {}, self.channels
        for level, width in enumerate(self.widths[:-1]):
            params[f"down{level}"] = {"skip": layer(above, width), "strided": layer(width, width)}
            low = self.widths[level + 1]
            params[f"up{level}"] = {
                "transposed": layer(low, low),
                "joined": layer(low + width, width),
            }
            above = width
        params["bottom"] = layer(above, self.widths[-1])
        params["leave"] = init_uniform(next(keys), 1, self.widths[0], self.outputs)
        return params

    def enter(self, params: Params, x: Signal, history: History, key: Key | None) -> Signal:
        """Return the input."""
        del params, history, key
        return x

    def down(
        self, params: Params, x: Signal, history: History, key: Key | None
    ) -> tuple[Signal, Signal]:
        """Run two convolutions, the second strided."""
        keys = split_or_none(key, 2)
        x = causal_convolution(params["skip"], x, history, "skip")
        skip = self._activate(x, keys[0])
        low = causal_convolution(params["strided"], skip, history, "strided", stride=STRIDE)
        return skip, self._activate(low, keys[1])

    def bottom(self, params: Params, x: Signal, history: History, key: Key | None) -> Signal:
        """Run one convolution."""
        return self._activate(causal_convolution(params, x, history), key)

    def up(
        self, params: Params, skip: Signal, low: Signal, history: History, key: Key | None
    ) -> Signal:
        """Run the transposed convolution, and one on its output beside `skip`."""
        keys = split_or_none(key, 2)
        low = history.before("transposed", low, upsampling_reach(self.taps))
        x = causal_upsampling(params["transposed"], low, skip.first, skip.end)
        x = self._activate(x, keys[0])
        skip = skip.within(x.first, x.end)
        x = Signal(jnp.concatenate([x.values, skip.values], axis=-1), x.first)
        x = causal_convolution(params["joined"], x, history, "joined")
        return self._activate(x, keys[1])

    def leave(self, params: Params, x: Signal, history: History, key: Key | None) -> Signal:
        """Run the linear map."""
        del key
        return causal_convolution(params, x, history)

    def _activate(self, x: Signal, key: Key | None) -> Signal:
        return Signal(dropout(jax.nn.leaky_relu(x.values, SLOPE), self.dropout, key), x.first)
