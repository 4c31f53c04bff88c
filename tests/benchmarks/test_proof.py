"""The comparison of starts: its statistics by hand, its budgets, and a tiny one from end to end."""

import json
from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
import soundfile
from benchmark_scripts import benchmark_module
from folders import RATE, write_rows
from tiny import TINY

from umir.adaptation.network_fitting import Adaptation
from umir.annotations import Events, Labels
from umir.data.example import Example
from umir.families import FAMILIES
from umir.meta_train import NEW_TASKS, TASKS
from umir.tasks import Classification, get_task
from umir.wave_unet import Network, init_body

pytest.importorskip("librosa")
SCRIPT = benchmark_module("adaptation")
STATISTICS = benchmark_module("proof.statistics")
STARTS = benchmark_module("proof.starts")
MATERIALS = benchmark_module("proof.materials")
METHODS = benchmark_module("proof.methods")
BODIES = benchmark_module("proof.bodies")
PIECES = benchmark_module("proof.pieces")
RUNS = benchmark_module("proof.runs")
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


def test_every_method_hears_the_same_segments_chords_and_keys_at_other_speeds(rng):
    def heard(task):
        waveform = rng.normal(size=(10 * RATE, 1)).astype(np.float32)
        examples = [Example(waveform, RATE, Labels((task.vocabulary[0],)), "a", "a")]
        network = Network(TINY, task.head)
        body = init_body(TINY, jax.random.key(0))
        problem = METHODS.Problem(network, task, body, None, examples, [], (1,), 8, "prior", 3)
        fitted = partial(Adaptation.begin, network, task, body, examples)
        drawn = fitted(problem.recipe(1e-3)).draw(2)
        assert jax.tree.all(jax.tree.map(np.array_equal, problem.batch(2), drawn))
        as_they_are = fitted(replace(problem.recipe(1e-3), speed=0.0)).draw(2)
        return jax.tree.all(jax.tree.map(np.array_equal, drawn, as_they_are))

    assert not heard(get_task("key_recognition"))
    assert heard(Classification("own", ("soft", "loud")))


def test_rates_that_diverged_are_not_chosen():
    found = {"0.001": {"10": 0.1, "30": 0.3}, "0.01": {}, "0.003": {"10": 0.3, "30": np.nan}}
    assert PIECES.best_rate((1e-3, 1e-2, 3e-3), found) == 1e-3


def test_rows_keep_the_headlines_by_the_names_of_groups():
    scores = {"b": {"headline": 0.123456789, "other": 1.0}, "a": {"headline": np.nan}}
    np.testing.assert_equal(RUNS.headlines(scores), [np.nan, 0.12346])


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
    other = replace(SCRIPT.STARTS["scratch"], rates=(2e-3,))
    monkeypatch.setitem(SCRIPT.STARTS, "scratch", other)
    SCRIPT.run(args)
    again = json.loads((args.out / "rows" / "dynamics.json").read_text())
    assert again["runs"]["-"]["scratch"]["5"]["-/11"]["rate"] == again["ceiling"]["rate"] == 2e-3
    assert again["runs"]["new"] == kept["runs"]["new"]
