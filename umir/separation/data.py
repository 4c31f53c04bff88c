"""What a semi-supervised separation learns from: which critics and losses that is enough for.

Songs with stems, mixtures and solos: any of them may be missing. `factors_of` says which critics
there can be, `sources_of_streams` where each of them gets its batches, and `in_words` what is used
for what.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from umir.priors import Factor, factor_gan, marginals
from umir.priors.factor_gan import GENERATED, PAIRED, REAL
from umir.priors.networks.separation_unet import MIXTURE
from umir.priors.streams import INPUTS, Source
from umir.separation.active_songs import ActiveSong
from umir.separation.domains import Domain
from umir.separation.stem_songs import StemSong, rest_of
from umir.separation.training_streams import (
    LABELLED,
    LabelledWindows,
    MixtureWindows,
    SourceWindows,
)
from umir.separation.window_separator import WindowNetwork
from umir.tasks.source_separation import ACCOMPANIMENT
from umir.wave_unet.separators import OriginalWaveUNet

OTHER = "other"  # what three stems of four leave, by its name
# Streams, parts and critics that training has beside those of the sources.
OTHER_NAMES = (MIXTURE, INPUTS, LABELLED, PAIRED, REAL, GENERATED)
NONE, ADVERSARIAL, FACTORGAN, JOINT = PRIORS = ("none", "adversarial", "factorgan", "joint")


@dataclass(frozen=True)
class SeparationData:
    """Songs on disk.

    Attributes:
        train: songs with stems to learn from.
        valid: songs with stems to look at.
        mixtures: without stems.
        unmatched: mixtures of pairs whose stems do not add up to them.
        solos: recordings of a source, by its name.
        active: recordings with labels of activity to learn from.
        active_valid: with labels of activity, to look at.
    """

    train: Sequence[StemSong] = ()
    valid: Sequence[StemSong] = ()
    mixtures: Sequence[StemSong] = ()
    solos: Mapping[str, Sequence[StemSong]] = field(default_factory=dict)
    active: Sequence[ActiveSong] = ()
    active_valid: Sequence[ActiveSong] = ()
    unmatched: Sequence[StemSong] = ()

    @property
    def unlabelled(self) -> tuple[StemSong, ...]:
        """What is separated for critics: mixtures, those of the pairs if there are no others."""
        return (*(self.mixtures or self.train), *self.unmatched)


def check_names(names: Sequence[str]) -> None:
    """Raise a ValueError if a source is called what training calls something else."""
    if taken := sorted({*names} & {*OTHER_NAMES}):
        raise ValueError(f"source {taken[0]}: training has that name for something else; rename it")
    if paths := [name for name in names if "/" in name]:
        part = paths[0].rpartition("/")[2]
        raise ValueError(f"source {paths[0]}: give the name of the part alone, {part}")


def check_solos(solos: Collection[str], names: Sequence[str]) -> None:
    """Raise a ValueError if there are solos of what is not a source."""
    if strangers := sorted({*solos} - {*names}):
        raise ValueError(
            f"solos of {', '.join(strangers)}: the sources are {', '.join(names)}; name others "
            "with --sources"
        )


def add_up(names: Sequence[str], data: SeparationData) -> bool:
    """Return whether sources together are the mixture, or stems are left that are none of them."""
    if ACCOMPANIMENT in names:
        return True
    if data.train:
        return not any(rest_of(song.path).exists() for song in data.train)
    return OTHER in names


def check_difference(network: WindowNetwork, data: SeparationData) -> None:
    """Raise a ValueError if a network takes for a source what the mixture has beside it."""
    difference = isinstance(network, OriginalWaveUNet) and network.difference
    if difference and not add_up(network.sources, data):
        *others, last = network.sources
        raise ValueError(
            f"{last} would be the mixture minus {' and '.join(others) or 'nothing'}, and so would "
            f"hold all else that is in it: give --sources {','.join((*others, last))},accompaniment"
        )


def factors_of(prior: str, names: Sequence[str], data: SeparationData) -> tuple[Factor, ...]:
    """Return what critics there can be.

    Args:
        prior: one of `PRIORS` but `JOINT`.
        names: of all sources.
        data: what they can learn from.

    Raises:
        ValueError: it is not enough for the prior, or a solo is of no source.
    """
    check_solos(data.solos, names)
    if prior == NONE:
        if not data.train:
            raise ValueError("without a prior there must be songs with stems: give --pairs")
        return ()
    if not data.unlabelled:
        raise ValueError("nothing to separate: give --mixtures, or songs with stems as --pairs")
    heard = [name for name in names if data.train or data.solos.get(name)]
    check_heard(prior, names, heard)
    if prior == ADVERSARIAL:
        return marginals(heard)
    return factor_gan(names, independent=not data.train)


def check_heard(prior: str, names: Sequence[str], heard: Collection[str]) -> None:
    """Raise a ValueError if critics lack recordings of what they are to judge."""
    missing = [name for name in names if name not in heard]
    if prior == ADVERSARIAL and not heard:
        raise ValueError("no recordings of any source: give --solo NAME=DIR, or --pairs")
    if prior == FACTORGAN and missing:
        raise ValueError(
            f"the prior {prior} compares all sources, and there are no recordings of "
            f"{', '.join(missing)}: give --solo {missing[0]}=DIR, or --pairs"
        )


def sources_of_streams(
    domain: Domain,
    factors: Sequence[Factor],
    data: SeparationData,
    gains: tuple[float, float],
) -> dict[str, Source]:
    """Return where the batches of every stream come from.

    Args:
        domain: of the network that sees them.
        factors: of the critics.
        data: the songs.
        gains: range of the numbers that windows are multiplied by, of songs, mixtures and solos
            alike: a critic that saw only some of them louder or softer would tell them by that.
    """
    places: dict[str, int] = {name: n for n, name in enumerate(domain.network.sources)}
    found: dict[str, Source] = {INPUTS: MixtureWindows(domain, data.unlabelled, gains)}
    if data.train:
        found[LABELLED] = LabelledWindows(domain, data.train)
        found[PAIRED] = SourceWindows(domain, data.train, places, gains)
    for name in (f.stream for f in factors if f.stream in places):
        if data.solos.get(name):
            found[name] = SourceWindows(domain, data.solos[name], {name: 0}, gains)
        else:
            found[name] = SourceWindows(domain, data.train, {name: places[name]}, gains)
    return found


def in_words(
    names: Sequence[str], factors: Sequence[Factor], data: SeparationData, rate: int
) -> list[str]:
    """Return what is used for what, and what is missing, a line each."""
    critics = {factor.name for factor in factors}
    return [
        _labelled(data, rate),
        _unlabelled(factors, data, rate, "the critics" + _and_additivity(names, data)),
        *(_solo(name, name in critics, data, rate) for name in names),
        *_dependencies(critics),
    ]


def _labelled(data: SeparationData, rate: int) -> str:
    if not data.train:
        kept = "the best step is kept" if data.valid else "the last average is kept"
        return f"pairs: none, so nothing is learnt from answers; {kept}"
    looks = f"{len(data.valid)} to choose the best step" if data.valid else "none to choose by"
    return f"pairs: {amount(data.train, rate)} to learn from, {looks}"


def _and_additivity(names: Sequence[str], data: SeparationData) -> str:
    if add_up(names, data):
        return " and additivity"
    return f"; {', '.join(names)} are not all of a mixture, and need not add up to it"


def _unlabelled(factors: Sequence[Factor], data: SeparationData, rate: int, use: str) -> str:
    if not factors:
        return f"mixtures: {'not used' if data.mixtures else 'none'}, there is no prior"
    whose = "" if data.mixtures else "those of the pairs, "
    return f"mixtures: {whose}{amount(data.unlabelled, rate)} for {use}"


def _solo(name: str, has_critic: bool, data: SeparationData, rate: int) -> str:
    own = data.solos.get(name, ())
    if not has_critic:
        return f"{name}: {'recordings are not used' if own else 'no critic'}"
    if not own:
        return f"{name}: a critic, which learns from the stems of the pairs"
    few = "; it will know the only one by heart" if len(own) == 1 else ""
    return f"{name}: a critic, which learns from {amount(own, rate)}{few}"


def _dependencies(critics: set[str]) -> list[str]:
    if "generated" not in critics:
        return []
    if "real" in critics:
        return ["dependency: critics of what belongs together in the pairs and in what is made"]
    return ["dependency: no pairs; sources are taken to be independent"]


def amount(songs: Sequence[StemSong], rate: int) -> str:
    """Return how many recordings there are, and how long they are together."""
    minutes = sum(song.length for song in songs) / rate / 60
    return f"{len(songs)} recording{'s'[: len(songs) > 1]} ({minutes:.1f} min)"
