"""Draw songs of the studio with their labels over spectrograms, to see labels sit on the sound.

    python benchmarks/studio_pictures.py --out pictures --seeds 0 1 2 --start 4 --seconds 8

Each song becomes one PNG with four rows: the mixture with beats, downbeats, chords and onsets; the
drums with their hits; voice and lead with the melody's f0; the pitched parts with their notes.
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from scipy.signal import stft

from umir.studio import DRUM_CLASSES, Song, render_song
from umir.studio.features import ALL_FEATURES, GROUPS


def spectrogram(wave: np.ndarray, rate: int, top: float) -> tuple[np.ndarray, ...]:
    """Return frequencies up to `top` Hz, times and levels in dB of a waveform `(time,)`."""
    window = 1024 if top > 3000 else 2048
    frequencies, times, values = stft(wave, rate, nperseg=window, noverlap=window - 160)
    kept = frequencies <= top
    levels = 20 * np.log10(np.abs(values[kept]) + 1e-6)
    return frequencies[kept], times, levels


def background(axis, wave: np.ndarray, rate: int, top: float) -> None:
    """Draw a spectrogram; nothing where there is silence."""
    axis.set_facecolor("black")
    axis.set_ylim(0, top)
    axis.set_ylabel("Hz")
    if not wave.any():
        return
    frequencies, times, levels = spectrogram(wave, rate, top)
    high = levels.max()
    axis.pcolormesh(times, frequencies, levels, vmin=high - 65, vmax=high, cmap="magma")


def draw_mixture(axis, song: Song) -> None:
    """Draw the mixture with beats, chords, onsets and voice activity."""
    background(axis, song.mixture.mean(axis=1), song.rate, 6000)
    for time, place in zip(song.beats.times, song.beats.labels, strict=True):
        colour, width = ("cyan", 1.6) if place == "1" else ("white", 0.6)
        axis.axvline(time, color=colour, linewidth=width, alpha=0.9)
    axis.plot(song.onsets.times, np.full(len(song.onsets.times), 5700.0), "v", c="lime", ms=4)
    for (start, _), label in zip(song.chords.intervals, song.chords.labels, strict=True):
        axis.text(start + 0.02, 5050, label, color="yellow", fontsize=8, clip_on=True)
    for start, end in song.voice_activity.intervals:
        axis.plot([start, end], [4800, 4800], color="red", linewidth=3)
    axis.set_title(
        f"{song.name}: {song.key}, {song.tempo:.1f} BPM, {', '.join(song.instruments.names)}",
        fontsize=9,
    )


def draw_drums(axis, song: Song) -> None:
    """Draw the drum stem with its hits."""
    background(axis, song.stems["drums"].mean(axis=1), song.rate, 8000)
    for time, label in zip(song.drums.times, song.drums.labels, strict=True):
        height = 300 + 7000 * DRUM_CLASSES.index(label) / len(DRUM_CLASSES)
        axis.plot([time], [height], "|", color="cyan", ms=10)
    for index, label in enumerate(DRUM_CLASSES):
        if label in song.drums.labels:
            height = 300 + 7000 * index / len(DRUM_CLASSES)
            axis.text(1.002, height / 8000, label, transform=axis.transAxes, fontsize=7)


def draw_melody(axis, song: Song) -> None:
    """Draw the leading parts with the melody's f0."""
    leading = [p for p in song.parts if p.stem == "vocals" or p.name.startswith("lead")]
    wave = sum((p.waveform for p in leading), np.zeros_like(song.mixture)).mean(axis=1)
    background(axis, wave, song.rate, 2000)
    voiced = song.melody.frequencies > 0
    axis.plot(song.melody.times[voiced], song.melody.frequencies[voiced], ".", c="cyan", ms=1.5)


def draw_notes(axis, song: Song) -> None:
    """Draw the pitched parts with the notes of each."""
    background(axis, (song.stems["bass"] + song.stems["other"]).mean(axis=1), song.rate, 1000)
    colours = plt.get_cmap("Set2")
    for index, part in enumerate(p for p in song.parts if p.stem in ("bass", "other")):
        for (start, end), pitch in zip(part.notes.intervals, part.notes.frequencies, strict=True):
            axis.plot([start, end], [pitch, pitch], color=colours(index), linewidth=1.5)
        axis.plot([], [], color=colours(index), label=f"{part.name} ({part.generator})")
    axis.legend(loc="upper right", fontsize=7)
    axis.set_xlabel("seconds")


def draw(song: Song, path: Path, start: float, seconds: float) -> None:
    """Draw one song from `start` for `seconds` into a PNG."""
    figure, axes = plt.subplots(4, 1, figsize=(16, 16), sharex=True, layout="constrained")
    for axis, row in zip(axes, (draw_mixture, draw_drums, draw_melody, draw_notes), strict=True):
        row(axis, song)
    axes[0].set_xlim(start, start + seconds)
    figure.savefig(path, dpi=70)
    plt.close(figure)
    print(path)


def main() -> None:
    """Parse the arguments and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("pictures"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--start", type=float, default=4.0)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--style", default=None)
    parser.add_argument("--without", nargs="*", default=[], choices=GROUPS, metavar="GROUP")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    features = ALL_FEATURES.without(*arguments.without)
    for seed in arguments.seeds:
        song = render_song(seed, style=arguments.style, features=features)
        draw(song, arguments.out / f"{song.name}.png", arguments.start, arguments.seconds)


if __name__ == "__main__":
    main()
