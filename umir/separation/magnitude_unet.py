"""The U-Net of the adversarial separation as a separator of waveforms.

    Stoller, Ewert, Dixon: Adversarial semi-supervised audio source separation applied to singing
    voice extraction, ICASSP 2018.

    mixture ──> log(1 + |X|) ──> U-Net ──> log(1 + |S|) of each source ──> waveforms
        └───────────────── phase of X ───────────────────────────────────────┘

There are no masks: every source's magnitudes come straight from the network. Zeros go below and
above the bins, so that the network, whose convolutions are not padded, gives all of them. Frames
overlap by half; what it returns are the samples that two frames of its output cover, so that
windows lie end to end.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from umir.priors.networks import SeparationUNet
from umir.priors.networks.separation_unet import MIXTURE
from umir.wave_unet.parameters import Key, Params
from umir.wave_unet.separators import Sizes
from umir.wave_unet.separators.spectrogram import istft, stft
from umir.wave_unet.separators.undivided import Undivided


@dataclass(frozen=True)
class MagnitudeUNet(Undivided):
    """A U-Net from magnitudes to magnitudes, without its parameters.

    Attributes:
        sources: their names.
        rate: sampling rate in Hz.
        window: samples per frame, a power of 2; frames are half as far apart.
        frames: that two neighbours of come out as well, so that their waveform is complete: what
            critics see.
        filters: channels of the first convolution, 16 as published.
        levels: how often the spectrogram is halved.

    Raises:
        ValueError: a window that is no power of 2, or frames that do not halve often enough.
    """

    sources: tuple[str, ...]
    rate: int = 8192
    window: int = 512
    frames: int = 64
    filters: int = 16
    levels: int = 4

    def __post_init__(self):
        if self.window < 4 or self.window & (self.window - 1):
            raise ValueError(f"a window of {self.window} samples: must be a power of 2, from 4 on")
        if self._output[1] != self.frames + 2:
            raise ValueError(
                f"{self.frames} frames cannot be halved {self.levels} times; the next that can are "
                f"{self._output[1] - 2}"
            )

    @property
    def channels(self) -> int:
        """Channels of the mixture: mono, as published."""
        return 1

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.window // 2

    @property
    def bins(self) -> int:
        """Bins of a frame."""
        return self.window // 2 + 1

    @property
    def unet(self) -> SeparationUNet:
        """The network between the spectrograms."""
        return SeparationUNet(self.sources, self.filters, self.levels)

    @property
    def sizes(self) -> Sizes:
        """The lengths of a window: two frames cover every sample that comes out."""
        frames = self._input[1]
        bottom = (frames - 2) // (1 << self.levels)
        return Sizes(self.hop * (frames + 1), self.hop * (self.frames + 1), bottom)

    @property
    def context(self) -> tuple[int, int]:
        """Bins and frames at either side that go in and do not come out."""
        pairs = zip(self._input, self._output, strict=True)
        below, before = ((inside - outside) // 2 for inside, outside in pairs)
        return below, before

    @property
    def _input(self) -> tuple[int, int]:
        return self.unet.input_space((self.bins, self.frames + 2))

    @property
    def _output(self) -> tuple[int, int]:
        return self.unet.output_space(self._input)

    def init(self, key: Key) -> Params:
        """Draw fresh parameters: Glorot's uniform kernels, biases of zero.

        The last kernels lose their signs, which the paper does not say. A ReLU comes after them,
        and what goes in is positive: a source that is silent everywhere in the beginning gets no
        gradient, and stays silent.
        """
        params = self.unet.init(key)
        last = {f"source_{name}": params[f"source_{name}"] for name in self.sources}
        heard = {name: {**own, "kernel": jnp.abs(own["kernel"])} for name, own in last.items()}
        return params | heard

    @partial(jax.jit, static_argnums=0)
    def seen(
        self, waveforms: Float[Array | np.ndarray, "batch time"]
    ) -> Float[Array, "batch bin frame 1"]:
        """Return log(1 + magnitude) of waveforms, at as many frames as fit into them."""
        spectra = stft(jnp.asarray(waveforms), self.window, self.hop)
        return jnp.log1p(jnp.abs(spectra)).transpose(0, 2, 1)[..., None]

    def magnitudes(
        self, params: Params, seen: Float[Array | np.ndarray, "batch bin frame 1"]
    ) -> dict[str, Float[Array, "batch bin kept 1"]]:
        """Return log(1 + magnitude) of every source.

        Args:
            params: as `init` returns them.
            seen: the mixture, as `seen` gives it of `sizes.input` samples.

        Returns:
            By name, all bins of the `frames + 2` frames in the middle.
        """
        found, _ = self.unet.apply(params, {MIXTURE: self.padded(seen)})
        return {name: x[:, : self.bins] for name, x in found.items()}

    def padded(
        self, seen: Float[Array | np.ndarray, "batch bin frame 1"]
    ) -> Float[Array, "batch high frame 1"]:
        """Return a spectrogram with zeros below and above, so that all bins come out."""
        below, _ = self.context
        above = self._input[0] - self.bins - below
        return jnp.pad(jnp.asarray(seen), ((0, 0), (below, above), (0, 0), (0, 0)))

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
            mixture: shape `(batch, sizes.input, 1)`.
            training: makes no difference.
            key: makes no difference: nothing is dropped.

        Returns:
            The sources, shape `(batch, sizes.output, source, 1)`, and no features.

        Raises:
            ValueError: a number of channels or a length that does not fit.
        """
        if mixture.shape[1:] != (self.sizes.input, 1):
            raise ValueError(f"{mixture.shape[1:]}: this network takes {self.sizes.input} samples")
        found = self.magnitudes(params, self.seen(mixture[:, :, 0]))
        # The frames that come out: one more at either side than the samples that are kept have.
        first = self.sizes.margin - self.hop
        kept = mixture[:, first : first + self.sizes.output + self.window, 0]
        spectrum = stft(kept, self.window, self.hop)
        # Where there is no sound there is no phase either, nor a source.
        loudness, tiny = jnp.abs(spectrum), jnp.finfo(jnp.float32).tiny
        scale = jnp.where(loudness > tiny, 1 / jnp.maximum(loudness, tiny), 0)
        sizes = (jnp.expm1(found[name][..., 0]).transpose(0, 2, 1) for name in self.sources)
        stems = [
            istft(spectrum * (scale * size).astype(spectrum.dtype), self.hop) for size in sizes
        ]
        whole = jnp.stack(stems, axis=2)[..., None]
        return whole[:, self.hop : self.hop + self.sizes.output], {}
