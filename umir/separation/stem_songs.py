"""Songs with their stems on disk, at a network's rate, to cut windows from: memory stays free.

Each song is one `.npy` file of shape `(time, source, channel)`, read by mapping it into memory, and
another of what is no source, if there is any: a mixture is the sum of all. A folder of them is
written once for a data set and a network; a second training finds it there.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from umir.annotations import Stems
from umir.audio import to_channels
from umir.data.example import Example
from umir.data.manifest_lines import ManifestError
from umir.data_sets import DataSetError
from umir.data_specification import LabelledData
from umir.files import make_folder, write_beside, write_json
from umir.tasks.source_separation import (
    ACCOMPANIMENT,
    REST,
    SourceSeparation,
    separation_of,
)
from umir.user_data import known_examples
from umir.wave_unet.separators import Sizes

FACTS_NAME, ALONE = "songs.json", "mixtures_alone"
REST_SUFFIX = ".rest.npy"
_LEFT = "stems that are no source"

Window = Float[np.ndarray, "time source channel"]
Rest = Float[np.ndarray, "time _ channel"]  # of one source, or none
_Place = TypeVar("_Place")


@dataclass(frozen=True)
class StemSong:
    """A song on disk.

    Attributes:
        path: of its `.npy` file.
        length: in samples.
    """

    path: Path
    length: int

    def window(self, start: int, length: int) -> Window:
        """Return samples from `start` on, which may lie before the song or after its end: zeros."""
        return self._window(self.path, start, length)

    def rest(self, start: int, length: int) -> Rest | None:
        """Return such a window, of one source, of what is no source; None if there is nothing."""
        path = rest_of(self.path)
        return self._window(path, start, length) if path.exists() else None

    def _window(self, path: Path, start: int, length: int) -> Window:
        stored = np.load(path, mmap_mode="r")
        first, last = max(start, 0), min(start + length, self.length)
        window = np.zeros((length, *stored.shape[1:]), np.float32)
        if first < last:
            window[first - start : last - start] = stored[first:last]
        return window


def rest_of(path: Path) -> Path:
    """Return where what is no source of a song lies, if there is any."""
    return path.with_suffix(REST_SUFFIX)


def stored_songs(
    data: LabelledData,
    split: str,
    sources: Sequence[str],
    rate: int,
    channels: int,
    folder: Path,
    progress: Callable[[Iterator[Example]], Iterator[Example]] = iter,
) -> list[StemSong]:
    """Write the songs of a split to a folder, unless they are there, and return them.

    Args:
        data: songs with stems.
        split: which of them.
        sources: of a network; other stems are part of mixtures alone.
        rate: of the stored songs, in Hz.
        channels: of the stored songs.
        folder: where they are to lie.
        progress: passes the songs on as they are loaded.

    Returns:
        The songs; none if all that is wrong is that their stems do not add up (`mixtures_alone`).

    Raises:
        ValueError: the split has songs, but none can be used.
        OSError: the disk is full.
    """
    facts = {
        "data": str(data.path),
        "groups": sorted(group for group, own in data.assignment.items() if own == split),
        "files": data.versions(split),
        "sources": list(sources),
        "rate": rate,
        "channels": channels,
    }
    if (found := songs_there(folder, facts)) is not None:
        return found
    begin_songs(folder)
    songs: list[StemSong] = []
    task, before = separation_of(sources), len(data.problems)

    def alone() -> list[str]:
        return [str(p.recording) for p in data.problems[before:] if p.recording is not None]

    try:
        for example in progress(data.stream(split, rate, channels)):
            for usable in known_examples(task, [example], data):
                path = folder / f"{len(songs):05}.npy"
                stems = _mixed_stems(task, usable, channels)
                songs.append(stored_song(path, *np.split(stems, [len(sources)], axis=1)))
    except (ManifestError, DataSetError):
        if not alone():
            raise
    note_songs(folder, facts, songs, alone())
    return songs


def _mixed_stems(task: SourceSeparation, example: Example, channels: int) -> Window:
    """Return the sources of a song, sums of its stems, and after them what no source is."""
    assert isinstance(example.annotation, Stems)
    if ACCOMPANIMENT not in task.vocabulary:
        left = ((_LEFT, (REST,)),)
        task = replace(task, vocabulary=(*task.vocabulary, _LEFT), sources=task.sources + left)
    stems = [to_channels(stem, channels) for stem in task.mix(example.annotation)]
    return np.stack(stems, axis=1)


def mixtures_alone(folder: Path) -> list[Path]:
    """Return the mixtures that `stored_songs` found, but whose stems do not add up to them."""
    if not (folder / FACTS_NAME).is_file():
        return []
    return [Path(path) for path in json.loads((folder / FACTS_NAME).read_text())[ALONE]]


def stored_song(path: Path, stems: Window, rest: Rest | None = None) -> StemSong:
    """Write a song, and return it.

    Args:
        path: of its sources.
        stems: the sources.
        rest: what is in the mixture beside them.
    """
    for place, waveforms in ((path, stems), (rest_of(path), rest)):
        if waveforms is None or (place != path and not waveforms.any()):
            place.unlink(missing_ok=True)
            continue
        with write_beside(place) as temporary, temporary.open("wb") as file:
            np.save(file, waveforms)
    return StemSong(path, len(stems))


def note_songs(
    folder: Path, facts: dict[str, Any], songs: Sequence[StemSong], alone: Sequence[str] = ()
) -> None:
    """Write that a folder holds all of its songs, and what they were made of: plain JSON.

    Args:
        folder: where they lie.
        facts: what they were made of.
        songs: all of them.
        alone: paths of mixtures that have no stems that add up to them.
    """
    lengths = [song.length for song in songs]
    write_json(folder / FACTS_NAME, {**facts, "lengths": lengths, ALONE: list(alone)})


def begin_songs(folder: Path) -> None:
    """Make a folder for songs; one that has some holds none any more until `note_songs` says so."""
    make_folder(folder)
    (folder / FACTS_NAME).unlink(missing_ok=True)


def songs_there(folder: Path, facts: dict[str, Any]) -> list[StemSong] | None:
    """Return the songs of a folder that was written whole, with the same facts; says if others."""
    try:
        found = json.loads((folder / FACTS_NAME).read_text())
    except (FileNotFoundError, ValueError):
        return None
    lengths, _ = found.pop("lengths", None), found.pop(ALONE, None)
    if found != facts or lengths is None:
        changed = ", ".join(name for name in facts if found.get(name) != facts[name])
        print(f"{folder}: {changed or 'lengths'} changed: all is read again", file=sys.stderr)
        return None
    return [StemSong(folder / f"{n:05}.npy", length) for n, length in enumerate(lengths)]


def random_windows(
    songs: Sequence[StemSong],
    sizes: Sizes,
    number: int,
    gains: tuple[float, float],
    rng: np.random.Generator,
    *,
    common: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw windows from anywhere in the songs.

    Args:
        songs: to draw from, all with the same probability.
        sizes: of the network's windows.
        number: how many.
        gains: each source is multiplied by a random number of this range.
        rng: what decides.
        common: multiply all sources of a window by the same number.

    Returns:
        Mixtures `(batch, sizes.input, channel)` and targets `(batch, sizes.output, source,
        channel)`: the middle of what the mixture is the sum of.
    """
    cuts = _random_cuts(songs, sizes, number, gains, rng, common=common)
    mixtures, targets = (np.stack(parts) for parts in zip(*cuts, strict=True))
    return mixtures, targets


