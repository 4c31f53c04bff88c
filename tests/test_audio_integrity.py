"""Audio files that were cut off, and those that only look so."""

import struct

import numpy as np
import pytest
import soundfile
from bad_audio import fails

from umir.audio import read_audio
from umir.audio_integrity import knows_its_length, missing_bytes
from umir.audio_stream import open_audio


def test_cut_off_files_of_other_kinds_are_noticed(tmp_path, rng):
    for name, suffix in (("RF64", "wav"), ("W64", "w64"), ("AU", "au")):
        path = tmp_path / f"{name}.{suffix}"
        soundfile.write(path, rng.uniform(-0.5, 0.5, 80000), 16000, format=name, subtype="PCM_16")
        assert len(read_audio(path)[0]) == 80000
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        fails(path, "is cut off")


def test_a_wav_of_more_than_2_gib_is_as_long_as_it_says(tmp_path):
    """Lengths that large may be true: three hours are that long."""
    soundfile.write(tmp_path / "a.wav", np.zeros(1000), 8000, subtype="PCM_16")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", 3_000_000_000)
    (tmp_path / "a.wav").write_bytes(content)
    assert missing_bytes(tmp_path / "a.wav") == 3_000_000_000 - 2000


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.flac", "a.ogg", "a.mp3"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_cut_off_files_are_noticed(tmp_path, rng, name, share):
    soundfile.write(tmp_path / name, rng.uniform(-0.5, 0.5, 80000), 16000)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    fails(tmp_path / name, "is cut off|is not audio we can read|no samples")


def test_long_ogg_cut_between_its_pages_is_noticed(tmp_path, rng):
    soundfile.write(tmp_path / "a.ogg", rng.uniform(-0.5, 0.5, 800000), 16000)
    content = (tmp_path / "a.ogg").read_bytes()
    (tmp_path / "a.ogg").write_bytes(content[: content.rfind(b"OggS")])
    fails(tmp_path / "a.ogg", "is cut off")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3"])
def test_garbage_after_the_audio_is_ignored(tmp_path, rng, name):
    wave = (0.5 * np.sin(0.17 * np.arange(8000))).astype(np.float32)[:, None]
    soundfile.write(tmp_path / name, wave, 16000)
    with (tmp_path / name).open("ab") as file:
        file.write(bytes(777))
    assert read_audio(tmp_path / name)[0].shape == wave.shape


@pytest.mark.parametrize("tag", [b"", b"ID3\x02\0\0\0\x01\x1c\x20" + bytes(20_000)])
def test_mp3_that_does_not_say_how_long_it_is(tmp_path, rng, tag):
    """Without the header of LAME and others a decoder reckons with the size of the file."""
    path = tmp_path / "a.mp3"
    constant = {"bitrate_mode": "CONSTANT", "compression_level": 0.3}
    soundfile.write(path, rng.uniform(-0.5, 0.5, 32000), 16000, **constant)
    content = path.read_bytes()
    path.write_bytes(tag + content)
    assert knows_its_length(path)
    # The header is in a frame of its own, the first.
    path.write_bytes(tag + content[content.index(content[:2], 4) :])
    assert not knows_its_length(path)
    with open_audio(path) as file:
        assert file.seconds > 3 or not tag  # what made it seem cut off
    assert len(read_audio(path)[0]) == pytest.approx(32000, abs=3000)


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF])
def test_wav_of_unknown_length_from_a_pipe(tmp_path, length):
    """ffmpeg and sox write such lengths when they cannot go back to the header."""
    samples = np.arange(100, dtype="<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    head = b"RIFF" + struct.pack("<I", length) + b"WAVE" + form
    (tmp_path / "a.wav").write_bytes(head + b"data" + struct.pack("<I", length) + samples)
    assert read_audio(tmp_path / "a.wav")[0].shape == (100, 1)
