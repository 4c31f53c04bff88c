"""The benchmark of head initialisations: run in seconds, kept, and its table."""

import json
from functools import partial
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from benchmark_scripts import benchmark_module
from tiny import TINY

from umir.checkpoint import Model, save_model
from umir.studio.catalogue import render_songs
from umir.task_model import INITIALISATION
from umir.wave_unet import init_body

pytest.importorskip("librosa")
SCRIPT = benchmark_module("head_initialisation")
HELD_OUT = benchmark_module("recordings.held_out_songs")


def runs(*scores):
    """Return results of one way: a list of group scores for each step, the same for two seeds."""
    steps = {
        str(step): {str(group): {"headline": score} for group, score in enumerate(groups)}
        for step, groups in zip(SCRIPT.STEPS, scores, strict=False)
    }
    return {"1": steps, "2": steps}


def test_the_table_shows_means_over_groups_and_who_is_best():
    results = {"beats": {"prior": runs([0.2, 0.4], [0.5, 0.7]), "ridge": runs([0.5], [0.55])}}
    rows = SCRIPT.table(results, (0, 1)).splitlines()
    assert rows[0] == "| task | head | 0 | 1 |"
    assert rows[2].startswith("| beats | prior | 0.30 [0.20, 0.40] | 0.60 [")
    assert rows[3] == "| beats | ridge | 0.50 | 0.55 |"
    assert rows[4:] == [
        "| mean of 1 | prior | 0.30 | 0.60 |",
        "| mean of 1 | ridge | 0.50 | 0.55 |",
        "| best on | prior | 0 | 1 |",
        "| best on | ridge | 1 | 0 |",
    ]
    results["keys"] = {"prior": runs([0.6], [1.0])}
    assert [row for row in SCRIPT.table(results, (0, 1)).splitlines() if "mean" in row] == [
        "| mean of 2 | prior | 0.45 | 0.80 |"
    ]


def test_a_released_model_is_one_way_more_for_what_it_has_no_head_for(tmp_path, capsys):
    assert SCRIPT.ways_of("umir-nano", "key_recognition")["learnt"] == "umir-nano"
    assert "learnt" not in SCRIPT.ways_of("umir-nano", "onset_detection")
    words = [str(tmp_path), "--model", "umir-nano", "--only", "keys"]
    with pytest.raises(SystemExit):
        SCRIPT.run(SCRIPT.parser().parse_args([*words, "--out", str(tmp_path / "out.json")]))
    assert "--only keys: choose from mdb_drums, " in capsys.readouterr().err


def test_other_songs_and_other_weights_are_measured_again(tmp_path, monkeypatch):
    weights = tmp_path / "mine" / "model.safetensors"
    weights.parent.mkdir()
    measured = []

    def scores(*args):
        measured.append(args)
        return {"0": {"x": {"headline": 0.5}}}

    key = SimpleNamespace(task=SimpleNamespace(name="key_recognition"))
    start = SimpleNamespace(config=None, body=None)
    stubs = {"scores_of_run": scores, "Start": SimpleNamespace(load=lambda model: start)}
    stubs["studio_cases"] = lambda *args: {"key_recognition": (key, SCRIPT.Recipe())}
    stubs["ways_of"] = lambda *args: {"prior": "prior"}
    for name, stub in stubs.items():
        monkeypatch.setattr(SCRIPT, name, stub)
    words = ["studio", "--model", str(weights.parent), "--out", str(tmp_path / "out.json")]
    words += ["--seeds", "1", "--steps", "0"]
    for number, (songs, text) in enumerate([("18", "a"), ("72", "a"), ("72", "b")], 1):
        weights.write_text(text)
        for _ in range(2):
            SCRIPT.run(SCRIPT.parser().parse_args([*words, "--songs", songs]))
            assert len(measured) == number


@pytest.mark.slow
def test_a_run_adapts_scores_and_goes_on(tmp_path, monkeypatch, capsys):
    body = init_body(TINY, jax.random.key(0))
    config = {"format": INITIALISATION, "network": TINY.__dict__}
    save_model(tmp_path / "model", Model(config, {"body": body}), "card")
    fast = partial(render_songs, workers=1, duration=8.0)
    monkeypatch.setattr(HELD_OUT, "render_songs", fast)
    monkeypatch.setattr(SCRIPT, "CLIP_SONGS", 1)
    arguments = ["studio", "--model", str(tmp_path / "model"), "--songs", "3", "--seeds", "1"]
    arguments += ["--only", "onset_detection", "--steps", "1", "--out", str(tmp_path / "out.json")]
    SCRIPT.run(SCRIPT.parser().parse_args(arguments))
    assert "| onset_detection | ridge | " in capsys.readouterr().out
    ((kept, found),) = json.loads((tmp_path / "out.json").read_text()).items()
    assert kept.endswith("rate 0.001, 1 steps")
    assert set(found["onset_detection"]) == {"prior", "prototype", "ridge"}
    scores = [
        metrics["F-measure"]
        for way in found["onset_detection"].values()
        for groups in way["1"].values()
        for metrics in groups.values()
    ]
    assert len(scores) == 6 and np.isfinite(scores).all()
    SCRIPT.run(SCRIPT.parser().parse_args(arguments))
    assert "seed 1:" not in capsys.readouterr().out  # nothing was missing
