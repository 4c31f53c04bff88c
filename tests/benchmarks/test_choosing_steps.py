"""The table of ways to choose rate and step: what each way takes of curves that are known."""

import json

import pytest
from benchmark_scripts import benchmark_module
from tiny import TINY

from umir.wave_unet import PRESETS

SCRIPT = benchmark_module("choosing_steps")

# rate -> step -> loss, score, test
CURVES = {
    rate: {
        step: dict(zip(("loss", "score", "test"), values, strict=True))
        for step, values in zip(("25", "50", "75"), looks, strict=True)
    }
    for rate, looks in {
        "0.001": [(0.5, 0.1, 0.11), (0.6, 0.9, 0.12), (0.7, 0.1, 0.13)],
        "0.003": [(0.8, 0.7, 0.21), (0.9, 0.8, 0.22), (1.0, 0.8, 0.23)],
        "0.01": [(1.1, 0.0, 0.31), (1.1, 0.0, 0.32), (1.1, 0.0, 0.99)],
    }.items()
}


@pytest.mark.parametrize(
    ("way", "test"),
    [("loss", 0.11), ("score", 0.12), ("steady score", 0.23), ("last", 0.23), ("best", 0.99)],
)
def test_what_each_way_takes(way, test):
    assert SCRIPT.WAYS[way](CURVES)["test"] == test


def test_of_equal_scores_the_lower_loss_is_taken():
    curves = {"0.003": CURVES["0.003"]}
    assert SCRIPT.best_score(curves)["test"] == 0.22


def test_the_table_has_the_mean_distance_to_the_best():
    lines = SCRIPT.table({"clicks": {"nano": {"1": CURVES}}, "clacks": {"nano": {"1": CURVES}}})
    assert "| clicks | nano | 0.110 | 0.120 | 0.230 | 0.230 | 0.990 |" in lines
    assert "| mean behind `best` |  | 0.880 | 0.870 | 0.760 | 0.760 | 0.000 |" in lines


def test_runs_of_the_comparison_are_read_at_the_rate_that_they_had(tmp_path):
    run = {
        "rate": 0.001,
        "looks": {"0": [9.0, 9.0], "10": [0.1, 0.3], "30": [0.5, 0.7], "100": [0.8, 0.8]},
        "valid_losses": {"0": 0.1, "10": 0.2, "30": 0.3, "100": 0.4},
    }
    searched = {"0.001": {"10": 0.1, "30": 0.3, "100": 0.2}, "0.003": {"10": 0.9}}
    values = {
        "runs": {"-": {"scratch": {"5": {"-/11": run}, "1": {"-/11": run}}}},
        "search": {"-": {"scratch": searched}},
    }
    (tmp_path / "studio_clicks.json").write_text(json.dumps(values))
    lines = SCRIPT.comparison_table([tmp_path]).splitlines()
    assert lines[2:] == ["| clicks | scratch | 0.200 | 0.600 | 0.800 |"] + [
        "| mean |  | 0.200 | 0.600 | 0.800 |"
    ]


def test_a_folder_is_measured_once(events_folder, tiny_preset, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, "nano", TINY)
    experiment = benchmark_module("recordings.experiments").Experiment(test=1, valid=1)
    monkeypatch.setitem(SCRIPT.KNOWN, events_folder.name, experiment)
    monkeypatch.setattr(SCRIPT, "LOOK_EVERY", 2)
    options = [str(events_folder.parent), "--only", events_folder.name, "--starts", "scratch"]
    options += ["--steps", "4", "--out", str(tmp_path / "found.json")]
    SCRIPT.main(options)
    first = capsys.readouterr().out
    assert f"{events_folder.name}, scratch" in first and "mean behind `best`" in first
    (curves,) = json.loads((tmp_path / "found.json").read_text())["4 steps"][
        events_folder.name
    ].values()
    assert {rate: list(looks) for rate, looks in curves["1"].items()} == {
        rate: ["2", "4"] for rate in ("0.0003", "0.001", "0.003")
    }
    SCRIPT.main(options)
    assert capsys.readouterr().out == first[first.index("| folder") :]
    SCRIPT.main([*options, "--table"])
    assert capsys.readouterr().out == first[first.index("| folder") :]
