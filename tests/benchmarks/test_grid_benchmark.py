"""The grid of trainings: what is chosen, what is done, and how it is kept."""

import argparse
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from benchmark_scripts import benchmark_module

from umir.files import LockedError

GRID = benchmark_module("adversarial.grid")
RESULTS = benchmark_module("recordings.results").Results


class Trainings:
    """Trainings by formula, best at a rate of 3e-4 and a weight of 1e-2, and which were done."""

    def __init__(self):
        self.done = []

    def measure(self, job, split):
        self.done.append((job, split))
        off = abs(np.log(job.rate / 3e-4)) + (abs(np.log(job.alpha / 1e-2)) if job.alpha else 0)
        return {"set": {"SDR": np.nan if job.rate == 1e-4 else -off}, "songs": {}}


def grid_of(path, trainings, *options, **more):
    p = argparse.ArgumentParser()
    GRID.add_arguments(p, out=str(path), methods=["plain", "critics"], steps=7, batch=4)
    args = p.parse_args(options)
    functions = {"score": lambda found: found["set"]["SDR"], "report": lambda runs: None}
    functions["measure"] = trainings.measure
    return GRID.Grid(args, RESULTS(args.out), "trial", "7 steps", batch=4, **functions, **more)


def test_names_say_what_there_is():
    job = GRID.Job("critics", 3, 3e-4, steps=7, batch=4)
    assert job.name == "critics, seed 3, rate 0.0003"
    more = GRID.Job("critics", 3, 3e-4, steps=7, batch=4, pairs=5, alpha=0.01)
    assert more.name == "critics, 5 pairs, seed 3, rate 0.0003, alpha 0.01"


def test_each_method_has_its_best_rate_and_weight(tmp_path, capsys):
    path, trainings = tmp_path / "found.json", Trainings()
    more = {"counts": (2, 5), "tune_pairs": 2, "alphas": {"critics": [1e-3, 1e-2]}}
    grid = grid_of(path, trainings, "--seeds", "0", "1", **more)
    runs = grid.run()
    assert "trial, critics: rate 0.0003, alpha 0.01" in capsys.readouterr().out
    tests = [job for job, split in trainings.done if split == GRID.TEST]
    assert {(job.method, job.rate, job.alpha) for job in tests} == {
        ("plain", 3e-4, 0.0),  # not 1e-4, whose score is not a number
        ("critics", 3e-4, 1e-2),
    }
    # Seed by seed, so that a table is complete early.
    assert [(job.seed, job.pairs) for job in tests[::2]] == [(0, 2), (0, 5), (1, 2), (1, 5)]
    choosing = [job for job, split in trainings.done if split == GRID.VALID]
    assert {(job.seed, job.pairs) for job in choosing} == {(GRID.TUNING_SEED, 2)}
    kept = json.loads(path.read_text())["trial"]
    assert {*kept} == {"7 steps", "7 steps, choice at 2 pairs"}
    assert runs["critics"]["5"]["0"]["trained with"] == {"rate": 3e-4, "alpha": 1e-2, "batch": 4}
    assert kept["7 steps"] == runs and {*runs["plain"]} == {"2", "5"}
    assert [*kept["7 steps, choice at 2 pairs"]["critics"]] == [
        *(f"rate {rate:g}, alpha 0.001" for rate in GRID.RATES),
        "rate 0.0003, alpha 0.01",
    ]
    # Another call does what is missing.
    more["counts"] = (2, 5, 10)
    again = Trainings()
    grid_of(path, again, "--seeds", "0", "1", **more).run()
    assert {job.pairs for job, _ in again.done} == {10}


def test_a_single_rate_is_not_tried(tmp_path, capsys):
    path, trainings = tmp_path / "found.json", Trainings()
    runs = grid_of(path, trainings, "--rates", "1e-3", "--seeds", "0").run()
    assert [split for _, split in trainings.done] == [GRID.TEST] * 2
    assert [*json.loads(path.read_text())["trial"]] == ["7 steps"]
    assert {*runs["plain"]} == {"0"}  # no numbers of pairs: seeds
    assert "trial, plain: rate 0.001\n" in capsys.readouterr().out


def test_of_another_choice_it_is_another_result(tmp_path):
    path, again, last = tmp_path / "found.json", Trainings(), Trainings()
    grid_of(path, Trainings(), "--rates", "1e-3", "--seeds", "0").run()
    runs = grid_of(path, again, "--rates", "3e-2", "--seeds", "0").run()
    assert {job.rate for job, _ in again.done} == {3e-2}
    assert runs["plain"]["0"]["trained with"]["rate"] == 3e-2
    grid_of(path, last, "--rates", "3e-2", "--seeds", "0").run()
    assert not last.done


