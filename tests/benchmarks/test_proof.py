"""The comparison of starts: its statistics by hand, its budgets, and a tiny one from end to end."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from benchmark_scripts import benchmark_module
from folders import RATE, write_rows

from umir.annotations import Events, Labels
from umir.data.example import Example
from umir.families import FAMILIES
from umir.meta_train import NEW_TASKS, TASKS
from umir.tasks import Classification, get_task

pytest.importorskip("librosa")
SCRIPT = benchmark_module("adaptation")
STATISTICS = benchmark_module("proof.statistics")
STARTS = benchmark_module("proof.starts")
MATERIALS = benchmark_module("proof.materials")
BODIES = benchmark_module("proof.bodies")
PIECES = benchmark_module("proof.pieces")
RUNS = benchmark_module("proof.runs")
READING = benchmark_module("proof.reading")
FOUND = benchmark_module("proof.found").Found
NEVER = STATISTICS.NEVER


def test_steps_are_interpolated_over_their_logarithm():
    # Half way between log 10 and log 100 lies 10^1.5 = 31.6, that is step 30.6.
    assert STATISTICS.steps_to([0, 9, 99], [0.0, 0.2, 0.6], 0.4) == pytest.approx(10**1.5 - 1)
    assert STATISTICS.steps_to([0, 9, 99], [0.0, 0.2, 0.6], 0.6) == pytest.approx(99)
    assert STATISTICS.steps_to([0, 3], [0.0, 1.0], 0.5) == pytest.approx(1)  # sqrt(1 * 4) - 1


def test_steps_to_a_score_that_is_there_already_or_never():
    assert STATISTICS.steps_to([0, 10], [0.5, 0.9], 0.4) == 0
    assert STATISTICS.steps_to([0, 10], [0.1, 0.3], 0.4) == NEVER
    # The first time counts, whatever comes after it.
    assert STATISTICS.steps_to([0, 1, 3], [0.0, 1.0, 0.0], 1.0) == pytest.approx(1)


def test_interval_of_steps_takes_whole_groups():
    alike = np.tile([0.0, 0.2, 0.6], (4, 1))
    found = STATISTICS.steps_interval([0, 9, 99], alike, np.full(4, 0.4))
    np.testing.assert_allclose(found, np.full(3, 10**1.5 - 1))
    # Each group reaches its own target at 9: hard and easy ones together do so, too.
    hard_and_easy = np.array([[0.0, 0.2], [0.5, 0.9], [0.1, 0.4]])
    found = STATISTICS.steps_interval([0, 9], hard_and_easy, hard_and_easy[:, 1])
    np.testing.assert_allclose(found, [9.0, 9.0, 9.0])
    never = STATISTICS.steps_interval([0, 9], hard_and_easy, hard_and_easy[:, 1] + 1)
    assert never == (NEVER, NEVER, NEVER)


def test_differences_are_paired(rng):
    hard_and_easy = rng.uniform(size=6)
    found = STATISTICS.difference(hard_and_easy + 0.1, hard_and_easy)
    np.testing.assert_allclose(found, [0.1, 0.1, 0.1])
    mean, low, high = STATISTICS.difference(hard_and_easy, rng.uniform(size=6))
    assert low < mean < high
    assert STATISTICS.difference(np.array([0.5]), np.array([0.25])) == (0.25, 0.25, 0.25)


def test_what_is_half_way_to_the_ceiling_counts():
    assert STATISTICS.counts(0.2, 0.6, 1.0)
    assert not STATISTICS.counts(0.2, 0.59, 1.0)
    assert not STATISTICS.counts(0.5, 0.6, 0.5)  # nothing can be learnt


def test_every_algorithm_gets_the_same_number_of_gradients():
    for algorithm, cost in {"multitask": None, **STARTS.COSTS}.items():
        training = BODIES.Training(algorithm, "rhythm", 1, "nano", 3000, 128)
        warm_up, steps = training.steps
        spent = 2 * warm_up + (steps * cost(BODIES.INNER_STEPS) if cost else 0)
        assert 0 <= 3000 - spent < (cost(BODIES.INNER_STEPS) if cost else 2)
        parsed = BODIES.meta_train.plan_of(
            BODIES.meta_train.parser().parse_args(training.arguments(BODIES.Path("out")))
        )
        assert parsed.warm_up_steps == warm_up and parsed.steps == warm_up + steps
        assert not {task.name for task in parsed.tasks} & set(FAMILIES["rhythm"])


@pytest.mark.slow
def test_meta_learners_share_the_warm_up(tmp_path, tiny_preset, monkeypatch):
    whole = BODIES.Training.arguments
    few = ["--tasks", "onset_detection"]
    monkeypatch.setattr(BODIES.Training, "arguments", lambda *a: [*whole(*a), *few])
    first = BODIES.Training("fomaml", "new", 1, "tiny", 20, 2)
    second = replace(first, algorithm="reptile")
    alone = second.run(tmp_path / "alone")
    first.run(tmp_path / "shared")
    shared = second.run(tmp_path / "shared")
    for name in ("model.safetensors", "log.jsonl"):
        assert (shared / name).read_bytes() == (alone / name).read_bytes()
    logged = [json.loads(line)["phase"] for line in (shared / "log.jsonl").read_text().splitlines()]
    assert logged == ["warm-up"] * 8 + ["meta-training"] * second.steps[1]
    taken = shared / "checkpoints" / "warm-up"
    assert [folder.name for folder in taken.iterdir()] == ["8"]  # nothing was trained again


def test_every_material_has_a_family_and_every_task_is_one():
    found = MATERIALS.materials()
    studio = [name.removeprefix("studio_") for name, m in found.items() if m.studio]
    assert sorted(studio) == sorted([*TASKS, *NEW_TASKS])
    folders = {name for name, material in found.items() if not material.studio}
    assert folders <= set(benchmark_module("real_folders").FOLDERS)
    assert {material.family for material in found.values()} == {*FAMILIES, "new"}
    assert [name for name, m in found.items() if m.also_new] == [
        "studio_tempo_estimation",
        "tempo",
        "studio_key_recognition",
        "keys_rendered",
    ]
    for material in found.values():  # somebody who does not listen, for each
        task = material.experiment.task if material.experiment else material.name[7:]
        named = get_task(task) if task else None
        assert named is None or {named.name, named.kind} & set(MATERIALS.GUESSES)


def example(seconds, label, index):
    waveform = np.zeros((round(seconds * 100), 1), np.float32)
    return Example(waveform, 100, Labels((label,)), f"song {index}", f"song {index}")


def test_minutes_of_clips_give_each_class_its_turn():
    task = Classification("label", ("a", "b"))
    examples = [example(30, "ab"[index >= 40], index) for index in range(50)]
    kept = MATERIALS.labelled(task, examples, 1.0, 0)
    # 60 s are 18 clips of 3.2 s and a last one of 2.4 s.
    assert [e.duration for e in kept] == pytest.approx([3.2] * 18 + [2.4])
    assert sum(e.annotation.names == ("b",) for e in kept) in (9, 10)
    assert len({e.group for e in kept}) == 19
    again = MATERIALS.labelled(task, examples, 1.0, 0)
    assert [e.group for e in again] == [e.group for e in kept]
    assert [e.group for e in MATERIALS.labelled(task, examples, 1.0, 1)] != [e.group for e in kept]


def test_minutes_of_songs_are_whole_but_for_the_last():
    task = get_task("onset_detection")
    silent = Events(np.zeros(0), ())
    songs = [replace(example(25, "", index), annotation=silent) for index in range(5)]
    assert [e.duration for e in MATERIALS.labelled(task, songs, 1.0, 0)] == [25, 25, 10]
    assert len(MATERIALS.labelled(task, songs, 99.0, 0)) == 5  # all there are


def test_rates_that_diverged_are_not_chosen():
    found = {"0.001": {"10": 0.1, "30": 0.3}, "0.01": {}, "0.003": {"10": 0.3, "30": np.nan}}
    assert PIECES.best_rate((1e-3, 1e-2, 3e-3), found) == 1e-3


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
    assert "1 of 1 within 100 | 1 of 1 within 100 | 0 of 1 within 100" in shown[3]
    behind = READING.defeats(cases)
    assert "| multitask | scratch | 10 (-0.050) |" in behind
    assert "fomaml" not in behind
    assert "| studio_onset_detection | percussion | fomaml | 0.150 |" in READING.all_scores(cases)
    assert "| fomaml | 0.100 |" in READING.all_validation(cases)
    assert "1.000" in READING.all_losses(cases, "valid_losses")


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


def test_rows_keep_the_headlines_by_the_names_of_groups():
    scores = {"b": {"headline": 0.123456789, "other": 1.0}, "a": {"headline": np.nan}}
    np.testing.assert_equal(RUNS.headlines(scores), [np.nan, 0.12346])


def test_a_group_that_a_run_has_no_score_of_counts_where_it_has(found):
    runs = {**found.values["runs"]}
    once = run_of({10: 0.2})
    other = {**once, "looks": {"10": [np.nan, 0.5]}}
    runs["-"] = {"scratch": {"5": {"-/11": once, "-/12": other}}}
    found = replace(found, values={**found.values, "runs": runs})
    np.testing.assert_allclose(found.at("scratch", "-", 10), [0.2, 0.4])


def test_settings_of_a_folder_stay(tmp_path):
    PIECES.Settings().keep(tmp_path)
    PIECES.Settings().keep(tmp_path)
    with pytest.raises(ValueError, match="other settings; give another --out"):
        PIECES.Settings(songs=1).keep(tmp_path)


@pytest.fixture
def soft_and_loud(tmp_path, rng):
    """A folder called as one of the comparison's, of tones by twelve players."""
    folder = tmp_path / "folders" / "dynamics"
    folder.mkdir(parents=True)
    rows = []
    for index in range(24):
        label, low = ("soft", 200) if index % 2 else ("loud", 3000)
        times = np.arange(RATE) / RATE
        tone = 0.2 * np.sin(2 * np.pi * low * rng.uniform(1, 1.5) * times)
        soundfile.write(folder / f"{index}.wav", tone, RATE)
        rows.append({"audio": f"{index}.wav", "label": label, "group": f"player {index // 2}"})
    write_rows(folder, rows)
    return folder.parent


