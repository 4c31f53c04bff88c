"""Songs with vocals and accompaniment, from the studio and of MIR-1K, and who gets which.

Every song has one of these purposes: it teaches with its stems (`paired`), chooses (`valid`), tests
(`test`), or teaches without its stems. Of the last, each gives one thing alone: its mixture, its
vocals or its accompaniment, so that no critic hears the stems of a mixture that is separated for
it; or its mixture with the times at which somebody sings. Singers of MIR-1K never have two of the
four purposes.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from recordings.mir_1k import mir_1k
from recordings.results import alone

from adversarial.grid import TEST, VALID
from umir.annotations import Stems
from umir.data.manifest import MANIFEST_NAME, Entry, Manifest, read_manifest
from umir.separation.magnitude_unet import MagnitudeUNet
from umir.separation.stem_songs import (
    StemSong,
    begin_songs,
    note_songs,
    songs_there,
    stored_song,
)
from umir.song_library import LibrarySettings, SongLibrary
from umir.tasks.source_separation import separation_of

MIXTURES, VOCALS, ACCOMPANIMENT = UNPAIRED = ("mixtures", "vocals", "accompaniment")
VALID_SINGERS, PAIRED_SINGERS, TEST_SINGERS = 1, 2, 4
PAIRED = "paired"
WITH_STEMS = (PAIRED, VALID, TEST)
RATE = 16_000  # Hz of what the studio renders
CHUNK = 48  # songs that are rendered before it is counted how many have a voice


@dataclass(frozen=True)
class Deal:
    """Who gets which songs; a song is a line of a manifest.

    Attributes:
        paired: what a training takes its pairs from: songs, or all songs of a singer.
        valid: to choose by.
        test: to score.
        unpaired: what gives one thing alone, by what that is: of `UNPAIRED`, or others.
    """

    paired: tuple[tuple[Any, ...], ...] = ()
    valid: tuple[Any, ...] = ()
    test: tuple[Any, ...] = ()
    unpaired: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def pairs(self, number: int, seed: int) -> tuple[Any, ...]:
        """Return the songs of as many pairs, the first of an order that the seed decides.

        Raises:
            ValueError: there are not as many.
        """
        if not 0 < number <= len(self.paired):
            raise ValueError(f"{number} pairs: there are {len(self.paired)}")
        order = np.random.default_rng(seed).permutation(len(self.paired))
        return tuple(song for place in order[:number] for song in self.paired[place])


def deal_songs(
    songs: Sequence[Any], *, test: int, valid: int, paired: int, alone: Sequence[str] = UNPAIRED
) -> Deal:
    """Deal songs out in their order: to test, to choose, with stems; the rest without.

    Args:
        songs: in their order.
        test: how many test.
        valid: how many choose.
        paired: how many have stems.
        alone: what the rest gives, a song one of them each.

    Raises:
        ValueError: there are not enough.
    """
    if len(songs) < test + valid + paired:
        raise ValueError(f"{len(songs)} songs: {test + valid + paired} are needed with their stems")
    first, second = test + valid, test + valid + paired
    return Deal(
        tuple((song,) for song in songs[first:second]),
        tuple(songs[test:first]),
        tuple(songs[:test]),
        in_turn(songs[second:], alone),
    )


def deal_singers(
    clips: Mapping[str, Sequence[Any]],
    fold: int = 0,
    paired: int = 2,
    alone: Sequence[str] = UNPAIRED,
) -> Deal:
    """Deal singers out: four to test, one to choose, some with stems; the rest without.

    Args:
        clips: singer -> clips.
        fold: which singers test; those of different folds are different as long as they last.
        paired: singers with stems.
        alone: what the rest gives, a clip one of them each.
    """
    names = [str(name) for name in np.random.default_rng(0).permutation(sorted(clips))]
    names = [*np.roll(names, -fold * TEST_SINGERS)]
    test, names = names[:TEST_SINGERS], names[TEST_SINGERS:]
    valid, names = names[:VALID_SINGERS], names[VALID_SINGERS:]
    if len(names) <= paired:
        raise ValueError(f"{len(clips)} singers: too few for the splits")
    return Deal(
        tuple(tuple(clips[name]) for name in names[:paired]),
        tuple(clip for name in valid for clip in clips[name]),
        tuple(clip for name in test for clip in clips[name]),
        in_turn([clip for name in names[paired:] for clip in clips[name]], alone),
    )


def in_turn(songs: Sequence[Any], names: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Return which songs give what: as many for each name, the one after the other."""
    return {name: tuple(songs[n :: len(names)]) for n, name in enumerate(names)}


