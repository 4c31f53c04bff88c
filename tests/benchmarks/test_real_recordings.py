"""The table on real recordings: who is tested on what, and how results become rows."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from benchmark_scripts import benchmark_module

from umir.annotations import Labels
from umir.checkpoint import WEIGHTS_NAME
from umir.data.example import Example
from umir.tasks import Classification

EXPERIMENTS = benchmark_module("recordings.experiments")
TABLES = benchmark_module("recordings.tables")
NAMES = benchmark_module("recordings.start_names")


def examples(n_groups, clips=2):
    waveform = np.zeros((16, 1), np.float32)
    return [
        Example(waveform, 16_000, Labels((("a", "b")[group % 2],)), f"song {group}", f"{clip}")
        for group in range(n_groups)
        for clip in range(clips)
    ]


def test_folds_test_every_group_once():
    experiment = EXPERIMENTS.Experiment(folds=3, valid=2)
    dealt = [EXPERIMENTS.deal(experiment, examples(10), fold) for fold in range(3)]
    tested = [group for test, _ in dealt for group in test]
    assert sorted(tested) == sorted({example.group for example in examples(10)})
    assert all(len(valid) == 2 and not test & valid for test, valid in dealt)


def test_strata_are_tested_alike():
    experiment = EXPERIMENTS.Experiment(test=2, valid=1, stratified=True)
    test, valid = EXPERIMENTS.deal(experiment, examples(10), 0)
    parity = [int(group.removeprefix("song ")) % 2 for group in test]
    assert sorted(parity) == [0, 0, 1, 1]
    assert len(valid) == 2


def test_means_over_runs_leave_out_what_is_not_defined():
    runs = [{"x": {"F": 1.0}, "y": {"F": np.nan}}, {"x": {"F": 0.0}, "y": {"F": np.nan}}]
    assert TABLES.per_group(runs, "F") == {"x": 0.5}


def test_interval_of_equal_values_is_the_value():
    assert TABLES.interval(np.full(5, 0.25)) == (0.25, 0.25)


def test_the_interval_over_seeds_is_students():
    assert TABLES.over_seeds([8.0]) == "8.000"
    # t(0.975, 2) = 4.303, standard deviation 0.1
    assert TABLES.over_seeds([8.0, 8.1, 8.2]) == f"8.100 ± {4.303 * 0.1 / np.sqrt(3):.3f}"
    assert TABLES.over_seeds([8.0, 8.0], 1) == "8.0 ± 0.0"


def test_a_seed_is_drawn_for_all_tasks_together():
    """One training serves all: more tasks, and more groups, say no more of what a seed does."""
    task = np.repeat([[-1.0], [1.0]], 30, axis=1)
    for tasks in ([task], [task] * 8):
        assert TABLES.over_seeds_and_groups(tasks) == (0.0, -1.0, 1.0)


def test_groups_are_drawn_for_all_seeds_together(rng):
    """The songs are the same: more seeds say no more of them, but more tasks do."""
    songs = rng.normal(0.5, 1, size=(2, 40))
    one, both = ([np.tile(of, (3, 1)) for of in songs[:n]] for n in (1, 2))
    variances = songs.var(axis=1) / songs.shape[1]
    for tasks, variance in ((one, variances[0]), (both, variances.sum() / 4)):
        mean, low, high = TABLES.over_seeds_and_groups(tasks)
        assert mean == pytest.approx(np.mean(tasks)) and low < mean < high
        assert high - low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.05)


def test_markdown_by_hand():
    assert TABLES.markdown(["a", "b"], [["1", "2"], ["3", ""]]) == (
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 |  |\n"
    )
    assert TABLES.bounded((0.125, -0.25, 0.5), digits=3) == "+0.125 [-0.250, +0.500]"


def test_rows_of_the_table():
    def run(value):
        return {"10": {"x": {"headline": value}, "y": {"headline": value}}}

    results = {
        "runs": {"meta": {"0/1": run(0.75), "0/2": run(0.25)}, "scratch": {"0/1": run(0.25)}},
        "classical": {"pyin": {"0": {"x": {"headline": 0.5}, "y": {"headline": 0.5}}}},
    }
    results["runs"]["another"] = {"0/1": run(0.75)}  # nobody asks for it
    asked = ["meta", "scratch"]
    (row,) = TABLES.rows_of("melody", results, (10,), asked)
    assert row == [
        *("melody", "10", "0.50 [0.50, 0.50]", "0.25 [0.25, 0.25]", "+0.25 [+0.25, +0.25]"),
        "0.50 [0.50, 0.50] (pyin)",
    ]
    assert len(row) == len(TABLES.COLUMNS)
    apart = TABLES.apart("melody", results, 10, (), asked)
    assert apart.endswith("melody, pyin: headline 0.500\n") and "another" not in apart
    del results["classical"]
    assert TABLES.rows_of("drums", results, (10,), asked)[0][-1] == "-"


def test_starts_are_called_by_their_weights_and_scratch_by_its_size(tmp_path):
    weights = tmp_path / "mine" / WEIGHTS_NAME
    weights.parent.mkdir()
    weights.write_bytes(b"")  # whose SHA-256 begins with e3b0c442
    starts = NAMES.named_starts([str(weights.parent), "scratch"], "nano")
    assert starts == {"mine e3b0c442": str(weights.parent), "scratch nano": "scratch"}
    weights.write_bytes(b"trained again")
    assert NAMES.model_name(weights.parent) != "mine e3b0c442"
    assert NAMES.model_name("umir-nano").startswith("umir-nano ")


@pytest.fixture
def stubbed(tmp_path, monkeypatch):
    """The script, with two models of empty folders, whose scores are those of their size."""
    script = benchmark_module("real_recordings")
    for size in ("nano", "small"):
        (tmp_path / size).mkdir()
        (tmp_path / size / WEIGHTS_NAME).write_text(size)
    start = lambda init: SimpleNamespace(config=SimpleNamespace(preset=Path(init).name))  # noqa: E731

    def scores(*args, start, preset, **options):
        value = {"nano": 0.0, "small": 0.5}[preset] + 0.25 * (start != "scratch")
        return {str(step): {"x": {"headline": value}} for step in script.STEPS}

    data = SimpleNamespace(valid=[], test=[])
    stubs = {"METHODS": {}, "scores_of_run": scores, "Start": SimpleNamespace(load=start)}
    stubs |= {"read_user_data": lambda *args: None, "split": lambda *args: data}
    stubs["use_compilation_cache"] = lambda: None
    for name, stub in stubs.items():
        monkeypatch.setattr(script, name, stub)
    return script


def test_a_second_start_is_beside_scratch_of_its_own_size(stubbed, tmp_path, monkeypatch, capsys):
    def printed(size):
        words = ["onsets", "--folders", str(tmp_path), "--init", str(tmp_path / size)]
        monkeypatch.setattr("sys.argv", ["real_recordings.py", *words])
        stubbed.main()
        return capsys.readouterr().out

    assert "| onsets | 10 | 0.25 | 0.00 | +0.25 | - |" in printed("nano")
    shown = printed("small")
    assert "| onsets | 10 | 0.75 | 0.50 | +0.25 | - |" in shown
    assert "scratch small, rate" in shown and "nano" not in shown
    assert "seed" not in printed("nano")  # nothing was missing
    (tmp_path / "small" / WEIGHTS_NAME).write_text("trained again")
    shown = printed("small")
    assert ", rate" in shown and "scratch small, rate" not in shown


def test_results_are_measured_once(tmp_path):
    results = benchmark_module("recordings.results").Results
    path = tmp_path / "melody.json"
    first = results(path)
    found = first.once(first.part("runs", "meta"), "0/1", lambda: {"10": 0.5}, "first")
    second = results(path)
    again = second.once(second.part("runs", "meta"), "0/1", lambda: {"10": 0.0}, "second")
    assert found == again == {"10": 0.5}


def test_groups_are_scored_together():
    group_scores = benchmark_module("recordings.results").group_scores
    task = Classification("label", ("a", "b"))
    always_a = lambda waveform, rate: Labels(("a",))  # noqa: E731
    scores = group_scores(task, always_a, examples(3))
    assert [scores[f"song {n}"]["headline"] for n in range(3)] == [1, 0, 1]
