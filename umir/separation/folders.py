"""What `umir separate-train` is given, as folders: named first, read and stored afterwards.

`NamedData.of` sees that everything which is named is there, without reading audio, so that wrong
arguments leave nothing behind. `stored` then writes all of it to a folder at the network's rate,
once, says what cannot be used, and returns it as `SeparationData`.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from umir.data.problems import describe, gathered
from umir.data.splits import SPLITS
from umir.data_specification import LabelledData, open_data, stored_splits
from umir.separation.active_songs import ActiveSong, detection_of, stored_active_songs
from umir.separation.data import SeparationData, check_solos
from umir.separation.joint_unet import JointUNet
from umir.separation.stem_songs import StemSong, mixtures_alone, stored_songs
from umir.separation.unpaired_audio import (
    Fingerprints,
    Recordings,
    fingerprints,
    stored_recordings,
)
from umir.separation.unpaired_files import UnpairedFiles, unpaired_files
from umir.separation.window_separator import WindowNetwork
from umir.tasks import TASKS


@dataclass(frozen=True)
class NamedData:
    """What there is to learn from, unread.

    Attributes:
        pairs: songs with stems.
        mixtures: files of mixtures without.
        solos: files of the recordings of a source, by its name.
        activity: recordings with labels of activity.
    """

    pairs: LabelledData | None = None
    mixtures: UnpairedFiles | None = None
    solos: Mapping[str, UnpairedFiles] = field(default_factory=dict)
    activity: LabelledData | None = None

    @classmethod
    def of(
        cls,
        network: WindowNetwork,
        pairs: str | None,
        mixtures: str | None = None,
        solos: Sequence[str] = (),
        activity: str | None = None,
        splits: Mapping[str, str] | None = None,
        activity_splits: Mapping[str, str] | None = None,
    ) -> "NamedData":
        """Return what arguments of the command name.

        Args:
            network: that learns.
            pairs: a specification (`umir.data_specification`).
            mixtures: a folder or manifest.
            solos: each NAME=FOLDER.
            activity: a specification.
            splits: of songs with stems that a start has learnt from, which judge nothing then.
            activity_splits: the same of recordings with labels of activity.

        Raises:
            ValueError: something is not there, has no recordings, or does not fit the network.
        """
        folders = dict(text.split("=", 1) for text in solos)
        if len(folders) < len(solos):
            raise ValueError("--solo: a source is named twice; put its recordings into one folder")
        check_solos(folders, network.sources)
        opened = None
        if pairs:
            known = stored_splits(pairs, splits)
            opened = open_data(pairs, "stems", None, known, common_stems=False)
        if opened is not None and "train" not in opened.assignment.values():
            raise ValueError(f"{opened.path}: no song with stems is in the split 'train'")

        def files_of(path: str) -> UnpairedFiles:
            known = opened.assignment if opened else None
            return unpaired_files(Path(path), stored_splits(path, known))

        labelled = _activity(network, activity, activity_splits)
        unlabelled = files_of(mixtures) if mixtures else None
        return cls(opened, unlabelled, {n: files_of(path) for n, path in folders.items()}, labelled)

    @property
    def unpaired_groups(self) -> list[str]:
        """The groups of mixtures and solos."""
        mixtures = [self.mixtures] if self.mixtures else []
        return [group for files in (*mixtures, *self.solos.values()) for group in files.groups]


def _activity(
    network: WindowNetwork, text: str | None, splits: Mapping[str, str] | None
) -> LabelledData | None:
    """Return the recordings with labels of what a network detects."""
    if not text:
        return None
    if not isinstance(network, JointUNet):
        raise ValueError("--activity: only presets that detect, joint and joint-half, learn of it")
    task = detection_of(network.detected).name
    known = stored_splits(text, splits)
    data = open_data(text, "intervals", task if task in TASKS else None, known)
    if "train" not in data.assignment.values():
        raise ValueError(f"{data.path}: no recording is in the split 'train'")
    return data


def stored(
    named: NamedData, network: WindowNetwork, folder: Path, *, validates: bool, unpaired: bool
) -> SeparationData:
    """Write all recordings to a folder, unless they are there, and return them.

    Args:
        named: what there is.
        network: whose rate, channels and sources are meant.
        folder: where they are to lie.
        validates: whether there must be songs to validate with.
        unpaired: whether songs whose stems do not add up serve as mixtures.

    Raises:
        ValueError: something cannot be used at all.
        OSError: the disk is full.
    """
    labelled: dict[str, list[StemSong]] = {"train": [], "valid": []}
    if named.pairs is not None:
        labelled = _labelled(named.pairs, network, folder)
        for split in ("train", "valid") if validates else ("train",):
            if not (labelled[split] or (unpaired and mixtures_alone(folder / split))):
                raise ValueError(f"{named.pairs.path}: no song of the split {split!r} can be used")
    elsewhere = _elsewhere(named, network)
    held_out = elsewhere.get("train", {})

    def recordings(files: UnpairedFiles, name: str) -> tuple[StemSong, ...]:
        return _recordings(files, held_out, network, folder / name)

    active: dict[str, list[ActiveSong]] = {"train": [], "valid": []}
    mixtures = recordings(named.mixtures, "mixtures") if named.mixtures is not None else ()
    solos = {name: recordings(files, f"solo-{name}") for name, files in named.solos.items()}
    unmatched = _mixtures_of_pairs(held_out, network, folder) if unpaired else ()
    if named.activity is not None:
        assert isinstance(network, JointUNet)
        active = _active(named.activity, network, folder, elsewhere)
    return SeparationData(
        labelled["train"],
        labelled["valid"],
        mixtures,
        solos,
        active["train"],
        active["valid"],
        unmatched,
    )


def _elsewhere(named: NamedData, network: WindowNetwork) -> dict[str, Fingerprints]:
    """Return what the pairs have in other splits, if there is anything beside them to look at."""
    if not (named.mixtures or named.solos or named.activity):
        return {}
    return known_elsewhere(named, network, *(("train", "valid") if named.activity else ("train",)))


def _mixtures_of_pairs(
    held_out: Fingerprints, network: WindowNetwork, folder: Path
) -> tuple[StemSong, ...]:
    """Return the mixtures of the pairs whose stems do not add up, and say how many there are."""
    if not (alone := mixtures_alone(folder / "train")):
        return ()
    print(
        f"{len(alone)} of the pairs, whose stems do not add up, serve as mixtures",
        file=sys.stderr,
    )
    place = folder / "mixtures-of-pairs"
    return _usable(stored_recordings(alone, held_out, network.rate, network.channels, place))


def _labelled(
    data: LabelledData, network: WindowNetwork, folder: Path
) -> dict[str, list[StemSong]]:
    """Return the songs with stems of the splits that training needs."""
    sources, rate, channels = network.sources, network.rate, network.channels
    songs = {
        split: stored_songs(
            data, split, sources, rate, channels, folder / split, _bar(f"{split} songs")
        )
        for split in ("train", "valid")
    }
    _say(data)
    return songs


def known_elsewhere(
    named: NamedData, network: WindowNetwork, *splits: str
) -> dict[str, Fingerprints]:
    """Return, for each of the splits, what the pairs have in others: nothing else may bring it in.

    So nothing is learnt from, chosen by or judged by what has another of these purposes.
    """
    if named.pairs is None:
        return dict.fromkeys(splits, {})
    read = [name for name in SPLITS if any(name != split for split in splits)]
    known = {
        name: fingerprints(named.pairs, (name,), network.rate, network.channels) for name in read
    }
    others = {split: [known[name] for name in read if name != split] for split in splits}
    return {
        split: {k: v for own in found for k, v in own.items()} for split, found in others.items()
    }


def _recordings(
    unpaired: UnpairedFiles, held_out: Fingerprints, network: WindowNetwork, folder: Path
) -> tuple[StemSong, ...]:
    """Return the recordings that can be used, and print what is wrong with the others."""
    if unpaired.problems:
        print(describe(gathered(unpaired.problems)), file=sys.stderr)
    rate, channels, bar = network.rate, network.channels, _bar(folder.name, "file")
    found = stored_recordings(unpaired.files, held_out, rate, channels, folder, bar)
    if not found.songs:
        told = f" ({found.problems[0]})" if found.problems else ""
        raise ValueError(f"{unpaired.path}: no recording there can be used{told}")
    return _usable(found)


def _usable(found: Recordings) -> tuple[StemSong, ...]:
    """Return the recordings that can be used, and print what is wrong with the others."""
    for problem in found.problems:
        print(problem, file=sys.stderr)
    return found.songs


def _active(
    data: LabelledData, network: JointUNet, folder: Path, known: Mapping[str, Fingerprints]
) -> dict[str, list[ActiveSong]]:
    """Return the recordings with labels of activity of the splits that training needs."""
    songs = {
        split: stored_active_songs(
            data, split, network, folder / f"activity-{split}", known[split], _bar(split)
        )
        for split in ("train", "valid")
    }
    _say(data)
    if not songs["train"]:
        raise ValueError(f"{data.path}: no recording of the split 'train' can be used")
    if not any(len(active.intervals) for active in songs["train"]):
        raise ValueError(
            f"{data.path}: no recording of the split 'train' has an interval of "
            f"{network.detected}, which labels may call "
            f"{', '.join(sorted(detection_of(network.detected).source_labels))}"
        )
    return songs


def _say(data: LabelledData) -> None:
    """Print what of labelled data could not be used."""
    if data.problems:
        print(describe(data.problems), file=sys.stderr)


def _bar(what: str, unit: str = "song") -> Any:
    """Return what shows the progress of files that are read."""

    def shown(items: Iterable[Any]) -> Iterable[Any]:
        return tqdm(items, desc=what, unit=unit, disable=None)

    return shown
