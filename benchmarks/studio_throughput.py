"""Measure how fast the studio makes songs, with and without effects, and how fast they arrive.

    OMP_NUM_THREADS=1 python benchmarks/studio_throughput.py --songs 40

First, in one process, seconds of music per second of processor time ("x real time per core"), all
labels included: without effects (the groups `timbre` and `production` left out) and with all
groups; of all songs, and of those with six parts at most. Then seconds of music per second of wall
clock that an endless stream (`umir.studio.stream`) hands to a training with 0, 1 and 2 worker
processes, once they are warm, and what the receiving process spends per song. Run it on an idle
machine: workers and what else runs share the cores.
"""

import argparse
import time

from studio import measure

from umir.studio import Song
from umir.studio.features import ALL_FEATURES, Features
from umir.studio.stream import SongStream

RATE, SECONDS = 16_000, 24.0
FEW_PARTS = 6
EFFECTS = ("timbre", "production")
BARS = {"without effects": 100, "with all groups": 30}  # x real time per core, to be reached
MANY = 16  # workers to extrapolate to


def per_core(features: Features, songs: int) -> tuple[float, float, list[Song]]:
    """Return x real time per core of all songs and of those with few parts, and the songs."""
    measure(range(10**6, 10**6 + 3), RATE, SECONDS, 1, features)  # reads sounds, fills caches
    made, times = measure(range(songs), RATE, SECONDS, 1, features)
    few = [
        seconds for song, seconds in zip(made, times, strict=True) if len(song.parts) <= FEW_PARTS
    ]
    return SECONDS * songs / sum(times), SECONDS * len(few) / max(sum(few), 1e-9), made


def loaded(workers: int, songs: int) -> tuple[float, float]:
    """Return seconds of music per second of a warm stream, and processor seconds here per song."""
    with SongStream(10**6, workers=workers) as stream:
        for _ in range(3 + 3 * workers):  # workers start, read sounds, fill their buffers
            next(stream)
        wall, processor = time.perf_counter(), time.process_time()
        for _ in range(songs):
            next(stream)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return SECONDS * songs / wall, processor / songs


def main() -> None:
    """Parse the arguments, measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--songs", type=int, default=40)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1, 2])
    arguments = parser.parse_args()
    for (name, bar), features in zip(
        BARS.items(), (ALL_FEATURES.without(*EFFECTS), ALL_FEATURES), strict=True
    ):
        speed, few, songs = per_core(features, arguments.songs)
        parts = sum(len(song.parts) for song in songs) / len(songs)
        print(
            f"{name}: {speed:.0f} x real time per core, {few:.0f} x with {FEW_PARTS} parts at most "
            f"(asked for: {bar}); {parts:.1f} parts per song"
        )
    last = (0, 0.0)
    for workers in arguments.workers:
        speed, processor = loaded(workers, arguments.songs)
        spent = f"{1000 * processor:.1f} ms of this process per song"
        print(f"loader, {workers} workers: {speed:.0f} s of music per second, {spent}")
        last = (workers, speed)
        receiving = SECONDS / processor
    if last[0]:
        scaled = MANY * last[1] / last[0]
        print(
            f"{MANY} workers on as many free cores: {scaled:.0f} s of music per second by linear "
            f"extrapolation (not measured); the receiving process takes {receiving:.0f} at most"
        )


if __name__ == "__main__":
    main()
