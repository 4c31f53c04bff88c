"""Audio in and out: every format and depth, both conversions, and every bad file."""

import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import scipy.signal
import soundfile
import soxr
from bad_audio import fails
from hypothesis import given
from hypothesis import strategies as st

from umir.audio import (
    LEVEL_RMS,
    AudioError,
    check_waveform,
    normalise_level,
    read_audio,
    resample,
    to_channels,
    write_audio,
)
from umir.audio_stream import AudioFormat, AudioWriter, resample_blocks


def _sine(rate, seconds=0.5, frequency=440.0, channels=1, amplitude=0.5):
    time = np.arange(round(rate * seconds)) / rate
    wave = amplitude * np.sin(2 * np.pi * frequency * time)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_U8", 2**-6),
        ("a.wav", "PCM_16", 2**-14),
        ("a.wav", "PCM_24", 2**-22),
        ("a.wav", "PCM_32", 2**-22),
        ("a.wav", "FLOAT", 0),
        ("a.wav", "DOUBLE", 0),
        ("a.aiff", "PCM_16", 2**-14),
        ("a.flac", "PCM_16", 2**-14),
        ("a.ogg", "VORBIS", 0.05),
        ("a.mp3", "MPEG_LAYER_III", 0.05),
    ],
)
def test_reads_what_another_program_wrote(tmp_path, name, subtype, tolerance):
    wave = _sine(44100)
    soundfile.write(tmp_path / name, wave, 44100, subtype=subtype)
    read, rate = read_audio(tmp_path / name)
    assert rate == 44100 and read.dtype == np.float32 and read.shape == wave.shape
    np.testing.assert_allclose(read[1000:-1000], wave[1000:-1000], atol=tolerance)


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("rate", [8000, 192000])
def test_reads_all_channels_and_rates(tmp_path, channels, rate):
    wave = _sine(rate, 0.05) * np.linspace(0.1, 1, channels, dtype=np.float32)
    soundfile.write(tmp_path / "a.flac", wave, rate, subtype="PCM_24")
    np.testing.assert_allclose(read_audio(tmp_path / "a.flac")[0], wave, atol=1e-6)
    for wanted in (1, 2):
        assert read_audio(tmp_path / "a.flac", 16000, wanted)[0].shape == (800, wanted)


@pytest.mark.parametrize("name", ["one.wav", "one.flac"])
def test_one_sample_and_many_rates(tmp_path, name):
    write_audio(tmp_path / name, np.full((1, 1), 0.5, np.float32), 48000)
    np.testing.assert_allclose(read_audio(tmp_path / name)[0], [[0.5]], atol=1e-6)
    assert read_audio(tmp_path / name, 8000)[0].shape == (1, 1)
    assert read_audio(tmp_path / name, 192000)[0].shape == (4, 1)


def test_blocks_do_not_change_the_result(tmp_path, rng, monkeypatch):
    wave = rng.uniform(-0.5, 0.5, (50000, 3)).astype(np.float32)
    write_audio(tmp_path / "a.wav", wave, 8000)
    monkeypatch.setattr("umir.audio_stream.BLOCK_SIZE", 10_000)
    read, _ = read_audio(tmp_path / "a.wav", 11025, 2)
    np.testing.assert_allclose(read, resample(to_channels(wave, 2), 8000, 11025), atol=1e-6)


