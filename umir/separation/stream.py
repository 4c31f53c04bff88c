"""Separation as a stream: blocks of a song in, blocks of its stems out.

    song at its own rate ──> model's rate ──> level ──> windows ──> stems ──> song's rate
             └─────────────── held until its stems are there ───────────────> last stem

A model takes other numbers of channels than its own one by one. The last stem is the song minus the
others at the song's own rate: the stems add up to the song, and what the model cannot hear (above
8 kHz for one at 16 kHz) stays in the last. Levels are brought to -20 dBFS and back, which asks for
a first pass over the song: it is also where damaged files are noticed, before anything is written.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from umir.annotations import Stems
from umir.audio import channel_power, check_waveform, level_gain
from umir.audio_stream import Block, Counted, open_audio, resample_blocks
from umir.inference import Windows, run_window, stream
from umir.meta import Params
from umir.results import made_of
from umir.separation.stem_files import FLOAT_WAV, StemFiles, StemFormat
from umir.wave_unet import Network

StemBlocks = Iterator[dict[str, Block]]


@dataclass(frozen=True)
class Level:
    """What the first pass over a song finds.

    Attributes:
        n_samples: length of the song in samples of its own rate.
        gains: what brings the song to -20 dBFS: one number if the model takes the channels
            together, one for each channel if it takes them one by one.
    """

    n_samples: int
    gains: tuple[float, ...]


@dataclass(frozen=True)
class Separator:
    """A network that separates, with the names of its stems.

    Attributes:
        network: body and a head that gives stems.
        params: parameters of both.
        stems: names in the order of the head's channels; the last is what remains.
    """

    network: Network
    params: Params
    stems: Sequence[str]

    def measure(self, blocks: Iterable[Block], rate: int) -> Level:
        """Return length and level of a song, whose blocks are at `rate` Hz."""
        counted = Counted(blocks)
        power = channel_power(resample_blocks(counted, rate, self.network.config.rate))
        if len(power) == self.network.config.channels:
            power = power.mean(keepdims=True)
        return Level(counted.length, tuple(map(level_gain, power.tolist())))

    def separate(self, blocks: Iterable[Block], rate: int, level: Level) -> StemBlocks:
        """Separate a song.

        Args:
            blocks: the song, `(time, channel)`, any lengths and any number of channels.
            rate: its sampling rate in Hz.
            level: what `measure` returned for it.

        Yields:
            Stems by name, at the rate and with the channels of the song: blocks of one shape, as
            many samples in all as the song has.
        """
        *targets, remainder = self.stems
        song = Held(blocks)
        for found in resample_blocks(
            self._outputs(song, rate, level), self.network.config.rate, rate
        ):
            part = song.take(len(found))
            stems = np.split(found[: len(part)], len(targets), axis=1)
            rest = part - np.sum(stems, axis=0)
            yield {**dict(zip(targets, stems, strict=True)), remainder: rest}
        # Resampling there and back may end a few samples short of the song.
        part = song.take(level.n_samples)
        yield {**{name: np.zeros_like(part) for name in targets}, remainder: part}

    def _outputs(self, song: Iterable[Block], rate: int, level: Level) -> Iterator[Block]:
        """Yield all stems but the last at the model's rate, shape `(time, stem * channel)`."""
        gains = np.array(level.gains, np.float32)
        own = (gains * block for block in resample_blocks(song, rate, self.network.config.rate))
        for output in stream(self._window, own, Windows.exact(self.network)):
            stems = output[:, :-1] / gains  # (time, stem, channel)
            yield stems.reshape(len(stems), -1)

    def _window(self, window: Block) -> np.ndarray:
        """Return the stems of a window with any number of channels, `(time, stem, channel)`."""
        channels = self.network.config.channels
        if window.shape[1] == channels:
            return run_window(self.network, self.params, window)
        copies = (np.repeat(channel[:, None], channels, axis=1) for channel in window.T)
        outputs = [run_window(self.network, self.params, copy) for copy in copies]
        return np.concatenate([output.mean(axis=-1, keepdims=True) for output in outputs], axis=-1)


