"""MIR-1K: Chinese pop songs sung to karaoke, five clips of each of 12 singers.

The left channel is the accompaniment, the right one the voice. Labels come in frames of 40 ms,
20 ms apart, so that frame n is centred at 0.02 (n + 1) seconds: there, of all offsets, the voice is
most periodic at the labelled pitch (0.96) and its level agrees best with the labels of voice.

Voice is labelled in 76% of the frames: who says "voice" always is right that often.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float

from recordings.folder import write_cut, write_manifest, write_mono
from umir.annotations import F0, Intervals

HOP = 0.02  # seconds between frames; the first is centred one hop after the start
VOICE = "voice"


def mir_1k(source: Path, out: Path) -> Path:
    """Build the folder for separation: voice and accompaniment; group = singer."""
    folder = out / "mir_1k"
    rows = []
    for audio, samples, rate in _clips(source):
        stems = {"vocals": samples[:, 1], "accompaniment": samples[:, 0]}
        paths = {name: f"{name}/{audio.stem}.wav" for name in (*stems, "mixture")}
        for name, waveform in {**stems, "mixture": np.sum(samples, axis=1)}.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / paths[name], waveform, rate, subtype="FLOAT")
        mixture = paths.pop("mixture")
        rows.append({"audio": mixture, "group": singer(audio), "stems": paths})
    return write_manifest(folder, rows)


def singing_rows(source: Path, folder: Path) -> list[dict]:
    """Return rows of kind `intervals`: where the singer sings; group = singer."""
    rows = []
    for audio, samples, rate in _clips(source):
        voiced = _frame_labels(source, "vocal-nonvocalLabel", audio.stem, ".vocal") > 0
        intervals = voice_intervals(voiced, len(samples) / rate)
        mixture = write_mono(folder, audio.stem, np.sum(samples, axis=1), rate)
        path = write_cut(folder, audio.stem, intervals, folder / mixture)
        rows.append({"audio": mixture, "group": singer(audio), "intervals": path})
    return rows


def melody(source: Path, out: Path) -> Path:
    """Build the folder for melody extraction from the mixture; group = singer."""
    folder = out / "melody"
    rows = []
    for audio, samples, rate in _clips(source):
        pitches = _frame_labels(source, "PitchLabel", audio.stem, ".pv")
        mixture = write_mono(folder, audio.stem, np.sum(samples, axis=1), rate)
        path = write_cut(folder, audio.stem, pitch_curve(pitches), folder / mixture)
        rows.append({"audio": mixture, "group": singer(audio), "f0": path})
    return write_manifest(folder, rows)


def singer(audio: Path) -> str:
    """Return the singer of a clip: the part of its name before the first underscore."""
    return audio.stem.split("_")[0]


def voice_intervals(voiced: np.ndarray, duration: float) -> Intervals:
    """Return the stretches of voiced frames.

    Args:
        voiced: shape `(frame,)`, true where there is voice.
        duration: of the clip in seconds; the first and the last frame reach to its ends.
    """
    borders = HOP * (np.arange(len(voiced) + 1) + 0.5)
    borders[0], borders[-1] = 0.0, duration
    changes = np.diff(np.concatenate([[0], voiced.astype(int), [0]]))
    starts, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    intervals = np.stack([borders[starts], borders[ends]], axis=1)
    return Intervals(intervals, (VOICE,) * len(intervals))


def pitch_curve(pitches: Float[np.ndarray, " frame"]) -> F0:
    """Return the curve in Hz of MIDI note numbers, 0 where there is no pitch."""
    frequencies = np.where(pitches > 0, 440.0 * 2 ** ((pitches - 69) / 12), 0.0)
    return F0(HOP * (np.arange(len(pitches)) + 1.0), frequencies)


def _clips(source: Path) -> Iterator[tuple[Path, np.ndarray, int]]:
    """Yield path, samples `(time, channel)` and rate of every clip."""
    for audio in sorted((source / "MIR-1K" / "Wavfile").glob("*.flac")):
        samples, rate = soundfile.read(audio, dtype="float32", always_2d=True)
        yield audio, samples, rate


def _frame_labels(source: Path, folder: str, name: str, suffix: str) -> np.ndarray:
    return np.loadtxt(source / "MIR-1K" / folder / (name + suffix), ndmin=1)
