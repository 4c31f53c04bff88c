"""Many songs at once, rendered by several processes."""

import multiprocessing
import os
import threading
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tqdm import tqdm

from umir.studio.features import ALL_FEATURES, Features
from umir.studio.render import render_song
from umir.studio.song import SONG_SECONDS, Song

# The songs of a run with seed s are numbered from s times this.
SONGS_PER_SEED = 1_000_000
# Seconds of music that a process renders in about the time that it takes to start.
WORTH_A_PROCESS = 120.0


def render_songs(
    seeds: Iterable[int],
    *,
    rate: int = 16_000,
    duration: float = SONG_SECONDS,
    channels: int = 1,
    features: Features = ALL_FEATURES,
    workers: int | None = None,
    progress: bool = False,
) -> list[Song]:
    """Render one song per seed, in the order of the seeds.

    Args:
        seeds: the same seed gives the same song, whoever renders it.
        rate: sampling rate in Hz.
        duration: seconds per song.
        channels: 1 or 2.
        features: which groups of features the songs have.
        workers: processes; 1 renders in this one. Default: one per core, or fewer where there is
            too little to render for so many to be worth their start.
        progress: whether to show a bar.
    """
    seeds = list(seeds)
    workers = min(workers or _worth_starting(len(seeds) * duration), max(1, len(seeds)))
    render = partial(
        render_song, rate=rate, duration=duration, channels=channels, features=features
    )
    bar = partial(tqdm, total=len(seeds), desc="rendering songs", unit="song", disable=not progress)
    if workers == 1:
        return list(bar(map(render, seeds)))
    # Fresh interpreters: forking a process in which JAX has started threads can hang.
    context, others = multiprocessing.get_context("spawn"), {*multiprocessing.active_children()}
    with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent) as pool:
        try:
            return list(bar(pool.map(render, seeds, chunksize=2)))
        except BaseException:
            for worker in {*multiprocessing.active_children()} - others:
                worker.terminate()  # else the pool waits for all songs
            raise


def _worth_starting(seconds: float) -> int:
    """Return how many processes are worth starting for so many seconds of music."""
    return max(1, min(os.cpu_count() or 1, int(seconds / WORTH_A_PROCESS)))


def end_with_parent() -> None:
    """End this process when the one that started it ends, even if that one is killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
