"""Measure how fast the studio renders songs, and what they consist of.

    OMP_NUM_THREADS=1 python benchmarks/studio.py --songs 40
    OMP_NUM_THREADS=1 python benchmarks/studio.py --songs 40 --without timbre production

Prints, for one process: seconds of music per second of processor time ("x real time per core"),
the parts by stem and generator, and the events labelled per minute.
"""

import argparse
import time
from collections import Counter

import numpy as np

from umir.studio import Song, render_song
from umir.studio.features import ALL_FEATURES, GROUPS, Features


def measure(
    seeds: range, rate: int, duration: float, channels: int, features: Features
) -> tuple[list[Song], list[float]]:
    """Render songs; return them with the processor time of each, in seconds."""
    songs, times = [], []
    for seed in seeds:
        start = time.process_time()
        songs.append(
            render_song(seed, rate=rate, duration=duration, channels=channels, features=features)
        )
        times.append(time.process_time() - start)
    return songs, times


def report(songs: list[Song], times: list[float]) -> None:
    """Print throughput and contents."""
    music = sum(song.duration for song in songs)
    print(f"songs: {len(songs)}, {music:.0f} s of music, {sum(times):.2f} s of processor time")
    print(f"throughput: {music / sum(times):.0f} x real time per core")
    slowest = max(zip(times, songs, strict=True), key=lambda pair: pair[0])
    seconds, song = slowest
    print(f"slowest: {song.name}, {song.duration / seconds:.0f} x real time")
    parts = [part for song in songs for part in song.parts]
    generators = Counter(part.generator for part in parts)
    for name, count in generators.most_common():
        print(f"parts, {name}: {count} ({100 * count / len(parts):.0f}%)")
    for stem in ("bass", "drums", "other", "vocals"):
        playing = [song for song in songs if song.stems[stem].any()]
        levels = [np.sqrt(np.mean(song.stems[stem] ** 2)) for song in playing]
        mean = 20 * np.log10(np.mean(levels)) if levels else -np.inf
        print(f"stem {stem}: in {len(playing)} songs, RMS {mean:.1f} dB")
    minutes = music / 60
    for kind in ("onsets", "beats", "drums"):
        total = sum(len(getattr(song, kind).times) for song in songs)
        print(f"{kind}: {total / minutes:.0f} per minute")
    print(f"notes: {sum(len(s.notes.frequencies) for s in songs) / minutes:.0f} per minute")
    print(f"styles: {dict(Counter(song.style for song in songs).most_common())}")
    print(f"instruments: {dict(Counter(part.instrument for part in parts).most_common())}")


def main() -> None:
    """Parse the arguments, render once to warm the caches' imports, measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--songs", type=int, default=40)
    parser.add_argument("--rate", type=int, default=16000)
    parser.add_argument("--duration", type=float, default=24.0)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--without", nargs="*", default=[], choices=GROUPS, metavar="GROUP")
    arguments = parser.parse_args()
    render_song(10**6, rate=arguments.rate, duration=2.0)  # reads the SoundFont
    songs, times = measure(
        range(arguments.songs),
        arguments.rate,
        arguments.duration,
        arguments.channels,
        ALL_FEATURES.without(*arguments.without),
    )
    report(songs, times)


if __name__ == "__main__":
    main()
