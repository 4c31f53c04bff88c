"""Recordings as mu-law classes, a byte per sample in memory: 58 MB per hour at 16 kHz.

Files in folders called `train`, `valid` or `test` belong to that split, others to one that their
name and that of their folder decide on (`umir.data.splits`), wherever that lies. A single file is
split by position.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from umir.audio import to_channels
from umir.audio_stream import open_audio, resample_blocks
from umir.data.splits import SPLITS, assign_splits
from umir.sequence_tasks.batches import (
    Batch,
    SequenceData,
    WindowSizes,
    windows,
    windows_in_turn,
)
from umir.sequence_tasks.mu_law import SILENCE, mu_law
from umir.sequence_tasks.texts import SHARES

Classes = UInt8[np.ndarray, "_"]  # `_`: recordings are of several lengths


class Recordings(SequenceData):
    """Recordings in windows.

    Args:
        recordings: split -> classes of each recording.
        sizes: of the windows.
        batch: windows per step.
        description: plain JSON that tells these recordings from others.
        hop: samples for which an epoch has a window; None: as many as one predicts.
    """

    def __init__(
        self,
        recordings: Mapping[str, Sequence[Classes]],
        sizes: WindowSizes,
        batch: int,
        description: Mapping | None = None,
        hop: int | None = None,
    ):
        self._hop = hop or sizes.outputs
        self._recordings, self._sizes, self._size = recordings, sizes, batch
        self.splits = tuple(split for split in recordings if recordings[split])
        self.description = dict(description or {})

    @property
    def epoch_steps(self) -> int:
        """As many batches as it takes for a window from each `hop` samples."""
        samples = sum(map(len, self._recordings["train"]))
        return max(1, samples // (self._size * self._hop))

    def batch(self, step: int, seed: int) -> Batch:
        """Return windows from anywhere."""
        rng = np.random.default_rng((seed, step))
        train = self._recordings["train"]
        lengths = np.array([len(recording) for recording in train], np.float64)
        chosen = rng.choice(len(train), self._size, p=lengths / lengths.sum())
        parts = []
        for number in chosen:
            last = max(len(train[number]) - self._sizes.outputs, 0)
            first = rng.integers(0, last + 1)
            parts.append(windows(train[number], np.array([first]), self._sizes, SILENCE))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def in_turn(self, split: str) -> Iterator[Batch]:
        """Yield windows over all recordings of a split."""
        for recording in self._recordings[split]:
            yield from windows_in_turn(recording, self._sizes, self._size, fill=SILENCE)


def read_recordings(
    files: Sequence[Path],
    rate: int,
    report: Callable[[str], None],
    progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> dict[Path, Classes]:
    """Read files as classes; those that cannot be read are left out.

    Args:
        files: what to read.
        rate: sampling rate of the result in Hz.
        report: called with the reason for each that is left out.
        progress: iterates over the files and shows how far it is.

    Raises:
        ValueError: none of several can be read, or the only one cannot.
    """
    found = {}
    for path in progress(files):
        try:
            found[path] = read_classes(path, rate)
        except (ValueError, OSError) as error:
            if len(files) == 1:
                raise
            report(f"left out: {' '.join(str(error).split())}")
    if not found:
        raise ValueError(f"none of the {len(files)} files can be read as audio")
    return found


def read_classes(path: Path, rate: int) -> Classes:
    """Return a file as classes of one channel at a rate; memory holds these, no waveform.

    Raises:
        AudioError: the file cannot be used.
    """
    with open_audio(path) as file:
        mono = (to_channels(block, 1) for block in file.blocks())
        blocks = resample_blocks(mono, file.rate, rate)
        return np.concatenate([mu_law(block[:, 0]) for block in blocks])


def split_recordings(found: Mapping[Path, Classes]) -> dict[str, list[Classes]]:
    """Return the recordings of each split.

    Raises:
        ValueError: nothing to train on or to validate on.
    """
    if len(found) == 1:
        (only,) = found.values()
        ends = [round(share * len(only)) for share in np.cumsum(list(SHARES.values()))]
        parts = np.split(only, ends[:-1])
        return {split: [part] for split, part in zip(SHARES, parts, strict=True) if len(part)}
    explicit = {_name(path): _named_split(path) for path in found}
    assigned = assign_splits(explicit)
    splits: dict[str, list[Classes]] = {split: [] for split in SPLITS}
    for path, classes in found.items():
        splits[assigned[_name(path)]].append(classes)
    for split in ("train", "valid"):
        if not splits[split]:
            raise ValueError(f"no recording is in the split {split!r}; give more files")
    return splits


def describe(found: Mapping[Path, Classes]) -> dict[str, list[int]]:
    """Return the lengths of the recordings of each name, which tell these from others."""
    lengths = defaultdict(list)
    for path, classes in found.items():
        lengths[_name(path)].append(len(classes))
    return dict(lengths)


def _name(path: Path) -> str:
    """Return folder and file, the same however the way to them is typed."""
    return "/".join(path.absolute().parts[-2:])


def _named_split(path: Path) -> str | None:
    folder = path.absolute().parent.name
    return folder if folder in SPLITS else None
