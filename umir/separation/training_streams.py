"""Windows of songs, mixtures and solos as a separator and its critics see them.

Each is a source of `umir.priors.Streams`. What they see is said by the domain of the network
(`umir.separation.domains`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from umir.priors.networks.separation_unet import MIXTURE
from umir.priors.streams import Batch
from umir.separation.domains import Domain
from umir.separation.stem_songs import StemSong, random_mixtures, random_windows

LABELLED = "labelled"  # the stream of mixtures with their sources


def labelled_batch(
    domain: Domain,
    mixtures: Float[np.ndarray, "batch time channel"],
    targets: Float[np.ndarray, "batch kept source channel"],
) -> Batch:
    """Return windows of `labelled_sizes` as what a network sees, and what it should give."""
    parts = {MIXTURE: mixtures}
    parts |= {name: targets[:, :, n] for n, name in enumerate(domain.network.sources)}
    return {name: np.asarray(domain.seen(x)) for name, x in parts.items()}


@dataclass(frozen=True)
class MixtureWindows:
    """Windows of mixtures, as the network sees them.

    Attributes:
        domain: of the network that sees them.
        songs: of which they are cut.
        gains: range of the numbers that windows are multiplied by.
    """

    domain: Domain
    songs: Sequence[StemSong]
    gains: tuple[float, float]

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return a part `mixture`."""
        sizes = self.domain.network.sizes
        mixtures = random_mixtures(self.songs, sizes, batch, self.gains, rng)
        return {MIXTURE: np.asarray(self.domain.seen(mixtures))}


@dataclass(frozen=True)
class SourceWindows:
    """Windows of sources, as critics see them.

    Attributes:
        domain: of the network whose critics see them.
        songs: of which they are cut, all sources of a song at the same place.
        parts: name of a source -> its number in the songs.
        gains: range of the numbers that windows are multiplied by, all sources by the same.
    """

    domain: Domain
    songs: Sequence[StemSong]
    parts: Mapping[str, int]
    gains: tuple[float, float]

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return the parts."""
        sizes = self.domain.source_sizes
        _, targets = random_windows(self.songs, sizes, batch, self.gains, rng, common=True)
        return {
            name: np.asarray(self.domain.alone(targets[:, :, n])) for name, n in self.parts.items()
        }


@dataclass(frozen=True)
class LabelledWindows:
    """Windows of songs with stems, of the loudness that they have.

    Attributes:
        domain: of the network that learns from them.
        songs: of which they are cut.
    """

    domain: Domain
    songs: Sequence[StemSong]

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return what `labelled_batch` does."""
        windows = random_windows(self.songs, self.domain.labelled_sizes, batch, (1.0, 1.0), rng)
        return labelled_batch(self.domain, *windows)
