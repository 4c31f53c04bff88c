"""The table of minutes of audio against score and time: which songs are kept, and its rows."""

from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from benchmark_scripts import benchmark_module
from tiny import TINY

from umir.adaptation.rate_search import Budget
from umir.annotations import Labels
from umir.data.example import Example
from umir.task_model import TaskModel
from umir.tasks import Classification
from umir.user_data import UserData
from umir.wave_unet import PRESETS, Network

SCRIPT = benchmark_module("your_own_task")
RATE = 100


def songs(n_groups, seconds=10):
    waveform = np.zeros((seconds * RATE, 1), np.float32)
    return [Example(waveform, RATE, Labels(("a",)), f"song {n}", f"{n}") for n in range(n_groups)]


def test_so_many_seconds_are_kept_and_the_seed_says_which():
    kept = SCRIPT.shortened(songs(8), 34.0, 1)
    assert [example.duration for example in kept] == [10, 10, 10, 4]
    assert len({example.group for example in kept}) == 4
    names = [[e.group for e in SCRIPT.shortened(songs(8), 34.0, seed)] for seed in (1, 1, 2)]
    assert names[0] == names[1] != names[2]
    # More of the same songs: who has labelled two minutes has labelled the first.
    more = [example.group for example in SCRIPT.shortened(songs(8), 70.0, 1)]
    assert more[:4] == names[0]


def test_a_folder_is_measured_once(events_folder, tiny_preset, tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "nano", TINY)
    results = benchmark_module("recordings.results").Results
    experiment = benchmark_module("recordings.experiments").Experiment(test=1, valid=1)
    path = tmp_path / "your_own_task.json"
    options = {"minutes": (0.1, 100.0), "seeds": (1,), "budget": Budget(steps=2, patience=None)}
    for _ in range(2):
        found = results(path)
        arguments = ("clicks", experiment, tmp_path, {"scratch": "scratch"}, found)
        SCRIPT.run_folder(*arguments, **options)
    assert set(found.values["clicks"]) == {"headline", "0.1"}  # there are no 100 minutes
    (run,) = found.values["clicks"]["0.1"]["scratch"].values()
    assert run["steps"] == 2
    assert run["cpu_seconds"] > 0
    assert (
        SCRIPT.table(found.values, ["scratch"]).splitlines()[2].startswith("| clicks | F-measure")
    )


def test_a_start_with_a_head_for_the_task_is_scored_as_it_is(events_folder, tiny_preset, tmp_path):
    results = benchmark_module("recordings.results").Results(tmp_path / "your_own_task.json")
    experiment = benchmark_module("recordings.experiments").Experiment(test=1, valid=1)
    data = SCRIPT.split(SCRIPT.read_user_data(events_folder, TINY, None), experiment, 0)
    network = Network(TINY, data.task.head)
    settings = data.task.default_settings(TINY.rate)
    model = TaskModel(network, data.task, network.init(jax.random.key(0)), settings)
    model.save(tmp_path / "mine", "# mine\n")
    starts = {"mine": str(tmp_path / "mine"), "scratch": "scratch"}
    options = {"minutes": (), "preset": "tiny"}
    SCRIPT.run_folder(
        events_folder.name, experiment, events_folder.parent, starts, results, **options
    )
    found = results.values[events_folder.name]["0"]
    (song,) = data.test
    scores = data.task.evaluate(song.annotation, model.predict(song.waveform, song.rate))
    assert found == {"mine": {"any": {"score": scores["F-measure"], "cpu_seconds": 0.0}}}


def test_a_second_start_is_beside_scratch_of_its_own_size(tmp_path, monkeypatch, capsys):
    for size in ("nano", "small"):
        (tmp_path / size).mkdir()
        (tmp_path / size / "model.safetensors").write_text(size)
    data = SimpleNamespace(train=songs(9, 60), task=SimpleNamespace(headline="F"))

    def start(init, config=None):
        preset = SimpleNamespace(preset=Path(init).name)
        return SimpleNamespace(config=preset, knows=lambda task: init != "scratch", name=init)

    def measure(data, experiment, start, preset, *rest):
        score = {"nano": 0.0, "small": 0.5}[preset] + 0.25 * (start != "scratch")
        return {"score": score, "cpu_seconds": 60.0, "steps": 1}

    stubs = {"measure": measure, "unadapted": lambda *_: {"score": 0.125, "cpu_seconds": 0.0}}
    stubs |= {"Start": SimpleNamespace(load=start)}
    stubs |= {"read_user_data": lambda *args: None, "split": lambda *args: data}
    stubs["of_minutes"] = lambda *args: None
    for name, stub in stubs.items():
        monkeypatch.setattr(SCRIPT, name, stub)
    monkeypatch.setattr(jax.config, "update", lambda *args: None)  # the suite keeps its cache
    for size, row in {
        "nano": "0.25 | 1.0 | 0.00 | 1.0",
        "small": "0.75 | 1.0 | 0.50 | 1.0",
    }.items():
        words = [str(tmp_path), "onsets", "--init", str(tmp_path / size), "--minutes", "1"]
        monkeypatch.setattr("sys.argv", ["your_own_task.py", *words, "--seeds", "1"])
        SCRIPT.main()
        printed = capsys.readouterr().out
        assert f"| onsets | F | 0 | 0.12 | 0.0 | - | - |\n| onsets | F | 1 | {row} |" in printed


def test_every_run_compiles_what_it_needs(monkeypatch):
    """The second of two runs is not let off what the first one compiled."""
    compiled = []

    @jax.jit
    def gradient(x):
        compiled.append(x)
        return x

    found = SimpleNamespace(learning_rate=1e-3, step=1, steps=1)
    start = SimpleNamespace(config=None, body=None, recipe=lambda *a: None, decoder=lambda *a: None)
    trained = lambda *args: (gradient(1.0), SimpleNamespace(predict=None), found)[1:]  # noqa: E731
    monkeypatch.setattr(SCRIPT, "train_on", trained)
    monkeypatch.setattr(SCRIPT, "Start", SimpleNamespace(load=lambda *args: start))
    monkeypatch.setattr(SCRIPT, "group_scores", lambda *args: {"x": {"headline": 0.5}})
    data = SimpleNamespace(task=None, test=[])
    experiment = benchmark_module("recordings.experiments").Experiment()
    for runs in (1, 2):
        assert SCRIPT.measure(data, experiment, "scratch", "nano", 1, Budget())["score"] == 0.5
        assert len(compiled) == runs


def test_rows():
    def run(score, seconds):
        return {"score": score, "cpu_seconds": seconds, "wall_seconds": seconds}

    of_start = {"scratch": {"1": run(0.25, 60), "2": run(0.75, 180)}, "meta": {"1": run(0.5, 90)}}
    results = {"drums": {"headline": "F-measure", "2": of_start}}
    assert SCRIPT.table(results, ["meta", "scratch", "other"]).splitlines()[2] == (
        "| drums | F-measure | 2 | 0.50 | 1.5 | 0.50 (0.25 to 0.75) | 2.0 | - | - |"
    )


@pytest.mark.parametrize("amount", [0.5, 1.0])
def test_a_fifth_chooses(amount):
    task = Classification("tones", ("a", "b"))
    data = UserData(task, songs(12), songs(4), songs(2), {}, [])
    few = SCRIPT.of_minutes(data, amount, 1)
    seconds = [sum(example.duration for example in part) for part in (few.train, few.valid)]
    np.testing.assert_allclose(seconds, [48 * amount, 12 * amount])
    assert few.test == data.test