@pytest.mark.parametrize("counts", [(0,), (2, 5)])
def test_runs_of_another_choice_are_in_no_table(tmp_path, capsys, counts):
    """Other numbers of pairs have the rate of an earlier call; seed 1 was not asked for again."""
    path = tmp_path / "found.json"
    grid_of(path, Trainings(), "--rates", "1e-3", "--seeds", "0", "1", counts=counts).run()
    options = ("--rates", "3e-2", "--seeds", "0", "--methods", "plain")
    runs = grid_of(path, Trainings(), *options, counts=counts[:1]).run()
    assert {*runs} == {"plain"}
    by_pairs = runs["plain"] if any(counts) else {"0": runs["plain"]}
    rates = {
        (pairs, seed): run["trained with"]["rate"]
        for pairs, seeds in by_pairs.items()
        for seed, run in seeds.items()
    }
    assert rates == {(str(counts[0]), "0"): 3e-2}
    left, shown = len(counts) - 1, capsys.readouterr().out
    assert (f"trial, plain: left out, of another choice: {left}\n" in shown) == (left > 0)
    # They are kept all the same, and shown where they are asked for.
    for asked in (["0"], ["0", "1"]):
        words = ("--rates", "1e-3", "--seeds", *asked)
        runs = grid_of(path, Trainings(), *words, counts=counts).run()
        seeds = runs["plain"]["2"] if any(counts) else runs["plain"]
        assert {*seeds} == {*asked} and {*runs} == {"plain", "critics"}


def test_where_every_rate_fails_it_is_said(tmp_path, capsys):
    class Failures(Trainings):
        def measure(self, job, split):
            return {"set": {"SDR": np.nan}, "songs": {}}

    grid_of(tmp_path / "found.json", Failures(), "--methods", "plain", "--seeds", "0").run()
    assert "trial, plain: no score is finite; takes rate 0.0001\n" in capsys.readouterr().out


def test_runs_beside_each_other_keep_all_results(tmp_path):
    first, second = (RESULTS(tmp_path / "found.json") for _ in range(2))
    first.once(first.part("a"), "x", lambda: {"SDR": 1.0}, "x")
    second.once(second.part("b"), "y", lambda: {"SDR": 2.0}, "y")
    part = first.part("b")
    assert first.once(part, "y", lambda: pytest.fail("is measured twice"), "y") == {"SDR": 2.0}
    kept = json.loads((tmp_path / "found.json").read_text())
    assert kept == {"a": {"x": {"SDR": 1.0}}, "b": {"y": {"SDR": 2.0}}}
    assert first.values == kept and first.part("b") is part


def test_several_processes_share_a_grid(tmp_path):
    """Threads, whose locks are as apart as those of processes: three, a training each at a time."""
    path, together = tmp_path / "found.json", threading.Barrier(3, timeout=60)

    class Slow(Trainings):
        def measure(self, job, split):
            if job.rate and split == GRID.VALID and not job.alpha:
                together.wait()  # three rates of `plain`: each is tried by another one
            return super().measure(job, split)

    def run(trainings):
        more = {"counts": (2, 5), "tune_pairs": 2, "alphas": {"critics": [1e-3, 1e-2]}}
        return grid_of(path, trainings, "--seeds", "0", "1", **more).run()

    everyone = [Slow() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        found = [*pool.map(run, everyone)]
    done = [piece for trainings in everyone for piece in trainings.done]
    assert len(done) == len({*done}) == 3 + 4 + 2 * 2 * 2
    assert found[0] == found[1] == found[2] == run(alone := Trainings())
    assert not alone.done


@pytest.mark.parametrize("error", [OSError("the disk is full"), LockedError("a folder is held")])
def test_of_a_training_that_fails_another_call_does_it_again(error, tmp_path):
    class Failing(Trainings):
        def measure(self, job, split):
            raise error

    path, options = tmp_path / "found.json", ("--rates", "1e-3", "--seeds", "0")
    with pytest.raises(type(error), match=str(error)):
        grid_of(path, Failing(), *options).run()
    grid_of(path, again := Trainings(), *options).run()
    assert len(again.done) == 2


def test_rates_are_kept_by_their_numbers(tmp_path):
    path = tmp_path / "found.json"
    grid_of(path, Trainings(), "--methods", "plain").run()
    rates = json.loads(path.read_text())["trial"]["7 steps, rates"]["plain"]
    assert [*rates] == ["0.0001", "0.0003", "0.001"]


def test_what_is_shown_of_a_training():
    found = {"set": {"SDR/vocals": 1.0, "SDR": 2.0, "roc_auc": 0.5}, "songs": {}}
    assert GRID.shown(found, ("SDR/", "roc_auc")) == "SDR/vocals 1.000, roc_auc 0.500"
    assert GRID.shown({"loss": 3.0}, ("SDR/",)) == "loss 3.000"
    assert GRID.shown({"FID": 3.0, "same": 1.0}, ("",)) == "FID 3.000, same 1.000"


def test_what_is_wrong_with_arguments_is_a_line(capsys):
    def grids_of(args):
        raise ValueError("--pairs 0: at least 1 is needed")

    with pytest.raises(SystemExit, match="2"):
        GRID.run_grids(argparse.ArgumentParser(), [], grids_of)
    assert "--pairs 0: at least 1 is needed" in capsys.readouterr().err
