"""A rolling pool of songs for training: always the last N of an endless stream.

Which songs the pool holds is a function of the step alone, so that a run that is stopped and
resumed sees the songs that it would have seen.
"""

import math
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from umir.studio.stream import SongStream


class SongPool:
    """The songs of a training step.

    At step t these are songs k to k + `size` - 1 of the stream, k = floor(t * `songs_per_step`).

    Args:
        stream: makes the stream from the number of songs that it is to leave out: for example
            `lambda given: SongStream(seed, given=given, workers=2)`.
        size: how many songs the pool holds.
        songs_per_step: how many of them a step replaces, on average: 0.05 is one in 20 steps, 0
            keeps the first ones for ever.

    Raises:
        ValueError: `size` is not above 0, or `songs_per_step` is negative.
    """

    def __init__(self, stream: Callable[[int], SongStream], size: int, songs_per_step: float):
        if size < 1 or not 0 <= songs_per_step < math.inf:
            raise ValueError(
                f"a pool of {size} songs with {songs_per_step} new ones per step: the first must "
                "be above 0, the second not negative"
            )
        self._make_stream = stream
        self._size = size
        self._songs_per_step = songs_per_step
        self._stream: SongStream | None = None
        self._songs: deque[Any] = deque(maxlen=size)

    def first(self, step: int) -> int:
        """Return the number of the first song that the pool holds at a step."""
        return math.floor(step * self._songs_per_step)

    def at(self, step: int) -> list[Any]:
        """Return the songs of a step (or their views), the oldest first.

        Later steps are what the pool is made for: they cost only the songs that are new. For an
        earlier step, all songs are rendered again.

        Args:
            step: 0 or above.
        """
        if step < 0:
            raise ValueError(f"step {step}: must not be negative")
        first = self.first(step)
        if self._stream is None or not self._holds(first):
            self._start(first)
        assert self._stream is not None
        missing = first + self._size - self._stream.given
        self._songs.extend(islice(self._stream, missing))  # the oldest make room
        return list(self._songs)

    def close(self) -> None:
        """End the workers and let go of the songs."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        self._songs.clear()

    def __enter__(self) -> "SongPool":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _holds(self, first: int) -> bool:
        """Return whether the song is here, or soon to come."""
        assert self._stream is not None
        given = self._stream.given
        return given - len(self._songs) <= first <= given + self._size

    def _start(self, first: int) -> None:
        self.close()
        self._stream = self._make_stream(first)
