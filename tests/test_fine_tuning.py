"""`umir finetune`: what it chooses, what it says, and folders that allow little."""

import os
import re
import signal
from pathlib import Path

import jax.numpy as jnp
import pytest
from folders import fails, finetune, read_rows, write_rows
from shelf import facts, save_start
from tiny import TINY

from umir import fine_tuning
from umir.adaptation.rate_search import RATES, RUNGS
from umir.adaptation.search_progress import SearchProgress
from umir.cli import main
from umir.fine_tuning import finetune as fine_tuned
from umir.task_model import TaskModel
from umir.tasks import Classification
from umir.tasks.speed_change import change_speed

pytestmark = pytest.mark.usefixtures("tiny_preset")


def test_what_is_expected_tried_and_chosen_is_said_and_stored(label_folder, capsys):
    assert finetune(label_folder, "--steps", "4") == 0
    shown = capsys.readouterr()
    assert "label: 6 to learn from (0.2 minutes), 3 to choose by, 3 to score" in shown.err
    expected = r"label: about [\d.]+ \w+ on this CPU, or less: up to 12 steps of [\d.e-]+ s"
    assert re.search(expected, shown.err)
    search = facts()["search"]
    assert set(search["tried"]) == {f"{rate:g}" for rate in RATES}
    assert search["stopped"] == "that is the limit"
    kept = search["tried"][f"{search['learning_rate']:g}"].get(str(search["step"]))
    assert search["step"] == 0 or kept == search["validation_loss"]
    assert f"kept step {search['step']} at the rate {search['learning_rate']:g}" in shown.err
    assert facts()["recipe"]["learning_rate"] == search["learning_rate"]
    card = Path("model/MODEL_CARD.md").read_text()
    assert f"- Training: step {search['step']} of 4 at the learning rate" in card


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"share": 1.5}, "share 1.5: must be from 0 to 1"),
        ({"share": float("nan")}, "share nan: must be from 0 to 1"),
        ({"speed": -0.1}, "speed -0.1: must be from 0 to 1"),
        ({"steps": 0}, "steps 0: must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate 0.0: must be above 0, and finite"),
        ({"learning_rate": float("inf")}, "learning_rate inf: must be above 0, and finite"),
    ],
)
def test_numbers_that_python_gives_are_those_that_the_command_takes(label_folder, given, told):
    with pytest.raises(ValueError, match=told):
        fine_tuned(label_folder, init="scratch", preset="tiny", **given)


def test_training_at_other_speeds_moves_labels_along_or_is_refused(
    label_folder, events_folder, monkeypatch, capsys
):
    heard = []

    def change(example, semitones, move=None):
        heard.append(semitones)
        return change_speed(example, semitones, move)

    monkeypatch.setattr("umir.tasks.segments.change_speed", change)
    options = ["--steps", "2", "--learning-rate", "0.01"]
    assert finetune(events_folder, *options) == 0
    assert heard == [] and facts()["recipe"]["speed"] == 0
    assert finetune(events_folder, *options, "--speed", "1") == 0
    assert set(heard) <= {-2, -1, 1, 2} and len(heard) > 2
    assert facts()["recipe"]["speed"] == 1
    capsys.readouterr()
    assert finetune(label_folder, *options, "--speed", "0.5") == 1
    assert "--speed: what another speed does to labels of 'label' is not known" in (
        capsys.readouterr().err
    )


def test_without_options_the_steps_are_chosen_too(label_folder, capsys):
    assert finetune(label_folder, "--learning-rate", "0.01") == 0
    assert "valid accuracy=" in capsys.readouterr().err
    search = facts()["search"]
    assert list(search["tried"]) == ["0.01"]
    assert search["steps"] >= RUNGS[0]
    losses = search["tried"]["0.01"]
    assert search["validation_loss"] == min(losses.values()) == losses[str(search["step"])]
    assert "no lower validation loss" in search["stopped"] or search["steps"] == 600


def test_ctrl_c_saves_the_best_so_far(label_folder, monkeypatch, capsys):
    looked = SearchProgress.looked
    looks = []

    def pressed(self, *values):
        looked(self, *values)
        looks.append(values)
        if len(looks) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(SearchProgress, "looked", pressed)
    assert finetune(label_folder, "--steps", "50", "--learning-rate", "0.01", "--compare") == 130
    shown = capsys.readouterr()
    assert "stopped after 15 steps: interrupted; kept step" in shown.err
    assert "model: model" in shown.out
    assert TaskModel.load("model").facts["search"]["steps"] == 15


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_sigterm_saves_the_best_so_far_and_begins_nothing_more(label_folder, monkeypatch, capsys):
    monkeypatch.setattr(
        SearchProgress, "looked", lambda *values: signal.raise_signal(signal.SIGTERM)
    )
    options = ["--steps", "50", "--learning-rate", "0.01", "--compare"]
    assert finetune(label_folder, *options) == 143
    shown = capsys.readouterr()
    assert "interrupted: the decoder keeps the settings that it began with" in shown.err
    assert "interrupted: the test songs are not scored" in shown.err
    model = TaskModel.load("model")
    assert model.facts["search"]["stopped"] == "interrupted"
    assert model.settings == model.task.default_settings(TINY.rate)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("with_decoder", "interrupted: the decoder keeps the settings that it began with"),
        ("score", "interrupted: the test songs are not scored"),
    ],
)
def test_ctrl_c_after_the_search_keeps_what_was_learnt(
    label_folder, monkeypatch, capsys, name, said
):
    monkeypatch.setattr(SearchProgress, "looked", lambda *values: None)  # no score on the way
    monkeypatch.setattr(
        fine_tuning, name, lambda *values: signal.raise_signal(signal.SIGINT) or ({}, [])
    )
    assert finetune(label_folder, "--steps", "2", "--learning-rate", "0.01") == 130
    shown = capsys.readouterr()
    assert said in shown.err and "model: model" in shown.out
    model = TaskModel.load("model")
    assert model.facts["search"]["stopped"] == "interrupted"
    assert model.settings == model.task.default_settings(TINY.rate) or name == "score"


