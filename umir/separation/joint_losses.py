"""Joint detection and separation as an objective: two losses of one network, on two kinds of data.

    Stoller, Ewert, Dixon: Jointly detecting and separating singing voice, LVA/ICA 2018, eq. 1-3.

    L = w Ls + (1 - w) Ld

    Ls      mean over bins, frames and sources of the squared error of log(1 + magnitude), on songs
            with stems
    Ld      mean over frames of the binary cross-entropy, on recordings with labels of activity

Where one kind of data is missing, the other loss is all there is; where songs with stems are all
there is, the labels are told by the stem itself. The paper does not say what it takes the magnitude
of; here it is log(1 + magnitude), as in the adversarial separation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, Scalar

from umir.priors.adversarial import Batches
from umir.priors.factor_gan import Parts
from umir.priors.networks.separation_unet import MIXTURE
from umir.priors.streams import Batch
from umir.separation.active_songs import ActiveSong, activity_of_stems
from umir.separation.domains import Magnitudes
from umir.separation.joint_unet import JointUNet
from umir.separation.priors import SeparatedParts, squared_errors
from umir.separation.stem_songs import StemSong, random_windows
from umir.separation.training_streams import LABELLED
from umir.wave_unet.parameters import Params

ACTIVE = "active"  # the stream of mixtures with their activity, and that part of it


@dataclass(frozen=True)
class ActiveWindows:
    """Windows of recordings with labels of activity: a source of `umir.priors.Streams`.

    Attributes:
        network: that learns from them.
        songs: of which they are cut.
    """

    network: JointUNet
    songs: Sequence[ActiveSong]

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return parts `mixture`, as the network sees it, and `active`, `(batch, kept)`."""
        cuts = []
        for n in rng.choice(len(self.songs), batch):
            song = self.songs[n]
            room = max(song.song.length - self.network.sizes.output, 0)
            cuts.append(song.window(self.network, int(rng.integers(room + 1))))
        waveforms, active = (np.stack(parts) for parts in zip(*cuts, strict=True))
        return active_batch(self.network, waveforms, active)


@dataclass(frozen=True)
class StemWindows:
    """Windows of songs with stems, one of which tells the activity: a source of `Streams`.

    Attributes:
        network: that learns from them.
        songs: of which they are cut.
    """

    network: JointUNet
    songs: Sequence[StemSong]

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return parts as `ActiveWindows` does."""
        sizes = Magnitudes(self.network).labelled_sizes
        mixtures, stems = random_windows(self.songs, sizes, batch, (1.0, 1.0), rng)
        return active_batch(self.network, mixtures, activity_of_stems(self.network, stems))


def active_batch(
    network: JointUNet,
    waveforms: Float[np.ndarray, "batch time 1"],
    active: Float[np.ndarray, "batch kept"],
) -> Batch:
    """Return windows as what a network sees, and their activity."""
    return {MIXTURE: np.asarray(network.seen(waveforms[:, :, 0])), ACTIVE: active}


@partial(jax.jit, static_argnums=0)
def separation_errors(network: JointUNet, params: Params, batch: Parts) -> Float[Array, " batch"]:
    """Return Ls for each window of a batch of `umir.separation.training_streams.labelled_batch`."""
    return squared_errors(Magnitudes(network), params, batch) / len(network.sources)


@partial(jax.jit, static_argnums=0)
def detection_errors(network: JointUNet, params: Params, batch: Parts) -> Float[Array, " batch"]:
    """Return Ld for each window of a batch of `active_batch`."""
    logits = network.activity(params, batch[MIXTURE])
    losses = optax.sigmoid_binary_cross_entropy(logits, jnp.asarray(batch[ACTIVE]))
    return jnp.mean(losses, axis=1)


@dataclass(frozen=True)
class JointLoss:
    """L, for `umir.priors.Adversarial` without critics.

    Attributes:
        streams: which of `LABELLED` and `ACTIVE` there are.
        weight: of separation, w; what is left to 1 is that of detection.
    """

    streams: tuple[str, ...] = (LABELLED, ACTIVE)
    weight: float = 0.9

    def loss(
        self,
        generator: SeparatedParts,
        params: Params,
        batches: Batches,
        features: Any,
    ) -> Scalar:
        """Return L of both batches."""
        del features
        network: Any = generator.domain.network
        kinds = ((LABELLED, separation_errors), (ACTIVE, detection_errors))
        means = {
            name: jnp.mean(errors(network, params, batches[name]))
            for name, errors in kinds
            if name in self.streams
        }
        return self.whole(means)

    def whole(self, means: Mapping[str, Any]) -> Any:
        """Return L of the losses of the streams that there are."""
        weights = {LABELLED: self.weight, ACTIVE: 1 - self.weight}
        if len(means) == 1:
            return next(iter(means.values()))
        return sum(weights[name] * mean for name, mean in means.items())
