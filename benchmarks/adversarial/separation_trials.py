"""The three trials of separation with few pairs: which songs are paired, unpaired and tested.

| trial | paired | unpaired | chosen by | tested on |
|---|---|---|---|---|
| `studio` | songs of the studio | other songs of it | other songs of it | other songs of it |
| `mir1k` | one or two singers of MIR-1K | five singers | one singer | four singers |
| `studio_to_real` | songs of the studio | seven singers of MIR-1K | one singer | four singers |

The singers of `mir1k` and of `studio_to_real` that choose and test are the same. With `--choose-by
studio` it is songs of the studio that choose in the last one, too: then nothing real has stems
before the test. A pair of `mir1k` is a singer, with five clips of some 8 seconds each.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adversarial.grid import TEST, VALID
from adversarial.vocal_songs import (
    ACCOMPANIMENT,
    MIXTURES,
    PAIRED,
    PAIRED_SINGERS,
    VOCALS,
    Deal,
    Songs,
    deal_singers,
    deal_songs,
    mir_1k_songs,
    singers,
    studio_songs,
    sung,
)
from umir.data.manifest import Entry, Manifest
from umir.separation.data import SeparationData
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.stem_songs import StemSong


@dataclass(frozen=True)
class Share:
    """Songs, and who gets which of them."""

    songs: Songs
    deal: Deal


@dataclass(frozen=True)
class Plan:
    """What is known of a trial before there are songs, and suffices for tables of what is kept.

    Attributes:
        name: of the trial, with all of its settings that results depend on.
        counts: numbers of pairs.
        tune_pairs: with which rates and weights are chosen.
    """

    name: str
    counts: tuple[int, ...]
    tune_pairs: int


@dataclass(frozen=True)
class Trial:
    """Songs whose purposes are settled.

    Attributes:
        paired: what pairs are taken from.
        chosen_by: where validation songs come from.
        other: where test songs and what is not paired come from.
    """

    paired: Share
    chosen_by: Share
    other: Share

    def data(self, pairs: int, seed: int) -> SeparationData:
        """Return what a training learns from; the seed says which songs are its pairs."""
        songs, deal = self.paired.songs, self.paired.deal
        pool = [song for own in deal.paired for song in own]
        stored = {s.name: x for s, x in zip(pool, songs.stored(pool, PAIRED), strict=True)}
        alone = {
            name: tuple(self.other.songs.stored(own, name))
            for name, own in self.other.deal.unpaired.items()
        }
        return SeparationData(
            tuple(stored[song.name] for song in deal.pairs(pairs, seed)),
            tuple(song for _, song in self.judged(VALID)),
            alone[MIXTURES],
            {name: alone[name] for name in (VOCALS, ACCOMPANIMENT)},
        )

    def judged(self, split: str) -> list[tuple[Entry, StemSong]]:
        """Return the songs of a split, `VALID` or `TEST`, as lines of a manifest and on disk."""
        share = self.other if split == TEST else self.chosen_by
        own = share.deal.test if split == TEST else share.deal.valid
        return list(zip(own, share.songs.stored(own, split), strict=True))


def add_arguments(p: argparse.ArgumentParser) -> None:
    """Add which songs there are, and how many."""
    add_songs(p, list(TRIALS))
    p.add_argument("--pairs", type=int, nargs="+", help="songs, or singers, with stems")
    p.add_argument("--tune-pairs", type=int, help="with which rates and weights are chosen")
    p.add_argument("--pool", type=int, default=50, help="songs of the studio to take pairs from")
    p.add_argument("--unpaired", type=int, default=200, help="songs of the studio")
    p.add_argument("--choose-by", default="real", choices=["real", "studio"])


def add_songs(p: argparse.ArgumentParser, trials: Sequence[str]) -> None:
    """Add where songs lie, which trial is meant, and which songs choose and test in it."""
    p.add_argument("trial", choices=trials)
    p.add_argument("--folder", type=Path, required=True, help="of songs and trainings; kept")
    p.add_argument("--mir-1k", type=Path, metavar="DIR", help="that holds MIR-1K")
    p.add_argument("--valid", type=int, default=8, help="songs of the studio")
    p.add_argument("--test", type=int, default=24, help="songs of the studio")
    p.add_argument("--song-seconds", type=float, default=24.0, help="of the studio")
    p.add_argument("--fold", type=int, default=0, help="which singers of MIR-1K test")
    p.add_argument("--workers", type=int, default=1, help="processes that render songs")


def plan_of(args: argparse.Namespace) -> Plan:
    """Return the plan that arguments ask for.

    Raises:
        ValueError: so many pairs there are not.
    """
    of_trial = TRIALS[args.trial]
    most = of_trial.most(args)
    counts = tuple(args.pairs or of_trial.counts)
    if wrong := [count for count in counts if not 0 < count <= most]:
        raise ValueError(f"--pairs {wrong[0]}: there are 1 to {most} in {args.trial}")
    tune_pairs = args.tune_pairs or min(of_trial.tune_pairs, most)
    return Plan(of_trial.name(args), counts, tune_pairs)


def trial_of(args: argparse.Namespace, network: MagnitudeUNet) -> Trial:
    """Return the trial that arguments ask for, its songs rendered or written.

    Raises:
        ValueError: there are too few songs, or no MIR-1K.
    """
    return TRIALS[args.trial].songs(args, network)


@dataclass(frozen=True)
class KindOfTrial:
    """What a trial is called, how many pairs there are, and its songs.

    Attributes:
        name: arguments -> that of the plan.
        songs: arguments and network -> the trial.
        most: arguments -> how many pairs there are.
        counts: of pairs, unless others are asked for.
        tune_pairs: likewise.
    """

    name: Callable[[argparse.Namespace], str]
    songs: Callable[[argparse.Namespace, MagnitudeUNet], Trial]
    most: Callable[[argparse.Namespace], int]
    counts: tuple[int, ...]
    tune_pairs: int


def _studio(args: argparse.Namespace, network: MagnitudeUNet) -> Trial:
    """Return the trial on songs of the studio alone."""
    share = _studio_share(args, network, args.unpaired)
    return Trial(share, share, share)


def _studio_name(args: argparse.Namespace) -> str:
    name = f"studio, {args.unpaired} unpaired, {args.valid} choose, {args.test} test"
    return _lasting(name, args)


def _mir_1k(args: argparse.Namespace, network: MagnitudeUNet) -> Trial:
    """Return the trial on singers of MIR-1K alone."""
    share = _singers_share(args, network, PAIRED_SINGERS)
    return Trial(share, share, share)


def _mir_1k_name(args: argparse.Namespace) -> str:
    return f"mir1k, fold {args.fold}"


def _studio_to_real(args: argparse.Namespace, network: MagnitudeUNet) -> Trial:
    """Return the trial with pairs of the studio, and singers of MIR-1K beside."""
    made, real = _studio_share(args, network, 0), _singers_share(args, network, 0)
    return Trial(made, made if args.choose_by == "studio" else real, real)


def _studio_to_real_name(args: argparse.Namespace) -> str:
    by_studio = args.choose_by == "studio"
    choosers = f"{args.choose_by} ({args.valid} songs)" if by_studio else args.choose_by
    name = f"studio_to_real, fold {args.fold}, chosen by {choosers}"
    # Songs are dealt one after the other: which are the pairs says how many come before.
    name += f", pairs after {args.test + args.valid} songs"
    return _lasting(name, args)


TRIALS: Mapping[str, KindOfTrial] = {
    "studio": KindOfTrial(_studio_name, _studio, lambda args: args.pool, (2, 5, 10, 50), 10),
    "mir1k": KindOfTrial(_mir_1k_name, _mir_1k, lambda args: PAIRED_SINGERS, (1, 2), 1),
    "studio_to_real": KindOfTrial(
        _studio_to_real_name, _studio_to_real, lambda args: args.pool, (10, 50), 10
    ),
}


def _studio_share(args: argparse.Namespace, network: MagnitudeUNet, unpaired: int) -> Share:
    number = args.test + args.valid + args.pool + unpaired
    manifest, songs = sung_songs(args, number)
    deal = deal_songs(songs, test=args.test, valid=args.valid, paired=args.pool)
    return Share(Songs(manifest, network, _stored(args, "studio")), deal)


def _singers_share(args: argparse.Namespace, network: MagnitudeUNet, paired: int) -> Share:
    manifest = sung_clips(args)
    deal = deal_singers(singers(manifest), args.fold, paired)
    return Share(Songs(manifest, network, _stored(args, "mir_1k")), deal)


def sung_songs(args: argparse.Namespace, number: int) -> tuple[Manifest, list[Entry]]:
    """Return the library of the studio, and the first so many of its songs with a voice."""
    root = args.folder / "studio"
    manifest = studio_songs(root, number, args.workers, args.song_seconds)
    lines = {entry.name: entry for entry in manifest.entries}
    return manifest, [lines[name] for name in sung(root)[:number]]


def sung_clips(args: argparse.Namespace) -> Manifest:
    """Return the clips of MIR-1K.

    Raises:
        ValueError: it is not said where they are, or they are not there.
    """
    if args.mir_1k is None:
        raise ValueError(f"the trial {args.trial} is on MIR-1K: give --mir-1k DIR")
    if not (args.mir_1k / "MIR-1K" / "Wavfile").is_dir():
        raise ValueError(f"{args.mir_1k}: has no MIR-1K/Wavfile; give the folder that holds MIR-1K")
    return mir_1k_songs(args.mir_1k, args.folder)


def _stored(args: argparse.Namespace, name: str) -> Path:
    """Return the folder of what a trial has stored of a set."""
    return args.folder / "songs" / args.trial / name


def _lasting(name: str, args: argparse.Namespace) -> str:
    return f"{name}, {args.pool} to take pairs from, of {args.song_seconds:g} s"
