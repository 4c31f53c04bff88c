"""Audio files block by block: memory does not grow with their length.

Blocks are float32 of shape `(time, channel)`, full scale is 1; `umir.audio` has the same for files
that are read and written whole. A file that cannot be used raises `AudioError`, whose one line
names the file, what is wrong and what to do.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from jaxtyping import Float

from umir.audio_integrity import knows_its_length, missing_bytes

# A stretch of time; `_` because one stream has blocks of several lengths.
Block = Float[np.ndarray, "_ channel"]

# Numbers per block that is read: 4 MB, 12 s of stereo at 44.1 kHz.
BLOCK_SIZE = 2**20
# MP3 headers count the encoder's padding, so a whole file may be a few packets shorter.
_MP3_SLACK_SECONDS = 0.1
# The length fields of WAV files are 32 bit; longer files become RF64, its 64-bit form.
_WAV_BYTES = 2**32 - 2**16
# Bytes per sample of what can be written.
SUBTYPES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}


class Counted:
    """Blocks, and how many samples of them have passed.

    Attributes:
        length: samples that have been taken so far.
    """

    def __init__(self, blocks: Iterable[Block]):
        self.length, self._blocks = 0, blocks

    def __iter__(self) -> Iterator[Block]:
        for block in self._blocks:
            self.length += len(block)
            yield block


class AudioError(ValueError):
    """An audio file that cannot be read or written; the message names it and says what to do."""


class AudioReader:
    """An open audio file.

    Attributes:
        path: the file.
        rate: its sampling rate in Hz.
        channels: its number of channels.
    """

    def __init__(self, path: Path, file: soundfile.SoundFile):
        self.path, self.rate, self.channels = path, file.samplerate, file.channels
        self._file = file

    @property
    def seconds(self) -> float:
        """The length in seconds that the header promises; 0 where it does not know."""
        return self._file.frames / self.rate if self._file.frames < 2**62 else 0.0

    def blocks(self) -> Iterator[Block]:
        """Yield the whole file, once; what is wrong with it may turn up in any block.

        Raises:
            AudioError: the file is cut off, damaged, empty, or holds NaN or infinite values.
        """
        n_read = 0
        while len(block := self._read()):
            n_read += len(block)
            if not np.isfinite(block).all():
                raise AudioError(f"{self.path}: holds NaN or infinite values; export it again")
            yield block
        if not n_read:
            raise AudioError(f"{self.path}: holds no samples; export it again")
        self._check_length(n_read)

    def _read(self) -> np.ndarray:
        length = max(1, BLOCK_SIZE // self.channels)
        try:
            return self._file.read(length, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise _unreadable(self.path, error, "is cut off or damaged") from error

    def _check_length(self, n_read: int) -> None:
        """Raise if decoding ended before what the header says. Unknown lengths are huge."""
        mp3 = self._file.format == "MP3"
        if mp3 and not knows_its_length(self.path):
            return  # the number of frames is an estimate
        slack = round(_MP3_SLACK_SECONDS * self.rate) if mp3 else 0
        if n_read + slack < self._file.frames < 2**62:
            raise AudioError(
                f"{self.path}: is cut off ({n_read / self.rate:.1f} of {self.seconds:.1f} s);"
                " export or download it again"
            )


def native_name(path: Path) -> str | bytes:
    """Return a path as libsndfile takes it.

    On Linux a name need not be text; on Windows, bytes would be read in the code page of old.
    """
    return str(path) if os.name == "nt" else os.fsencode(path)


@contextlib.contextmanager
def open_audio(path: str | os.PathLike) -> Iterator[AudioReader]:
    """Open an audio file for reading.

    Args:
        path: any file that libsndfile reads.

    Yields:
        The open file.

    Raises:
        AudioError: the file is missing, a folder, empty, cut off, or is not audio.
    """
    path = Path(path)
    _check_is_file(path)
    try:
        file = soundfile.SoundFile(native_name(path))
    # TypeError: a suffix that soundfile takes for headerless samples.
    except (soundfile.SoundFileError, TypeError) as error:
        raise _unreadable(path, error) from error
    with file:
        yield AudioReader(path, file)


def resample_blocks(blocks: Iterable[Block], rate: int, new_rate: int) -> Iterator[Block]:
    """Change the sampling rate of a stream: what comes out is what the whole would become.

    Args:
        blocks: at `rate`, of any lengths.
        rate: sampling rate in Hz.
        new_rate: the wanted rate in Hz.

    Yields:
        Blocks of any lengths, `round(time * new_rate / rate)` samples in all, at least one.
    """
    if rate == new_rate:
        yield from blocks
        return
    resampler, n_in, n_out, channels = None, 0, 0, 0
    for block in blocks:
        if resampler is None:
            channels = block.shape[1]
            resampler = soxr.ResampleStream(rate, new_rate, channels)
        changed = resampler.resample_chunk(np.ascontiguousarray(block, np.float32))
        n_in, n_out = n_in + len(block), n_out + len(changed)
        yield changed
    if resampler is not None:
        rest = resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)
        # The resampler holds back half a filter until now, so that there is always a rest to cut.
        yield with_length(rest, max(1, round(n_in * new_rate / rate)) - n_out)


def with_length(
    waveform: Float[np.ndarray, "time channel"], length: int
) -> Float[np.ndarray, "_ channel"]:
    """Cut, or fill up with zeros, to `length` samples: resamplers round as they like."""
    if len(waveform) >= length:
        return waveform[:length]
    return np.pad(waveform, ((0, length - len(waveform)), (0, 0)))


@dataclass(frozen=True)
class AudioFormat:
    """What a file that is to be written holds.

    Attributes:
        rate: sampling rate in Hz.
        channels: number of channels.
        n_samples: number of samples per channel: what is longer than 4 GB gets another header.
        subtype: `PCM_16`, `PCM_24` or `FLOAT`.
    """

    rate: int
    channels: int
    n_samples: int
    subtype: str


class AudioWriter:
    """A WAV or FLAC file that is written block by block; a context manager.

    The caller sees to it that the file has a temporary name until it is whole
    (`umir.files.write_beside`), that integers do not clip and that values are finite. The same
    blocks give the same bytes every time.

    Args:
        path: the file; its suffix, `.wav` or `.flac`, is the container.
        audio_format: what it will hold.

    Raises:
        OSError: the disk is full, or the container cannot hold that many channels or that rate.
    """

    def __init__(self, path: Path, audio_format: AudioFormat):
        self._path, self._subtype = path, audio_format.subtype
        size = audio_format.n_samples * audio_format.channels * SUBTYPES[audio_format.subtype]
        wav = "RF64" if size > _WAV_BYTES else "WAV"
        with _as_os_error():
            self._file = soundfile.SoundFile(
                native_name(path),
                "w",
                samplerate=audio_format.rate,
                channels=audio_format.channels,
                subtype=audio_format.subtype,
                format=wav if path.suffix.lower() == ".wav" else "FLAC",
            )

    def __enter__(self) -> "AudioWriter":
        return self

    def __exit__(self, *error: object) -> None:
        with _as_os_error():
            self._file.close()
        if self._subtype == "FLOAT":
            _remove_time_stamp(self._path)

    def write(self, block: Block) -> None:
        """Append a block; whole numbers are the nearest ones, where libsndfile rounds WAV down."""
        samples: np.ndarray = np.ascontiguousarray(block, np.float32)
        if self._subtype != "FLOAT":
            full = 2.0 ** (8 * SUBTYPES[self._subtype] - 1)
            samples = np.clip(np.round(samples.astype(np.float64) * full), -full, full - 1) / full
        with _as_os_error():
            self._file.write(samples)


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """Turn what libsndfile says when it cannot write into an OSError."""
    try:
        yield
    except (soundfile.SoundFileError, AssertionError) as error:
        # soundfile asserts that all frames went out: they do not when the disk is full.
        reason = _last_words(error) or "the disk may be full"
        raise OSError(f"could not be written ({reason})") from error


def _remove_time_stamp(path: Path) -> None:
    """Set the time in the PEAK chunk to 0: libsndfile stamps float files with the time of day."""
    with path.open("r+b") as file:
        head = file.read(4096)
        chunk = head.find(b"PEAK", 0, head.find(b"data"))
        if chunk >= 0:
            file.seek(chunk + 12)  # after the name, the length and the version
            file.write(bytes(4))


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


def _unreadable(
    path: Path, error: Exception, reason: str = "is not audio we can read"
) -> AudioError:
    return AudioError(f"{path}: {reason} ({_last_words(error)}); convert it again to WAV or FLAC")


def _last_words(error: Exception) -> str:
    """Return libsndfile's reason without the path that it repeats."""
    return str(error).rsplit(": ", 1)[-1].rstrip(".")
