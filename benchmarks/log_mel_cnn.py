"""A convolutional network on log-mel spectrograms: the field's baseline, in the house's form.

    python benchmarks/log_mel_cnn.py

prints its size and its operations beside those of `nano`.

The spectrogram has 80 mel bands from 30 Hz to 7.6 kHz, 100 times per second, in dB (as
`librosa.feature.melspectrogram` and `librosa.power_to_db` have it). Four blocks of 3 x 3
convolutions and maximum pooling over frequency, as in the onset detector of Schlüter and Böck
("Improved musical onset detection with convolutional neural networks", ICASSP 2014) and its
successors, end in 96 channels at 100 Hz; nine residual convolutions of dilation 1 to 256 let a
frame see 5 s to both sides, as in the beat tracker of Davies and Böck ("Temporal convolutional
networks for musical audio beat tracking", EUSIPCO 2019). Features at the lower rates of heads,
those that clip heads pool too, are means over time.

`LogMelCNN` stands in for a `Network` where one is adapted, run over songs and scored: heads, tasks,
losses and decoders are the same. It separates nothing.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import librosa
import numpy as np
from jax import Array
from jaxtyping import Float

from umir.wave_unet import PRESETS, HeadSpec, Network, WaveUNetConfig, convolution, n_parameters
from umir.wave_unet.bilinear import directly
from umir.wave_unet.heads import decoder_rate
from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.wave_unet import LOUD, feature_name, soft_normalise

RATE, HOP, WINDOW = 16_000, 160, 1024  # Hz, samples, samples
FRAME_RATE, CLIP_RATE = RATE / HOP, 6.25  # Hz
BANDS, LOWEST, HIGHEST = 80, 30.0, 7600.0  # mel bands, Hz, Hz
FLOOR = 1e-6  # power in a band of what counts as silent: -60 dB
MIDDLE, SPREAD = -30.0, 20.0  # dB, about mean and standard deviation of music at -20 dBFS
TAPS = 3
CHANNELS = (16, 32, 64, 80)  # of the blocks, each of which halves the number of bands
WIDTH = 96
DILATIONS = tuple(2**n for n in range(9))
# Frames to either side: one for each block, one for what joins the bands, then the dilations.
REACH = len(CHANNELS) + 1 + sum(DILATIONS)


@dataclass(frozen=True)
class LogMelCNN(Network):
    """The network with a head that gives logits; made by `log_mel_cnn`."""

    def init_body(self, key: Key) -> Params:
        """Draw a fresh body, the same for all heads."""
        return _fresh_body(key)

    def features(
        self, body: Params, waveform: Float[Array, "batch time channel"]
    ) -> dict[str, Float[Array, "batch frame _"]]:
        """Return the features at the rate that the head reads."""
        rate = decoder_rate(self.head, self.config)
        return {feature_name("decoder", rate): _slower(_frames(body, waveform), rate)}


def log_mel_cnn(head: HeadSpec) -> LogMelCNN:
    """Return the network with a head for clips, or frames at 100, 50, 25, 12.5 or 6.25 Hz.

    Its configuration is that of a Wave-U-Net of two levels, whose decoder sees as far.

    Raises:
        ValueError: another rate, or a head that gives waveforms.
    """
    if head.gives_waveforms:
        raise ValueError("the log-mel network has no waveforms: it separates nothing")
    rate = head.rate or FRAME_RATE
    hop, total = round(RATE / rate), round(RATE / CLIP_RATE)
    if hop % HOP or total % hop or hop * rate != RATE:
        raise ValueError(f"the log-mel network has no frames at {rate:g} Hz")
    reach = math.ceil(REACH * HOP / hop)
    config = WaveUNetConfig(
        preset="log_mel_cnn",
        rate=RATE,
        strides=(hop, total // hop),
        kernels=(WINDOW + hop, total // hop),
        widths=(WIDTH, WIDTH),
        decoder_kernels=(2 * reach + 1,),
        dilations=(),
    )
    return LogMelCNN(config, head)


def log_mel(waveform: Float[Array, "batch time channel"]) -> Float[Array, "batch frame band"]:
    """Return the power in mel bands, mean over the channels, in dB; frame n is at n / 100 s.

    Args:
        waveform: at 16 kHz, its length a multiple of 160 samples.
    """
    batch, time, channels = waveform.shape
    mono = jnp.swapaxes(waveform, 1, 2).reshape(batch * channels, time)
    half = WINDOW // 2
    padded = jnp.pad(mono, ((0, 0), (half, half)))
    places = np.arange(time // HOP)[:, None] * HOP + np.arange(WINDOW)
    window, filters = (jnp.asarray(part) for part in _filters())
    spectrum = jnp.fft.rfft(padded[:, places] * window[None, None])  # (batch * channel, frame, bin)
    power = jnp.square(spectrum.real) + jnp.square(spectrum.imag)
    power = jnp.mean(power.reshape(batch, channels, *power.shape[1:]), axis=1)
    return 10 * jnp.log10(jnp.maximum(power @ filters, FLOOR))


def gflops_per_second(network: Network) -> float:
    """Return the operations of a forward pass for one second of audio, as XLA counts them.

    Convolutions count as they are written, whatever multiplications are saved.
    """
    config, blocks = network.config, 64
    params = jax.eval_shape(network.init, jax.random.key(0))
    shape = (1, blocks * config.total_stride, config.channels)
    audio = jax.ShapeDtypeStruct(shape, jnp.float32)
    with directly():
        counted = jax.jit(network.apply).lower(params, audio).cost_analysis()["flops"]
    return counted / (shape[1] / config.rate) / 1e9


def _frames(body: Params, waveform: Array) -> Float[Array, "batch frame channel"]:
    """Return the features at 100 Hz."""
    x = ((log_mel(waveform) - MIDDLE) / SPREAD)[..., None]  # (batch, frame, band, channel)
    for number in range(len(CHANNELS)):
        x = _convolved(x, body[f"block{number}"])
        batch, frames, bands, channels = x.shape
        x = x.reshape(batch, frames, bands // 2, 2, channels).max(axis=3)
    x = _convolved(x.reshape(*x.shape[:2], -1), body["join"])
    for dilation in DILATIONS:
        x = x + _convolved(x, body[f"dilation{dilation}"], dilation)
    return x


def _convolved(x: Array, layer: Params, dilation: int = 1) -> Array:
    y = convolution(x, layer["kernel"], dilation=dilation)
    bias = jnp.expand_dims(layer["bias"], tuple(range(y.ndim - 1)))
    return jax.nn.relu(soft_normalise(y + bias, LOUD))


def _slower(x: Array, rate: float) -> Float[Array, "batch frame channel"]:
    """Return the mean of the frames at 100 Hz around each frame at a rate in Hz."""
    factor = round(FRAME_RATE / rate)
    if factor == 1:
        return x
    batch, frames, channels = x.shape
    moved = jnp.pad(x, ((0, 0), (factor // 2, 0), (0, 0)))[:, :frames]
    return jnp.mean(moved.reshape(batch, frames // factor, factor, channels), axis=2)


@jax.jit
def _fresh_body(key: Key) -> Params:
    shapes: dict[str, tuple[int, ...]] = {}
    for number, sizes in enumerate(zip((1, *CHANNELS), CHANNELS, strict=False)):
        shapes[f"block{number}"] = (TAPS, TAPS, *sizes)
    shapes["join"] = (TAPS, BANDS // 2 ** len(CHANNELS) * CHANNELS[-1], WIDTH)
    shapes |= {f"dilation{dilation}": (TAPS, WIDTH, WIDTH) for dilation in DILATIONS}
    keys = jax.random.split(key, len(shapes))
    draw = jax.nn.initializers.he_normal()
    return {
        name: {"kernel": draw(own, shape, jnp.float32), "bias": jnp.zeros(shape[-1])}
        for own, (name, shape) in zip(keys, shapes.items(), strict=True)
    }


@cache
def _filters() -> tuple[Any, Any]:
    """Return the window, and the mel filters as `(bin, band)`."""
    window = librosa.filters.get_window("hann", WINDOW).astype(np.float32)
    mel = librosa.filters.mel(sr=RATE, n_fft=WINDOW, n_mels=BANDS, fmin=LOWEST, fmax=HIGHEST)
    return window, mel.T.astype(np.float32)


def main() -> None:
    """Print parameters and operations beside those of nano."""
    head = HeadSpec("frames", 4, FRAME_RATE)
    for name, network in {
        "log-mel CNN": log_mel_cnn(head),
        "nano": Network(PRESETS["nano"], head),
    }.items():
        size = n_parameters(jax.eval_shape(network.init, jax.random.key(0))["body"]) / 1e6
        gflops = gflops_per_second(network)
        print(f"{name:<12} {size:.2f}M parameters, {gflops:.3f} GFLOP per second of audio")


if __name__ == "__main__":
    main()
