"""Audio files in and out, and the two conversions every model needs: rate and channels.

Waveforms are float32 of shape `(time, channel)`, full scale is 1. Files are read with libsndfile
(WAV, FLAC, Ogg, MP3, AIFF and more; 8-bit to float64), rates are converted with soxr. A file that
cannot be used raises `AudioError`, whose one line names the file, what is wrong and what to do.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from jaxtyping import Float

from umir.audio_integrity import missing_bytes
from umir.files import write_beside

# The level that models see: root mean square of -20 dB relative to full scale.
LEVEL_RMS = 10.0 ** (-20 / 20)
# Below -120 dBFS there is only rounding noise, which nobody wants to hear amplified.
_SILENCE_RMS = 10.0 ** (-120 / 20)
# An integer file that would clip is scaled to this peak.
_PEAK = 0.99
_BLOCK_SECONDS = 60
# MP3 headers count the encoder's padding, so a whole file may be a few packets shorter.
_MP3_SLACK_SECONDS = 0.1
# The length fields of WAV files are 32 bit; longer files become RF64, its 64-bit form.
_WAV_BYTES = 2**32 - 2**16
_SAMPLE_BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
_SUFFIXES = {".wav": "FLOAT", ".flac": "PCM_24"}


class AudioError(ValueError):
    """An audio file that cannot be read or written; the message names it and says what to do."""


def read_audio(
    path: str | os.PathLike, rate: int | None = None, channels: int | None = None
) -> tuple[Float[np.ndarray, "time channel"], int]:
    """Read a whole audio file.

    The file is converted block by block, so memory holds the result, not the original.

    Args:
        path: any file that libsndfile reads.
        rate: sampling rate of the result in Hz; None keeps the file's.
        channels: number of channels of the result (see `to_channels`); None keeps the file's.

    Returns:
        The waveform, float32 of shape `(time, channel)` with at least one sample, and its rate.

    Raises:
        AudioError: the file is missing, a folder, empty, cut off, holds NaN or infinite values, or
            is not audio.
    """
    path = Path(path)
    _check_is_file(path)
    try:
        with soundfile.SoundFile(path) as file:
            waveform = _read_open(file, path, rate or file.samplerate, channels)
            return waveform, rate or file.samplerate
    # TypeError: a suffix that soundfile takes for headerless samples.
    except (soundfile.SoundFileError, TypeError) as error:
        reason = "is cut off or damaged" if "decoder" in str(error) else "is not audio we can read"
        raise AudioError(
            f"{path}: {reason} ({_last_words(error)}); convert it again to WAV or FLAC"
        ) from error


def write_audio(
    path: str | os.PathLike,
    waveform: Float[np.ndarray, "time channel"],
    rate: int,
    subtype: str | None = None,
) -> None:
    """Write a WAV or FLAC file, whole or not at all.

    FLOAT keeps every value as it is, above full scale too. The integer subtypes cannot: a waveform
    that would clip is scaled as a whole to a peak of 0.99, which changes its level but not its
    sound. The same waveform gives the same bytes every time.

    Args:
        path: the file; its suffix (`.wav`, `.flac`) is the format.
        waveform: shape `(time, channel)`.
        rate: sampling rate in Hz.
        subtype: `PCM_16`, `PCM_24` or `FLOAT`; default FLOAT for WAV, PCM_24 for FLAC.

    Raises:
        AudioError: another suffix or subtype, NaN or infinite values, or no samples.
        OSError: the disk is full.
    """
    path = Path(path)
    subtype = _check_format(path, subtype)
    if not np.isfinite(waveform).all():
        raise AudioError(f"{path}: not written: the waveform holds NaN or infinite values")
    if not len(waveform):
        raise AudioError(f"{path}: not written: the waveform has no samples")
    if subtype != "FLOAT":
        waveform = _without_clipping(waveform)
    with write_beside(path) as temporary:
        _write(temporary, np.asarray(waveform, np.float32), rate, subtype)


def resample(
    waveform: Float[np.ndarray, "time channel"], rate: int, new_rate: int
) -> Float[np.ndarray, "new_time channel"]:
    """Change the sampling rate.

    Args:
        waveform: shape `(time, channel)`.
        rate: its rate in Hz.
        new_rate: the wanted rate in Hz.

    Returns:
        float32 of shape `(round(time * new_rate / rate), channel)`, at least one sample.
    """
    if rate == new_rate:
        return np.asarray(waveform, np.float32)
    changed = soxr.resample(np.ascontiguousarray(waveform, np.float32), rate, new_rate)
    return with_length(changed, max(1, round(len(waveform) * new_rate / rate)))


def to_channels(
    waveform: Float[np.ndarray, "time channel"], channels: int
) -> Float[np.ndarray, "time new_channel"]:
    """Change the number of channels.

    To one channel: the mean. From one channel: copies. To stereo from more: the first two are left
    and right, and each is averaged with all further channels (centre, surround), which belong to
    both sides.

    Args:
        waveform: shape `(time, channel)`.
        channels: the wanted number.

    Returns:
        The waveform, float32 of shape `(time, channels)`.

    Raises:
        ValueError: any other conversion.
    """
    waveform = np.asarray(waveform, np.float32)
    present = waveform.shape[1]
    if present == channels:
        return waveform
    if channels == 1:
        return waveform.mean(axis=1, keepdims=True)
    if present == 1:
        return np.repeat(waveform, channels, axis=1)
    if channels == 2:
        shared = waveform[:, 2:].sum(axis=1, keepdims=True)
        return (waveform[:, :2] + shared) / np.float32(present - 1)
    raise ValueError(f"{present} channels cannot become {channels}; mix them down to 1 or 2 first")


def normalise_level(
    waveform: Float[np.ndarray, "time channel"],
) -> tuple[Float[np.ndarray, "time channel"], float]:
    """Bring a waveform to a root mean square of -20 dBFS, whatever its level was.

    Args:
        waveform: shape `(time, channel)`.

    Returns:
        The scaled waveform (float32) and the gain it was multiplied by, to be undone at a model's
        output. Silence (below -120 dBFS) is left alone: its gain is 1.
    """
    rms = _rms(waveform)
    gain = LEVEL_RMS / rms if rms > _SILENCE_RMS else 1.0
    return (waveform * gain).astype(np.float32), gain


def _check_is_file(path: Path) -> None:
    """Raise for what can be said before decoding."""
    if path.is_dir():
        raise AudioError(f"{path}: is a folder, not an audio file; name a file in it")
    if not path.exists():
        raise AudioError(f"{path}: no such file; check the path")
    try:
        if not path.stat().st_size:
            raise AudioError(f"{path}: is empty (0 bytes); export or download it again")
        missing = missing_bytes(path)
    except PermissionError:
        raise AudioError(f"{path}: may not be read; change its permissions") from None
    if missing:
        raise AudioError(
            f"{path}: is cut off (its header promises more audio than it holds);"
            " export or download it again"
        )


def _read_open(
    file: soundfile.SoundFile, path: Path, rate: int, channels: int | None
) -> np.ndarray:
    """Read, check and convert an open file, block by block."""
    resampler = soxr.ResampleStream(file.samplerate, rate, channels or file.channels)
    blocks, n_read = [], 0
    for block in _blocks(file):
        n_read += len(block)
        if not np.isfinite(block).all():
            raise AudioError(f"{path}: holds NaN or infinite values; export it again")
        if channels:
            block = _to_channels_of(path, block, channels)
        blocks.append(block if rate == file.samplerate else resampler.resample_chunk(block))
    if not n_read:
        raise AudioError(f"{path}: holds no samples; export it again")
    _check_length(path, file, n_read)
    if rate == file.samplerate:
        return np.concatenate(blocks)
    blocks.append(resampler.resample_chunk(np.zeros_like(block[:0]), last=True))
    return with_length(np.concatenate(blocks), max(1, round(n_read * rate / file.samplerate)))


def _blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """Yield the file as float32 blocks of a minute."""
    while True:
        block = file.read(_BLOCK_SECONDS * file.samplerate, dtype="float32", always_2d=True)
        if not len(block):
            return
        yield block


def _to_channels_of(path: Path, block: np.ndarray, channels: int) -> np.ndarray:
    try:
        return to_channels(block, channels)
    except ValueError as error:
        raise AudioError(f"{path}: {error}") from None


def _check_length(path: Path, file: soundfile.SoundFile, n_read: int) -> None:
    """Raise if decoding ended before what the header says. Unknown lengths are huge numbers."""
    slack = round(_MP3_SLACK_SECONDS * file.samplerate) if file.format == "MP3" else 0
    if n_read + slack < file.frames < 2**62:
        found, promised = (n / file.samplerate for n in (n_read, file.frames))
        raise AudioError(
            f"{path}: is cut off ({found:.1f} of {promised:.1f} s); export or download it again"
        )


def _last_words(error: Exception) -> str:
    """Return libsndfile's reason without the path that it repeats."""
    return str(error).rsplit(": ", 1)[-1].rstrip(".")


