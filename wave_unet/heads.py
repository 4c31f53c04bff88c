"""Heads: what a task puts on top of the shared body.

A head reads the features of the body and, for stems, the mixture. Its weights start small but not
at zero: a head of zeros sends no gradient to the body in the first step of adaptation.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jaxtyping import Float

from umir.wave_unet.convolution import convolution
from umir.wave_unet.mask_head import Masks
from umir.wave_unet.presets import WaveUNetConfig
from umir.wave_unet.resampling import depth_to_time, time_to_depth
from umir.wave_unet.wave_unet import INPUT_SCALE, feature_name, soft_normalise

KINDS = ("waveform", "masks", "frames", "clip")
ACTIVATIONS = ("none", "sigmoid", "softmax")
# Taps of the waveform head, in frames of the level it reads.
WAVEFORM_TAPS = 5
# A fresh head's output, beside what its prior or the mixture gives, is about this or less.
FRESH_OUTPUT = 0.1
# Heads scale their input to a squared length of at most about this, whatever its width: an SGD step
# of rate a moves an output by a * REACH times its error, so that one rate serves all heads.
REACH = 30.0


@dataclass(frozen=True)
class HeadSpec:
    """What a task asks of its head.

    Attributes:
        kind: `waveform` (stems as audio, sample by sample), `masks` (stems as audio, by masks of
            the mixture's spectrogram), `frames` (logits over time) or `clip` (logits once).
        channels: classes, or stems for `waveform` and `masks`.
        rate: frames per second in Hz for `frames` and `masks`, one of the body's rates; the
            sampling rate for `waveform`, where 0 means the body's own; 0 for `clip`.
        activation: what turns the output into what the task decodes (`none`, `sigmoid`,
            `softmax`). Heads return logits: this is a note to whoever reads them.
    """

    kind: str
    channels: int
    rate: float = 0.0
    activation: str = "none"

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"head kind {self.kind!r}: choose one of {', '.join(KINDS)}")
        if self.activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise ValueError(f"head activation {self.activation!r}: choose one of {known}")
        if self.channels < 1:
            raise ValueError(f"a head needs at least one channel, not {self.channels}")
        if self.kind in ("frames", "masks") and self.rate <= 0:
            raise ValueError(f"a head of {self.kind} needs a rate above 0 Hz, not {self.rate}")

    @property
    def gives_waveforms(self) -> bool:
        """Whether the output is audio, `(batch, time, stem, channel)`, and no logits."""
        return self.kind in ("waveform", "masks")


def decoder_rate(spec: HeadSpec, config: WaveUNetConfig) -> float:
    """Return the rate in Hz up to which the body must decode for this head.

    Raises:
        ValueError: the head asks for a rate that the body does not have.
    """
    if spec.kind == "clip":
        return config.rates[-1]
    if spec.kind == "masks" and config.causal:
        raise ValueError(
            "masks of a spectrogram look 100 ms ahead, which a causal body must not: take stems "
            "sample by sample (`SourceSeparation(masks=False)`)"
        )
    if spec.kind in ("frames", "masks"):
        level = config.level_of(spec.rate)
        if level == 0:
            raise ValueError(
                f"a head of {spec.kind} at {spec.rate:g} Hz: that is the waveform's own rate"
            )
        return config.rates[level]
    if spec.rate and config.level_of(spec.rate) != 0:
        raise ValueError(f"a waveform head at {spec.rate:g} Hz: {config.rate} Hz is all it gives")
    return config.rates[1]


def build_head(spec: HeadSpec, config: WaveUNetConfig, *, rngs: nnx.Rngs) -> "Head":
    """Build the head that a task asks for, fresh.

    Args:
        spec: kind, channels and rate.
        config: the body that the head reads.
        rngs: the stream `params` draws the weights.

    Returns:
        `WaveformHead`, `MaskHead`, `FramesHead` or `ClipHead`.

    Raises:
        ValueError: the head asks for a rate that the body does not have.
    """
    if spec.gives_waveforms:
        return (MaskHead if spec.kind == "masks" else WaveformHead)(spec, config, rngs=rngs)
    return (FramesHead if spec.kind == "frames" else ClipHead)(spec, config, rngs=rngs)


class FramesHead(nnx.Module):
    """A linear map of the decoder's features at one rate."""

    def __init__(self, spec: HeadSpec, config: WaveUNetConfig, *, rngs: nnx.Rngs):
        rate = decoder_rate(spec, config)
        self.feature = feature_name("decoder", rate)
        width = config.widths[config.level_of(rate) - 1]
        self.kernel = nnx.Param(_small(rngs, (width, spec.channels)))
        self.bias = nnx.Param(jnp.zeros((spec.channels,)))

    def __call__(
        self, features: Mapping[str, Array], mixture: Float[Array, "batch time channel"]
    ) -> Float[Array, "batch frame class"]:
        """Return one logit per frame and class."""
        del mixture
        return _linear(features[self.feature], self.kernel[...]) + self.bias[...][None, None]


class ClipHead(nnx.Module):
    """A linear map of the mean and the maximum over time at the lowest rate."""

    def __init__(self, spec: HeadSpec, config: WaveUNetConfig, *, rngs: nnx.Rngs):
        self.feature = feature_name("decoder", decoder_rate(spec, config))
        self.kernel = nnx.Param(_small(rngs, (2 * config.widths[-1], spec.channels)))
        self.bias = nnx.Param(jnp.zeros((spec.channels,)))

    def __call__(
        self, features: Mapping[str, Array], mixture: Float[Array, "batch time channel"]
    ) -> Float[Array, "batch class"]:
        """Return one logit per clip and class."""
        del mixture
        x = features[self.feature]
        return self.logits(jnp.mean(x, axis=1), highest(x))

    def logits(
        self, mean: Float[Array, "*axes channel"], maximum: Float[Array, "*axes channel"]
    ) -> Float[Array, "*axes class"]:
        """Return the logits of the mean and the maximum over some stretch of time."""
        y = _linear(jnp.concatenate([mean, maximum], axis=-1), self.kernel[...])
        return y + self.bias[...].reshape(*[1] * (y.ndim - 1), -1)


def highest(x: Float[Array, "batch frame channel"]) -> Float[Array, "batch channel"]:
    """Return the maximum over time, whose gradient is that of the first frame that has it.

    Not by `jnp.max`: its gradient is divided by the number of frames that equal the maximum, and
    where XLA computes them a second time, rounded otherwise, none does (0 / 0).
    """
    places = jnp.argmax(x, axis=1, keepdims=True)
    return jnp.take_along_axis(x, places, axis=1)[:, 0]


class WaveformHead(nnx.Module):
    """Stems as audio: sub-pixel samples from the decoder, and what is left over as last stem.

    The decoder's features of the level below the waveform, with the samples of the mixture under
    each frame beside them, go through one convolution that gives all samples of a frame: nothing
    narrow runs at the full rate. The last stem is the mixture minus the others (difference output,
    Stoller et al. 2018, section 3.2.1), so stems always sum to the mixture; a single stem is free.
    A fresh head gives every stem an equal share of the mixture, and a small perturbation. On a
    causal body the convolution looks back only.
    """

    def __init__(self, spec: HeadSpec, config: WaveUNetConfig, *, rngs: nnx.Rngs):
        self.feature = feature_name("decoder", decoder_rate(spec, config))
        self.stride, self.channels, self.stems = config.strides[0], config.channels, spec.channels
        inputs = config.widths[0] + self.stride * self.channels
        outputs = self.stride * max(self.stems - 1, 1) * self.channels
        self.gain = math.sqrt(REACH / (WAVEFORM_TAPS * inputs))
        self.causal = config.causal
        # Frames before the one that is given out, of the taps.
        self.past = WAVEFORM_TAPS - 1 if config.causal else WAVEFORM_TAPS // 2
        share = _share_of_mixture(self.stems, self.stride, self.channels, self.past) / self.gain
        features = _small(rngs, (WAVEFORM_TAPS, config.widths[0], outputs))
        self.kernel = nnx.Param(jnp.concatenate([features, jnp.asarray(share)], axis=1))

    def __call__(
        self, features: Mapping[str, Array], mixture: Float[Array, "batch time channel"]
    ) -> Float[Array, "batch time stem channel"]:
        """Return the stems, at the amplitude of the mixture."""
        x = self.inputs(features[self.feature], time_to_depth(mixture, self.stride))
        around = ((self.past, WAVEFORM_TAPS - 1 - self.past),)
        y = convolution(x, self.scaled_kernel, padding=around, exact=self.causal)
        return self.outputs(y, mixture)

    def inputs(
        self, features: Float[Array, "batch frame channel"], mixture: Float[Array, "batch frame _"]
    ) -> Float[Array, "batch frame _"]:
        """Return what is convolved: features, and the samples of the mixture under each frame."""
        return jnp.concatenate([soft_normalise(features, 1.0), INPUT_SCALE * mixture], axis=-1)

    @property
    def scaled_kernel(self) -> Float[Array, "tap in_channel out_channel"]:
        """The kernel that `inputs` are convolved with."""
        return self.kernel[...] * (self.gain / INPUT_SCALE)

    def outputs(
        self, convolved: Float[Array, "batch frame _"], mixture: Float[Array, "batch time channel"]
    ) -> Float[Array, "batch time stem channel"]:
        """Return the stems, of what the convolution gives."""
        samples = depth_to_time(convolved, self.stride)
        batch, time, _ = samples.shape
        stems = samples.reshape(batch, time, max(self.stems - 1, 1), self.channels)
        return stems if self.stems == 1 else _with_rest(stems, mixture)


class MaskHead(nnx.Module):
    """Stems as audio: the mixture's spectrogram under masks (`umir.wave_unet.mask_head`).

    The last stem is what is left over, as of `WaveformHead`. A fresh head gives every stem about an
    equal share of the mixture.
    """

    def __init__(self, spec: HeadSpec, config: WaveUNetConfig, *, rngs: nnx.Rngs):
        rate = decoder_rate(spec, config)
        self.feature, level = feature_name("decoder", rate), config.level_of(rate)
        sizes = config.widths[level - 1], config.hops[level], spec.channels
        self.masks = Masks(*sizes, small=lambda shape: _small(rngs, shape))

    def __call__(
        self, features: Mapping[str, Array], mixture: Float[Array, "batch time channel"]
    ) -> Float[Array, "batch time stem channel"]:
        """Return the stems, at the amplitude of the mixture."""
        x = features[self.feature]
        stems = self.masks(soft_normalise(x, 1.0) * math.sqrt(REACH / x.shape[-1]), mixture)
        return stems if self.masks.stems == 1 else _with_rest(stems, mixture)


Head = WaveformHead | MaskHead | FramesHead | ClipHead


def _with_rest(stems: Array, mixture: Array) -> Float[Array, "batch time stem channel"]:
    """Return the stems with what they leave of the mixture as the last one."""
    rest = mixture[:, :, None, :] - jnp.sum(stems, axis=2, keepdims=True)
    return jnp.concatenate([stems, rest], axis=2)


def _share_of_mixture(stems: int, stride: int, channels: int, past: int) -> np.ndarray:
    """Return the taps that give each free stem `1 / stems` of the mixture, sample by sample."""
    free, frame = max(stems - 1, 1), stride * channels
    taps = np.zeros((WAVEFORM_TAPS, frame, stride, free, channels), np.float32)
    for sample in range(stride):
        for channel in range(channels):
            taps[past, sample * channels + channel, sample, :, channel] = 1 / stems
    return taps.reshape(WAVEFORM_TAPS, frame, -1)


def _linear(x: Array, kernel: Array) -> Array:
    return soft_normalise(x, 1.0) @ (kernel * math.sqrt(REACH / x.shape[-1]))


def _small(rngs: nnx.Rngs, shape: tuple[int, ...]) -> Array:
    """Draw weights for inputs of squared length `REACH`, outputs around `FRESH_OUTPUT`."""
    return jax.random.normal(rngs.params(), shape) * (FRESH_OUTPUT / math.sqrt(REACH))
