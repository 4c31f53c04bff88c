"""The comparison of starts: how its tables and bars are read."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_scripts import benchmark_module

pytest.importorskip("librosa")
MATERIALS = benchmark_module("proof.materials")
READING = benchmark_module("proof.reading")
FOUND = benchmark_module("proof.found").Found


def run_of(scores, *, loss=1.0):
    looks = {str(step): [value, value + 0.1] for step, value in scores.items()}
    losses = {str(step): loss for step in scores}
    return {"looks": looks, "losses": losses, "valid_losses": losses, "failed": ""}


@pytest.fixture
def found():
    scratch = {0: 0.0, 10: 0.1, 100: 0.3, 300: 0.5, 1000: 0.7}
    values = {
        "facts": {"headline": "F-measure", "groups": ["x", "y"]},
        "chance": run_of({0: 0.0})["looks"]["0"],
        "ceiling": run_of({3000: 0.9}),
        "search": {"percussion": {"fomaml": {"0.001": {"10": 0.05, "30": 0.15}}}},
        "runs": {
            "-": {"scratch": {"5": {"-/11": run_of(scratch)}}},
            "percussion": {
                "multitask": {"5": {"0/11": run_of({0: 0.1, 10: 0.05, 100: 0.7, 300: 0.8})}},
                "fomaml": {"5": {"0/11": run_of({0: 0.1, 10: 0.7, 100: 0.8, 300: 0.9})}},
            },
        },
    }
    return FOUND(MATERIALS.materials()["studio_onset_detection"], values)


def test_tables_say_what_counts_and_who_is_behind(found):
    cases = [("percussion", found)]
    assert READING.what_counts(cases).splitlines()[2].endswith("| yes |")
    shown = READING.steps_needed(cases, ["multitask", "fomaml", "reptile"]).splitlines()
    assert shown[2] == "| studio_onset_detection | 100 [100, 100] | 10 [10, 10] | - |"
    assert "1 of 1 within 100 | 1 of 1 within 100 | 0 of 1 within 100, run on 0 |" in shown[3]
    behind = READING.defeats(cases)
    assert "| multitask | scratch | 10 (-0.050) |" in behind
    assert "fomaml" not in behind
    assert "| studio_onset_detection | percussion | fomaml | 0.150 |" in READING.all_scores(cases)
    assert "| fomaml | 0.100 |" in READING.all_validation(cases)
    assert "1.000" in READING.all_losses(cases, "valid_losses")


@pytest.mark.parametrize(
    ("last", "ceiling", "expected"),
    [(0.7, 0.9, True), (0.2, 0.9, False), (0.7, None, None), (0.0, None, False)],
)
def test_of_what_is_at_chance_no_ceiling_is_needed(found, last, ceiling, expected):
    runs = {**found.values["runs"]}
    runs["-"] = {"scratch": {"5": {"-/11": run_of({0: 0.0, 1000: last})}}}
    long = run_of({3000: ceiling}) if ceiling else None
    assert replace(found, values={**found.values, "runs": runs, "ceiling": long}).counts is expected


def test_the_best_of_scratch_may_be_before_its_end(found):
    runs = {**found.values["runs"]}
    worse = {0: 0.0, 10: 0.1, 100: 0.95, 300: 0.8, 1000: 0.7}
    runs["-"] = {"scratch": {"5": {"-/11": run_of(worse)}}}
    tired = replace(found, values={**found.values, "runs": runs})
    best = tired.target_beside("fomaml", "percussion", best=True)
    np.testing.assert_allclose(best, [0.95, 1.05])
    np.testing.assert_allclose(tired.ceiling, [0.95, 1.05])  # the long training has 0.9
    np.testing.assert_allclose(found.ceiling, [0.9, 1.0])
    cases = [("percussion", tired)]
    shown = READING.steps_needed(cases, ["multitask", "fomaml"], to_its_best=True).splitlines()
    assert shown[2] == "| studio_onset_detection | > 300 [> 300, > 300] | > 300 [> 300, > 300] |"


def test_only_seeds_that_both_have_are_compared(found):
    runs = {**found.values["runs"]}
    far = run_of({0: 0.0, 10: 0.9, 100: 0.9, 300: 0.9, 1000: 0.9})
    broken = {**run_of({0: 0.0}), "failed": "the loss is nan"}
    ten = runs["-"]["scratch"]["5"]["-/11"]
    runs["-"] = {"scratch": {"5": {"-/11": ten, "-/12": far, "-/13": far}}}
    own = runs["percussion"]["fomaml"]["5"]
    runs["percussion"] = {"fomaml": {"5": {**own, "0/13": broken}}}
    more = replace(found, values={**found.values, "runs": runs})
    np.testing.assert_allclose(more.at("scratch", "-", 10), [0.19 / 0.3, 0.22 / 0.3])
    alone = more.at("scratch", "percussion", 10, beside="fomaml")
    np.testing.assert_allclose(alone, [0.1, 0.2])
    np.testing.assert_allclose(more.target_beside("fomaml", "percussion"), [0.7, 0.8])
    assert more.diverged("fomaml", "percussion", 5) == {"0/13": "the loss is nan"}
    shown = READING.diverged([("percussion", more)])
    assert "| percussion | 5 | fomaml | 0/13 | the loss is nan |" in shown


def test_only_pairs_of_seeds_that_both_have_are_compared(found):
    """One body is better than the other: who has adapted both is no better than who has not."""
    runs = {**found.values["runs"]}
    poor, good = run_of({0: 0.1, 100: 0.5}), run_of({0: 0.1, 100: 0.9})
    runs["percussion"] = {
        "multitask": {"5": {"0/11": poor, "1/11": good}},
        "fomaml": {"5": {"0/11": poor}},
    }
    half_done = replace(found, values={**found.values, "runs": runs})
    cases = [("percussion", replace(half_done, material=MATERIALS.materials()["onsets"]))]
    shown = READING.on_recordings(cases, ["fomaml"]).splitlines()[2]
    assert shown.startswith("| onsets | 2 | percussion | 100 | fomaml | 0.55 ")
    assert shown.endswith("| +0.00 [+0.00, +0.00] |")


def test_beside_scratch_pairs_of_one_seed_are_averaged_first(found):
    runs = {**found.values["runs"]}
    one, other = run_of({100: 0.2}), run_of({100: 0.6})
    runs["-"] = {"scratch": {"5": {"-/11": one, "-/12": other}}}
    runs["percussion"] = {"fomaml": {"5": {"0/11": one, "1/11": one, "1/12": other}}}
    same = replace(found, values={**found.values, "runs": runs})
    np.testing.assert_allclose(same.at("fomaml", "percussion", 100), [1 / 3, 1 / 3 + 0.1])
    for start, beside in (("fomaml", "scratch"), ("scratch", "fomaml")):
        scores = same.at(start, "percussion", 100, beside=beside)
        np.testing.assert_allclose(scores, [0.4, 0.5])


def test_a_probe_is_compared_with_the_steps_of_others(found):
    runs = {**found.values["runs"]}
    heads = {"multitask, linear probe": run_of({0: 0.6}), "fomaml, linear probe": run_of({0: 0.05})}
    heads["fomaml, ridge head"] = run_of({0: 0.75, 100: 0.2})
    runs["percussion"] = runs["percussion"] | {
        name: {"5": {"0/11": r}} for name, r in heads.items()
    }
    cases = [("percussion", replace(found, values={**found.values, "runs": runs}))]
    shown = READING.without_a_step(cases).splitlines()
    assert shown[0].endswith("| score | to multitask, 100 steps | to fomaml, 100 steps |")
    assert [row.split(" | ")[4] for row in shown[2:]] == [
        "fomaml, ridge head",
        "multitask, linear probe",
        "fomaml, linear probe",
    ]
    assert shown[2].endswith("| +0.05 [+0.05, +0.05] | -0.05 [-0.05, -0.05] |")
    assert shown[3].endswith("| -0.10 [-0.10, -0.10] | -0.20 [-0.20, -0.20] |")
    # A probe is behind nobody at 0, where the others have not begun; a head in closed form goes on.
    behind = READING.defeats(cases)
    assert "probe" not in behind
    assert "| fomaml, ridge head | multitask | 100 (-0.500) |" in behind
    needed = READING.steps_needed(cases, ["multitask", *heads]).splitlines()
    assert needed[0] == "| task | multitask | fomaml, ridge head |"


def test_recordings_are_compared_with_scratch_and_with_multi_task(found):
    real = replace(found, material=MATERIALS.materials()["onsets"])
    shown = READING.on_recordings([("percussion", real)], ["fomaml"])
    assert "+0.60 [+0.60, +0.60] | +0.65 [+0.65, +0.65]" in shown
    assert "fomaml: ahead of scratch 2 times of 2, of multi-task, beyond the interval, 2" in shown


def test_groups_without_a_score_by_chance_are_left_out(found):
    values = {**found.values, "chance": [np.nan, 0.1]}
    found = replace(found, values=values)
    assert found.groups == ["y"]
    np.testing.assert_allclose(found.curve("scratch", "-"), [[0.1, 0.2, 0.4, 0.6, 0.8]])
    np.testing.assert_allclose(found.ceiling, [1.0])


def test_a_group_that_a_run_has_no_score_of_counts_where_it_has(found):
    runs = {**found.values["runs"]}
    once = run_of({10: 0.2})
    other = {**once, "looks": {"10": [np.nan, 0.5]}}
    runs["-"] = {"scratch": {"5": {"-/11": once, "-/12": other}}}
    found = replace(found, values={**found.values, "runs": runs})
    np.testing.assert_allclose(found.at("scratch", "-", 10), [0.2, 0.4])


def test_every_start_has_a_colour_of_its_own():
    pictures, starts = benchmark_module("proof.pictures"), benchmark_module("proof.starts").STARTS
    assert len({pictures.color_of(start) for start in starts}) == len(starts)
