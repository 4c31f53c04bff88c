"""Writing a user's folder (docs/users_folder.md): manifest, annotations cut to the audio, audio."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
import soxr
from jaxtyping import Float

from umir.annotations import Annotation
from umir.audio import read_audio, write_audio
from umir.data.annotation_files import write_annotation

RATE = 16_000  # Hz: what the networks of the benchmark hear


def write_manifest(folder: Path, rows: Iterable[dict]) -> Path:
    """Write `manifest.jsonl` into `folder` and return the folder.

    Raises:
        FileNotFoundError: if there is not a single row.
    """
    lines = [json.dumps(row) for row in rows]
    if not lines:
        raise FileNotFoundError(f"no recordings found for {folder.name}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def write_cut(folder: Path, name: str, annotation: Annotation, audio: Path) -> str:
    """Write an annotation without what lies past the end of its audio.

    Returns:
        The path relative to `folder`, as the manifest wants it.
    """
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    path = f"annotations/{name}.txt"
    write_annotation(folder / path, annotation.crop(0.0, soundfile.info(audio).duration))
    return path


def write_mono(folder: Path, name: str, waveform: Float[np.ndarray, " time"], rate: int) -> str:
    """Write mono audio and return its path relative to `folder`."""
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    path = f"audio/{name}.wav"
    write_audio(folder / path, waveform[:, None], rate, "PCM_16")
    return path


def read_start(audio: Path, seconds: float) -> tuple[Float[np.ndarray, " time"], int]:
    """Return the first `seconds` of a recording, its channels averaged, and its rate in Hz."""
    waveform, rate = read_audio(audio, None, 1)
    return waveform[: round(seconds * rate), 0], rate


def transposed(
    waveform: Float[np.ndarray, " time"], rate: int, semitones: float
) -> Float[np.ndarray, " new_time"]:
    """Return audio at 16 kHz, `semitones` higher and as much faster, as a tape would play it."""
    return soxr.resample(waveform, rate * 2 ** (semitones / 12), RATE)


def stretched(
    waveform: Float[np.ndarray, " time"], rate: int, speed: float
) -> Float[np.ndarray, " new_time"]:
    """Return audio at 16 kHz, faster by the factor `speed` at the same pitch (phase vocoder)."""
    import librosa  # of the extra `benchmarks`; the other folders do without

    played = soxr.resample(waveform, rate, RATE)
    return played if speed == 1 else librosa.effects.time_stretch(played, rate=speed)
