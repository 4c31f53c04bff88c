"""Songs without end, one seed after the other, rendered by worker processes (grain) ahead of use.

    with SongStream(first_seed=0, workers=2) as songs:
        for song in songs: ...

The songs and their order are the same for any number of workers. The position of a stream is the
number of songs that it has given out: `SongStream(seed, given=n)` goes on where another stopped.

A song comes from its worker as one block of shared memory. (Through a pipe, grain's workers would
hang for 25 seconds when they are to end: they wait for somebody to read what is in it.)
"""

import pickle
import shutil
import signal
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from umir.studio.catalogue import end_with_parent
from umir.studio.features import ALL_FEATURES, Features
from umir.studio.render import render_song
from umir.studio.song import SONG_SECONDS, Song

# Songs of one worker that wait in shared memory, at most: two in grain's queues, one to come.
_WAITING = 3
_WAVEFORMS = 12  # of a song, stems and parts, with some to spare
_SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class _Rendering:
    """What is done with a seed: plain data, so that it can be sent to a worker."""

    rate: int
    duration: float
    channels: int
    features: Features
    view: Callable[[Song], Any] | None

    def __call__(self, seed: int) -> Any:
        song = render_song(
            seed,
            rate=self.rate,
            duration=self.duration,
            channels=self.channels,
            features=self.features,
        )
        return song if self.view is None else self.view(song)


@dataclass(frozen=True)
class _Packed:
    """The same, packed for the way from a worker."""

    rendering: _Rendering

    def __call__(self, seed: int) -> np.ndarray:
        return np.frombuffer(pickle.dumps(self.rendering(seed), protocol=5), np.uint8)


class SongStream(Iterator[Any]):
    """The songs of `first_seed`, `first_seed + 1`, ... without end.

    Workers start with the first song. They end with `close`, with the block of a `with`, and with
    the process that made the stream, even if that one is killed. A program that makes a stream
    with workers must guard its start with `if __name__ == "__main__"`, as always where Python
    starts processes.

    Args:
        first_seed: of the first song.
        given: how many songs were given out already: where to go on.
        rate: sampling rate in Hz.
        duration: seconds per song.
        channels: 1 or 2.
        features: which groups of features the songs have.
        workers: processes; 0 renders in this one, when a song is asked for.
        ahead: how many songs workers may have ready, in this process, before they are asked for:
            as many as are taken at a time, or whoever takes them waits.
        view: what to hand over of each song, called in the worker: an importable function. What it
            leaves out need not be sent. None: the whole song.

    Attributes:
        given: how many songs have been given out.

    Raises:
        ValueError: a negative argument, or too little shared memory for the workers.
    """

    def __init__(
        self,
        first_seed: int = 0,
        *,
        given: int = 0,
        rate: int = 16_000,
        duration: float = SONG_SECONDS,
        channels: int = 1,
        features: Features = ALL_FEATURES,
        workers: int = 0,
        ahead: int = 0,
        view: Callable[[Song], Any] | None = None,
    ):
        if min(first_seed, given, workers, ahead) < 0:
            raise ValueError(
                f"first_seed {first_seed}, given {given}, workers {workers}, ahead {ahead}: none "
                "may be negative"
            )
        if workers:
            _check_shared_memory(workers, round(4 * _WAVEFORMS * rate * duration * channels))
        self.given = given
        rendering = _Rendering(rate, duration, channels, features, view)
        self._songs = [_grain_iterator(first_seed + given, rendering, workers, ahead)]
        # Also where nobody closes the stream: grain cannot while Python ends.
        self._finalizer = weakref.finalize(self, _close, self._songs)

    def __next__(self) -> Any:
        if not self._songs:
            raise StopIteration
        song = next(self._songs[0])
        self.given += 1  # not before: there may be none
        return song

    def close(self) -> None:
        """End the workers; the stream gives nothing more."""
        self._finalizer()

    def __enter__(self) -> "SongStream":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _close(songs: list[Any]) -> None:
    """Close the iterator in a list and let go of it."""
    songs.pop().close()


def _grain_iterator(first_seed: int, rendering: _Rendering, workers: int, ahead: int) -> Any:
    """Return grain's iterator over the songs from a seed on."""
    import grain  # takes most of a second
    from absl import flags

    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()  # else grain's workers raise
    seeds = grain.MapDataset.range(first_seed, sys.maxsize)
    rendered = seeds.map(_Packed(rendering) if workers else rendering)
    # A thread of grain's that reads ahead would only compete with whoever uses the songs.
    songs = rendered.to_iter_dataset(grain.ReadOptions(num_threads=0, prefetch_buffer_size=0))
    if workers:
        options = grain.MultiprocessingOptions(workers, per_worker_buffer_size=1)
        songs = songs.mp_prefetch(options, _start_worker).map(pickle.loads)
        if ahead:
            songs = grain.experimental.ThreadPrefetchIterDataset(songs, prefetch_buffer_size=ahead)
    return iter(songs)


def _check_shared_memory(workers: int, song_bytes: int) -> None:
    """Raise an error where the memory would end: the system ends workers that notice it."""
    if not _SHARED_MEMORY.is_dir():
        return
    free, needed = shutil.disk_usage(_SHARED_MEMORY).free, workers * _WAITING * song_bytes
    if free < needed:
        raise ValueError(
            f"{_SHARED_MEMORY}: has {free / 1e6:.0f} MB free and {workers} workers may need "
            f"{needed / 1e6:.0f} MB; take fewer workers, or enlarge it (docker run --shm-size)"
        )


def _start_worker(index: int, number: int) -> None:
    """Prepare a worker: it ends with its parent, and leaves Ctrl-C to it."""
    del index, number
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
