"""The body that all tasks share: a Wave-U-Net that need not come back up to the waveform.

The encoder goes from the waveform down to a few frames per second, convolutions with dilations of
1 to 16 look around there for about ten seconds, and the decoder climbs back, joining at every level
what the encoder saw: a Wave-U-Net (Stoller et al. 2018, arXiv:1806.03185, section 3.1) with strided
convolutions instead of decimation, and large strides first, since channels at high rates are what
costs. A task that needs no more than 100 frames per second never pays for the decoder above them.
From 100 Hz down a constant-Q layer joins, which hears pitch where strided convolutions hear time.

Frame n at r Hz is centred at n / r seconds, at every level. Nothing is normalised over time, so a
frame does not depend on what lies outside its receptive field, and songs can be cut anywhere.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array, lax
from jaxtyping import Float

from umir.wave_unet.constant_q import slower
from umir.wave_unet.convolution import convolution
from umir.wave_unet.presets import WaveUNetConfig
from umir.wave_unet.resampling import upsampled_convolution

# Audio comes at -20 dBFS RMS, an amplitude of 0.1; inside, everything is of the order of 1.
INPUT_SCALE = 10.0
# Frames louder than this (RMS over channels) are held to it, at levels of at most this rate in Hz:
# above, that costs much time and slows learning.
LOUD = 3.0
BOUNDED_RATE = 100.0
# Frames of the constant-Q layer that are seen at once at its own rate; at lower rates one.
SPECTRUM_TAPS = 3


class ConvolutionBlock(nnx.Module):
    """Convolution, soft normalisation over channels where asked for, SiLU.

    SiLU learns faster here than leaky ReLU, and its gradient, smooth, can be differentiated.
    """

    def __init__(
        self,
        taps: int,
        channels_in: int,
        channels_out: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        bounded: bool,
        rngs: nnx.Rngs,
    ):
        self.stride, self.dilation, self.bounded = stride, dilation, bounded
        initialise = jax.nn.initializers.variance_scaling(2.0, "fan_in", "normal")
        shape = (taps, channels_in, channels_out)
        self.kernel = nnx.Param(initialise(rngs.params(), shape, jnp.float32))
        self.bias = nnx.Param(jnp.zeros((channels_out,)))
        before = taps // 2 * dilation  # centres the taps on n * stride
        self.padding = ((before, (taps - 1) * dilation - before),)

    def __call__(
        self, x: Float[Array, "batch time channel"]
    ) -> Float[Array, "batch frame feature"]:
        """Return features at the rate of `x` over the stride; lengths must be a multiple of it."""
        y = convolution(
            x, self.kernel[...], stride=self.stride, dilation=self.dilation, padding=self.padding
        )
        return self._activate(y)

    def join(
        self,
        x: Float[Array, "batch frame channel"],
        skip: Float[Array, "batch time skip_channel"],
        factor: int,
    ) -> Float[Array, "batch time feature"]:
        """Return features of `x`, upsampled by `factor`, concatenated with `skip`."""
        width, kernel = x.shape[2], self.kernel[...]
        y = upsampled_convolution(x, kernel[:, :width], factor) + convolution(
            skip, kernel[:, width:]
        )
        return self._activate(y)

    def _activate(self, y: Array) -> Array:
        y = y + self.bias[...][None, None]
        return jax.nn.silu(soft_normalise(y, LOUD) if self.bounded else y)


class WaveUNet(nnx.Module):
    """The body: waveforms in, features at every scale out.

    Args:
        config: sizes.
        rngs: the stream `params` draws the initial kernels.
    """

    def __init__(self, config: WaveUNetConfig, *, rngs: nnx.Rngs):
        self.config = config
        widths = (config.channels, *config.widths)
        bounded = [rate <= BOUNDED_RATE for rate in config.rates]
        last = len(config.strides)

        def encoder(level: int) -> ConvolutionBlock:
            taps, stride = config.kernels[level - 1], config.strides[level - 1]
            sizes = (taps, widths[level - 1], widths[level])
            return ConvolutionBlock(*sizes, stride=stride, bounded=bounded[level], rngs=rngs)

        def context(dilation: int) -> ConvolutionBlock:
            sizes = (config.context_kernel, widths[last], widths[last])
            return ConvolutionBlock(*sizes, dilation=dilation, bounded=True, rngs=rngs)

        def decoder(level: int) -> ConvolutionBlock:
            joined = widths[level] + widths[level + 1]
            sizes = (config.decoder_kernels[level - 1], joined, widths[level])
            return ConvolutionBlock(*sizes, bounded=bounded[level], rngs=rngs)

        self.constant_q = config.constant_q
        if self.constant_q is not None:
            fastest, n_features = config.spectrum_level, self.constant_q.n_features

            def spectrum(level: int) -> ConvolutionBlock:
                taps = SPECTRUM_TAPS if level == fastest else 1
                sizes = (taps, n_features, widths[level])
                return ConvolutionBlock(*sizes, bounded=bounded[level], rngs=rngs)

            slow = range(fastest, last + 1)
            self.spectrum = nnx.Dict({f"level{n}": spectrum(n) for n in slow})
        self.encoder = nnx.Dict({f"level{n}": encoder(n) for n in range(1, last + 1)})
        self.context = nnx.Dict({f"dilation{n}": context(n) for n in config.dilations})
        self.decoder = nnx.Dict({f"level{n}": decoder(n) for n in range(1, last)})

    def __call__(
        self, waveform: Float[Array, "batch time channel"], rate: float
    ) -> dict[str, Float[Array, "batch _ _"]]:
        """Compute features at every scale the encoder has, and decode up to `rate`.

        Args:
            waveform: amplitude around 0.1, shape `(batch, time, channel)`; `time` must be a
                multiple of `config.total_stride`.
            rate: the fastest rate to decode, in Hz: one of `config.rates` below the waveform's.

        Returns:
            Features of shape `(batch, frame, channel)` under `encoder_RATE` and `decoder_RATE`,
            with the rate in Hz as `feature_name` writes it.

        Raises:
            ValueError: a length, a number of channels or a rate that does not fit.
        """
        top = check_waveform(self.config, waveform, rate)
        rates, last = self.config.rates, len(self.config.strides)
        features = {}
        spectra = self._spectra(waveform)
        x = waveform * INPUT_SCALE
        for level in range(1, last + 1):
            x = self.encoder[f"level{level}"](x)
            if level in spectra:
                x = x + self.spectrum[f"level{level}"](spectra[level])
            features[feature_name("encoder", rates[level])] = x
        for dilation in self.config.dilations:
            x = x + self.context[f"dilation{dilation}"](x)
        features[feature_name("decoder", rates[last])] = x
        for level in range(last - 1, top - 1, -1):
            skip = features[feature_name("encoder", rates[level])]
            x = self.decoder[f"level{level}"].join(x, skip, self.config.strides[level])
            features[feature_name("decoder", rates[level])] = x
        return features

    def _spectra(self, waveform: Array) -> dict[int, Float[Array, "batch _ feature"]]:
        """Return what the constant-Q layer hears, for each level that it joins."""
        if self.constant_q is None:
            return {}
        fastest, power = self.config.spectrum_level, self.constant_q(waveform)
        spectra = {fastest: self.constant_q.features(power)}
        for level, factor in enumerate(self.config.strides[fastest:], fastest + 1):
            power = slower(power, factor)
            spectra[level] = self.constant_q.features(power)
        return spectra


def check_waveform(
    config: WaveUNetConfig, waveform: Float[Array, "batch time channel"], rate: float
) -> int:
    """Return the level of a rate (Hz) to decode up to.

    Raises:
        ValueError: a length, a number of channels or a rate that does not fit the body.
    """
    if waveform.shape[2] != config.channels:
        raise ValueError(
            f"{config.preset} takes {config.channels} channel(s), not {waveform.shape[2]}: "
            "convert the audio first"
        )
    if waveform.shape[1] == 0 or waveform.shape[1] % config.total_stride:
        raise ValueError(
            f"{waveform.shape[1]} samples are no multiple of {config.total_stride}, the total "
            f"stride of {config.preset}: pad or cut the waveform"
        )
    level = config.level_of(rate)
    if level == 0:
        raise ValueError(f"there are no features at the rate of the waveform, {rate:g} Hz")
    return level


def soft_normalise(
    x: Float[Array, "*frames channel"], loud: float
) -> Float[Array, "*frames channel"]:
    """Hold the RMS over channels of each frame below `loud`: `x / sqrt(1 + rms(x)^2 / loud^2)`.

    What is loud is bounded, which keeps plain SGD steps of an inner loop stable; what is quiet
    stays as it is. (With full normalisation the body does not learn to see clicks in noise within
    100 steps; with none, SGD with a rate of 0.01 diverges.)

    Args:
        x: any axes before the channels.
        loud: the bound.

    Returns:
        The shape of `x`.
    """
    power = jnp.mean(jnp.square(x), axis=-1, keepdims=True)
    return x * lax.rsqrt(1 + power / loud**2)


def feature_name(stage: str, rate: float) -> str:
    """Return the key of a feature: `encoder_100`, `decoder_12.5` (rate in Hz)."""
    return f"{stage}_{rate:g}"
