"""Recordings on disk with the times at which a source is there, to cut windows from.

Each is a song of one source, the recording itself (`umir.separation.stem_songs`), and beside it a
small file with the intervals. A folder of them is written once for a data set and a network.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from umir.annotations import Intervals
from umir.data.example import Example
from umir.data.problems import Problem
from umir.data_specification import LabelledData
from umir.files import write_beside
from umir.separation.joint_unet import JointUNet
from umir.separation.stem_songs import (
    StemSong,
    begin_songs,
    filled_batches,
    note_songs,
    songs_there,
    stored_song,
)
from umir.separation.unpaired_audio import Fingerprints, fingerprint
from umir.tasks import IntervalDetection, SingingVoiceDetection
from umir.user_data import known_examples

INTERVALS_SUFFIX = ".intervals.npy"
# A stem is there where its mean amplitude over 10 ms is more than this (LVA/ICA 2018, section 5).
AUDIBLE, AUDIBLE_SECONDS = 5e-4, 0.01


def detection_of(source: str) -> IntervalDetection:
    """Return the task of telling when a source is there."""
    voice = SingingVoiceDetection()
    if source in dict(voice.label_map):
        return voice
    return IntervalDetection(f"{source}_detection", (source,))


@dataclass(frozen=True)
class ActiveSong:
    """A recording on disk.

    Attributes:
        song: its waveform, as the only source.
        intervals: when the source is there, start and end in seconds, `(interval, 2)`.
    """

    song: StemSong
    intervals: Float[np.ndarray, "interval 2"]

    def window(
        self, network: JointUNet, start: int
    ) -> tuple[Float[np.ndarray, "time channel"], Float[np.ndarray, " kept"]]:
        """Return what a network is given, and what it should say of the frames that come out.

        Args:
            network: that looks.
            start: sample of the song at which the first of these frames is centred.
        """
        sizes = network.sizes
        waveform = self.song.window(start - sizes.margin, sizes.input)[:, 0]
        times = (start + network.hop * np.arange(network.frames + 2)) / network.rate
        inside = (self.intervals[:, :1] <= times) & (times < self.intervals[:, 1:])
        return waveform, np.asarray(inside.any(axis=0), np.float32)


def stored_active_songs(
    data: LabelledData,
    split: str,
    network: JointUNet,
    folder: Path,
    known: Fingerprints,
    progress: Callable[[Iterator[Example]], Iterable[Example]] = iter,
) -> list[ActiveSong]:
    """Write the recordings of a split to a folder, unless they are there, and return them.

    Args:
        data: recordings with intervals.
        split: which of them.
        network: whose rate, channels and source are meant.
        folder: where they are to lie.
        known: recordings that must not be among them; what is becomes a problem.
        progress: passes the recordings on as they are loaded.

    Raises:
        ValueError: the split has recordings, but none can be used.
        OSError: the disk is full.
    """
    rate, channels = network.rate, network.channels
    groups = sorted(group for group, own in data.assignment.items() if own == split)
    facts: dict[str, Any] = {"data": str(data.path), "groups": groups}
    facts["files"] = data.versions(split)
    facts |= {"detected": network.detected, "rate": rate, "channels": channels}
    facts["known"] = sorted(known)
    if (there := active_songs_there(folder, facts)) is not None:
        return there
    begin_songs(folder)
    task = detection_of(network.detected)
    found: list[ActiveSong] = []
    for example in progress(data.stream(split, rate, channels)):
        if where := known.get(fingerprint(example.waveform)):
            told = f"{example.name}: is {where}; left out"
            data.problems.append(Problem(data.path, 0, told, whole=True))
            continue
        for usable in known_examples(task, [example], data):
            path = folder / f"{len(found):05}.npy"
            found.append(stored_active_song(path, usable, task))
    note_songs(folder, facts, [active.song for active in found])
    return found


def stored_active_song(path: Path, example: Example, task: IntervalDetection) -> ActiveSong:
    """Write a recording and its intervals beside it, and return it.

    Args:
        path: of the `.npy` file of its waveform.
        example: a recording of kind `intervals`, at the rate and with the channels of a network.
        task: whose only class is meant.
    """
    assert isinstance(example.annotation, Intervals)
    (intervals,) = task.class_intervals(example.annotation).values()
    with write_beside(_intervals_of(path)) as temporary, temporary.open("wb") as file:
        np.save(file, intervals)
    return ActiveSong(stored_song(path, example.waveform[:, None]), intervals)


def active_songs_there(folder: Path, facts: dict[str, Any]) -> list[ActiveSong] | None:
    """Return what `umir.separation.stem_songs.songs_there` does, with intervals."""
    if (there := songs_there(folder, facts)) is None:
        return None
    return [ActiveSong(song, np.load(_intervals_of(song.path))) for song in there]


def _intervals_of(path: Path) -> Path:
    return path.with_suffix(INTERVALS_SUFFIX)


def windows_in_turn(
    songs: Sequence[ActiveSong], network: JointUNet, number: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield all windows side by side, in batches.

    Yields:
        Waveforms `(batch, time, channel)`, activity `(batch, kept)`, and `(batch,)` whether each of
        them is one, and not there to fill up the last batch.
    """
    hop = network.sizes.output
    places = [(song, start) for song in songs for start in range(0, song.song.length, hop)]
    for filled, known in filled_batches(places, number):
        waveforms, active = zip(*(song.window(network, at) for song, at in filled), strict=True)
        yield np.stack(waveforms), np.stack(active), known


def activity_of_stems(
    network: JointUNet, stems: Float[np.ndarray, "batch kept source 1"]
) -> Float[np.ndarray, "batch frame"]:
    """Return when a stem is to be heard, at the frames of windows of `labelled_sizes`."""
    stem = np.abs(stems[:, :, network.sources.index(network.detected), 0])
    reach = min(max(1, round(AUDIBLE_SECONDS * network.rate / 2)), network.hop)
    centres = network.hop * (1 + np.arange(network.frames + 2))
    total = np.cumsum(np.pad(stem, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    mean = (total[:, centres + reach] - total[:, centres - reach]) / (2 * reach)
    return (mean > AUDIBLE).astype(np.float32)
