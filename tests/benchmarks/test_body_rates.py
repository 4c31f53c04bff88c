"""The table of how fast a body learns beside a fresh head: three rules, and a choice of two."""

import json

import jax
import numpy as np
import pytest
from benchmark_scripts import benchmark_module
from tiny import TINY

from umir.adaptation.rate_search import Budget
from umir.adaptation.start import Start
from umir.fine_tuning import train_on
from umir.task_model import TaskModel
from umir.tasks import BeatTracking
from umir.user_data import read_user_data
from umir.wave_unet import PRESETS, Network

SCRIPT = benchmark_module("body_rates")
EXPERIMENTS = benchmark_module("recordings.experiments")


def _run(score, loss, valid_score=None):
    groups = {group: {"headline": score + more} for group, more in (("a", -0.1), ("b", 0.1))}
    return {"groups": groups, "valid": {"loss": loss, "score": valid_score}}


def test_the_validation_groups_choose_for_each_seed():
    rules = {
        "fresh": {"1": _run(0.5, 0.2), "2": _run(0.9, 0.4)},
        "root": {"1": _run(0.8, 0.1), "2": _run(0.8, 0.1), "4": _run(0.8, 0.1)},
        "size": {"1": _run(0.7, 0.3), "2": _run(0.6, 0.3), "3": _run(0.0, 0.1)},
    }
    # Seeds that lack a rule are left out, and between `fresh` and `size` alone is chosen.
    picked = SCRIPT.chosen(rules)
    assert picked == {"1": rules["fresh"]["1"], "2": rules["size"]["2"]}
    rows = SCRIPT.table({"clicks": {"nano": rules}}).splitlines()[2:]
    cells = rows[0].strip("| ").split(" | ")
    assert len(rows) == 1 and cells[:4] == ["clicks", "nano", "2", "2"]
    # Means 0.7, 0.8, 0.65 and 0.55; the gain of a group is that group's.
    assert [cell.split()[0] for cell in cells[4:8]] == ["0.70", "0.80", "0.65", "0.55"]
    assert [cell.split()[0] for cell in cells[8:11]] == ["+0.10", "-0.05", "-0.15"]
    assert cells[11:] == ["0.20 0.40", "0.10 0.10", "0.30 0.30"]


def test_a_start_without_all_rules_has_no_row():
    rules = {"fresh": {"1": _run(0.5, 0.2)}, "size": {"1": _run(0.7, 0.3)}}
    assert len(SCRIPT.table({"clicks": {"nano": rules}}).splitlines()) == 2


def test_scores_decide_where_there_are_some():
    root = {"1": _run(0.9, 0.1, valid_score=0.9)}
    fresh, size = _run(0.5, 0.2, valid_score=0.6), _run(0.7, 0.3, valid_score=0.7)
    assert SCRIPT.chosen({"fresh": {"1": fresh}, "root": root, "size": {"1": size}}) == {"1": size}
    equal = _run(0.7, 0.2, valid_score=0.6)  # what is the default is kept
    rules = {"fresh": {"1": fresh}, "root": root, "size": {"1": equal}}
    assert SCRIPT.chosen(rules) == {"1": equal}


@pytest.fixture
def start(tiny_preset, monkeypatch, tmp_path):
    """A model of another task, whose body has grown to five times its size."""
    monkeypatch.setitem(PRESETS, "nano", TINY)
    task = BeatTracking()
    network = Network(TINY, task.head)
    params = network.init(jax.random.key(0))
    params["body"] = jax.tree.map(lambda leaf: 5 * leaf, params["body"])
    model = TaskModel(network, task, params, task.default_settings(TINY.rate))
    model.save(tmp_path / "start", "# start\n")
    return tmp_path / "start"


def test_each_rule_is_measured_once(start, events_folder, tmp_path, monkeypatch, capsys):
    experiment = EXPERIMENTS.Experiment(test=1, valid=1)
    monkeypatch.setitem(SCRIPT.FOLDERS, events_folder.name, experiment)
    words = [str(events_folder.parent), "--only", events_folder.name, "--steps", "2"]
    words += ["--starts", str(start), "--out", str(tmp_path / "found.json")]
    SCRIPT.main(words)
    first = capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text())[events_folder.name]
    ((_, rules),) = found.items()
    assert rules.keys() == {"fresh", "root", "size"}
    losses = {rule: runs["1"]["valid"]["loss"] for rule, runs in rules.items()}
    assert len({*losses.values()}) == 3
    # The rule by size is the one that a user gets.
    data = EXPERIMENTS.split(read_user_data(events_folder, TINY, None), experiment, 0)
    begun = Start.load(str(start))
    recipe = begun.recipe(data.task, seed=1)
    _, default = train_on(data, begun.config, begun.body, Budget.of(2), recipe)
    np.testing.assert_allclose(losses["size"], default.loss)
    SCRIPT.main(words)
    assert capsys.readouterr().out == first[first.index("| folder") :]