@runtime_checkable
class AnySeparator(Protocol):
    """What separates songs as streams: `Separator`, or `window_separator.WindowSeparator`."""

    @property
    def stems(self) -> Sequence[str]:
        """The names of the stems."""
        ...

    def measure(self, blocks: Iterable[Block], rate: int) -> Level:
        """Return length and level of a song, whose blocks are at `rate` Hz."""
        ...

    def separate(self, blocks: Iterable[Block], rate: int, level: Level) -> StemBlocks:
        """Yield the stems of a song by name; `level` is what `measure` returned for it."""
        ...


class Held:
    """Blocks that can be iterated over, and taken once more, as far as they have been."""

    def __init__(self, blocks: Iterable[Block]):
        self._blocks = blocks
        self._held: Block | None = None

    def __iter__(self) -> Iterator[Block]:
        for block in self._blocks:
            self._held = block if self._held is None else np.concatenate([self._held, block])
            yield block

    def take(self, length: int) -> Block:
        """Return the next `length` samples, fewer where the stream has not been read so far."""
        assert self._held is not None, "nothing has been read"
        taken, self._held = self._held[:length], self._held[length:]
        return taken


def separate_array(
    separator: AnySeparator, waveform: Float[np.ndarray, "time channel"], rate: int
) -> Stems:
    """Separate an array as `separate_file` does a file; stems at its rate and with its channels.

    Raises:
        ValueError: it is no waveform (`umir.audio.check_waveform`).
    """
    check_waveform(waveform)
    blocks = [np.asarray(waveform, np.float32)]
    found = list(separator.separate(blocks, rate, separator.measure(blocks, rate)))
    names = separator.stems
    return Stems({name: np.concatenate([part[name] for part in found]) for name in names}, rate)


def two_stems(blocks: Mapping[str, Block], name: str) -> dict[str, Block]:
    """Return the stem `name` and `no_NAME`, the sum of all others."""
    others = [block for other, block in blocks.items() if other != name]
    return {name: blocks[name], f"no_{name}": np.sum(others, axis=0)}


@dataclass(frozen=True)
class Separated:
    """What came of a file.

    Attributes:
        folder: where the stems are.
        seconds: length of the song.
        elapsed: the seconds it took.
        gain: what all stems were multiplied by so that none clips; 1 where nothing had to be.
    """

    folder: Path
    seconds: float
    elapsed: float
    gain: float


def separate_file(
    separator: AnySeparator,
    path: Path,
    folder: Path,
    stem_format: StemFormat = FLOAT_WAV,
    only: str | None = None,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> Separated:
    """Separate a file into stem files; memory does not grow with its length.

    Args:
        separator: the model.
        path: the song.
        folder: where `STEM.wav` or `STEM.flac` go; it appears when all of them are whole.
        stem_format: what the files hold.
        only: write this stem and the sum of the others.
        progress: called with the seconds of song that are done, and the song's length.

    Raises:
        AudioError: the song cannot be used; names it.
        ValueError: something else is where its stems should be (`umir.results`).
        OSError: the disk is full.
    """
    names = [only, f"no_{only}"] if only else list(separator.stems)
    with made_of(path, folder, [folder / stem_format.file_name(name) for name in names]):
        started = time.perf_counter()
        with open_audio(path) as song:
            level = separator.measure(song.blocks(), song.rate)
        with open_audio(path) as song:
            seconds, done = level.n_samples / song.rate, 0
            files = StemFiles(folder, names, song.rate, song.channels, level.n_samples, stem_format)
            with files:
                progress(0.0, seconds)
                for stems in separator.separate(song.blocks(), song.rate, level):
                    files.write(two_stems(stems, only) if only else stems)
                    done += len(next(iter(stems.values())))
                    progress(done / song.rate, seconds)
        return Separated(folder, seconds, time.perf_counter() - started, files.gain)