@pytest.mark.parametrize(("rate", "new_rate"), [(44100, 16000), (16000, 44100), (8000, 48000)])
def test_resampled_sine_is_the_sine_at_the_new_rate(rate, new_rate):
    found = resample(_sine(rate), rate, new_rate)
    inner = slice(new_rate // 10, -new_rate // 10)
    np.testing.assert_allclose(found[inner], _sine(new_rate)[inner], atol=2e-4)
    other = scipy.signal.resample_poly(_sine(rate), new_rate, rate, axis=0)
    np.testing.assert_allclose(found[inner], other[: len(found)][inner], atol=2e-3)


def test_resampling_removes_what_the_new_rate_cannot_hold():
    found = resample(_sine(44100, frequency=10000.0), 44100, 16000)
    assert np.abs(found[1000:-1000]).max() < 1e-4


@given(st.integers(1, 3000), st.sampled_from([8000, 11025, 16000, 44100, 192000]))
def test_resampled_length(n_samples, new_rate):
    found = resample(np.zeros((n_samples, 1), np.float32), 16000, new_rate)
    assert found.shape == (max(1, round(n_samples * new_rate / 16000)), 1)


@given(
    st.integers(1, 3000),
    st.lists(st.integers(0, 700), min_size=1, max_size=5),
    st.sampled_from([(44_100, 16_000), (16_000, 44_100), (8000, 192_000), (192_000, 8000)]),
)
def test_a_stream_is_resampled_as_the_whole(n_samples, lengths, rates):
    """Blocks of any lengths, empty ones too; the oracle is soxr's own function for arrays."""
    wave = np.random.default_rng(n_samples).normal(size=(n_samples, 2)).astype(np.float32)
    ends = np.minimum(np.cumsum(lengths), n_samples)
    found = np.concatenate(list(resample_blocks(np.split(wave, ends), *rates)))
    expected = soxr.resample(wave, *rates)
    length = max(1, round(n_samples * rates[1] / rates[0]))
    assert found.shape == (length, 2)
    both = min(length, len(expected))
    np.testing.assert_allclose(found[:both], expected[:both], atol=1e-5)


def test_channels_by_hand():
    row = np.array([[1.0, 2.0, 6.0]], np.float32)
    np.testing.assert_array_equal(to_channels(row, 1), [[3.0]])
    np.testing.assert_array_equal(to_channels(row, 2), [[3.5, 4.0]])
    np.testing.assert_array_equal(to_channels(row[:, :1], 3), [[1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(to_channels(row[:, :2], 1), [[1.5]])
    assert to_channels(row, 3) is row
    with pytest.raises(ValueError, match="2 channels cannot become 3"):
        to_channels(row[:, :2], 3)


@pytest.mark.parametrize("shape", [(48_000,), (2, 48_000), (1, 65), (1, 48_000, 2)])
def test_arrays_with_other_axes_are_refused(shape):
    """As librosa and torch have them: as they are, a song would be two samples of many channels."""
    with pytest.raises(ValueError, match=r"give \(time, channel\); .* np.atleast_2d\(array\).T"):
        check_waveform(np.zeros(shape, np.float32))
    if len(shape) == 2:
        with pytest.raises(ValueError, match="give"):
            to_channels(np.zeros(shape, np.float32), 1)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_arrays_that_are_not_finite_are_refused(value):
    waveform = np.zeros((100, 2), np.float32)
    waveform[50, 1] = value
    with pytest.raises(ValueError, match="samples that are NaN or infinite"):
        to_channels(waveform, 1)


@pytest.mark.parametrize("shape", [(0, 1), (1, 2), (1, 64), (48_000, 8)])
def test_short_waveforms_are_waveforms(shape):
    check_waveform(np.zeros(shape, np.float32))


def test_mixing_down_never_clips():
    full = np.ones((4, 8), np.float32)
    assert to_channels(full, 2).max() == to_channels(full, 1).max() == 1.0


@given(st.floats(-110, 60), st.integers(1, 2))
def test_level_is_normalised_and_undone(level_db, channels):
    wave = _sine(8000, 0.1, channels=channels, amplitude=10 ** (level_db / 20))
    scaled, gain = normalise_level(wave)
    assert scaled.dtype == np.float32
    assert np.sqrt(np.mean(np.square(scaled, dtype=np.float64))) == pytest.approx(LEVEL_RMS, 1e-5)
    np.testing.assert_allclose(scaled / gain, wave, rtol=1e-5, atol=1e-7 * np.abs(wave).max())


@pytest.mark.parametrize("wave", [np.zeros((100, 2)), np.full((100, 1), 1e-9), np.zeros((0, 1))])
def test_silence_keeps_its_level(wave):
    scaled, gain = normalise_level(wave.astype(np.float32))
    assert gain == 1.0
    np.testing.assert_array_equal(scaled, wave.astype(np.float32))


@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "PCM_16"), ("a.flac", "PCM_24")])
def test_integer_files_are_scaled_as_a_whole_instead_of_clipped(tmp_path, name, subtype):
    wave = _sine(8000, amplitude=3.0)
    write_audio(tmp_path / name, wave, 8000, subtype)
    read, _ = read_audio(tmp_path / name)
    np.testing.assert_allclose(read, wave * (0.99 / np.abs(wave).max()), atol=1e-4)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24)])
def test_integer_files_hold_the_nearest_numbers(tmp_path, rng, name, subtype, bits):
    """So that stems add up without an offset, and what is nearly silent is silent."""
    wave = rng.uniform(-0.9, 0.9, (1000, 2)).astype(np.float32)
    wave[:100] = rng.uniform(-0.4, 0.4, (100, 2)) / 2 ** (bits - 1)
    write_audio(tmp_path / name, wave, 8000, subtype)
    read, _ = soundfile.read(tmp_path / name, dtype="float64")
    np.testing.assert_array_equal(read, np.round(wave * 2.0 ** (bits - 1)) / 2 ** (bits - 1))
    assert not read[:100].any()


