"""The spectrogram U-Net that the Wave-U-Net's paper compares with (U7 and U7a).

    Jansson et al.: Singing voice separation with deep U-Net convolutional networks, ISMIR 2017;
    as in Stoller et al., ISMIR 2018, section 4.2: on the same audio and the same windows as M7.

Every source has a network of its own, which sees the logarithm of the mixture's magnitudes and
gives a mask for them; the mixture's phase does for all. Trained on waveforms, through the inverse
transform, it is U7; on magnitudes, with their absolute error, U7a.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Complex, Float

from umir.wave_unet.convolution import transposed_convolution
from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.separators.layers import Layer, convolve, init_convolution
from umir.wave_unet.separators.normalisation import (
    batch_normalised,
    init_statistics,
    with_statistics,
)
from umir.wave_unet.separators.sizes import Sizes
from umir.wave_unet.separators.undivided import Undivided

LEAK = 0.2
MOMENTUM = 0.999  # of the statistics of batch normalisation
TAPS = (5, 5)
EPSILON = 1e-3  # of batch normalisation, as TensorFlow 1 had it
DROPPED = 0.5  # of the features of the first levels of the decoder
DROPPED_LEVELS = 3


@dataclass(frozen=True)
class SpectrogramUNet(Undivided):
    """A U-Net that masks spectrograms, without its parameters.

    Attributes:
        sources: their names.
        rate: sampling rate in Hz.
        window: samples per frame, a multiple of `2 ** (levels + 1)`.
        hop: samples from one frame to the next.
        frames: in a window of the network, a multiple of `2 ** levels`.
        levels: of the encoder; the first has `filters` channels, each next one twice as many.
        filters: channels of the first level.

    Raises:
        ValueError: sizes that do not halve as often as there are levels.
    """

    sources: tuple[str, ...]
    rate: int = 8192
    window: int = 1024
    hop: int = 768
    frames: int = 128
    levels: int = 6
    filters: int = 16

    def __post_init__(self):
        scale = 1 << self.levels
        if self.frames % scale or self.window % (2 * scale):
            raise ValueError(f"{self.frames} frames of {self.window}: must halve {self.levels} x")

    @property
    def channels(self) -> int:
        """Channels of the mixture: the paper's is mono."""
        return 1

    @property
    def sizes(self) -> Sizes:
        """The lengths of a window: as much comes out as goes in."""
        length = self.hop * (self.frames - 1) + self.window
        return Sizes(length, length, self.frames >> self.levels)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, from the first down."""
        return tuple(self.filters << n for n in range(self.levels))

    def init(self, key: Key) -> Params:
        """Draw fresh parameters: Glorot's uniform kernels, biases of zero."""
        keys = jax.random.split(key, len(self.sources))
        return {name: self._init_net(k) for name, k in zip(self.sources, keys, strict=True)}

    def apply(
        self,
        params: Params,
        mixture: Float[Array, "batch time channel"],
        *,
        training: bool = False,
        key: Key | None = None,
    ) -> tuple[Float[Array, "batch time source channel"], dict[str, Any]]:
        """Separate windows.

        Args:
            params: as `init` returns them.
            mixture: shape `(batch, sizes.input, 1)`.
            training: normalise batches by themselves, and drop features if there is a key.
            key: what is dropped.

        Returns:
            The sources, shape `(batch, time, source, 1)`, and by name: `magnitudes` of the mixture
            and `masks` of the sources, `(batch, frame, bin, ...)`, `statistics` of a batch.

        Raises:
            ValueError: a number of channels or a length that does not fit.
        """
        if mixture.shape[1:] != (self.sizes.input, 1):
            raise ValueError(f"{mixture.shape[1:]}: this network takes {self.sizes.input} samples")
        spectrum = stft(mixture[:, :, 0], self.window, self.hop)
        magnitudes = jnp.abs(spectrum)
        # The top bin has no place in a power of two: half of it goes to each source.
        seen = jnp.log1p(magnitudes[:, :, :-1, None])
        masks, statistics = [], {}
        for n, name in enumerate(self.sources):
            drop = None if key is None or not training else jax.random.fold_in(key, n)
            run = _Run(self, params[name], training, drop)
            masks.append(jnp.pad(run(seen), ((0, 0), (0, 0), (0, 1)), constant_values=0.5))
            statistics[name] = run.statistics
        mask = jnp.stack(masks, axis=-1)
        stems = [
            istft(spectrum * mask[..., n].astype(spectrum.dtype), self.hop)
            for n in range(len(self.sources))
        ]
        found = {"magnitudes": magnitudes, "masks": mask, "statistics": statistics}
        return jnp.stack(stems, axis=2)[..., None], found

    def remembered(self, params: Params, features: dict[str, Any]) -> Params:
        """Return the parameters with a thousandth of the statistics that a batch had."""
        return with_statistics(params, features["statistics"], MOMENTUM)

    def _init_net(self, key: Key) -> Params:
        keys = iter(jax.random.split(key, 2 * self.levels))
        net: Params = {"encoder": {}, "decoder": {}}
        inputs = (1, *self.widths)
        for n, width in enumerate(self.widths):
            down = init_convolution(next(keys), TAPS, inputs[n], width)
            net["encoder"][f"level{n + 1}"] = down | _init_normalisation(width)
            # A transposed convolution: its kernel is that of the convolution it undoes.
            joined = width if n + 1 == self.levels else 2 * width
            up = init_convolution(next(keys), TAPS, inputs[n], joined)
            up["bias"] = jnp.zeros((inputs[n],))
            net["decoder"][f"level{n + 1}"] = up | (_init_normalisation(inputs[n]) if n else {})
        return net


