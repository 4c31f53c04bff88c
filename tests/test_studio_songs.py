"""The table of models on songs of the studio that nothing learnt from."""

import pytest
from benchmark_scripts import benchmark_module
from shelf import trained_start

from umir.checkpoint import load_model
from umir.fine_tuning import score
from umir.releasing import models_in
from umir.studio.catalogue import render_songs
from umir.task_model import TaskModel
from umir.tasks import StudioSource, get_task

SCRIPT = benchmark_module("studio_songs")


@pytest.fixture(scope="module")
def source():
    return StudioSource(render_songs(range(3), rate=16_000, channels=1, duration=6.0))


def test_a_song_is_scored_once_unless_its_examples_are_clips(source):
    task = get_task("onset_detection")
    songs = SCRIPT.songs_for(task, source)
    assert len(songs) == len({song.group for song in songs}) <= 3
    assert len(source.examples(task)) > len(songs)
    assert all("mixture" in song.name for song in songs)
    parts = SCRIPT.songs_for(get_task("instrument_recognition"), source)
    assert len(parts) > len({part.group for part in parts})


def test_scores_are_those_of_each_model(tmp_path, source, capsys):
    start = trained_start(tmp_path / "start")
    models = models_in(start, load_model(start))
    found = SCRIPT.scores_of("start", models, source)
    assert found.keys() == models.keys()
    model = TaskModel.load(start, task="onset_detection")
    metrics, _ = score(model, SCRIPT.songs_for(model.task, source))
    assert found["onset_detection"] == metrics[model.task.headline]
    assert "onset_detection: " in capsys.readouterr().out


def test_the_mean_leaves_decibels_out():
    scores = {"a": {"onset_detection": 0.5, "source_separation": 4.0}, "b": {"key": 0.25}}
    rows = SCRIPT.table(scores).splitlines()
    assert rows[0] == "| task | a | b |"
    assert rows[2] == "| onset_detection | 0.500 | nan |"
    assert rows[-1] == "| mean | 0.500 | 0.250 |"
