"""Audio that comes in while it is being made: from standard input, WAV or raw samples.

A pipe cannot be searched, and its header does not know its length: so WAV is read here, front to
back, up to its end or the end of the stream. What is no WAV is raw: 16 bits, little-endian.
"""

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase

import numpy as np

from umir.audio_stream import AudioError, Block

STANDARD_INPUT, NAME = "-", "standard input"  # as an argument, and in messages
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  # formats of WAV
# What files of other formats begin with; raw samples hardly ever do.
OTHERS = {
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"ID3": "MP3",
    b"RF64": "WAV of the 64-bit kind",
    b"RIFX": "WAV of the big-endian kind",
    b"FORM": "AIFF",
    b".snd": "AU",
    b"caff": "CAF",
    b"riff": "WAV of Sony's 64-bit kind",
    b"\x1a\x45\xdf\xa3": "Matroska or WebM",
}
CHUNK = 2**14  # bytes that are read at most at once
# Lengths that stand for "not known yet" in the headers of pipes.
_ENDLESS = 0x7FFF0000


@dataclass(frozen=True)
class SampleFormat:
    """What the samples of a stream are.

    Attributes:
        rate: sampling rate in Hz.
        channels: number of channels.
        bits: per sample: 8, 16, 24, 32, or 64 of floats.
        floating: whether samples are floats.
    """

    rate: int
    channels: int
    bits: int = 16
    floating: bool = False

    @property
    def frame_bytes(self) -> int:
        """Bytes of a sample of all channels."""
        return self.channels * self.bits // 8

    def decoded(self, data: bytes) -> Block:
        """Return whole frames as float32, full scale 1."""
        values: np.ndarray
        if self.floating:
            values = np.frombuffer(data, f"<f{self.bits // 8}").astype(np.float32)
        elif self.bits == 8:
            values = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
        elif self.bits == 24:
            parts = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
            unsigned = parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16
            values = ((unsigned ^ 2**23) - 2**23).astype(np.float32) / 2**23
        else:
            values = np.frombuffer(data, f"<i{self.bits // 8}").astype(np.float32)
            values /= np.float32(2 ** (self.bits - 1))
        return values.reshape(-1, self.channels)


def _other_format(head: bytes) -> str | None:
    """Return what format a file has that begins with these 12 bytes, if it is not one to read."""
    if head[:4] == b"RIFF" and head[8:] != b"WAVE":
        return f"{head[8:].decode('ascii', 'replace').strip()} in a RIFF"
    if head[4:8] == b"ftyp":
        return "MP4"
    if _is_mpeg(head):
        return "MP3 or AAC"
    return next((name for start, name in OTHERS.items() if head.startswith(start)), None)


def _is_mpeg(head: bytes) -> bool:
    """Return whether bytes begin with the header of a frame of MPEG audio or of ADTS.

    Raw samples begin so if the first of all has one of some twenty loud values. Layer I, which
    begins like a sample of -1 or -2, is left out: nobody pipes that.
    """
    sync = int.from_bytes(head[:2], "big")
    if len(head) < 4 or sync & 0xFFE0 != 0xFFE0:
        return False
    version, layer = sync >> 3 & 3, sync >> 1 & 3
    if layer == 0:  # ADTS: MPEG-2 or 4, and one of 13 rates
        return version >= 2 and head[2] >> 2 & 15 < 13
    valid = version != 1 and head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3
    return layer in (1, 2) and valid


class PipedAudio:
    """Audio from a pipe.

    Args:
        pipe: what is read.
        raw: what the samples are, if they are not those of a WAV.

    Raises:
        AudioError: nothing comes, a WAV whose header cannot be read, or a file of another format.
    """

    def __init__(self, pipe: BufferedIOBase, raw: SampleFormat):
        self._pipe = pipe
        head = pipe.read(12)
        if not head:
            raise AudioError(f"{NAME}: is empty; pipe audio into it")
        if found := _other_format(head):
            raise AudioError(f"{NAME}: is {found}, not WAV or raw samples; decode it first")
        self._pending, self._left, self.format = head, None, raw
        if head[:4] == b"RIFF" and head[8:] == b"WAVE":
            self._pending = b""
            self.format, self._left = self._wav_header()

    def blocks(self) -> Iterator[Block]:
        """Yield the samples as they come; a warning if the stream ends within one."""
        size = self.format.frame_bytes
        pending = self._pending
        while data := self._read():
            pending += data
            whole = len(pending) // size * size
            if whole:
                yield self.format.decoded(pending[:whole])
            pending = pending[whole:]
        # What came with the first bytes alone.
        whole = len(pending) // size * size
        if whole:
            yield self.format.decoded(pending[:whole])
        if rest := len(pending) - whole:
            print(
                f"{NAME}: ended within a sample: its last {rest} byte(s) are left out",
                file=sys.stderr,
            )

    def _read(self) -> bytes:
        """Return the next bytes as soon as there are any; none at the end."""
        if self._left is None:
            return self._pipe.read1(CHUNK)
        data = self._pipe.read1(min(CHUNK, self._left))
        self._left -= len(data)
        return data

    def _wav_header(self) -> tuple[SampleFormat, int | None]:
        """Return what the samples are and how many bytes they take, None if nobody knows."""
        found = None
        while len(head := self._pipe.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            if name == b"data":
                if found is None:
                    break
                return found, None if size == 0 or size >= _ENDLESS else size
            body = self._pipe.read(size + size % 2)
            if name == b"fmt ":
                found = _sample_format(body)
        raise AudioError(f"{NAME}: a WAV whose header cannot be read; send another format")


def _sample_format(chunk: bytes) -> SampleFormat:
    """Return what the format chunk of a WAV says.

    Raises:
        AudioError: samples that are not read here.
    """
    if len(chunk) < 16:
        raise AudioError(f"{NAME}: a WAV whose header cannot be read; send another format")
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if code == EXTENSIBLE and len(chunk) >= 26:
        code = struct.unpack("<H", chunk[24:26])[0]
    known = {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}.get(code, ())
    if bits not in known or not channels or not rate:
        raise AudioError(
            f"{NAME}: a WAV of format {code} with {bits} bits and {channels} channel(s) at {rate} "
            "Hz is not read here; send PCM or float samples"
        )
    return SampleFormat(rate, channels, bits, code == FLOAT)
