"""The stems of one track as files, written block by block into a folder that appears when whole.

Float files hold every value as it is. Integer files cannot: where a stem goes beyond full scale,
all stems of the track are scaled by one number, so that none clips and their balance stays. As that
is known only at the end, they are first written as float, beside, and take that much disk.
"""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from umir.audio import check_format, without_clipping
from umir.audio_stream import (
    BLOCK_SIZE,
    AudioError,
    AudioFormat,
    AudioWriter,
    Block,
    native_name,
)
from umir.files import make_folder

_AS_IT_IS = "FLOAT"


@dataclass(frozen=True)
class StemFormat:
    """What stem files hold.

    Attributes:
        suffix: `.wav` or `.flac`.
        subtype: `PCM_16`, `PCM_24` or `FLOAT`; None for float in WAV and 24 bit in FLAC.
    """

    suffix: str = ".wav"
    subtype: str | None = None

    @property
    def samples(self) -> str:
        """The subtype that is written.

        Raises:
            AudioError: there is no such container, or it does not hold such samples.
        """
        return check_format(Path(f"stem{self.suffix}"), self.subtype)

    def file_name(self, stem: str) -> str:
        """Return the name of a stem's file."""
        return _file_name(stem) + self.suffix


FLOAT_WAV = StemFormat()


class StemFiles:
    """The files of one track; a context manager.

    While it is open, everything lies in a hidden folder beside; at its end the folder takes its
    name, or, if there is one of that name already, the files go into it. An error or Ctrl-C removes
    all of it.

    Attributes:
        gain: after the end, what all stems were multiplied by (1 unless integers would clip).

    Args:
        folder: the track's folder.
        names: the stems.
        rate: sampling rate in Hz.
        channels: number of channels.
        n_samples: length.
        stem_format: what the files hold.

    Raises:
        ValueError: a file is where the folder should be.
        OSError: the disk is full, or the container cannot hold such audio; names the folder.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        rate: int,
        channels: int,
        n_samples: int,
        stem_format: StemFormat,
    ):
        self.gain = 1.0
        self._folder, self._suffix = folder, stem_format.suffix
        self._final = AudioFormat(rate, channels, n_samples, stem_format.samples)
        self._temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
        self._names, self._peak = {name: _file_name(name) for name in names}, 0.0
        self._writers: dict[str, AudioWriter] = {}
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "StemFiles":
        # Only what must be a folder: its name is taken at the end.
        if self._folder.exists():
            make_folder(self._folder)
        try:
            make_folder(self._temporary)
            with self._named():
                self._start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type | None, *error: object) -> None:
        try:
            with self._named():
                self._open.close()
                if kind is None:
                    self._finish()
        finally:
            self._remove()

    def write(self, stems: Mapping[str, Block]) -> None:
        """Append a block to every stem.

        Raises:
            AudioError: values that are not finite.
        """
        for name, block in stems.items():
            peak = float(np.abs(block).max(initial=0.0))
            if not np.isfinite(peak):
                raise AudioError(
                    f"{self._folder}: not written: {name} holds NaN or infinite values"
                )
            self._peak = max(self._peak, peak)
            with self._named():
                self._writers[name].write(block)

    def _start(self) -> None:
        """Open a float file per stem."""
        self._check_container()
        f = self._final
        held = AudioFormat(f.rate, f.channels, f.n_samples, _AS_IT_IS)
        for name, file_name in self._names.items():
            writer = AudioWriter(self._temporary / f"{file_name}.wav", held)
            self._writers[name] = self._open.enter_context(writer)

    def _check_container(self) -> None:
        """Find out now, not after an hour, whether the final container holds such audio."""
        probe = self._temporary / f"probe{self._suffix}"
        with AudioWriter(probe, self._final):
            pass
        probe.unlink()

    def _finish(self) -> None:
        """Convert what is to be converted, and move everything to its place."""
        if self._final.subtype != _AS_IT_IS:
            self.gain = without_clipping(self._peak)
            for file_name in self._names.values():
                self._convert(self._temporary / f"{file_name}.wav")
        if not self._folder.exists():
            self._temporary.rename(self._folder)
            return
        for path in self._temporary.iterdir():
            os.replace(path, self._folder / path.name)

    def _convert(self, path: Path) -> None:
        """Scale a float file and write it in the final format."""
        held = path.rename(path.with_suffix(".float.wav"))
        with soundfile.SoundFile(native_name(held)) as file:
            with AudioWriter(path.with_suffix(self._suffix), self._final) as writer:
                length = max(1, BLOCK_SIZE // file.channels)
                for block in file.blocks(length, always_2d=True, dtype="float32"):
                    writer.write(np.float32(self.gain) * block)
        held.unlink()

    def _remove(self) -> None:
        shutil.rmtree(self._temporary, ignore_errors=True)

    @contextlib.contextmanager
    def _named(self):
        """Let errors of the system name the folder that the user knows."""
        try:
            yield
        except OSError as error:
            raise OSError(f"{self._folder}: {error.strerror or error}") from error


def _file_name(stem: str) -> str:
    """Return a stem's name without what would lead into another folder."""
    return re.sub(r"[/\\:\0]", "_", stem)
