"""Audio files in and out, and the two conversions every model needs: rate and channels.

Waveforms are float32 of shape `(time, channel)`, full scale is 1. Files are read with libsndfile
(WAV, FLAC, Ogg, MP3, AIFF and more; 8-bit to float64), rates are converted with soxr. A file that
cannot be used raises `AudioError`, whose one line names the file, what is wrong and what to do.
"""

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from umir.audio_stream import (
    SUBTYPES,
    AudioFormat,
    AudioReader,
    AudioWriter,
    Block,
    open_audio,
    resample_blocks,
)
from umir.audio_stream import AudioError as AudioError
from umir.audio_stream import with_length as with_length
from umir.files import write_beside

# The level that models see: root mean square of -20 dB relative to full scale.
LEVEL_RMS = 10.0 ** (-20 / 20)
# Below -120 dBFS there is only rounding noise, which nobody wants to hear amplified.
_SILENCE_RMS = 10.0 ** (-120 / 20)
# An integer file that would clip is scaled to this peak.
_PEAK = 0.99
# An array with more, and fewer samples than that, lies the other way round.
MOST_CHANNELS = 64
# What a suffix holds where nothing else is asked for.
_SUFFIXES = {".wav": "FLOAT", ".flac": "PCM_24"}


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
    with open_audio(path) as file:
        rate = rate or file.rate
        return np.concatenate(list(_converted(file, rate, channels))), rate


def audio_blocks(path: str | os.PathLike, rate: int, channels: int) -> Iterator[Block]:
    """Read an audio file block by block, as `read_audio` reads a whole one.

    Args:
        path: any file that libsndfile reads.
        rate: sampling rate of the blocks in Hz.
        channels: number of their channels.

    Yields:
        Blocks of any lengths.

    Raises:
        AudioError: as `read_audio` does; what is wrong may turn up in any block.
    """
    with open_audio(path) as file:
        yield from _converted(file, rate, channels)


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
        AudioError: another suffix or subtype, another shape, values that are not finite as float32,
            or no samples.
        OSError: the disk is full.
    """
    path = Path(path)
    subtype = check_format(path, subtype)
    if waveform.ndim != 2:
        raise AudioError(f"{path}: not written: {waveform.shape} is not the shape (time, channel)")
    with np.errstate(over="ignore"):
        waveform = np.asarray(waveform, np.float32)
    if not np.isfinite(waveform).all():
        raise AudioError(f"{path}: not written: the waveform holds NaN or infinite values")
    if not len(waveform):
        raise AudioError(f"{path}: not written: the waveform has no samples")
    if subtype != "FLOAT":
        waveform = waveform * without_clipping(float(np.abs(waveform).max()))
    audio_format = AudioFormat(rate, waveform.shape[1], len(waveform), subtype)
    with write_beside(path) as temporary, AudioWriter(temporary, audio_format) as writer:
        writer.write(waveform)


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
    return np.concatenate(list(resample_blocks([waveform], rate, new_rate)))


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
        ValueError: any other conversion, or what is no waveform (`check_waveform`).
    """
    check_waveform(waveform)
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


def check_waveform(waveform: Shaped[np.ndarray, "..."]) -> None:
    """Raise where an array has not the axes of a waveform, or in the other order, or is not finite.

    Raises:
        ValueError: it has not two axes, or more than 64 channels, and fewer samples than channels;
            or a sample is NaN or infinite.
    """
    shape = np.shape(waveform)
    if len(shape) != 2 or shape[1] > max(MOST_CHANNELS, shape[0]):
        raise ValueError(
            f"a waveform of shape {shape}: give (time, channel); of an array of librosa or torch, "
            "which is (time,) or (channel, time), that is np.atleast_2d(array).T"
        )
    if not np.isfinite(waveform).all():
        raise ValueError("a waveform with samples that are NaN or infinite: mend what made it")


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
    gain = level_gain(float(channel_power([waveform]).mean()))
    return (waveform * gain).astype(np.float32), gain


def level_gain(power: float) -> float:
    """Return the gain that brings a mean power (RMS squared) to -20 dBFS; 1 for silence."""
    rms = math.sqrt(power)
    return LEVEL_RMS / rms if rms > _SILENCE_RMS else 1.0


def channel_power(blocks: Iterable[Float[np.ndarray, "_ channel"]]) -> Float[np.ndarray, " _"]:
    """Return the mean square of every channel of a waveform in blocks; 0 if there is nothing."""
    total, length = np.zeros(1), 0
    for block in blocks:
        for part in np.array_split(block, 1 + len(block) // 2**20):  # float64 would double it
            total = total + np.square(part, dtype=np.float64).sum(axis=0)
        length += len(block)
    return total / max(1, length)


def check_format(path: Path, subtype: str | None) -> str:
    """Return the subtype to write a file with.

    Args:
        path: the file; its suffix is the container.
        subtype: the wanted one; None for the container's default.

    Raises:
        AudioError: there is no such container, or it does not hold such samples.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise AudioError(f"{path}: cannot write {suffix or 'this'!r} files; use .wav or .flac")
    subtype = subtype or _SUFFIXES[suffix]
    if subtype not in SUBTYPES or (suffix == ".flac" and subtype == "FLOAT"):
        choices = ", ".join(SUBTYPES if suffix == ".wav" else ("PCM_16", "PCM_24"))
        raise AudioError(f"{path}: unknown subtype {subtype!r} for {suffix}; use one of {choices}")
    return subtype


def without_clipping(peak: float) -> float:
    """Return the gain that keeps a peak (absolute amplitude) within what integers hold."""
    return _PEAK / peak if peak > 1 else 1.0


def _converted(file: AudioReader, rate: int, channels: int | None) -> Iterator[Block]:
    """Yield a file at another rate and with another number of channels, None: with its own."""
    blocks = file.blocks()
    if channels:
        blocks = (_to_channels_of(file.path, block, channels) for block in blocks)
    return resample_blocks(blocks, file.rate, rate)


def _to_channels_of(path: Path, block: np.ndarray, channels: int) -> np.ndarray:
    try:
        return to_channels(block, channels)
    except ValueError as error:
        raise AudioError(f"{path}: {error}") from None