def _init_normalisation(channels: int) -> Layer:
    """Return what batch normalisation without a scale begins with."""
    return init_statistics(channels) | {"shift": jnp.zeros((channels,))}


class _Run:
    """One net on one batch: the statistics that it comes to are kept."""

    def __init__(self, config: SpectrogramUNet, params: Params, training: bool, key: Key | None):
        self.config, self.params, self.training, self.key = config, params, training, key
        self.statistics: dict[str, Any] = {}

    def __call__(self, x: Array) -> Float[Array, "batch frame bin"]:
        """Return the mask for logarithmic magnitudes, `(batch, frame, bin, 1)`."""
        levels, skips = self.config.levels, {}
        for n in range(1, levels + 1):
            skips[n - 1] = x
            layer = self.params["encoder"][f"level{n}"]
            x = convolve(layer, x, "same", stride=2)
            x = jax.nn.leaky_relu(self._normalised(x, layer, f"encoder/level{n}"), LEAK)
        for n in range(levels, 1, -1):
            x = self._up(x, n, skips[n - 1].shape[1:3])
            x = jax.nn.relu(
                self._normalised(x, self.params["decoder"][f"level{n}"], f"decoder/level{n}")
            )
            x = self._dropped(jnp.concatenate([x, skips[n - 1]], axis=3), levels - n)
        return jax.nn.sigmoid(self._up(x, 1, skips[0].shape[1:3]))[..., 0]

    def _up(self, x: Array, level: int, space: tuple[int, ...]) -> Array:
        layer = self.params["decoder"][f"level{level}"]
        y = transposed_convolution(x, layer["kernel"], space=space, stride=2)
        return y + layer["bias"][None, None, None]

    def _normalised(self, x: Array, layer: Params, path: str) -> Array:
        stored = None if self.training else {k: layer[k] for k in ("mean", "variance")}
        y, self.statistics[path] = batch_normalised(x, layer, stored, EPSILON)
        return y

    def _dropped(self, x: Array, place: int) -> Array:
        if self.key is None or place >= DROPPED_LEVELS:
            return x
        kept = jax.random.bernoulli(jax.random.fold_in(self.key, place), 1 - DROPPED, x.shape)
        return jnp.where(kept, x / (1 - DROPPED), 0.0)


def stft(x: Float[Array, "batch time"], window: int, hop: int) -> Complex[Array, "batch frame bin"]:
    """Return the spectra of frames under a periodic Hann window, none of them padded."""
    frames = (x.shape[1] - window) // hop + 1
    places = hop * np.arange(frames)[:, None] + np.arange(window)
    return jnp.fft.rfft(x[:, places] * _hann(window)[None, None], axis=2)


def istft(spectrum: Complex[Array, "batch frame bin"], hop: int) -> Float[Array, "batch time"]:
    """Return the waveform of spectra, by overlapping and adding: the inverse of `stft`.

    The window comes once more, over the sum of the squares of all windows at a place, as it is
    where frames lie on both sides: as published. The first and the last `window - hop` samples, of
    which the frames before and after are missing, fade; divided by what little of a window is there
    a masked spectrum would click.
    """
    frames = jnp.fft.irfft(spectrum, axis=2)
    batch, count, window = frames.shape
    places = hop * np.arange(count)[:, None] + np.arange(window)
    length = hop * (count - 1) + window
    squares = np.pad(_hann(window) ** 2, (0, -window % hop)).reshape(-1, hop).sum(axis=0)
    added = jnp.zeros((batch, length)).at[:, places].add(frames * _hann(window)[None, None])
    return added / np.resize(squares, length)[None]


def _hann(window: int) -> np.ndarray:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)
