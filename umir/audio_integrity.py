"""Noticing audio files that were cut off, which decoders read without a word.

A download that stopped or a recorder that lost power leaves a file whose header promises more than
is there. libsndfile reads the rest of a WAV (RF64 and W64 too), AIFF, AU or Ogg file as if it were
whole, and labels then lie past the end of the audio. FLAC and MP3 are noticed while decoding
(`umir.audio_stream`), unless an MP3 file never said how long it is.
"""

import struct
from pathlib import Path
from typing import BinaryIO

# Programs that write to a pipe cannot go back to fill in the length: they write 2 or 4 GiB, or what
# is left of it after the header, or a round number near it.
_UNKNOWN_LENGTHS, _NEAR = (0x7FFFFFFF, 0xFFFFFFFF), 0xFFFF
# The last frame may lack its padding: 8 channels of 64 bit.
_SLACK = 64
# What the first frame of an MP3 file may hold in place of sound, and how much it can be of it.
_MP3_LENGTHS, _MP3_FRAME = (b"Xing", b"Info", b"VBRI"), 2048


def knows_its_length(path: Path) -> bool:
    """Return whether a file says how many samples it holds; else decoders estimate it.

    Args:
        path: an audio file; of formats other than MP3 all do.
    """
    with path.open("rb") as file:
        head = file.read(10)
        tagged = head[:3] == b"ID3"
        if not (tagged or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")):
            return True
        # The length of an ID3 tag is in seven bits of each of four bytes, without its own ten.
        size = 10 + sum(byte << 7 * n for n, byte in enumerate(head[:5:-1])) if tagged else 0
        file.seek(size)
        frame = file.read(_MP3_FRAME)
    return any(name in frame for name in _MP3_LENGTHS)


def missing_bytes(path: Path) -> int:
    """Return how many bytes of audio the file promises but does not hold (0: none, or unknown).

    Args:
        path: an audio file of any format; formats other than WAV, AIFF, AU and Ogg give 0.

    Returns:
        The number of bytes; 1 where the file is known to be cut but not by how much.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(4)
        if magic in (b"RIFF", b"RF64"):
            return _missing_in_chunks(file, size, b"data", "<4sI")
        if magic == b"riff":
            return _missing_in_w64(file, size)
        if magic == b".snd":
            begin, length = struct.unpack(">II", file.read(8))
            return _missing(begin, length, size)
        if magic == b"FORM":
            return _missing_in_chunks(file, size, b"SSND", ">4sI")
        if magic == b"OggS":
            return _missing_in_ogg(file, size)
    return 0


def _missing(begin: int, length: int, size: int) -> int:
    """Return what a file of `size` bytes lacks of `length` bytes of audio from `begin` on."""
    if any(abs(length - unknown) <= _NEAR for unknown in _UNKNOWN_LENGTHS):
        return 0
    missing = begin + length - size
    return missing if missing > _SLACK else 0


def _missing_in_chunks(file: BinaryIO, size: int, name: bytes, header: str) -> int:
    """Return what is missing of the chunk called `name` in a RIFF or IFF file.

    The chunk `ds64` of an RF64 says how long `data` is, which itself says 4 GiB.
    """
    position = 12  # after the 4-byte magic, the 4-byte length and the 4-byte form type
    long = None
    while position + 8 <= size:
        file.seek(position)
        chunk, length = struct.unpack(header, file.read(8))
        if chunk == b"ds64" and length >= 16:
            _, long = struct.unpack("<QQ", file.read(16))
        if chunk == name:
            return _missing(position + 8, length if long is None else long, size)
        position += 8 + length + length % 2  # chunks start at even positions
    return 0


def _missing_in_w64(file: BinaryIO, size: int) -> int:
    """Return what is missing of the data in a W64, whose names have 16 bytes and lengths 8."""
    position = 40  # after the name, the length and the name of the form
    while position + 24 <= size:
        file.seek(position)
        chunk, length = struct.unpack("<4s12xQ", file.read(24))
        if chunk == b"data":
            return _missing(position, length, size)
        if length < 24:  # its own header is in it: this is no chunk
            return 0
        position += -(-length // 8) * 8
    return 0


def _missing_in_ogg(file: BinaryIO, size: int) -> int:
    """Return 1 if the last page is cut or is not marked as the end of the stream."""
    longest_page = 27 + 255 + 255 * 255
    file.seek(max(0, size - 2 * longest_page))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27:
        return 1
    # Page header: flags at byte 5 (4: end of stream), then at 26 how many segment lengths follow.
    segments = page[26]
    length = 27 + segments + sum(page[27 : 27 + segments])
    return int(not page[5] & 4 or len(page) < length)