def test_ctrl_c_while_the_comparison_is_scored_shows_what_there_is(
    label_folder, monkeypatch, capsys
):
    scored, score = [], fine_tuning.score

    def pressed(*values):
        scored.append(values)
        return signal.raise_signal(signal.SIGINT) if len(scored) > 1 else score(*values)

    monkeypatch.setattr(SearchProgress, "looked", lambda *values: None)
    monkeypatch.setattr(fine_tuning, "score", pressed)
    save_start()
    options = ["--steps", "1", "--learning-rate", "0.01", "--compare", "--init", "start"]
    assert main(["finetune", "--data", str(label_folder), *options, "--out", "model"]) == 130
    shown = capsys.readouterr().out
    assert "accuracy" in shown and "nan" in shown and "model: model" in shown


def test_compare_gives_scratch_the_same_search(label_folder, capsys):
    save_start()
    arguments = ["finetune", "--data", str(label_folder), "--init", "start", "--steps", "1"]
    assert main([*arguments, "--compare", "--out", "model"]) == 0
    shown = capsys.readouterr()
    lines = [line for line in shown.err.splitlines() if line.startswith("learning rates tried")]
    assert len(lines) == 2
    assert shown.out.splitlines()[0].split() == ["start", "scratch"]


def test_a_comparison_that_is_broken_off_does_not_cost_the_scores(
    label_folder, monkeypatch, capsys
):
    save_start()
    steps = []

    def pressed(self):
        steps.append(self)
        if len(steps) == 2:  # the first of the comparison
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(SearchProgress, "stepped", pressed)
    options = ["--init", "start", "--steps", "1", "--learning-rate", "0.01", "--compare"]
    assert main(["finetune", "--data", str(label_folder), *options, "--out", "model"]) == 130
    shown = capsys.readouterr()
    assert "interrupted before anything was learnt" in shown.err
    assert shown.out.splitlines()[0].split() == ["start"]
    assert "accuracy" in shown.out and "model: model" in shown.out


def test_one_example_is_learnt_and_not_scored(events_folder, capsys):
    row = read_rows(events_folder)[0]
    del row["split"]
    write_rows(events_folder, [row])
    assert finetune(events_folder, "--steps", "1", "--compare") == 0
    shown = capsys.readouterr()
    assert "nothing to compare: the model itself is from scratch" in shown.err
    assert "events: 1 to learn from (0.1 minutes), 0 to choose by, 0 to score" in shown.err
    assert "label audio of a second group" in shown.err
    assert "no test songs were scored" in shown.out
    assert TaskModel.load("model").task.vocabulary == ("click",)


def test_what_cannot_be_used_is_named_where_a_split_lacks_it(events_folder, capsys):
    (events_folder / "2.wav").write_bytes(b"no audio")
    (events_folder / "3.txt").write_text("")
    assert finetune(events_folder, "--steps", "1", "--learning-rate", "0.01") == 0
    shown = capsys.readouterr().err
    assert "events: 2 to learn from (0.1 minutes), 0 to choose by, 0 to score" in shown
    assert "'2.wav' cannot be used (see above): mend that, or label audio of a second gr" in shown
    assert "no songs to score: '3.wav' cannot be used (see above): mend that, or label au" in shown


def test_which_stem_takes_the_rest_is_said(stems_folder, capsys):
    rows = read_rows(stems_folder)
    for row in rows:
        row["stems"]["No_Vocals"] = row["stems"].pop("accompaniment")
    write_rows(stems_folder, rows)
    assert finetune(stems_folder, "--steps", "1", "--learning-rate", "0.001") == 0
    rest = "No_Vocals takes the rest: the song without vocals, and all that is above 8 kHz"
    assert rest in capsys.readouterr().err
    assert TaskModel.load("model").task.vocabulary == ("vocals", "No_Vocals")


def test_one_class_is_nothing_to_tell_apart(label_folder, capsys):
    rows = [{**row, "label": "low"} for row in read_rows(label_folder)]
    write_rows(label_folder, rows)
    arguments = ["--data", str(label_folder), "--init", "scratch", "--preset", "tiny"]
    line = fails(capsys, "finetune", *arguments, "--out", "model")
    assert (
        "every clip to learn from has the same label, low: there is nothing to tell apart" in line
    )


def test_without_a_test_part_all_the_rest_is_done(label_folder, capsys):
    rows = [row for row in read_rows(label_folder) if row["split"] != "test"]
    write_rows(label_folder, rows)
    assert finetune(label_folder, "--steps", "1") == 0
    shown = capsys.readouterr()
    assert "3 to choose by, 0 to score" in shown.err
    assert "no test songs were scored" in shown.out


class Deaf(Classification):
    """Says the same whatever it hears."""

    @staticmethod
    def loss(output, target):
        return 0.0 * output.sum(axis=-1) + 0.5


class Broken(Classification):
    """Has a loss that is not a number."""

    @staticmethod
    def loss(output, target):
        return output.sum(axis=-1) * jnp.nan


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Deaf, "task 'tones' cannot be learnt: its loss is constant"),
        (Broken, "task 'tones' cannot be learnt: the validation loss is nan"),
    ],
)
def test_a_task_whose_loss_is_constant_or_nan_is_named(label_folder, cls, words):
    task = cls("tones", ("high", "low"))
    with pytest.raises(ValueError, match=words):
        fine_tuned(label_folder, init="scratch", config=TINY, task=task, steps=2, progress=False)