@pytest.mark.slow
def test_a_tiny_comparison_goes_on_and_ends(soft_and_loud, tiny_preset, monkeypatch, capsys):
    short = {"steps": (0, 1), "rates": (1e-3,)}
    chosen = {
        "scratch": short,
        "multitask": short | {"rates": (1e-3, 1e-2)},
        "fomaml, inner loop": {"steps": (1,)},
        "multitask, linear probe": {},
    }
    for name, changes in chosen.items():
        monkeypatch.setitem(SCRIPT.STARTS, name, replace(SCRIPT.STARTS[name], **changes))
    monkeypatch.setattr(benchmark_module("proof.runs"), "JUDGED_AT", (1,))
    whole = BODIES.Training.arguments
    few = ["--tasks", "onset_detection"]
    monkeypatch.setattr(BODIES.Training, "arguments", lambda *a: [*whole(*a), *few])
    words = [str(soft_and_loud), "--preset", "tiny", "--evaluations", "8", "--songs", "2"]
    words += ["--families", "new", "--materials", "dynamics", "--starts", *chosen, "--pairs", "1"]
    words += ["--minutes", "5", "--ceiling-steps", "2"]
    SCRIPT.run(SCRIPT.parser().parse_args([*words, "--hours", "0"]))
    assert "the hours are over" in capsys.readouterr().out
    args = SCRIPT.parser().parse_args(words)
    SCRIPT.run(args)
    kept = json.loads((args.out / "rows" / "dynamics.json").read_text())
    assert set(kept["runs"]["-"]["scratch"]["5"]) == {"-/11"}
    assert set(kept["search"]["new"]["multitask"]) == {"0.001", "0.01"}
    looped = kept["runs"]["new"]["fomaml, inner loop"]["5"]["0/11"]
    assert set(looped["looks"]) == {"3"} and len(looped["looks"]["3"]) == 4
    assert np.isfinite(looped["losses"]["3"])
    assert np.isfinite(kept["ceiling"]["valid_losses"]["2"])
    tables = (args.out / "tables.md").read_text()
    assert "| dynamics | new | multitask, linear probe |" in tables
    assert (args.out / "scores_5_min.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    before = (args.out / "rows" / "dynamics.json").read_bytes()
    SCRIPT.run(args)
    assert (args.out / "rows" / "dynamics.json").read_bytes() == before
    assert "dynamics," not in capsys.readouterr().out  # nothing was missing
