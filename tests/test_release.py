"""A released model is the trained one, smaller, with all that is known of it on its card."""

import json
import re
from dataclasses import asdict, replace

import jax
import numpy as np
import pytest
from folders import fails
from shelf import (
    COMMAND,
    TASKS,
    separator_model,
    shelf,  # noqa: F401
    trained_separator,
    trained_start,
)
from tiny import TINY

from umir.checkpoint import Model, load_model, save_model
from umir.cli import main
from umir.half_precision import output_change
from umir.known_scores import ADAPTATION, headline_of, read_scores
from umir.model_card import card_facts, model_card, score_tables
from umir.named_parameters import flatten
from umir.releasing import _portable, check_size, models_in, release, released_facts
from umir.task_model import TaskModel
from umir.wave_unet import Network, WaveUNetConfig, init_body


def test_weights_are_rounded_and_nothing_else(shelf):  # noqa: F811
    trained, released = shelf.parent / "trained" / "start", shelf / "tiny-start"
    assert {p.name for p in released.iterdir()} == {
        "config.json",
        "model.safetensors",
        "MODEL_CARD.md",
    }
    before, after = load_model(trained), load_model(released)
    extra = {name: after.config[name] for name in after.config if name not in before.config}
    assert extra.keys() == {"release"}
    weights = flatten(after.params)
    for name, tensor in flatten(before.params).items():
        np.testing.assert_array_equal(weights[name], tensor.astype(np.float16).astype(np.float32))
        assert weights[name].dtype == tensor.dtype


def test_outputs_stay_within_a_thousandth(shelf, rng):  # noqa: F811
    waveform = 0.1 * rng.standard_normal((32_000, 1)).astype(np.float32)
    for task in TASKS[:2]:
        before = TaskModel.load(shelf.parent / "trained" / "start", task).output(waveform)
        after = TaskModel.load(shelf / "tiny-start", task).output(waveform)
        assert 0 < np.abs(before - after).max() < 1e-3


def test_a_start_without_heads(tmp_path, capsys):
    start, out = trained_start(tmp_path / "start", heads=False), tmp_path / "released"
    assert main(["release", str(start), "bare", "--to", str(out), "--headline", "good"]) == 0
    shown = capsys.readouterr().out
    change = float(re.search(r"at most (\S+): stored as float16", shown)[1])
    assert 0 < change < 1e-3
    assert "bare\n    for         start of `umir finetune`\n" in shown
    assert "    scores      good\n" in shown and not (out / "defaults.json").exists()
    card = (out / "bare" / "MODEL_CARD.md").read_text()
    assert "`umir finetune --init bare" in card and "umir predict" not in card


@pytest.mark.parametrize(("score", "said"), [(0.25, "mAP 0.2500"), (None, "loss 0.5000; done")])
def test_the_card_names_the_score_that_chose_where_there_is_one(score, said):
    search = {
        "step": 1,
        "steps": 2,
        "learning_rate": 0.1,
        "tried": {"0.1": {}},
        "validation_loss": 0.5,
        "chosen_by": "mAP",
        "validation_score": score,
        "stopped": "done",
    }
    model = separator_model()
    model = replace(model, facts=model.facts | {"search": search})
    assert said in model_card(model, {}, "umir finetune")


def test_outputs_that_would_change_keep_their_precision(tmp_path):
    model = separator_model()
    task = replace(model.task, masks=False)
    network = Network(TINY, task.head)
    params = network.init(jax.random.key(3))
    # Stems are what is left of the mixture after large, opposite numbers: rounding shows.
    params = {**params, "head": jax.tree.map(lambda leaf: 300 * leaf, params["head"])}
    loud = TaskModel(network, task, params, model.settings, model.facts)
    loud.save(tmp_path / "loud", model_card(loud, {}, "python -m umir.finetune"))
    made = release(tmp_path / "loud", "loud", tmp_path / "out", licence="Apache-2.0")
    assert made.change > 1e-3 and made.stored_as == "float32"
    weights = flatten(load_model(made.directory).params)
    for name, tensor in flatten(params).items():
        np.testing.assert_array_equal(weights[name], tensor)


def test_nothing_changes_where_half_precision_is_exact(tmp_path):
    start = trained_start(tmp_path / "start")
    stored = load_model(start)
    exact = jax.tree.map(lambda leaf: np.float32(np.float16(leaf)), dict(stored.params))
    save_model(start, Model(stored.config, exact), (start / "MODEL_CARD.md").read_text())
    model = load_model(start)
    assert output_change(model, models_in(start, model)) == 0


