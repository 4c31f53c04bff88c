"""The table of models on songs of the studio that nothing learnt from."""

import json
from dataclasses import replace

import pytest
from benchmark_scripts import benchmark_module
from shelf import trained_start

from umir.checkpoint import load_model
from umir.fine_tuning import score
from umir.releasing import models_in
from umir.studio.catalogue import render_songs
from umir.studio.features import ALL_FEATURES
from umir.task_model import TaskModel
from umir.tasks import StudioSource, get_task

SCRIPT = benchmark_module("studio_songs")
HELD_OUT = benchmark_module("recordings.held_out_songs")


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


def test_songs_have_the_features_of_those_that_models_were_trained_on(tmp_path):
    """As a training leaves them; a model that does not say has all, and so has none at all."""
    nano = load_model(trained_start(tmp_path / "start"))
    without_metre = ALL_FEATURES.without("metre")
    assert nano.config["training"]["without"] == ["metre"]
    assert HELD_OUT.features_of(nano) == without_metre
    older = replace(nano, config={**nano.config, "training": {"songs": 128}})
    for models in ([older], [nano, older], [None], []):
        assert HELD_OUT.features_of(*models) == ALL_FEATURES
    bare = replace(nano, config={"training": {"without": ["metre", "timbre"]}})
    assert HELD_OUT.features_of(bare, nano) == without_metre


def test_the_songs_are_held_out(monkeypatch):
    plain = ALL_FEATURES.without("metre", "timbre")
    monkeypatch.setattr(HELD_OUT, "render_songs", lambda seeds, **options: (seeds, options))
    seeds, options = HELD_OUT.held_out_songs(3, plain, rate=8000, channels=2)
    assert list(seeds) == [10**12, 10**12 + 1, 10**12 + 2]
    assert (options["features"], options["rate"], options["channels"]) == (plain, 8000, 2)
    seeds, options = HELD_OUT.validation_songs(plain, rate=8000)
    assert (seeds[0], options["features"], options["channels"]) == (10**11, plain, 1)


def test_a_table_is_of_songs_as_the_models_know_them(tmp_path, monkeypatch, capsys):
    start, asked = trained_start(tmp_path / "start"), []

    def rendered(seeds, **options):
        asked.append(options["features"])
        return render_songs(list(seeds)[:1], rate=16_000, duration=6.0, workers=1)

    monkeypatch.setattr(HELD_OUT, "render_songs", rendered)
    kept = tmp_path / "scores.json"
    SCRIPT.main([str(start), "--songs", "1", "--json", str(kept)])
    assert asked == [ALL_FEATURES.without("metre")]
    row = (
        f"\n| onset_detection | {json.loads(kept.read_text())[str(start)]['onset_detection']:.3f} |"
    )
    assert row in capsys.readouterr().out


def test_the_mean_leaves_decibels_out():
    scores = {"a": {"onset_detection": 0.5, "source_separation": 4.0}, "b": {"key": 0.25}}
    rows = SCRIPT.table(scores).splitlines()
    assert rows[0] == "| task | a | b |"
    assert rows[2] == "| onset_detection | 0.500 | nan |"
    assert rows[-1] == "| mean | 0.500 | 0.250 |"
