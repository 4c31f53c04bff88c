"""The table on real recordings: who is tested on what, and how results become rows."""

import numpy as np
import pytest
from benchmark_scripts import benchmark_module

from umir.annotations import Labels
from umir.data.example import Example
from umir.tasks import Classification

EXPERIMENTS = benchmark_module("recordings.experiments")
TABLES = benchmark_module("recordings.tables")


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
    (row,) = TABLES.rows_of("melody", results, (10,))
    assert row == [
        *("melody", "10", "0.50 [0.50, 0.50]", "0.25 [0.25, 0.25]", "+0.25 [+0.25, +0.25]"),
        "0.50 [0.50, 0.50] (pyin)",
    ]
    assert len(row) == len(TABLES.COLUMNS)
    assert TABLES.apart("melody", results, 10, ()).endswith("melody, pyin: headline 0.500\n")
    del results["classical"]
    assert TABLES.rows_of("drums", results, (10,))[0][-1] == "-"


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
