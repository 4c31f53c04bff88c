"""`umir predict` on one file: what is found in an array is found in blocks, in little memory."""

import os
import tracemalloc
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest
import soundfile
from tiny import TINY

from umir import audio_stream
from umir.audio import audio_blocks, read_audio
from umir.predict import predict_file
from umir.task_model import TaskModel
from umir.tasks import get_task
from umir.wave_unet import Network

FILE_RATE = 11_025  # not that of the network, with two channels instead of one


def model_of(name):
    task = get_task(name)
    network = Network(TINY, task.head)
    settings = task.default_settings(TINY.rate)
    return TaskModel(network, task, network.init(jax.random.key(0)), settings)


@pytest.fixture
def song(tmp_path, rng):
    def write(seconds):
        samples = 0.2 * rng.normal(size=(round(seconds * FILE_RATE), 2))
        soundfile.write(tmp_path / "song.wav", samples, FILE_RATE, "PCM_16")
        return tmp_path / "song.wav"

    return write


@pytest.mark.parametrize("name", ["onset_detection", "genre_recognition", "melody_extraction"])
def test_blocks_are_heard_as_the_whole(song, monkeypatch, name):
    model, path = model_of(name), song(31.3)
    whole = model.output(read_audio(path, model.rate, model.channels)[0])
    monkeypatch.setattr(audio_stream, "BLOCK_SIZE", 3001)
    blocks = partial(audio_blocks, path, model.rate, model.channels)
    assert len(list(blocks())) > 100
    np.testing.assert_allclose(model.output_of(blocks), whole, rtol=1e-5, atol=1e-6)


def test_a_file_is_written_as_its_array_is_predicted(song, tmp_path):
    model, path = model_of("onset_detection"), song(9.5)
    written = predict_file(model, path, tmp_path)
    found = model.predict(*read_audio(path))
    times = [float(line.split()[0]) for line in written.read_text().splitlines()]
    assert len(times) > 5
    np.testing.assert_allclose(times, found.times, atol=1e-3)


@pytest.mark.parametrize("out", [".", "elsewhere", "out/..", "link"])
def test_labels_are_not_overwritten(song, tmp_path, out):
    model, path = model_of("onset_detection"), song(2.0)
    for folder in ("out", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    labels = tmp_path / out / "song.txt"
    labels.write_text("0.5\n")
    with pytest.raises(ValueError, match="song.wav: nothing is written: .*song.txt is there"):
        predict_file(model, path, tmp_path / out)
    assert labels.read_text() == "0.5\n"


def test_a_second_run_replaces_the_first_unless_that_was_mended(song, tmp_path):
    path = song(2.0)
    for name in ("onset_detection", "genre_recognition"):
        written = predict_file(model_of(name), path, tmp_path)
    assert "0" not in written.read_text()  # a genre, and no times
    written.write_text("jazz\n")
    with pytest.raises(ValueError, match="is not what an earlier run made of this file"):
        predict_file(model_of("genre_recognition"), path, tmp_path)
    assert written.read_text() == "jazz\n"


def test_stems_are_not_overwritten(song, tmp_path):
    model, path = model_of("vocal_separation"), song(2.0)
    (tmp_path / "song").mkdir()
    stem = tmp_path / "song" / "vocals.wav"
    stem.write_bytes(b"true")
    with pytest.raises(ValueError, match="song.wav: nothing is written: .*song is there already"):
        predict_file(model, path, tmp_path)
    assert stem.read_bytes() == b"true"
    for _ in range(2):
        assert (predict_file(model, path, tmp_path / "out") / "vocals.wav").exists()


def test_a_name_that_is_no_text(song, tmp_path):
    path = song(2.0)
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    os.rename(path, strange)
    assert read_audio(strange)[1] == FILE_RATE
    folder = predict_file(model_of("vocal_separation"), strange, tmp_path / "out")
    assert read_audio(folder / "vocals.wav")[1] == FILE_RATE


def test_memory_does_not_grow_with_the_song(song, monkeypatch):
    model, path = model_of("genre_recognition"), song(600)
    monkeypatch.setattr(audio_stream, "BLOCK_SIZE", 2**14)
    blocks = partial(audio_blocks, path, model.rate, model.channels)
    model.output_of(lambda: [next(blocks())])  # compiled
    tracemalloc.start()
    try:
        model.output_of(blocks)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    whole = 600 * model.rate * model.channels * 4
    assert most < whole / 4
