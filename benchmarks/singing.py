"""Check the studio's singers: do they sing the pitch and the syllables that the labels say?

    OMP_NUM_THREADS=1 python benchmarks/singing.py --out singing

Renders lead voices of songs in every register, dry, and tracks their pitch with `librosa.pyin`
(M. Mauch and S. Dixon, "pYIN", ICASSP 2014). Prints for each register, over the frames of 10 ms
that the label calls voiced, the share that the tracker calls voiced and within 50 cents, then the
raw pitch accuracy (voicing aside), voicing recall and false alarm of mir_eval; and the speed of
singing alone. Writes a picture (`singing.png`: spectrogram with label, tracker and syllables) and a
listening file (`singing.wav`: a line of each register, then a mixture).
"""

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import librosa
import matplotlib
import mir_eval
import numpy as np
import soundfile

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from umir.studio import MELODY_HOP, render_song
from umir.studio.playing.performance import PlayedPart
from umir.studio.playing.performer import perform
from umir.studio.voices.singer import REGISTERS, draw_singer
from umir.studio.voices.singing import Singing, sing
from umir.studio.voices.voice_quality import vary_singer
from umir.studio.writing.composer import compose

RATE = 16000
LOWEST, HIGHEST = 65.0, 1100.0  # range of the tracker in Hz: C2 to C6


@dataclass(frozen=True)
class Line:
    """A lead voice: what was to be sung, what was sung, and how long that took in seconds."""

    seed: int
    part: PlayedPart
    singing: Singing
    seconds: float


def lead_lines(count: int, duration: float, varied: bool) -> dict[str, list[Line]]:
    """Return `count` lead voices of at least ten notes for each register.

    Args:
        count: lines of each register.
        duration: seconds of each.
        varied: whether singers have the qualities of the group of features *singing*.
    """
    found: dict[str, list[Line]] = defaultdict(list)
    seed = 0
    while any(len(found[name]) < count for name in REGISTERS):
        rng = np.random.default_rng(seed)
        performance = perform(rng, compose(rng, duration), duration)
        for part in performance.parts:
            wanted = part.role == "vocals" and len(found[part.register]) < count
            if wanted and len(part.notes) >= 10:
                singer = draw_singer(rng, part.register)
                singer = vary_singer(rng.spawn(1)[0], singer) if varied else singer
                start = time.process_time()
                singing = sing(singer, part.notes, round(duration * RATE), RATE)
                seconds = time.process_time() - start
                found[part.register].append(Line(seed, part, singing, seconds))
        seed += 1
    return found


