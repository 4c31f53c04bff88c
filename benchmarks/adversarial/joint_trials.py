"""The two trials of joint detection and separation: which songs have stems, labels, and test.

| trial | with stems | with labels of activity | chosen by | tested on |
|---|---|---|---|---|
| `studio` | 25 songs of the studio | 100 others | 8 others | 24 others |
| `mir1k` | three singers of MIR-1K | four singers | one singer | four singers |

Songs that choose and test have both, so that both tasks are judged by the same songs. When somebody
sings is exact in the studio; in MIR-1K people marked it, every 20 ms.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recordings.folder import write_manifest
from recordings.mir_1k import singing_rows
from recordings.results import alone

from adversarial.grid import TEST, VALID
from adversarial.separation_trials import Share, add_songs, sung_clips, sung_songs
from adversarial.vocal_songs import (
    PAIRED,
    Songs,
    deal_singers,
    deal_songs,
    folder_of,
    singers,
)
from umir.data.manifest import MANIFEST_NAME, Entry, Manifest, read_manifest
from umir.separation.active_songs import (
    ActiveSong,
    active_songs_there,
    detection_of,
    stored_active_song,
)
from umir.separation.data import SeparationData
from umir.separation.joint_unet import JointUNet
from umir.separation.stem_songs import StemSong, begin_songs, note_songs

ACTIVITY = "activity"  # what songs without stems give: their mixture, and when somebody sings
PAIRS, PAIRED_SINGERS = 25, 3


@dataclass(frozen=True)
class MarkedSongs:
    """Songs in which it is marked when somebody sings.

    Attributes:
        manifest: of kind `intervals`.
        lines: name of a song among those with stems -> its line here.
        network: that hears the songs.
        folder: for what is stored.
    """

    manifest: Manifest
    lines: Mapping[str, Entry]
    network: JointUNet
    folder: Path

    def stored(self, songs: Sequence[Entry], part: str) -> list[ActiveSong]:
        """Return songs on disk, written unless they are there.

        Args:
            songs: as lines of the manifest with stems.
            part: what they are for.

        Raises:
            ValueError: one of them cannot be read.
        """
        lines = [self.lines[song.name] for song in songs]
        facts = {"data": str(self.manifest.path.absolute()), "songs": [x.name for x in lines]}
        facts |= {"detected": self.network.detected, "rate": self.network.rate}
        folder = folder_of(self.folder, part, facts)
        with alone(self.folder):
            if (there := active_songs_there(folder, facts)) is None:
                begin_songs(folder)
                there = [self._written(folder, n, line) for n, line in enumerate(lines)]
                note_songs(folder, facts, [active.song for active in there])
        return there

    def _written(self, folder: Path, number: int, line: Entry) -> ActiveSong:
        """Write a song, and return it."""
        song = self.manifest.load(line, self.network.rate, 1)
        task = detection_of(self.network.detected)
        return stored_active_song(folder / f"{number:05}.npy", song, task)


@dataclass(frozen=True)
class JointTrial:
    """Songs whose purposes are settled.

    Attributes:
        share: songs with stems, and who gets which; `ACTIVITY` is what others give.
        marked: all of these songs, with when somebody sings.
    """

    share: Share
    marked: MarkedSongs

    def data(self) -> SeparationData:
        """Return what there is to learn from, and to choose by."""
        deal = self.share.deal
        pairs = [song for own in deal.paired for song in own]
        return SeparationData(
            self.share.songs.stored(pairs, PAIRED),
            [song for _, song in self.judged(VALID)],
            active=self.marked.stored(deal.unpaired[ACTIVITY], ACTIVITY),
            active_valid=[song for _, song in self.heard(VALID)],
        )

    def judged(self, split: str) -> list[tuple[Entry, StemSong]]:
        """Return the songs of a split, `VALID` or `TEST`, as lines of a manifest and on disk."""
        own = self.share.deal.test if split == TEST else self.share.deal.valid
        return list(zip(own, self.share.songs.stored(own, split), strict=True))

    def heard(self, split: str) -> list[tuple[Entry, ActiveSong]]:
        """Return the same songs with when somebody sings in them."""
        own = self.share.deal.test if split == TEST else self.share.deal.valid
        return list(zip(own, self.marked.stored(own, f"{split}-{ACTIVITY}"), strict=True))


def add_arguments(p: argparse.ArgumentParser) -> None:
    """Add which songs there are, and how many."""
    add_songs(p, list(TRIALS))
    p.add_argument("--pairs", type=int, help="songs, or singers, with stems; default 25, or 3")
    p.add_argument("--active", type=int, default=100, help="songs of the studio with labels")


def trial_of(args: argparse.Namespace, network: JointUNet) -> JointTrial:
    """Return the trial that arguments ask for, its songs rendered or written.

    Raises:
        ValueError: there are too few songs, or no MIR-1K.
    """
    return TRIALS[args.trial](args, network)


def name_of(args: argparse.Namespace) -> str:
    """Return what the trial that arguments ask for is called, with all that results depend on.

    Raises:
        ValueError: no songs are asked for.
    """
    counts = {"--pairs": args.pairs, "--active": args.active, "--valid": args.valid}
    for option, count in (counts | {"--test": args.test}).items():
        if count is not None and count < 1:
            raise ValueError(f"{option} {count}: at least 1 is needed")
    if args.trial == "mir1k":
        return f"joint mir1k, fold {args.fold}, {args.pairs or PAIRED_SINGERS} singers with stems"
    name = f"joint studio, {args.pairs or PAIRS} pairs, {args.active} with activity, "
    return f"{name}{args.valid} choose, {args.test} test, of {args.song_seconds:g} s"


def _studio(args: argparse.Namespace, network: JointUNet) -> JointTrial:
    """Return the trial on songs of the studio."""
    pairs = args.pairs or PAIRS
    manifest, songs = sung_songs(args, args.test + args.valid + pairs + args.active)
    deal = deal_songs(songs, test=args.test, valid=args.valid, paired=pairs, alone=[ACTIVITY])
    share = Share(Songs(manifest, network, _stored(args)), deal)
    path = manifest.path.parent / "singing_voice_detection.jsonl"
    marks = read_manifest(path, "intervals")
    lines = {entry.name: entry for entry in marks.entries}
    return JointTrial(share, MarkedSongs(marks, lines, network, _stored(args)))


def _mir_1k(args: argparse.Namespace, network: JointUNet) -> JointTrial:
    """Return the trial on singers of MIR-1K."""
    manifest, pairs = sung_clips(args), args.pairs or PAIRED_SINGERS
    deal = deal_singers(singers(manifest), args.fold, pairs, [ACTIVITY])
    share = Share(Songs(manifest, network, _stored(args)), deal)
    folder = args.folder / "mir_1k_singing"
    with alone(args.folder):
        if not (folder / MANIFEST_NAME).exists():
            write_manifest(folder, singing_rows(args.mir_1k, folder))
    marks = read_manifest(folder, "intervals")
    # The same clips in another folder: audio/CLIP.wav is mixture/CLIP.wav.
    clips = {Path(entry.name).stem: entry for entry in marks.entries}
    lines = {entry.name: clips[Path(entry.name).stem] for entry in manifest.entries}
    return JointTrial(share, MarkedSongs(marks, lines, network, _stored(args)))


TRIALS: Mapping[str, Callable[[argparse.Namespace, JointUNet], JointTrial]] = {
    "studio": _studio,
    "mir1k": _mir_1k,
}


def _stored(args: argparse.Namespace) -> Path:
    """Return the folder of what a trial has stored."""
    return args.folder / "songs" / f"joint_{args.trial}"