def random_mixtures(
    songs: Sequence[StemSong],
    sizes: Sizes,
    number: int,
    gains: tuple[float, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the mixtures of `random_windows` with common gains; songs may differ in sources."""
    cuts = _random_cuts(songs, sizes, number, gains, rng, common=True)
    return np.stack([mixture for mixture, _ in cuts])


def _random_cuts(
    songs: Sequence[StemSong],
    sizes: Sizes,
    number: int,
    gains: tuple[float, float],
    rng: np.random.Generator,
    *,
    common: bool,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the mixture and the sources of each window of `random_windows`."""
    for song in rng.choice(len(songs), number):
        start = rng.integers(max(songs[song].length - sizes.output, 0) + 1) - sizes.margin
        stems = songs[song].window(int(start), sizes.input)
        factors = rng.uniform(*gains, 1 if common else stems.shape[1]).astype(np.float32)
        rest = songs[song].rest(int(start), sizes.input)
        if rest is not None:
            rest *= factors[0] if common else np.float32(rng.uniform(*gains))
        yield _mixed(stems * factors[None, :, None], rest, sizes)


def windows_in_turn(
    songs: Sequence[StemSong], sizes: Sizes, number: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield all windows side by side, in batches, as they are separated.

    Yields:
        Mixtures and targets as of `random_windows`, and `(batch,)` whether each of them is one,
        and not there to fill up the last batch.
    """
    places = [(s, start) for s in songs for start in range(0, s.length, sizes.output)]
    for filled, known in filled_batches(places, number):
        places_of = [(song, start - sizes.margin, sizes.input) for song, start in filled]
        cuts = [_mixed(s.window(*at), s.rest(*at), sizes) for s, *at in places_of]
        mixtures, targets = (np.stack(parts) for parts in zip(*cuts, strict=True))
        yield mixtures, targets, known


def filled_batches(places: list[_Place], number: int) -> Iterator[tuple[list[_Place], np.ndarray]]:
    """Yield places in batches of one size, and `(batch,)` which are not there to fill up."""
    for first in range(0, len(places), number):
        own = places[first : first + number]
        yield own + own[:1] * (number - len(own)), np.arange(number) < len(own)


def _mixed(stems: Window, rest: Rest | None, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Return the mixture of a window, and the middle of its sources."""
    mixture = stems.sum(axis=1) if rest is None else stems.sum(axis=1) + rest[:, 0]
    return mixture, stems[sizes.margin : sizes.margin + sizes.output]
