"""A folder of rendered songs, in shards of a thousand, that grows until it holds what is asked for.

    ROOT/settings.json              what the songs are made with: another call must agree
    ROOT/manifest.jsonl             one line per song, in the users' contract
    ROOT/beat_tracking.jsonl, ...   the same songs with other annotations, for these tasks
    ROOT/00000-00999/00042/         a song (`umir.studio.song_files`)

Song n follows from the settings and n alone, so neither the number of processes nor interruptions
leave a trace. A song's folder appears when it is complete; what a killed process began is removed
by the next one. Files that are not the library's are left alone.
"""

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from umir import __version__
from umir.data.manifest import MANIFEST_NAME
from umir.file_batch import Progress, Work, outcomes
from umir.files import make_folder, write_beside, write_json
from umir.studio.catalogue import SONGS_PER_SEED
from umir.studio.features import ALL_FEATURES, Features
from umir.studio.midi.midi_song import render_midi
from umir.studio.render import render_song
from umir.studio.song import LIBRARY_SEED, SONG_SECONDS, Song
from umir.studio.song_files import FACTS_NAME, manifest_line, manifests, write_song

SETTINGS_NAME = "settings.json"
_SHARD, _DIGITS = 1000, 5
_SHARD_NAME = re.compile(rf"\d{{{_DIGITS},}}-\d{{{_DIGITS},}}")
_SONG_NAME = re.compile(rf"\d{{{_DIGITS},}}")
_UNFINISHED = re.compile(rf"\.\d{{{_DIGITS},}}-[0-9a-f]{{8}}")


@dataclass(frozen=True)
class LibrarySettings:
    """What the songs of a library are made with.

    Attributes:
        rate: sampling rate in Hz.
        channels: 1 or 2.
        seed: song n of seed s is the studio's song s * 1,000,000 + n.
        song_seconds: length of a song that the studio composes.
        without: groups of features that songs do not have.
        soundfonts: the user's own SoundFonts.
        midi: MIDI files, which are played in turn instead of what the studio would compose.
        container: `flac` or `wav`.
    """

    rate: int = 16_000
    channels: int = 1
    seed: int = LIBRARY_SEED
    song_seconds: float = SONG_SECONDS
    without: tuple[str, ...] = ()
    soundfonts: tuple[str, ...] = ()
    midi: tuple[str, ...] = ()
    container: str = "flac"

    @property
    def features(self) -> Features:
        """The groups of features that songs have.

        Raises:
            ValueError: `without` names a group that does not exist.
        """
        return ALL_FEATURES.without(*self.without)

    def song(self, number: int) -> Song:
        """Render a song by its number."""
        fonts = tuple(map(Path, self.soundfonts))
        seed = self.seed * SONGS_PER_SEED + number
        if self.midi:
            # A file is played by the studio's own sounds and by each SoundFont in turn.
            turn = sum(divmod(number, len(self.midi)))
            return render_midi(
                Path(self.midi_file(number)),
                rate=self.rate,
                channels=self.channels,
                soundfont=[None, *fonts][turn % (len(fonts) + 1)],
                seed=seed,
            )
        return render_song(
            seed,
            rate=self.rate,
            duration=self.song_seconds,
            channels=self.channels,
            features=self.features,
            soundfonts=fonts,
        )

    def midi_file(self, number: int) -> str:
        """Return the MIDI file that a song plays; `""` if the studio composes it."""
        return self.midi[number % len(self.midi)] if self.midi else ""


@dataclass(frozen=True)
class _Rendering:
    """Rendering songs, as a job for `umir.file_batch`: the name of a folder is a number."""

    settings: LibrarySettings

    def start(self) -> Work:
        settings = self.settings

        def work(folder: Path, progress: Progress) -> None:
            del progress
            number = int(folder.name)
            group = Path(settings.midi_file(number)).as_posix() if settings.midi else ""
            write_song(folder, settings.song(number), settings.container, group)

        return work