def test_float_files_keep_what_is_beyond_full_scale(tmp_path):
    wave = _sine(8000, amplitude=3.0, channels=2)
    write_audio(tmp_path / "a.wav", wave, 8000)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], wave)
    assert soundfile.info(tmp_path / "a.wav").subtype == "FLOAT"


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_written_bytes_do_not_depend_on_the_time_of_day(tmp_path, name):
    write_audio(tmp_path / name, _sine(8000), 8000)
    first = (tmp_path / name).read_bytes()
    if b"PEAK" in first:  # libsndfile's own chunk: name, length, version, time of day
        assert struct.unpack_from("<I", first, first.find(b"PEAK") + 12) == (0,)
    write_audio(tmp_path / name, _sine(8000), 8000)
    assert (tmp_path / name).read_bytes() == first


@pytest.mark.parametrize(
    ("name", "subtype"), [("a.wav", "FLOAT"), ("a.wav", "PCM_16"), ("a.flac", "PCM_24")]
)
def test_writing_in_blocks_gives_the_bytes_of_writing_whole(tmp_path, name, subtype):
    wave = _sine(8000, channels=2)
    write_audio(tmp_path / name, wave, 8000, subtype)
    with AudioWriter(tmp_path / f"b{name}", AudioFormat(8000, 2, len(wave), subtype)) as writer:
        for block in np.array_split(wave, 7):
            writer.write(block)
    assert (tmp_path / f"b{name}").read_bytes() == (tmp_path / name).read_bytes()


def test_very_long_files_use_64_bit_lengths(tmp_path, monkeypatch):
    monkeypatch.setattr("umir.audio_stream._WAV_BYTES", 1000)
    write_audio(tmp_path / "a.wav", _sine(8000), 8000)
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], _sine(8000))


@pytest.mark.parametrize(
    ("name", "wave", "subtype", "message"),
    [
        ("a.mp3", np.zeros((5, 1)), None, "cannot write '.mp3' files; use .wav or .flac"),
        ("a", np.zeros((5, 1)), None, "cannot write 'this' files"),
        ("a.wav", np.zeros((5, 1)), "PCM_12", "unknown subtype 'PCM_12'.*use one of PCM_16"),
        ("a.flac", np.zeros((5, 1)), "FLOAT", "use one of PCM_16, PCM_24"),
        ("a.wav", np.full((5, 1), np.nan), None, "holds NaN"),
        ("a.wav", np.full((5, 1), 1e39), None, "holds NaN or infinite"),
        ("a.wav", np.zeros((0, 1)), None, "no samples"),
    ],
)
def test_what_cannot_be_written(tmp_path, name, wave, subtype, message):
    with pytest.raises(AudioError, match=message):
        write_audio(tmp_path / name, wave, 8000, subtype)
    assert os.listdir(tmp_path) == []


def test_missing_folder_empty_and_no_audio(tmp_path):
    fails(tmp_path / "none.wav", "no such file")
    fails(tmp_path, "is a folder")
    for name, content, message in [
        ("empty.wav", b"", "is empty"),
        ("text.wav", b"not audio at all " * 10, "is not audio we can read.*convert it"),
        ("text.raw", b"not audio at all " * 10, "is not audio we can read"),
        ("riff.wav", b"RIFF", "is not audio we can read"),
    ]:
        (tmp_path / name).write_bytes(content)
        fails(tmp_path / name, message)
    soundfile.write(tmp_path / "nothing.wav", np.zeros((0, 1)), 8000)
    fails(tmp_path / "nothing.wav", "no samples")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_not_finite(tmp_path, value):
    wave = np.zeros(100)
    wave[50] = value
    soundfile.write(tmp_path / "a.wav", wave, 8000, subtype="DOUBLE")
    fails(tmp_path / "a.wav", "NaN or infinite")


_SMALL_DISK = """
import resource, sys
import numpy as np
from umir.audio import write_audio
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
for name, subtype in [("a.wav", "FLOAT"), ("b.wav", "PCM_16"), ("c.flac", "PCM_24")]:
    try:
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, (200000, 1)).astype(np.float32)
        write_audio(sys.argv[1] + "/" + name, noise, 8000, subtype)
    except OSError as error:
        print(error)
"""


def test_full_disk_leaves_nothing(tmp_path):
    command = [sys.executable, "-c", _SMALL_DISK, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = run.stdout.splitlines()
    assert len(lines) == 3
    for line, name in zip(lines, ["a.wav", "b.wav", "c.flac"], strict=True):
        assert str(tmp_path / name) in line
    assert os.listdir(tmp_path) == []
