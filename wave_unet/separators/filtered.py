"""The later Wave-U-Net of the same author, for PyTorch: filters before decimation, a net a source.

Resampling by 4 with a fixed low-pass filter (`filtered_resampling`) or by learnt convolutions,
group normalisation, linear output, context everywhere, and by default one whole network for every
source. Facts of github.com/f90/Wave-U-Net-Pytorch; weights that it trained can be imported
(`umir import-torch`). There, more than one convolution per unit (`depth`) crashes, since the second
one after a shortcut gets the shortcut once more; here it gets what the first one made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from umir.wave_unet.convolution import transposed_convolution
from umir.wave_unet.parameters import Key, Params, init_uniform
from umir.wave_unet.separators.filtered_resampling import filtered_down, filtered_up
from umir.wave_unet.separators.layers import TOGETHER, Layer, clip, convolve, crop
from umir.wave_unet.separators.normalisation import (
    GROUP,
    batch_normalised,
    group_normalised,
    init_scale,
    init_statistics,
    with_statistics,
)
from umir.wave_unet.separators.sizes import Sizes

MOMENTUM = 0.99  # of the statistics of batch normalisation
LEAK = 0.01  # of the leaky ReLU where nothing is normalised
NORMALISATIONS = ("group", "batch", "none")
RESAMPLINGS = ("fixed", "learned")
ALONE = "source"  # any source, where it does not matter which


@dataclass(frozen=True)
class FilteredWaveUNet:
    """A Wave-U-Net of the PyTorch lineage, without its parameters.

    Attributes:
        sources: their names.
        rate: sampling rate in Hz.
        channels: of the mixture and of every source.
        wanted: samples of output to have at least.
        widths: channels of each level; there is one level of resampling less.
        kernel: taps of every convolution, odd.
        stride: between levels.
        depth: convolutions in every unit.
        normalisation: `group` (of 8 channels, over time) or `batch`, followed by ReLU; or `none`,
            and a leaky ReLU.
        resampling: `fixed`, by the low-pass filter, or `learned`, by strided convolutions.
        separate: whether every source has a whole network of its own.

    Raises:
        ValueError: something that the network cannot be built with.
    """

    sources: tuple[str, ...] = ("bass", "drums", "other", "vocals")
    rate: int = 44_100
    channels: int = 2
    wanted: int = 88_200
    widths: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)
    kernel: int = 5
    stride: int = 4
    depth: int = 1
    normalisation: str = "group"
    resampling: str = "fixed"
    separate: bool = True

    def __post_init__(self):
        for name, known in (("normalisation", NORMALISATIONS), ("resampling", RESAMPLINGS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r}: choose of {', '.join(known)}")
        if self.kernel % 2 == 0 or self.stride < 2 or self.depth < 1 or len(self.widths) < 2:
            raise ValueError(f"needs an odd kernel, a stride, a depth and two levels: {self}")
        if self.normalisation == "group" and any(width % GROUP for width in self.widths):
            raise ValueError(f"widths {self.widths}: must be multiples of {GROUP}, to be grouped")

    @property
    def nets(self) -> Sequence[str]:
        """The names of the networks: those of the sources, or `all`."""
        return self.sources if self.separate else (TOGETHER,)

    @property
    def sizes(self) -> Sizes:
        """The lengths of a window that gives at least `wanted` samples.

        The bottleneck is the shortest that does; lengths on the way keep both ends when resampled.
        """
        lost = self.kernel - 1
        resampled = lost if self.resampling == "learned" else 0  # by a learnt resampling
        bottleneck = 1
        while True:
            output, size = bottleneck, bottleneck + self.depth * lost
            for _ in self.widths[1:]:
                output = (output - 1) * self.stride + 1 - resampled - 2 * self.depth * lost
                size = (size - 1) * self.stride + 1 + resampled + 2 * self.depth * lost
            if output >= self.wanted:
                return Sizes(size, output, bottleneck)
            bottleneck += 1

    def init(self, key: Key) -> Params:
        """Draw fresh parameters, as PyTorch does: uniform within 1 / sqrt(inputs of a sum)."""
        keys = jax.random.split(key, len(self.nets))
        return {name: self._init_net(key) for name, key in zip(self.nets, keys, strict=True)}

    def apply(
        self,
        params: Params,
        mixture: Float[Array, "batch time channel"],
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[Float[Array, "batch kept source channel"], dict[str, Any]]:
        """Separate windows.

        Args:
            params: as `init` returns them.
            mixture: amplitudes in [-1, 1], shape `(batch, sizes.input, channel)`. Other lengths
                will do if each level keeps both of its ends.
            training: leave what is beyond [-1, 1], and normalise batches by themselves.
            key: nothing of this network is random.

        Returns:
            The sources, shape `(batch, sizes.output, source, channel)`, and features by name,
            NET/LEVEL: `encoder_LEVEL` before resampling, `bottleneck`, `decoder_LEVEL`; with batch
            normalisation also `statistics`, what this batch had.

        Raises:
            ValueError: a number of channels or a length that does not fit.
        """
        del key
        if mixture.shape[2] != self.channels:
            raise ValueError(f"{mixture.shape[2]} channel(s): this network takes {self.channels}")
        outputs: list[Array] = []
        features: dict[str, Any] = {}
        for name in self.nets:
            run = _Run(self, params[name], training)
            outputs.append(run(mixture))
            features |= {f"{name}/{level}": value for level, value in run.features.items()}
        output = jnp.concatenate(outputs, axis=2)
        output = output.reshape(*output.shape[:2], len(self.sources), self.channels)
        return output if training else clip(output), features

    def parts(self, params: Params) -> dict[str, tuple["FilteredWaveUNet", Params]]:
        """Return a network for each source, with its parameters; or the one that they share.

        Those of several sources are equal but for their parameters, and compiled once: together
        they give what this network gives, in a fraction of the memory.
        """
        if not self.separate:
            return {TOGETHER: (self, params)}
        alone = replace(self, sources=(ALONE,))
        return {name: (alone, {ALONE: params[name]}) for name in self.sources}

    def whole(self, parts: Mapping[str, Params]) -> Params:
        """Return the parameters of the network from those of its parts."""
        if not self.separate:
            return parts[TOGETHER]
        return {name: params[ALONE] for name, params in parts.items()}

    def remembered(self, params: Params, features: dict[str, Any]) -> Params:
        """Return the parameters with a hundredth of the statistics that a batch had."""
        found = {
            name: features[f"{name}/statistics"]
            for name in self.nets
            if f"{name}/statistics" in features
        }
        return with_statistics(params, found, MOMENTUM)

    def _init_net(self, key: Key) -> Params:
        keys = iter(jax.random.split(key, 4 * len(self.widths) * (self.depth + 1)))
        learned = self.resampling == "learned"
        encoder, decoder = {}, {}
        inputs = (self.channels, *self.widths[1:])
        for n, (width, below) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            down = {
                "shortcut": self._init_units(keys, inputs[n], width),
                "deeper": self._init_units(keys, width, below),
            }
            up = {
                "upsampled": self._init_units(keys, below, width),
                "joined": self._init_units(keys, 2 * width, width),
            }
            if learned:
                down["resampling"] = self._init_unit(next(keys), below, below)
                up["resampling"] = self._init_unit(next(keys), below, below)
            encoder[f"level{n + 1}"], decoder[f"level{n + 1}"] = down, up
        outputs = self.channels * (1 if self.separate else len(self.sources))
        return {
            "encoder": encoder,
            "bottleneck": self._init_units(keys, self.widths[-1], self.widths[-1]),
            "decoder": decoder,
            "output": init_uniform(next(keys), 1, self.widths[0], outputs),
        }

    def _init_units(self, keys: Any, channels_in: int, channels_out: int) -> Params:
        widths = [channels_in, *[channels_out] * self.depth]
        return {
            f"unit{n}": self._init_unit(next(keys), widths[n - 1], widths[n])
            for n in range(1, self.depth + 1)
        }

    def _init_unit(self, key: Key, channels_in: int, channels_out: int) -> Params:
        unit: Params = init_uniform(key, self.kernel, channels_in, channels_out)
        if self.normalisation != "none":
            unit |= init_scale(channels_out)
        if self.normalisation == "batch":
            unit |= init_statistics(channels_out)
        return unit


class _Run:
    """One net on one batch: what it makes on the way is kept."""

    def __init__(self, config: FilteredWaveUNet, params: Params, training: bool):
        self.config, self.params, self.training = config, params, training
        self.features: dict[str, Any] = {}

    def __call__(self, x: Array) -> Array:
        stride, levels = self.config.stride, len(self.config.widths) - 1
        learned = self.config.resampling == "learned"
        shortcuts = {}
        for n in range(1, levels + 1):
            path = f"encoder/level{n}"
            x = shortcuts[n] = self.features[f"encoder_{n}"] = self.units(f"{path}/shortcut", x)
            x = self.units(f"{path}/deeper", x)
            x = self.down(f"{path}/resampling", x) if learned else filtered_down(x, stride)
        x = self.features["bottleneck"] = self.units("bottleneck", x)
        for n in range(levels, 0, -1):
            path = f"decoder/level{n}"
            up = partial(self.unit, f"{path}/resampling", stride=stride, up=True)
            x = up(x) if learned else filtered_up(x, stride)
            x = self.units(f"{path}/upsampled", x)
            x = jnp.concatenate([crop(shortcuts[n], x.shape[1]), x], axis=2)
            x = self.features[f"decoder_{n}"] = self.units(f"{path}/joined", x)
        return convolve(self.params["output"], x)

    def down(self, path: str, x: Array) -> Array:
        """Downsample by a convolution that is learnt, whose taps must end with the signal."""
        taps, stride = self._at(path)["kernel"].shape[0], self.config.stride
        if (x.shape[1] - taps) % stride:  # shortcuts would be joined as if it were in the middle
            told = f"not {taps} more than a multiple of the stride {stride}"
            raise ValueError(f"{x.shape[1]} samples: {told}")
        return self.unit(path, x, stride=stride)

    def units(self, path: str, x: Array) -> Array:
        """Run the units of a place one after the other."""
        for n in range(1, self.config.depth + 1):
            x = self.unit(f"{path}/unit{n}", x)
        return x

    def unit(self, path: str, x: Array, *, stride: int = 1, up: bool = False) -> Array:
        """Convolve, normalise, rectify."""
        layer = self._at(path)
        y = transposed(layer, x, stride) if up else convolve(layer, x, stride=stride)
        kind = self.config.normalisation
        if kind == "none":
            return jax.nn.leaky_relu(y, LEAK)
        if kind == "group":
            return jax.nn.relu(group_normalised(y, layer))
        stored = None if self.training else {k: layer[k] for k in ("mean", "variance")}
        y, found = batch_normalised(y, layer, stored)
        self.features.setdefault("statistics", {})[path] = found
        return jax.nn.relu(y)

    def _at(self, path: str) -> Layer:
        node = self.params
        for name in path.split("/"):
            node = node[name]
        return node


def transposed(
    layer: Layer, x: Float[Array, "batch frame in_channel"], stride: int
) -> Float[Array, "batch time out_channel"]:
    """Upsample by a convolution that is learnt, and keep where all of its taps meet samples.

    Args:
        layer: `kernel`, `(tap, out, in)` as the adjoint of a convolution has it, and `bias`.
        x: shape `(batch, frame, in)`.
        stride: between frames.

    Returns:
        Shape `(batch, (frame - 1) * stride + 2 - tap, out)`.
    """
    taps = layer["kernel"].shape[0]
    reach = taps - 1
    length = (x.shape[1] - 1) * stride + 1 - reach
    y = transposed_convolution(
        x, layer["kernel"], space=(length,), stride=stride, padding=((reach, reach),)
    )
    return y + layer["bias"][None, None]