def test_the_card_holds_all_that_is_known(shelf):  # noqa: F811
    card = (shelf / "tiny-start" / "MODEL_CARD.md").read_text()
    facts = card_facts(card)
    assert facts["Made by"] == f"`{COMMAND.replace('/data/sets/', '')}`"
    assert facts["Licence"] == "Apache-2.0."
    assert (
        "songs of umir's own studio" in facts["Data"] and "docs/sound_sources.md" in facts["Data"]
    )
    assert "float16" in facts["Weights"] and "Scores" not in facts
    table = card.split("after so many steps\n\n")[1].splitlines()
    assert table == [
        "| | 0 | 30 |",
        "|---|---|---|",
        "| meta-trained, onset_detection | 0.250 | 0.750 |",
        "| meta-trained, genre | 0.500 | - |",
        "| scratch, onset_detection | 0.125 | 0.500 |",
        "| scratch, genre | 0.250 | 0.375 |",
    ]


def test_no_folder_of_this_machine_is_shipped(shelf):  # noqa: F811
    for path in (shelf / "tiny-vocals").glob("*[nd]"):
        assert "/home" not in path.read_text(errors="replace")
    assert load_model(shelf / "tiny-vocals").config["init"] == "start"


def test_tables_of_nested_scores():
    scores = {"note": "kept elsewhere", "a": {"x": 1.0, "y": None}, "b": {"x": 2, "y": 0.5}}
    scores["c"] = {"d": {"F": 0.25}}
    assert list(score_tables(scores)) == [
        "| | x | y |\n|---|---|---|\n| a | 1.000 | - |\n| b | 2 | 0.500 |",
        "| | F |\n|---|---|\n| c, d | 0.250 |",
    ]
    assert list(score_tables({})) == []


def test_files_of_scores(tmp_path):
    evaluated = tmp_path / "musdb.json"
    evaluated.write_text(
        '{"task": "t", "metrics": {"SDR": 4.5, "SIR": NaN}, "per_track": [{"a": 1}]}'
    )
    found = read_scores(tmp_path, [evaluated])
    assert found == {"musdb": {"task": "t", "metrics": {"SDR": 4.5, "SIR": None}}}
    with pytest.raises(ValueError, match="musdb.json: a second file of scores called musdb"):
        read_scores(tmp_path, [evaluated, evaluated])
    for text in ("{", "[1]"):
        evaluated.write_text(text)
        with pytest.raises(ValueError, match=r"musdb.json: (is not JSON|holds no scores)"):
            read_scores(tmp_path, [evaluated])


def test_the_main_result_of_a_model_of_one_task():
    model = separator_model()
    models = {model.task.name: model}
    scores = {"musdb": {"task": model.task.name, "metrics": {model.task.headline: 4.25}}}
    expected = f"{model.task.name} {model.task.headline} 4.250 (musdb)"
    assert headline_of(models, scores) == expected
    assert headline_of(models, {"other": {"x": 1.0}}) == "see the card"
    assert headline_of(models, {}) == "not measured"


def test_the_main_result_of_a_start():
    """What could not be scored is behind what could, be that below 0 (decibels)."""
    curves = {
        "meta-trained": {"a": {"0": 1.0, "30": None}, "b": {"0": 0.0, "30": -1.0}},
        "scratch": {"a": {"0": -9.0, "30": -3.0}, "b": {"0": -9.0, "30": None}, "c": {"30": 1.0}},
    }
    expected = "after 30 steps ahead of scratch on 1 of 2 tasks"
    assert headline_of({}, {ADAPTATION: curves}) == expected
    assert headline_of({}, {ADAPTATION: {"meta-trained": curves["meta-trained"]}}) == "see the card"


@pytest.mark.parametrize("name", ["scratch", "a/b", "", "Nano", ".."])
def test_names_that_are_none(tmp_path, name):
    with pytest.raises(ValueError, match="cannot name a model"):
        release(tmp_path, name, tmp_path / "out")


