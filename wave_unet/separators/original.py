"""The Wave-U-Net as it was published: decimation, linear interpolation, a few ways to end.

    Stoller, Ewert, Dixon: Wave-U-Net, ISMIR 2018 (arXiv:1806.03185); tables 1 and 2.

Level i of the encoder convolves into `filters * i` channels and drops every second sample; the
bottleneck convolves once; level i of the decoder doubles the rate by linear interpolation, joins
what the encoder had, and convolves back into `filters * i` channels. The mixture itself joins last.

Two kinds of borders. Without context, every convolution pads with zeros, and as much comes out as
went in. With context, none does: the output is the middle of the input, and lengths are such that
decimation keeps both ends of every level, so that interpolation never has to guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.separators.layers import clip, convolve, crop, init_convolution
from umir.wave_unet.separators.sizes import Sizes
from umir.wave_unet.separators.undivided import Undivided

LEAK = 0.2  # of the leaky ReLU after every convolution but the last
ACTIVATIONS = ("tanh", "linear")


@dataclass(frozen=True)
class OriginalWaveUNet(Undivided):
    """A Wave-U-Net of 2018, without its parameters.

    Attributes:
        sources: their names; with `difference`, the last one is what the others leave.
        rate: sampling rate in Hz.
        channels: of the mixture and of every source.
        wanted: samples of output to have at least.
        levels: of the encoder, and of the decoder.
        filters: channels that each level adds.
        kernel: taps in the encoder and in the bottleneck.
        decoder_kernel: taps in the decoder.
        context: whether there is context around the output, and no padding (section 3.2.2).
        difference: whether the last source is the mixture minus the others (section 3.2.1).
        learned_upsampling: whether each channel interpolates with a weight of its own (3.2.3).
        activation: of the output, `tanh` or, as the author recommended later, `linear`.

    Raises:
        ValueError: fewer than two sources to take a difference of, an unknown activation.
    """

    sources: tuple[str, ...]
    rate: int = 22_050
    channels: int = 1
    wanted: int = 16_384
    levels: int = 12
    filters: int = 24
    kernel: int = 15
    decoder_kernel: int = 5
    context: bool = False
    difference: bool = False
    learned_upsampling: bool = False
    activation: str = "tanh"

    def __post_init__(self):
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation {self.activation!r}: choose of {', '.join(ACTIVATIONS)}")
        if len(self.sources) < 1 + self.difference:
            raise ValueError(f"sources {self.sources}: too few for what the last one is to be")

    @property
    def sizes(self) -> Sizes:
        """The lengths of a window that gives at least `wanted` samples.

        With context, a level of n frames comes from 2 n - 1 and loses a kernel less one at each
        convolution. From the output down, that is solved for the bottleneck; from the bottleneck,
        it gives both ends.
        """
        if not self.context:
            bottleneck = -(-self.wanted >> self.levels)
            length = bottleneck << self.levels
            return Sizes(length, length, bottleneck)
        taps, lost = self.kernel - 1, self.decoder_kernel - 1
        # n -> (n + lost + 1) / 2 at every level, rounded up once, at the end; it takes two frames
        # to interpolate.
        scale = 1 << self.levels
        bottleneck = max(2, -(-(self.wanted + (lost + 1) * (scale - 1)) // scale))
        output, size = bottleneck, bottleneck + taps
        for _ in range(self.levels):
            output = 2 * output - 1 - lost
            size = 2 * size - 1 + taps
        return Sizes(size, output, bottleneck)

    def init(self, key: Key) -> Params:
        """Draw fresh parameters: Glorot's uniform kernels, biases of zero."""
        keys = iter(jax.random.split(key, 2 * self.levels + 1 + len(self.sources)))
        widths = [self.channels, *(self.filters * (n + 1) for n in range(self.levels + 1))]
        encoder, decoder = {}, {}
        for n in range(1, self.levels + 1):
            encoder[f"level{n}"] = init_convolution(
                next(keys), self.kernel, widths[n - 1], widths[n]
            )
            decoder[f"level{n}"] = self._init_decoder(next(keys), widths[n], widths[n + 1])
        bottleneck = init_convolution(next(keys), self.kernel, widths[-2], widths[-1])
        width = self.filters + self.channels
        outputs = {name: init_convolution(next(keys), 1, width, self.channels) for name in self.own}
        return {"encoder": encoder, "bottleneck": bottleneck, "decoder": decoder, "output": outputs}

    @property
    def own(self) -> Sequence[str]:
        """The sources that have a convolution of their own."""
        return self.sources[:-1] if self.difference else self.sources

    def apply(
        self,
        params: Params,
        mixture: Float[Array, "batch time channel"],
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[Float[Array, "batch kept source channel"], dict[str, Float[Array, "batch _ _"]]]:
        """Separate windows.

        Args:
            params: as `init` returns them.
            mixture: amplitudes in [-1, 1], shape `(batch, sizes.input, channel)`. Other lengths
                will do if they halve well.
            training: leave what is beyond [-1, 1], so that its gradient is not lost.
            key: nothing of this network is random.

        Returns:
            The sources, shape `(batch, sizes.output, source, channel)`, and features by name:
            `encoder_LEVEL` before decimation, `bottleneck`, `decoder_LEVEL`.

        Raises:
            ValueError: a number of channels or a length that does not fit.
        """
        del key
        self._check(mixture)
        padding = "valid" if self.context else "same"
        features, x = {}, mixture
        for n in range(1, self.levels + 1):
            x = _leaky(convolve(params["encoder"][f"level{n}"], x, padding))
            features[f"encoder_{n}"] = x
            x = x[:, ::2]
        x = features["bottleneck"] = _leaky(convolve(params["bottleneck"], x, padding))
        for n in range(self.levels, 0, -1):
            layer = params["decoder"][f"level{n}"]
            x = interpolated(x, layer.get("upsampling"), ends=self.context)
            x = jnp.concatenate([crop(features[f"encoder_{n}"], x.shape[1]), x], axis=2)
            x = features[f"decoder_{n}"] = _leaky(convolve(layer, x, padding))
        return self._outputs(params["output"], x, crop(mixture, x.shape[1]), training), features

    def _outputs(self, layers: Params, x: Array, mixture: Array, training: bool) -> Array:
        """Return the sources from the last features and the mixture over them."""
        x = jnp.concatenate([mixture, x], axis=2)
        own = jnp.stack([convolve(layers[name], x) for name in self.own], axis=2)
        if self.activation == "tanh":
            own = jnp.tanh(own)
        elif not training:
            own = clip(own)
        if not self.difference:
            return own
        rest = mixture[:, :, None] - jnp.sum(own, axis=2, keepdims=True)
        return jnp.concatenate([own, rest if training else clip(rest)], axis=2)

    def _init_decoder(self, key: Key, width: int, below: int) -> Params:
        layer: Params = init_convolution(key, self.decoder_kernel, width + below, width)
        if self.learned_upsampling:
            # Glorot's uniform for a vector: the weights of interpolation begin near one half.
            limit = (3 / below) ** 0.5
            own_key = jax.random.fold_in(key, 1)
            layer["upsampling"] = jax.random.uniform(own_key, (below,), minval=-limit, maxval=limit)
        return layer

    def _check(self, mixture: Array) -> None:
        if mixture.shape[2] != self.channels:
            raise ValueError(f"{mixture.shape[2]} channel(s): this network takes {self.channels}")
        length = mixture.shape[1]
        if self.context and length < self.sizes.input:
            raise ValueError(
                f"{length} samples are less than the {self.sizes.input} that this network sees at "
                "once: pad them"
            )
        if self.context and (length - self.sizes.input) % (1 << self.levels):
            raise ValueError(
                f"{length} samples are not {self.sizes.input} and a multiple of {1 << self.levels} "
                "more: pad them"
            )
        if not self.context and length % (1 << self.levels):
            raise ValueError(f"{length} samples do not halve {self.levels} times: pad them")


def interpolated(
    x: Float[Array, "batch frame channel"],
    weights: Float[Array, " channel"] | None = None,
    *,
    ends: bool,
) -> Float[Array, "batch time channel"]:
    """Put a sample between every two: their mean, or a mixture that is learnt for each channel.

    Args:
        x: shape `(batch, frame, channel)`.
        weights: of the earlier sample, before a sigmoid; None for the mean (section 3.2.3).
        ends: keep both end samples and nothing else: 2 n - 1 samples. Else 2 n, the last of them
            the end once more, or, where weights are learnt, mixed with silence.

    Returns:
        Shape `(batch, time, channel)`.
    """
    if ends:
        earlier, later = x[:, :-1], x[:, 1:]
    else:
        last = x[:, -1:] if weights is None else jnp.zeros_like(x[:, -1:])
        earlier, later = x, jnp.concatenate([x[:, 1:], last], axis=1)
    if weights is None:
        between = 0.5 * (earlier + later)
    else:
        share = jax.nn.sigmoid(weights)[None, None]
        between = share * earlier + (1 - share) * later
    batch, frames, channels = between.shape
    pairs = jnp.stack([x[:, :frames], between], axis=2).reshape(batch, 2 * frames, channels)
    return jnp.concatenate([pairs, x[:, -1:]], axis=1) if ends else pairs


def _leaky(x: Array) -> Array:
    return jax.nn.leaky_relu(x, LEAK)
