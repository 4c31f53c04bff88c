"""Recordings: files and folders as classes, their splits, and files that cannot be used."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from nano_sequence_tasks import AUDIO

from umir.audio import read_audio
from umir.audio_folders import audio_files
from umir.sequence_tasks.mu_law import mu_law
from umir.sequence_tasks.recordings import (
    describe,
    read_classes,
    read_recordings,
    split_recordings,
)
from umir.sequence_tasks.sources import open_recordings


@pytest.fixture
def folder(tmp_path, rng):
    for split, count in {"train": 2, "valid": 1, "test": 1}.items():
        (tmp_path / "audio" / split).mkdir(parents=True)
        for n in range(count):
            sound = rng.uniform(-0.5, 0.5, (900 + n, 2))
            soundfile.write(tmp_path / "audio" / split / f"{n}.wav", sound, 32_000)
    return tmp_path / "audio"


def test_files_become_classes(folder):
    path = folder / "train" / "0.wav"
    waveform, _ = read_audio(path, 16_000, 1)
    found = read_classes(path, 16_000)
    assert found.dtype == np.uint8 and (found == mu_law(waveform[:, 0])).all()


def test_folders_of_splits(folder, capsys):
    (folder / "train" / "notes.txt").write_text("no audio")
    (folder / "train" / "cut.wav").write_bytes(b"RIFF")
    lines = []
    source = open_recordings(AUDIO, [folder], 2, lines.append)
    assert source.data.splits == ("train", "valid", "test")
    assert len(lines) == 1 and "left out: " in lines[0] and "cut.wav" in lines[0]
    assert sum(b["mask"].sum() for b in source.data.in_turn("test")) == 450


def test_where_a_folder_lies_and_how_it_is_typed_decides_nothing(tmp_path, monkeypatch):
    for place in ("here", "there"):
        (tmp_path / place / "songs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "songs")
    found = []
    for folder in (
        tmp_path / "there" / "songs",
        Path(),
        Path("../songs"),
        Path("../../here/songs"),
    ):
        files = {folder / f"{n}.wav": np.full(9, n, np.uint8) for n in range(20)}
        splits = split_recordings(files)
        numbers = {split: [int(part[0]) for part in parts] for split, parts in splits.items()}
        found.append((numbers, describe(files)))
    assert found == [found[0]] * 4 and found[0][1]["songs/3.wav"] == [9]


def test_songs_whose_files_have_one_name_are_told_apart(tmp_path):
    files = {tmp_path / str(n) / "mixture.wav": np.full(9, n, np.uint8) for n in range(20)}
    assert all(split_recordings(files).values()) and len(describe(files)) == 20


def test_splits_without_folders_are_by_name_and_of_one_file_by_position(tmp_path):
    many = {tmp_path / f"{n}.wav": np.full(3, n, np.uint8) for n in range(6)}
    splits = split_recordings(many)
    assert all(splits[split] for split in ("train", "valid", "test"))
    assert sorted(int(part[0]) for own in splits.values() for part in own) == [*range(6)]
    one = split_recordings({tmp_path / "x.wav": np.arange(100, dtype=np.uint8)})
    assert [len(one[split][0]) for split in ("train", "valid", "test")] == [80, 10, 10]
    assert one["valid"][0][0] == 80


def test_what_cannot_be_used(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: no audio files there"):
        audio_files([tmp_path / "empty"])
    with pytest.raises(ValueError, match="none: no such file or folder"):
        audio_files([tmp_path / "none"])
    for n in range(2):
        (tmp_path / f"{n}.wav").write_bytes(b"no audio")
    with pytest.raises(ValueError, match="none of the 2 files can be read as audio"):
        read_recordings(audio_files([tmp_path]), 16_000, lambda line: None)
    with pytest.raises(ValueError, match=r"0\.wav"):
        read_recordings([tmp_path / "0.wav"], 16_000, lambda line: None)
    train = {tmp_path / "train" / f"{n}.wav": np.zeros(9, np.uint8) for n in range(1)}
    test = {tmp_path / "test" / "1.wav": np.zeros(9, np.uint8)}
    with pytest.raises(ValueError, match="no recording is in the split 'valid'"):
        split_recordings(train | test)
