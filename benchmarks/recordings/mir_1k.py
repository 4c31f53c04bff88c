"""MIR-1K: Chinese pop songs sung to karaoke, five clips of each of 12 singers.

What its channels and frames mean says `umir.data_sets.mir_1k`.

Voice is labelled in 76% of the frames: who says "voice" always is right that often.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from recordings.folder import write_cut, write_manifest, write_mono
from umir.data_sets.mir_1k import VOICE as VOICE
from umir.data_sets.mir_1k import pitch_curve, singer, voice_intervals


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
        rows.append({"audio": mixture, "group": singer(audio.stem), "stems": paths})
    return write_manifest(folder, rows)


def singing_rows(source: Path, folder: Path) -> list[dict]:
    """Return rows of kind `intervals`: where the singer sings; group = singer."""
    rows = []
    for audio, samples, rate in _clips(source):
        voiced = _frame_labels(source, "vocal-nonvocalLabel", audio.stem, ".vocal") > 0
        intervals = voice_intervals(voiced, len(samples) / rate)
        mixture = write_mono(folder, audio.stem, np.sum(samples, axis=1), rate)
        path = write_cut(folder, audio.stem, intervals, folder / mixture)
        rows.append({"audio": mixture, "group": singer(audio.stem), "intervals": path})
    return rows


def melody(source: Path, out: Path) -> Path:
    """Build the folder for melody extraction from the mixture; group = singer."""
    folder = out / "melody"
    rows = []
    for audio, samples, rate in _clips(source):
        pitches = _frame_labels(source, "PitchLabel", audio.stem, ".pv")
        mixture = write_mono(folder, audio.stem, np.sum(samples, axis=1), rate)
        path = write_cut(folder, audio.stem, pitch_curve(pitches), folder / mixture)
        rows.append({"audio": mixture, "group": singer(audio.stem), "f0": path})
    return write_manifest(folder, rows)


def _clips(source: Path) -> Iterator[tuple[Path, np.ndarray, int]]:
    """Yield path, samples `(time, channel)` and rate of every clip."""
    clips = (source / "MIR-1K" / "Wavfile").glob("*.*")
    for audio in sorted(path for path in clips if path.suffix in (".flac", ".wav")):
        samples, rate = soundfile.read(audio, dtype="float32", always_2d=True)
        yield audio, samples, rate


def _frame_labels(source: Path, folder: str, name: str, suffix: str) -> np.ndarray:
    return np.loadtxt(source / "MIR-1K" / folder / (name + suffix), ndmin=1)
