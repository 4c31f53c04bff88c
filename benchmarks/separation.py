"""Measure what `umir separate` needs for long songs: memory, which must not grow, and time.

    python benchmarks/separation.py                          # one hour and ten minutes
    python benchmarks/separation.py --minutes 10 2 --model DIR

Stereo songs at 44.1 kHz (studio music, over and over) are separated by a program of its own each.
Prints the peak of its resident memory, the ratio of the first to the last song's, and the speed in
times real time, which counts loading the model and compiling it. Aim: one hour under 1.5 GB, and
within 10% of what ten minutes need.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
import soundfile

from umir.studio import render_song
from umir.task_model import TaskModel
from umir.tasks import get_task
from umir.wave_unet import PRESETS, Network

RATE, CHANNELS = 44_100, 2


def write_song(path: Path, minutes: float) -> None:
    """Write studio music of a given length."""
    song = render_song(10**12, rate=RATE, duration=24.0, channels=CHANNELS).mixture
    music = np.clip(song / np.abs(song).max(), -1, 1)
    left = round(minutes * 60 * RATE)
    with soundfile.SoundFile(path, "w", RATE, CHANNELS, subtype="PCM_16") as file:
        while left:
            file.write(music[:left])
            left -= min(left, len(music))


def fresh_model(folder: Path, preset: str) -> Path:
    """Write a separator of vocals that has learnt nothing, which is as fast as one that has."""
    task = get_task("vocal_separation")
    network = Network(PRESETS[preset], task.head)
    model = TaskModel(network, task, network.init(jax.random.key(0)))
    model.save(folder / preset, card="# fresh\n")
    return folder / preset


def measure(song: Path, model: Path, out: Path) -> tuple[float, float]:
    """Return the peak memory in GB and the seconds of `umir separate` in a program of its own."""
    command = [sys.executable, "-m", "umir.separate", str(song), "--model", str(model)]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"umir separate failed with status {process.returncode}")
    # Kilobytes, but bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 1e9, seconds


def main() -> None:
    """Parse the arguments, separate a song of each length, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[60.0, 10.0])
    parser.add_argument("--model", type=Path, help="model directory; default a fresh one")
    parser.add_argument("--preset", choices=PRESETS, default="nano", help="of the fresh one")
    arguments = parser.parse_args()
    peaks = []
    for minutes in arguments.minutes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_song(folder / "song.wav", minutes)
            model = arguments.model or fresh_model(folder, arguments.preset)
            peak, seconds = measure(folder / "song.wav", model, folder / "out")
        peaks.append(peak)
        speed = 60 * minutes / seconds
        print(f"{minutes:g} min: peak {peak:.3f} GB, {seconds:.0f} s, {speed:.1f} x real time")
    print(
        f"peak of {arguments.minutes[0]:g} min / {arguments.minutes[-1]:g} min: "
        f"{peaks[0] / peaks[-1]:.3f}"
    )


if __name__ == "__main__":
    main()