def _check_format(path: Path, subtype: str | None) -> str:
    """Return the subtype to write."""
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise AudioError(f"{path}: cannot write {suffix or 'this'!r} files; use .wav or .flac")
    subtype = subtype or _SUFFIXES[suffix]
    if subtype not in _SAMPLE_BYTES or (suffix == ".flac" and subtype == "FLOAT"):
        choices = ", ".join(_SAMPLE_BYTES if suffix == ".wav" else ("PCM_16", "PCM_24"))
        raise AudioError(f"{path}: unknown subtype {subtype!r} for {suffix}; use one of {choices}")
    return subtype


def _without_clipping(waveform: np.ndarray) -> np.ndarray:
    """Return the waveform, scaled to a peak of 0.99 if it goes beyond full scale."""
    peak = max(float(waveform.max()), -float(waveform.min()))
    return waveform * (_PEAK / peak) if peak > 1 else waveform


def _write(path: Path, waveform: np.ndarray, rate: int, subtype: str) -> None:
    """Write the samples; `path` is the temporary file."""
    wav = path.suffix.lower() == ".wav"
    long = wav and waveform.size * _SAMPLE_BYTES[subtype] > _WAV_BYTES
    if subtype == "FLOAT" and not long:
        # libsndfile stamps float files with the time of day (PEAK chunk); SciPy does not.
        from scipy.io import wavfile

        wavfile.write(path, rate, waveform)
        return
    container = "RF64" if long else "WAV" if wav else "FLAC"
    try:
        soundfile.write(path, waveform, rate, subtype=subtype, format=container)
    except (soundfile.SoundFileError, AssertionError) as error:
        # soundfile asserts that all frames went out: they do not when the disk is full.
        reason = _last_words(error) or "the disk may be full"
        raise OSError(f"could not be written ({reason})") from error


def with_length(
    waveform: Float[np.ndarray, "time channel"], length: int
) -> Float[np.ndarray, "_ channel"]:
    """Cut, or fill up with zeros, to `length` samples: resamplers round as they like."""
    if len(waveform) >= length:
        return waveform[:length]
    return np.pad(waveform, ((0, length - len(waveform)), (0, 0)))


def _rms(waveform: np.ndarray) -> float:
    """Return the root mean square, summed in float64 by blocks to spare memory."""
    blocks = np.array_split(waveform, 1 + len(waveform) // 2**20)
    total = sum(float(np.square(block, dtype=np.float64).sum()) for block in blocks)
    return math.sqrt(total / max(1, waveform.size))