@pytest.mark.parametrize("fact", ["Made by", "Data", "Licence"])
def test_a_card_that_says_too_little(tmp_path, fact):
    start = trained_start(tmp_path / "start")
    card = start / "MODEL_CARD.md"
    card.write_text(re.sub(f"^- {fact}: .*$", f"- {fact}:", card.read_text(), flags=re.MULTILINE))
    with pytest.raises(ValueError, match=f"MODEL_CARD.md: lacks `- {fact}: ...`"):
        release(start, "start", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_licence_that_hangs_on_the_data_must_be_looked_up(tmp_path):
    separator = trained_separator(tmp_path / "sep")
    with pytest.raises(ValueError, match="read them and give --licence"):
        released_facts(separator, None)
    assert released_facts(separator, "CC-BY-4.0")["Licence"] == "CC-BY-4.0"
    (separator / "MODEL_CARD.md").unlink()
    with pytest.raises(ValueError, match="MODEL_CARD.md: is missing"):
        released_facts(separator, "CC-BY-4.0")


def test_what_is_too_large(tmp_path):
    wide = WaveUNetConfig(**{**asdict(TINY), "widths": (4, 8, 2000)})
    shapes = jax.eval_shape(lambda key: init_body(wide, key), jax.random.key(0))
    body = jax.tree.map(lambda shape: np.zeros(shape.shape, np.float32), shapes)
    config = {"format": "umir initialisation 1", "network": asdict(wide), "tasks": ["a"]}
    millions = sum(leaf.size for leaf in jax.tree.leaves(body)) / 1e6
    with pytest.raises(ValueError, match=f"wide: would take {2 * millions:.1f} MB.*may take 20 MB"):
        check_size(tmp_path / "wide", Model(config, {"body": body}), "", half=True)


def test_weights_that_are_not_finite(tmp_path, capsys):
    start = trained_start(tmp_path / "start")
    stored = load_model(start)
    stored.params["heads"]["onset_detection"]["bias"][0] = np.nan
    save_model(start, stored, (start / "MODEL_CARD.md").read_text())
    line = fails(capsys, "release", str(start), "start", "--to", str(tmp_path / "out"))
    assert "'heads/onset_detection/bias' holds NaN" in line
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_to(tmp_path, capsys):
    (tmp_path / "out").write_text("a file")
    start = trained_start(tmp_path / "start")
    line = fails(capsys, "release", str(start), "start", "--to", str(tmp_path / "out"))
    assert "a file is where a folder is needed" in line


def test_what_is_no_model(tmp_path, capsys):
    save_model(
        tmp_path / "other", Model({"format": "umir initialisation 2"}, {"a": np.ones(1)}), ""
    )
    line = fails(capsys, "release", str(tmp_path / "other"), "x", "--to", str(tmp_path / "out"))
    assert "not a model that this version of umir knows, but 'umir initialisation 2'" in line


def test_a_start_that_lacks_a_part(tmp_path, capsys):
    config = {"format": "umir initialisation 1", "network": asdict(TINY)}
    save_model(tmp_path / "part", Model(config, {"body": {"a": np.ones(1)}}), "# part\n")
    line = fails(capsys, "release", str(tmp_path / "part"), "x", "--to", str(tmp_path / "out"))
    assert "part: lacks tasks; copy it again" in line


def test_the_command_makes_the_best(tmp_path, capsys):
    scores = tmp_path / "songs.json"
    scores.write_text(json.dumps({"task": "vocal_separation", "metrics": {"SDR": 1.5}}))
    separator = trained_separator(tmp_path / "sep")
    options = ["--licence", "CC0", "--best", "--to", str(tmp_path / "out"), "--scores", str(scores)]
    assert main(["release", str(separator), "vocals", *options]) == 0
    shown = capsys.readouterr().out
    assert "`umir separate`: vocals, accompaniment (taken by default)" in shown
    assert json.loads((tmp_path / "out" / "defaults.json").read_text()) == {"separator": "vocals"}
    assert "| metrics | 1.500 |" in (tmp_path / "out" / "vocals" / "MODEL_CARD.md").read_text()


def test_a_model_is_not_replaced_by_its_copy(tmp_path):
    directory = trained_start(tmp_path / "models" / "start")
    before = (directory / "model.safetensors").read_bytes()
    with pytest.raises(ValueError, match="start: would be replaced by its own copy"):
        release(directory, "start", tmp_path / "models", headline="good")
    (tmp_path / "best").symlink_to(directory)
    for spelled in (tmp_path / "best", tmp_path / "models" / ".." / "models" / "start"):
        with pytest.raises(ValueError, match="would be replaced by its own copy"):
            release(spelled, "start", tmp_path / "models", headline="good")
    assert (directory / "model.safetensors").read_bytes() == before


def test_names_of_classes_are_no_folders():
    """Those of AudioSet look like paths."""
    config = {
        "task": {"vocabulary": ["/m/04rlf", "/m/09x0r"]},
        "decoder": {"/m/04rlf": 0.5},
        "splits": {"/srv/music/a.wav": "train"},
        "init": "/srv/models/start",
    }
    assert _portable(config) == {
        **config,
        "splits": {"a.wav": "train"},
        "init": "start",
    }
