"""`umir finetune` from a model: what goes on, what its songs may be used for, what does not fit."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest
from folders import fails, finetune, read_rows, write_rows
from shelf import facts, save_start
from tiny import TINY

from umir import fine_tuning
from umir import finetune as finetune_program
from umir.adaptation.decoder_fitting import MANY_GROUPS
from umir.adaptation.start import Start
from umir.checkpoint import Model, load_model, save_model
from umir.cli import main
from umir.data_specification import open_data
from umir.fine_tuning import finetune as fine_tuned
from umir.finetune import UNADAPTED
from umir.task_model import TaskModel
from umir.wave_unet import PRESETS

pytestmark = pytest.mark.usefixtures("tiny_preset")


def test_who_goes_on_with_a_model_keeps_its_splits(label_folder, monkeypatch):
    """Songs that taught it must not become those that it is scored on."""
    rows = [{"audio": row["audio"], "label": row["label"]} for row in read_rows(label_folder)[:4]]
    write_rows(label_folder, rows)
    options = ["--steps", "1", "--learning-rate", "0.01"]
    assert finetune(label_folder, *options) == 0
    before = facts()["splits"]
    shutil.copy(label_folder / "0.wav", label_folder / "more.wav")
    write_rows(label_folder, [*rows, {"audio": "more.wav", "label": "high"}])
    assert finetune(label_folder, *options) == 0
    afresh = facts()["splits"]
    assert {group: afresh[group] for group in before} != before  # or this shows nothing
    assert finetune(write_rows(label_folder, rows), *options) == 0
    write_rows(label_folder, [*rows, {"audio": "more.wav", "label": "high"}])
    again = ["finetune", "--data", str(label_folder), "--init", "model", "--out", "next"]
    assert main([*again, *options]) == 0
    after = load_model("next").config["splits"]
    assert {group: after[group] for group in before} == before and "more.wav" in after
    # What it is compared with is scored on the same songs, and learns from the same.
    seen, score = [], fine_tuning.score
    monkeypatch.setattr(fine_tuning, "score", lambda *args: seen.append(args[1]) or score(*args))
    assert main([*again[:-1], "compared", *options, "--compare"]) == 0
    judged = {tuple(example.group for example in test) for test in seen if isinstance(test, list)}
    assert judged == {tuple(group for group, split in after.items() if split == "test")}
    assert len(seen) > 1
    # Adapted to other songs after that, it still knows which of the first ones taught it.
    others = [f"other{n}.wav" for n in range(6)]
    for name in others:
        shutil.copy(label_folder / "0.wav", label_folder / name)
    labels = ["low", "high"] * 3
    pairs = zip(others, labels, strict=True)
    write_rows(label_folder, [{"audio": name, "label": label} for name, label in pairs])
    arguments = ["finetune", "--data", str(label_folder), "--init", "next", "--out", "third"]
    assert main([*arguments, *options]) == 0
    third = load_model("third").config["splits"]
    assert {group: third[group] for group in after} == after and {*others} < third.keys()


def test_songs_that_taught_the_start_do_not_judge_what_comes_of_it(label_folder, capsys):
    """Though the user moves them to other splits."""
    options = ["--steps", "1", "--learning-rate", "0.01"]
    assert finetune(label_folder, *options) == 0
    before = facts()["splits"]
    rows = read_rows(label_folder)
    moved = {"0.wav": "test", "1.wav": "valid", "6.wav": "test", "9.wav": "train"}
    write_rows(
        label_folder, [row | {"split": moved.get(row["audio"], row["split"])} for row in rows]
    )
    capsys.readouterr()
    again = ["finetune", "--data", str(label_folder), "--init", "model", "--out", "next"]
    assert main([*again, *options, "--compare"]) == 0
    shown = capsys.readouterr().err
    for group in ("0.wav", "6.wav"):
        assert f"{group}: in the split {before[group]!r} when the model was made; not sc" in shown
    assert "1.wav: in the split 'train' when the model was made; not validated with" in shown
    # Of six, three, three: two taught less than they are to do now, one chose, one was scored.
    assert shown.count("label: 5 to learn from (0.2 minutes), 2 to choose by, 2 to score") == 2
    assert load_model("next").config["splits"] == before | {"9.wav": "train"}


def test_a_start_is_compared_as_it_was_before_its_place_was_taken(label_folder, monkeypatch):
    options = ["--learning-rate", "0.1", "--steps", "1"]
    assert finetune(label_folder, *options) == 0
    before, seen = TaskModel.load("model"), []
    monkeypatch.setattr(
        finetune_program, "unadapted", lambda init, model, data: seen.append(model) or {}
    )
    arguments = ["finetune", "--data", str(label_folder), "--init", "model", "--out", "model"]
    assert main([*arguments, *options, "--compare"]) == 0
    jax.tree.map(np.testing.assert_array_equal, seen[0].params, before.params)
    assert seen[0].facts["init"] == "scratch" and TaskModel.load("model").facts["init"] == "model"


def test_a_start_is_compared_on_the_songs_that_were_dealt_again(label_folder, capsys):
    options = ["--learning-rate", "0.1", "--steps", "1"]
    assert finetune(label_folder, *options) == 0
    rows = [{**row, "group": f"new {row['audio']}"} for row in read_rows(label_folder)]
    write_rows(label_folder, [{k: v for k, v in row.items() if k != "split"} for row in rows])
    dealt = open_data(str(label_folder)).assignment
    lost = [row for row in rows if dealt[row["group"]] == "test"]
    for row in lost:
        (label_folder / row["audio"]).write_bytes(b"no audio")
    capsys.readouterr()
    again = ["finetune", "--data", str(label_folder), "--init", "model", "--out", "next"]
    assert main([*again, *options, "--compare"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0].split() == ["model", *UNADAPTED.split(), "scratch"]
    splits = load_model("next").config["splits"]
    scored = [group for group in dealt if splits[group] == "test" and dealt[group] != "test"]
    assert len(scored) == 1 and f"{scored[0]}: dealt to 'test' instead of" in shown.err


def test_a_start_that_knows_the_task_is_met_halfway(label_folder, capsys):
    assert finetune(label_folder, "--steps", "1", "--learning-rate", "0.01") == 0
    again = ["finetune", "--data", str(label_folder), "--init", "model"]
    again += ["--steps", "3", "--learning-rate", "1e-3"]
    capsys.readouterr()
    for out, share in {"half": [], "whole": ["--share", "1"], "fifth": ["--share", "0.2"]}.items():
        assert main([*again, "--out", out, *share]) == 0
    assert "kept 50% of the way from the start to step" in capsys.readouterr().err
    before, half, whole, fifth = (
        load_model(name).params for name in ("model", "half", "whole", "fifth")
    )
    assert load_model("whole").config["search"]["step"] > 0
    assert [load_model(n).config["search"]["share"] for n in ("half", "fifth")] == [0.5, 0.2]
    between = partial(np.testing.assert_allclose, atol=1e-6)
    jax.tree.map(lambda a, b, c: between(b, (a + c) / 2), before, half, whole)
    jax.tree.map(lambda a, b, c: between(b, 0.8 * a + 0.2 * c), before, fifth, whole)
    assert any(np.any(a != b) for a, b in zip(*map(jax.tree.leaves, (before, whole)), strict=True))


def test_without_validation_songs_the_start_is_kept_to(label_folder, capsys):
    """However many groups there are: they were trained on, and prove nothing."""
    assert finetune(label_folder, "--steps", "1", "--learning-rate", "0.01") == 0
    rows = read_rows(label_folder)
    groups = MANY_GROUPS + 2
    rows = [
        {**rows[n % len(rows)], "group": f"singer {n}", "split": "train"} for n in range(groups)
    ]
    for n, row in enumerate(rows):
        shutil.copy(label_folder / row["audio"], label_folder / f"copy {n}.wav")
        row["audio"] = f"copy {n}.wav"
    last = {**rows[-1], "audio": "broken.wav", "group": "z", "split": "valid"}
    (label_folder / "broken.wav").write_bytes(b"no audio")
    write_rows(label_folder, [*rows, last])
    again = ["finetune", "--data", str(label_folder), "--init", "model", "--out", "next"]
    assert main([*again, "--steps", "3", "--learning-rate", "1e-3"]) == 0
    assert "no validation songs" in capsys.readouterr().err
    search = load_model("next").config["search"]
    assert search["step"] > 0 and search["share"] == 0.5
    decoders = [load_model(name).config["decoder"] for name in ("model", "next")]
    assert decoders[0] == decoders[1]


def test_a_fresh_head_cannot_be_met_halfway(label_folder, capsys):
    save_start()
    arguments = ["--data", str(label_folder), "--init", "start", "--out", "model"]
    line = fails(capsys, "finetune", *arguments, "--share", "0.5")
    assert "--share: start has no head for 'label', which begins afresh" in line


def test_a_start_called_as_a_way_to_begin_heads(label_folder):
    assert finetune(label_folder, "--learning-rate", "0.01", "--steps", "1") == 0
    Path("model").rename("prior")
    recipe = Start.load("prior").recipe(TaskModel.load("prior").task, 0)
    assert recipe.head == "./prior" and recipe.head_factor == recipe.body_factor == 1.0
    arguments = ["finetune", "--data", str(label_folder), "--init", "prior", "--out", "next"]
    assert main([*arguments, "--learning-rate", "1e-5", "--steps", "1"]) == 0
    heads = [TaskModel.load(name).params["head"] for name in ("prior", "next")]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), *heads)


def test_a_start_may_be_a_path(label_folder, tmp_path):
    assert finetune(label_folder, "--learning-rate", "0.01", "--steps", "1") == 0
    start = tmp_path / "model"
    model, _ = fine_tuned(label_folder, init=start, steps=1, learning_rate=0.01)
    model.save(tmp_path / "next", card="# next\n")
    assert TaskModel.load(tmp_path / "next").facts["init"] == str(start)


def test_a_start_with_a_task_that_is_not_registered(label_folder):
    assert finetune(label_folder, "--steps", "1", "--learning-rate", "0.01") == 0
    stored = load_model("model")
    config = {**stored.config, "task": {"class": "Grading", "name": "grades"}}
    save_model("grader", Model(config, stored.params), "# grader\n")
    assert finetune(label_folder, "--init", "grader", "--steps", "1") == 0
    assert facts()["recipe"]["head"] == "prior"


def test_a_model_for_the_very_task_goes_on_with_its_head(label_folder, capsys):
    """More steps of a model, on the same labels: what it knew is where it begins."""
    assert finetune(label_folder, "--steps", "6", "--learning-rate", "0.01") == 0
    first = facts()["search"]
    arguments = ["finetune", "--data", str(label_folder), "--init", "model", "--steps", "1"]
    assert main([*arguments, "--learning-rate", "1e-6", "--out", "more", "--compare"]) == 0
    titles = [line for line in capsys.readouterr().out.splitlines() if "scratch" in line][-1]
    assert titles.split() == ["model", "as", "it", "is", "scratch"]
    more = load_model("more").config
    assert more["search"]["validation_loss"] == pytest.approx(first["validation_loss"], rel=1e-2)
    assert more["recipe"]["head"] == "model"
    assert more["recipe"]["head_factor"] == more["recipe"]["body_factor"] == 1


def test_with_a_fresh_head_the_rate_of_the_body_goes_with_its_size(label_folder):
    options = ["--steps", "1", "--learning-rate", "1e-3"]
    assert finetune(label_folder, "--init", "scratch", *options) == 0
    assert facts()["recipe"]["body_factor"] == pytest.approx(1, abs=0.1)
    save_start()
    start = load_model("start")
    body = jax.tree.map(lambda weights: 3 * weights, start.params["body"])
    save_model("larger", Model(start.config, {**start.params, "body": body}), "# larger\n")
    assert finetune(label_folder, "--init", "larger", *options) == 0
    factor = facts()["recipe"]["body_factor"]
    assert factor == pytest.approx(3, abs=0.3)
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), load_model("model").params["body"], body)
    # Adam's first update is its rate in every coordinate that has a gradient.
    assert max(jax.tree.leaves(moved)) == pytest.approx(factor * 1e-3, rel=0.01)


def test_a_head_that_would_go_on_with_the_name_of_its_task_is_named(events_folder, capsys):
    options = ["--steps", "1", "--learning-rate", "0.01"]
    assert finetune(events_folder, *options, "--task", "onset_detection") == 0
    hint = "has learnt what such labels say: its head goes on with --task onset_detection\n"
    assert hint not in capsys.readouterr().err
    again = ["finetune", "--data", str(events_folder), "--init", "model", "--out", "again"]
    assert main([*again, *options]) == 0
    assert f"model {hint}" in capsys.readouterr().err
    assert main([*again, *options, "--task", "onset_detection"]) == 0
    assert hint not in capsys.readouterr().err
    assert load_model("again").config["recipe"]["head"] == "model"


def test_a_size_that_is_not_the_starts_is_refused(label_folder):
    save_start()
    other = replace(TINY, dilations=(1, 2, 4))
    with pytest.raises(ValueError, match=r"start: .* dilations .* instead of \(1, 2, 4\)"):
        fine_tuned(label_folder, init="start", config=other, steps=1)


def test_the_preset_of_a_causal_start_may_be_said(label_folder):
    options = ["--steps", "1", "--learning-rate", "0.01"]
    assert finetune(label_folder, "--body", "seq_unet", *options) == 0
    again = ["finetune", "--data", str(label_folder), "--init", "model", "--out", "again"]
    assert main([*again, "--preset", "tiny", *options]) == 0
    assert TaskModel.load("again").network.config.body == "seq_unet"


def test_a_start_of_another_preset_is_refused_field_by_field(label_folder, monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, "other", replace(TINY, preset="other", dilations=(1, 2, 4)))
    save_start()
    arguments = ["--data", str(label_folder), "--init", "start", "--out", "model"]
    line = fails(capsys, "finetune", *arguments, "--preset", "other")
    assert "preset tiny instead of other, dilations (1, 2) instead of (1, 2, 4)" in line