class SongLibrary:
    """A folder of rendered songs. Hold it with `umir.files.locked` as long as this object lives.

    Args:
        root: the folder; made if needed.
        settings: what its songs are made with.

    Raises:
        ValueError: it holds songs that were made otherwise, or a manifest that is not ours.
    """

    def __init__(self, root: Path, settings: LibrarySettings):
        self.root, self.settings = make_folder(root), settings
        self._check_settings()
        for shard in self._shards():
            for path in shard.iterdir():
                if _UNFINISHED.fullmatch(path.name):
                    shutil.rmtree(path)

    def folder(self, number: int) -> Path:
        """Return the folder of a song."""
        first = number - number % _SHARD
        last = first + _SHARD - 1
        return self.root / f"{first:0{_DIGITS}d}-{last:0{_DIGITS}d}" / f"{number:0{_DIGITS}d}"

    def holds(self, number: int) -> bool:
        """Return whether a song is there."""
        return (self.folder(number) / FACTS_NAME).is_file()

    def grow(
        self, numbers: Iterable[int], workers: int = 1, rendered: Callable[[], Any] = lambda: None
    ) -> None:
        """Render those of some songs that are not there yet, and write the manifests.

        Args:
            numbers: of the songs.
            workers: processes; 1 is this one.
            rendered: called after each song.

        Raises:
            ValueError: a song cannot be rendered or written. What is there is whole, and in the
                manifests if they could be written.
        """
        folders = [self.folder(number) for number in numbers if not self.holds(number)]
        found = outcomes(folders, _Rendering(self.settings), workers)
        try:
            with contextlib.closing(found):  # type: ignore[type-var]
                for outcome in found:
                    if outcome.error is not None:
                        raise ValueError(outcome.error)
                    rendered()
        except BaseException:
            with contextlib.suppress(OSError):  # the disk may be full
                self.write_manifests()
            raise
        self.write_manifests()

    def write_manifests(self) -> None:
        """Write the manifests of all songs that are there, in the order of their numbers."""
        lines = []
        for folder in self.songs():
            facts = json.loads((folder / FACTS_NAME).read_text(encoding="utf-8"))
            lines.append(manifest_line(facts, folder.relative_to(self.root).as_posix()))
        for name, text in manifests(lines).items():
            with write_beside(self.root / name) as temporary:
                temporary.write_text(text, encoding="utf-8")

    def songs(self) -> list[Path]:
        """Return the folders of the songs that are there, in the order of their numbers."""
        folders = (folder for shard in self._shards() for folder in shard.iterdir())
        ours = (folder for folder in folders if _SONG_NAME.fullmatch(folder.name))
        return sorted(
            (folder for folder in ours if (folder / FACTS_NAME).is_file()),
            key=lambda folder: int(folder.name),
        )

    def _shards(self) -> Iterator[Path]:
        for path in self.root.iterdir():
            if _SHARD_NAME.fullmatch(path.name) and path.is_dir():
                yield path

    def _check_settings(self) -> None:
        """Compare the settings with those of the songs that are there, or write them down."""
        path = self.root / SETTINGS_NAME
        wanted = json.loads(json.dumps({"umir": __version__, **asdict(self.settings)}))
        if not path.exists():
            if (self.root / MANIFEST_NAME).exists():
                raise ValueError(
                    f"{self.root / MANIFEST_NAME}: is not of songs that the studio rendered; give "
                    "another folder"
                )
            write_json(path, wanted)
            return
        try:
            made = json.loads(path.read_text(encoding="utf-8"))
            differ = [name for name in {**made, **wanted} if made.get(name) != wanted.get(name)]
        except (ValueError, AttributeError, TypeError):
            raise ValueError(f"{path}: is damaged; give another folder") from None
        if differ:
            name = differ[0]
            raise ValueError(
                f"{self.root}: its songs were made with another {name!r}: "
                f"{_shown(made.get(name))}, not {_shown(wanted.get(name))}; give the same "
                "settings, or another folder"
            )


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