def track(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pYIN's pitch in Hz and whether it thinks that it is voiced, every `MELODY_HOP`."""
    hop = round(MELODY_HOP * RATE)
    frequencies, voiced, _ = librosa.pyin(
        wave, fmin=LOWEST, fmax=HIGHEST, sr=RATE, frame_length=1024, hop_length=hop, fill_na=None
    )
    return frequencies, voiced


def compare(line: Line) -> dict[str, float]:
    """Return counts and mir_eval's measures of one line."""
    label = line.singing.f0.frequencies
    found, heard = (values[: len(label)] for values in track(line.singing.waveform))
    voiced = label > 0
    cents = 1200 * np.abs(np.log2(found[voiced] / label[voiced]))
    times = line.singing.f0.times
    scores = mir_eval.melody.evaluate(times, label, times, np.where(heard, found, -found))
    return {
        "frames": float(voiced.sum()),
        "right": float(((cents < 50) & heard[voiced]).sum()),
        "raw pitch": scores["Raw Pitch Accuracy"],
        "recall": scores["Voicing Recall"],
        "false alarm": scores["Voicing False Alarm"],
        "median cents": float(np.median(cents)),
    }


def report(lines: dict[str, list[Line]]) -> None:
    """Print the table."""
    print(
        "register    lines  frames  within 50 cents  raw pitch  voicing recall  false alarm  median"
    )
    total: list[dict[str, float]] = []
    for name, own in lines.items():
        rows = [compare(line) for line in own]
        total += rows
        print(_row(name, rows))
    print(_row("total", total))
    sung = [line for own in lines.values() for line in own]
    music = sum(len(line.singing.waveform) for line in sung) / RATE
    print(f"singing alone: {music / sum(line.seconds for line in sung):.0f} x real time per core")


def _row(name: str, rows: list[dict[str, float]]) -> str:
    frames = sum(row["frames"] for row in rows)
    share = 100 * sum(row["right"] for row in rows) / frames
    means = {key: np.mean([row[key] for row in rows]) for key in rows[0]}
    return (
        f"{name:11} {len(rows):5} {frames:7.0f} {share:15.1f}% {100 * means['raw pitch']:9.1f}%"
        f" {100 * means['recall']:14.1f}% {100 * means['false alarm']:11.1f}%"
        f" {means['median cents']:5.1f} cents"
    )


def draw(lines: dict[str, list[Line]], path: Path, seconds: float) -> None:
    """Draw the first line of three registers with label, tracker and syllables."""
    names = ("bass", "tenor", "soprano")
    figure, axes = plt.subplots(2 * len(names), 1, figsize=(18, 26), layout="constrained")
    for row, name in enumerate(names):
        singing = lines[name][0].singing
        start = max(float(singing.lyrics.intervals[0, 0]) - 0.6, 0)
        found, heard = track(singing.waveform)
        for axis, top, window in zip(
            axes[2 * row : 2 * row + 2], (8000, 1500), (256, 1024), strict=True
        ):
            _background(axis, singing.waveform, window)
            _syllables(axis, singing, top)
            axis.set_ylim(0, top)
            axis.set_xlim(start, start + seconds)
        axes[2 * row].set_title(f"{name}, seed {lines[name][0].seed}")
        label = np.where(singing.f0.frequencies > 0, singing.f0.frequencies, np.nan)
        axis.plot(singing.f0.times, label, color="cyan", linewidth=2.5, label="label")
        shown = np.where(heard, found, np.nan)
        axis.plot(np.arange(len(shown)) * MELODY_HOP, shown, ".", color="lime", ms=3, label="pYIN")
        axis.legend(loc="upper right")
    figure.savefig(path, dpi=60)
    plt.close(figure)


def _background(axis, wave: np.ndarray, window: int) -> None:
    values = np.abs(librosa.stft(wave, n_fft=1024, win_length=window, hop_length=80))
    levels = librosa.amplitude_to_db(values, ref=np.max)
    extent = (0, len(wave) / RATE, 0, RATE / 2)
    axis.imshow(
        levels, origin="lower", aspect="auto", extent=extent, vmin=-75, vmax=0, cmap="magma"
    )


def _syllables(axis, singing: Singing, top: float) -> None:
    for (start, end), text in zip(singing.lyrics.intervals, singing.lyrics.labels, strict=True):
        axis.axvline(start, color="white", linewidth=0.8)
        axis.axvline(end, color="white", linewidth=0.5, linestyle=":")
        axis.text(start + 0.01, 0.93 * top, text, color="yellow", fontsize=11, clip_on=True)
    for note in singing.notes:
        axis.axvline(note.onset, color="red", linewidth=0.8, ymax=0.08)


def listening_file(lines: dict[str, list[Line]], path: Path, seconds: float) -> None:
    """Write some seconds of each register, and of a song with lead and backing vocals."""
    silence = np.zeros(RATE // 2, np.float32)
    pieces = []
    for own in lines.values():
        singing = own[0].singing
        first = max(round((singing.lyrics.intervals[0, 0] - 0.6) * RATE), 0)
        piece = singing.waveform[first : first + round(seconds * RATE)]
        pieces += [0.5 * piece / np.abs(piece).max(), silence]
    seed = next(s for s in range(1000) if _has_backing(s))
    song = render_song(seed, rate=RATE)
    pieces += [song.stems["vocals"][:, 0], silence, song.mixture[:, 0]]
    soundfile.write(path, np.concatenate(pieces), RATE)


def _has_backing(seed: int) -> bool:
    song = render_song(seed, rate=8000, duration=24.0)
    return sum(part.instrument == "voice" for part in song.parts) >= 3


def main() -> None:
    """Parse the arguments, sing, track, print, draw and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=3, help="lead voices per register")
    parser.add_argument("--duration", type=float, default=16.0, help="seconds of each")
    parser.add_argument("--varied", action="store_true", help="breathy, nasal, growling... voices")
    parser.add_argument("--out", type=Path, default=Path("singing"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    lines = lead_lines(arguments.lines, arguments.duration, arguments.varied)
    report(lines)
    draw(lines, arguments.out / "singing.png", 6.0)
    listening_file(lines, arguments.out / "singing.wav", 6.0)
    print(arguments.out / "singing.png", arguments.out / "singing.wav")


if __name__ == "__main__":
    main()
