"""The table of minutes of audio against score and time: which songs are kept, and its rows."""

import numpy as np
import pytest
from benchmark_scripts import benchmark_module
from tiny import TINY

from umir.adaptation.rate_search import Budget
from umir.annotations import Labels
from umir.data.example import Example
from umir.tasks import Classification
from umir.user_data import UserData
from umir.wave_unet import PRESETS

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