@dataclass(frozen=True)
class Songs:
    """Songs of a manifest, and where what is cut from them lies at a network's rate.

    Attributes:
        manifest: with stems of which `vocals` is one.
        network: that hears the songs.
        folder: for what is stored.
    """

    manifest: Manifest
    network: MagnitudeUNet
    folder: Path

    def stored(self, songs: Sequence[Entry], part: str) -> list[StemSong]:
        """Return songs on disk, written unless they are there.

        Args:
            songs: lines of the manifest.
            part: what they are for. Of `WITH_STEMS`, with all sources of the network; of
                `UNPAIRED`, one thing alone.

        Raises:
            ValueError: one of them cannot be read.
        """
        names = [song.name for song in songs]
        facts = {"data": str(self.manifest.path.absolute()), "songs": names, "part": part}
        facts |= {"sources": list(self.network.sources), "rate": self.network.rate}
        folder = folder_of(self.folder, part, facts)
        with alone(self.folder):
            if (there := songs_there(folder, facts)) is None:
                begin_songs(folder)
                there = [
                    stored_song(folder / f"{n:05}.npy", self._cut(song, part))
                    for n, song in enumerate(songs)
                ]
                note_songs(folder, facts, there)
        return there

    def _cut(self, song: Entry, part: str) -> np.ndarray:
        """Return a song as `(time, source, 1)`; of one thing alone it has one source."""
        annotation = self.manifest.load(song, self.network.rate, 1).annotation
        assert isinstance(annotation, Stems)
        stems = separation_of(self.network.sources).mix(annotation).transpose(1, 0, 2)
        if part == MIXTURES:
            return stems.sum(axis=1, keepdims=True)
        if part in WITH_STEMS:
            return stems
        place = self.network.sources.index(part)
        return stems[:, place : place + 1]


def folder_of(root: Path, part: str, facts: Mapping[str, Any]) -> Path:
    """Return the folder of songs that nobody else has, who deals others for the same purpose."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return root / f"{part}-{digest[:12]}"


def studio_songs(root: Path, number: int, workers: int, seconds: float) -> Manifest:
    """Return a library of songs of the studio of which at least so many have a voice.

    Args:
        root: its folder, which is filled up, and used again.
        number: of songs with a voice.
        workers: processes that render.
        seconds: length of a song.
    """
    settings = LibrarySettings(rate=RATE, song_seconds=seconds)
    with alone(root):
        library, chunk = SongLibrary(root, settings), min(CHUNK, number)
        wanted = 0
        while not (root / MANIFEST_NAME).exists() or len(sung(root)) < number:
            wanted += chunk
            library.grow(range(wanted), workers)
            print(f"{root}: {wanted} songs of the studio are there", flush=True)
    return read_manifest(root, "stems", common_stems=False)


def sung(root: Path) -> list[str]:
    """Return the mixtures of a studio's library that somebody sings in, as its manifest does."""
    lines = (root / MANIFEST_NAME).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [row["audio"] for row in rows if "voice" in row["labels"]]


def mir_1k_songs(source: Path, root: Path) -> Manifest:
    """Return the clips of MIR-1K, written to a folder unless they are there.

    Args:
        source: the folder that holds `MIR-1K`.
        root: where the folder is to lie.
    """
    folder = root / "mir_1k"
    with alone(root):
        if not (folder / MANIFEST_NAME).exists():
            mir_1k(source, root)
    return read_manifest(folder, "stems", common_stems=False)


def groups_of(songs: Sequence[Entry]) -> dict[str, str]:
    """Return song -> singer, where singers have several; nothing where all songs are apart."""
    groups = {song.name: song.group for song in songs}
    return groups if len({*groups.values()}) < len(groups) else {}


def singers(manifest: Manifest) -> dict[str, list[Entry]]:
    """Return singer -> clips."""
    found: dict[str, list[Entry]] = {}
    for entry in manifest.entries:
        found.setdefault(entry.group, []).append(entry)
    return found
