"""The table of what other speeds are worth: whose labels can follow, and the gain by group."""

import json

import pytest
from benchmark_scripts import benchmark_module
from tiny import TINY

from umir.wave_unet import PRESETS

SCRIPT = benchmark_module("speed_change")
EXPERIMENT = benchmark_module("recordings.experiments").Experiment


def test_the_gain_is_the_mean_over_groups_and_seeds():
    def run(first, second):
        return {"a": {"headline": first}, "b": {"headline": second}}

    without = {"1": run(0.1, 0.3), "2": run(0.3, 0.3)}
    results = {
        "clicks": {
            "nano": {"0": without, "0.8": {"1": run(0.5, 0.5), "2": run(0.5, 0.5)}},
            "half done": {"0": without},
        }
    }
    lines = SCRIPT.table(results, (0.0, 0.8)).splitlines()
    assert lines[0] == (
        "| folder | start | groups | 0% at another speed | 80% at another speed | gain |"
    )
    (row,) = lines[2:]
    cells = row.strip("| ").split(" | ")
    assert cells[:3] == ["clicks", "nano", "2"]
    assert [cell.split()[0] for cell in cells[3:]] == ["0.25", "0.50", "+0.25"]


@pytest.fixture
def tiny_nano(tiny_preset, monkeypatch):
    monkeypatch.setitem(PRESETS, "nano", TINY)


def main_on(folder, tmp_path, monkeypatch, *more):
    monkeypatch.setitem(SCRIPT.EXPERIMENTS, folder.name, EXPERIMENT(test=1, valid=1))
    words = [str(folder.parent), "--only", folder.name, "--starts", "scratch", "--steps", "2"]
    SCRIPT.main([*words, "--out", str(tmp_path / "found.json"), *more])


def test_a_folder_is_measured_once(events_folder, tiny_nano, tmp_path, monkeypatch, capsys):
    main_on(events_folder, tmp_path, monkeypatch)
    first = capsys.readouterr().out
    (runs,) = json.loads((tmp_path / "found.json").read_text())[events_folder.name].values()
    assert {speed: list(seeds) for speed, seeds in runs.items()} == {"0": ["1"], "0.8": ["1"]}
    main_on(events_folder, tmp_path, monkeypatch)
    assert capsys.readouterr().out == first[first.index("| folder") :]
    main_on(events_folder, tmp_path, monkeypatch, "--table")
    assert capsys.readouterr().out == first[first.index("| folder") :]


def test_labels_that_cannot_follow_are_left_out(
    label_folder, tiny_nano, tmp_path, monkeypatch, capsys
):
    with pytest.raises(SystemExit):
        main_on(label_folder, tmp_path, monkeypatch)
    assert "has nothing" in capsys.readouterr().err
