"""What a separator is trained through with critics: log-magnitudes, or waveforms.

Streams, losses, measures and critics (`umir.separation.priors`) know a network by its domain alone:
what it is given, what comes out of it, what critics see of that, and on what scale sources add up.

    waveforms ──seen──> what it is given ──separated──> what comes out ──heard──> what critics see
        └────alone, of a recording of a source ────────────────────────────────────────┘
"""

from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from umir.priors.networks import SeparationCritic, WaveformCritic
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.window_separator import WindowNetwork
from umir.wave_unet.parameters import Params
from umir.wave_unet.separators import FilteredWaveUNet, OriginalWaveUNet, Sizes
from umir.wave_unet.separators.layers import crop

Waveform = Float[np.ndarray, "batch time channel"]
Seen = Float[Array | np.ndarray, "batch ..."]  # (batch, *space, channel), of any space


@runtime_checkable
class Domain(Protocol):
    """What a network is seen through. A frozen dataclass."""

    @property
    def network(self) -> Any:
        """What separates."""

    @property
    def labelled_sizes(self) -> Sizes:
        """Windows whose output is all samples that what comes out of the network is of."""

    @property
    def source_sizes(self) -> Sizes:
        """Windows of a source as critics see it, without context."""

    def seen(self, waveforms: Waveform) -> Seen:
        """Return what the network is given of mixtures, or should give of sources."""

    def alone(self, waveforms: Waveform) -> Seen:
        """Return what critics see of recordings of a source, of `source_sizes`."""

    def separated(
        self, params: Params, seen: Seen, *, training: bool = False
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return all that comes out, by source, and what the network remembers of a batch."""

    def heard(self, found: Seen) -> Seen:
        """Return what critics see of a source that came out."""

    def middle(self, seen: Seen) -> Seen:
        """Return the part of what the network is given that comes out of it."""

    def additive(self, found: Seen) -> Seen:
        """Return sources, or the mixture, on the scale on which sources add up."""

    def critic(self, parts: int, filters: int) -> Any:
        """Return a critic of so many sources together, with filters in its first convolution."""


@dataclass(frozen=True)
class Magnitudes:
    """log(1 + magnitude), as published (ICASSP 2018), `(batch, bin, frame, 1)`.

    Critics see no lowest bin, and the frames that cover what the separator gives, so that sides are
    powers of 2. Sources add up in linear magnitude.

    Attributes:
        network: what separates.
    """

    network: MagnitudeUNet

    @property
    def labelled_sizes(self) -> Sizes:
        """Windows whose output is all samples of the frames that come out of the network."""
        sizes = self.network.sizes
        return replace(sizes, output=sizes.output + self.network.window)

    @property
    def source_sizes(self) -> Sizes:
        """Windows of a source as critics see it, without context."""
        return replace(self.network.sizes, input=self.network.sizes.output)

    def seen(self, waveforms: Waveform) -> Seen:
        """Return log(1 + magnitude) of mono waveforms."""
        return self.network.seen(np.ascontiguousarray(waveforms[:, :, 0]))

    def alone(self, waveforms: Waveform) -> Seen:
        """Return what critics see of recordings of a source."""
        return np.asarray(self.seen(waveforms))[:, 1:]

    def separated(
        self, params: Params, seen: Seen, *, training: bool = False
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return two frames more than critics see, of all bins; nothing is remembered."""
        return self.network.magnitudes(params, jnp.asarray(seen)), {}

    def heard(self, found: Seen) -> Seen:
        """Return what critics see of a source that came out."""
        return found[:, 1:, 1:-1]

    def middle(self, seen: Seen) -> Seen:
        """Return the frames of what the network sees that come out of it."""
        _, before = self.network.context
        return seen[:, :, before : before + self.network.frames + 2]

    def additive(self, found: Seen) -> Seen:
        """Return linear magnitudes."""
        return jnp.expm1(found)

    def critic(self, parts: int, filters: int) -> SeparationCritic:
        """Return the published critic."""
        return SeparationCritic((self.network.bins - 1, self.network.frames), parts, filters)


@dataclass(frozen=True)
class Waveforms:
    """Amplitudes as they are, `(batch, time, channel)`, of a Wave-U-Net.

    In training nothing is clipped to [-1, 1]: what is cut off would have no gradient. This prior is
    ours; nobody has published it.

    Attributes:
        network: what separates.
    """

    network: OriginalWaveUNet | FilteredWaveUNet

    @property
    def labelled_sizes(self) -> Sizes:
        """The network's own windows."""
        return self.network.sizes

    @property
    def source_sizes(self) -> Sizes:
        """Windows of a source as critics see it, without context."""
        return replace(self.network.sizes, input=self.network.sizes.output)

    def seen(self, waveforms: Waveform) -> Seen:
        """Return waveforms as they are."""
        return waveforms

    def alone(self, waveforms: Waveform) -> Seen:
        """Return waveforms as they are."""
        return waveforms

    def separated(
        self, params: Params, seen: Seen, *, training: bool = False
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return waveforms as long as `sizes.output`; of the features, the statistics alone."""
        output, features = self.network.apply(params, jnp.asarray(seen), training=training)
        kept = {name: x for name, x in features.items() if name.endswith("/statistics")}
        return {name: output[:, :, n] for n, name in enumerate(self.network.sources)}, kept

    def heard(self, found: Seen) -> Seen:
        """Return waveforms as they are."""
        return found

    def middle(self, seen: Seen) -> Seen:
        """Return the samples of the mixture that come out."""
        return crop(jnp.asarray(seen), self.network.sizes.output)

    def additive(self, found: Seen) -> Seen:
        """Return waveforms as they are."""
        return found

    def critic(self, parts: int, filters: int) -> WaveformCritic:
        """Return a critic as of WaveGAN."""
        return WaveformCritic(self.network.sizes.output, parts * self.network.channels, filters)


def domain_of(network: WindowNetwork) -> Domain:
    """Return what a network is seen through.

    Raises:
        ValueError: a network that priors do not know.
    """
    if isinstance(network, MagnitudeUNet):
        return Magnitudes(network)
    if isinstance(network, OriginalWaveUNet | FilteredWaveUNet):
        return Waveforms(network)
    raise ValueError(
        f"{type(network).__name__}: priors are of a MagnitudeUNet, or of a Wave-U-Net on waveforms"
    )
