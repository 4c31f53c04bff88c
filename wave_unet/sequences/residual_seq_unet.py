"""The residual Seq-U-Net: a causal U-Net for raw audio, of gated units.

Stoller et al. 2020 (arXiv:1911.06393). A convolution widens the input; every level
has `depth` gated units (`umir.wave_unet.sequences.gated_unit`) and a strided one on the way down, a
transposed one and again `depth` units on the way up. These last refine what the way down saw, with
what comes from below as their condition. ReLU and a linear map give the output: logits of the
classes of mu-law audio, for one.
"""

from dataclasses import dataclass
from functools import partial

import jax

from umir.wave_unet.parameters import Key, Params, init_uniform
from umir.wave_unet.sequences.causal_convolution import (
    STRIDE,
    causal_convolution,
)
from umir.wave_unet.sequences.causal_unet import CausalUNet
from umir.wave_unet.sequences.gated_unit import gated_unit, gated_upsampling, init_gated_unit
from umir.wave_unet.sequences.history import History
from umir.wave_unet.sequences.input_checks import check_at_least, check_taps
from umir.wave_unet.sequences.signal import Signal
from umir.wave_unet.sequences.valid_lengths import ValidLengths


@dataclass(frozen=True)
class ResidualSeqUNet(CausalUNet):
    """A residual Seq-U-Net, without its parameters; the paper's sizes are the defaults.

    Attributes:
        channels: of the input.
        outputs: channels of the output.
        levels: rates, with that of the input.
        width: channels of every level.
        taps: of every convolution, an odd number.
        depth: units of stride 1 on either side of a level.

    Raises:
        ValueError: less than two levels, an even number of taps, sizes below 1.
    """

    channels: int = 256
    outputs: int = 256
    levels: int = 11
    width: int = 180
    taps: int = 5
    depth: int = 2

    def __post_init__(self):
        check_taps(self.taps)
        check_at_least(2, levels=self.levels)
        sizes = {"width": self.width, "depth": self.depth}
        check_at_least(1, channels=self.channels, outputs=self.outputs, **sizes)

    @property
    def lengths(self) -> ValidLengths:
        """What decides on lengths without padding."""
        sizes = self.taps, self.levels, self.depth
        return ValidLengths(*sizes, entry=1, margin=0, whole_cycles=True)

    @partial(jax.jit, static_argnums=0)
    def init(self, key: Key) -> Params:
        """Draw fresh parameters (`init_uniform`)."""
        first, last, bottom, *keys = jax.random.split(key, 3 + 2 * (self.levels - 1))
        params = {
            "enter": init_uniform(first, self.taps, self.channels, self.width),
            "bottom": self._units(bottom),
            "leave": init_uniform(last, 1, self.width, self.outputs),
        }
        for level in range(self.levels - 1):
            params[f"down{level}"] = self._units(keys[2 * level], "strided")
            up = self._units(keys[2 * level + 1], "transposed", conditioned=True)
            params[f"up{level}"] = up
        return params

    def enter(self, params: Params, x: Signal, history: History, key: Key | None) -> Signal:
        """Widen the input."""
        del key
        return causal_convolution(params, x, history)

    def down(
        self, params: Params, x: Signal, history: History, key: Key | None
    ) -> tuple[Signal, Signal]:
        """Run the units, and the strided one."""
        skip = self.bottom(params, x, history, key)
        return skip, gated_unit(params["strided"], skip, history, "strided", stride=STRIDE)

    def bottom(self, params: Params, x: Signal, history: History, key: Key | None) -> Signal:
        """Run the units."""
        del key
        for name in self._names:
            x = gated_unit(params[name], x, history, name)
        return x

    def up(
        self, params: Params, skip: Signal, low: Signal, history: History, key: Key | None
    ) -> Signal:
        """Run the transposed unit, and those that it conditions on `skip`."""
        del key
        sizes = "transposed", skip.first, skip.end
        condition = gated_upsampling(params["transposed"], low, history, *sizes)
        for name in self._names:
            skip = gated_unit(params[name], skip, history, name, condition=condition)
        return skip

    def leave(self, params: Params, x: Signal, history: History, key: Key | None) -> Signal:
        """Run the linear map."""
        del key
        return causal_convolution(params, Signal(jax.nn.relu(x.values), x.first), history)

    @property
    def _names(self) -> list[str]:
        return [f"unit{number}" for number in range(self.depth)]

    def _units(self, key: Key, extra: str | None = None, conditioned: bool = False) -> Params:
        """Draw the units of a stage, and one that changes the rate."""
        keys = jax.random.split(key, self.depth + 1)
        units = {
            name: init_gated_unit(key, self.taps, self.width, conditioned=conditioned)
            for name, key in zip(self._names, keys[1:], strict=True)
        }
        return units | ({extra: init_gated_unit(keys[0], self.taps, self.width)} if extra else {})
