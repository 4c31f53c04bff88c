"""The table of how far to go from a start: one training, scored at several points of the way."""

import json

import jax
import numpy as np
import pytest
from benchmark_scripts import benchmark_module
from tiny import TINY

from umir.task_model import TaskModel
from umir.user_data import read_user_data
from umir.wave_unet import PRESETS, Network

SCRIPT = benchmark_module("weight_averaging")
EXPERIMENT = benchmark_module("recordings.experiments").Experiment


def test_gains_are_those_of_the_same_groups():
    def run(*scores):
        shares = dict(zip(SCRIPT.SHARES, scores, strict=True))
        return {f"{s:g}": {"a": {"headline": x}, "b": {"headline": x}} for s, x in shares.items()}

    runs = {"1": run(0.5, 0.6, 0.7, 0.6, 0.4), "2": run(0.5, 0.6, 0.7, 0.6, 0.6)}
    lines = SCRIPT.table({"clicks": {"nano": {"all": runs}}}).splitlines()
    assert lines[0] == (
        "| folder | start | minutes | groups | 0% | 25% | 50% | 75% | 100% | 50% above 0% | "
        "50% above 100% |"
    )
    cells = lines[2].strip("| ").split(" | ")
    assert cells[:4] == ["clicks", "nano", "all", "2"]
    found = [cell.split()[0] for cell in cells[4:]]
    assert found == ["0.50", "0.60", "0.70", "0.60", "0.50", "+0.20", "+0.20"]


@pytest.fixture
def start(events_folder, tiny_preset, monkeypatch, tmp_path):
    """A model that knows the folder's task, so that nothing else has to be learnt first."""
    monkeypatch.setitem(PRESETS, "nano", TINY)
    monkeypatch.setitem(SCRIPT.EXPERIMENTS, events_folder.name, EXPERIMENT(test=1, valid=1))
    task = read_user_data(events_folder, TINY, None).task
    network = Network(TINY, task.head)
    params = network.init(jax.random.key(0))
    model = TaskModel(network, task, params, task.default_settings(TINY.rate))
    model.save(tmp_path / "start", "# start\n")
    return tmp_path / "start"


def test_a_folder_is_measured_once(start, events_folder, tmp_path, monkeypatch, capsys):
    words = [str(events_folder.parent), "--only", events_folder.name, "--steps", "2"]
    words += ["--starts", str(start), "scratch", "--out", str(tmp_path / "found.json")]
    SCRIPT.main(words)
    first = capsys.readouterr().out
    ((label, amounts),) = json.loads((tmp_path / "found.json").read_text())[
        events_folder.name
    ].items()
    assert label.startswith("start") and list(amounts) == ["all"]  # scratch knows nothing
    scores = amounts["all"]["1"]
    assert list(scores) == [f"{share:g}" for share in SCRIPT.SHARES]
    # Nothing of the way is the start, as it is.
    ((group, metrics),) = scores["0"].items()
    data = read_user_data(events_folder, TINY, None)
    song = next(e for e in [*data.train, *data.valid, *data.test] if e.group == group)
    model = TaskModel.load(start)
    wanted = data.task.evaluate(song.annotation, model.predict(song.waveform, song.rate))
    np.testing.assert_allclose(metrics["headline"], wanted["F-measure"])
    SCRIPT.main(words)
    assert capsys.readouterr().out == first[first.index("| folder") :]
    SCRIPT.main([*words, "--minutes", "0.1"])
    assert "| all |" in (second := capsys.readouterr().out) and "| 0.1 |" in second
