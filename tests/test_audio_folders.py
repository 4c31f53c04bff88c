"""Which files of a folder are taken for audio, and what is said of the others."""

import pytest
import soundfile

from umir.audio import read_audio
from umir.audio_folders import AUDIO_SUFFIXES, audio_files, audio_in
from umir.file_batch import files_among

# Suffix -> what libsndfile calls such a file and its samples.
WRITTEN = {
    ".caf": ("CAF", "ALAC_16"),
    ".oga": ("OGG", "VORBIS"),
    ".aifc": ("AIFF", "FLOAT"),
    ".rf64": ("RF64", "PCM_16"),
    ".bwf": ("WAV", "PCM_24"),
    ".wave": ("WAVEX", "PCM_16"),
    ".snd": ("AU", "ULAW"),
    ".sph": ("NIST", "PCM_16"),
    ".voc": ("VOC", "PCM_16"),
}


@pytest.mark.parametrize("suffix", WRITTEN)
def test_what_can_be_read_is_taken(tmp_path, rng, suffix):
    written, samples = WRITTEN[suffix]
    song = 0.1 * rng.normal(size=(8000, 1))
    path = tmp_path / f"song{suffix.upper()}"
    soundfile.write(path, song, 16_000, samples, format=written)
    assert files_among([tmp_path]) == audio_files([tmp_path]) == [path]
    assert len(read_audio(path)[0]) == 8000


def test_what_looks_like_audio_and_is_left_out_is_named(tmp_path, capsys):
    (tmp_path / "deeper").mkdir()
    for name in ("a.wav", "b.m4a", "c.WMA", "a.m4a", "cover.jpg", "._d.m4a", "deeper/e.aac"):
        (tmp_path / name).touch()
    assert files_among([tmp_path]) == [tmp_path / "a.wav"]
    told = f"left out: {tmp_path / 'b.m4a'}, {tmp_path / 'c.WMA'}: cannot be read; convert to WAV"
    assert capsys.readouterr().err == f"{told} or FLAC\n"
    assert audio_files([tmp_path]) == [tmp_path / "a.wav"]
    assert f"c.WMA, {tmp_path / 'deeper' / 'e.aac'}: cannot be read" in capsys.readouterr().err


def test_a_few_are_named_of_many(tmp_path, capsys):
    for number in range(9):
        (tmp_path / f"{number}.m4a").touch()
    (tmp_path / "a.wav").touch()
    files_among([tmp_path])
    assert "2.m4a and 6 more: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("listed", [files_among, audio_files])
def test_where_there_is_nothing_else_that_is_what_is_wrong(tmp_path, capsys, listed):
    (tmp_path / "a.m4a").touch()
    with pytest.raises(ValueError, match=r"no audio files.*; .*a.m4a: cannot be read; convert to"):
        listed([tmp_path])
    assert capsys.readouterr().err == ""


def test_of_other_files_nothing_is_said(tmp_path, capsys):
    for name in ("a.wav", "notes.txt", "song.mid"):
        (tmp_path / name).touch()
    assert audio_files([tmp_path, tmp_path / "a.wav"]) == audio_in(tmp_path)
    assert capsys.readouterr().err == ""
    assert all(suffix == suffix.lower() for suffix in AUDIO_SUFFIXES)
