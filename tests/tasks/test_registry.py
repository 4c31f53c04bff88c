"""Names, kinds, vocabularies, and tasks as JSON."""

import dataclasses
import json

import numpy as np
import pytest

from umir.annotations import F0, Events, Intervals, Labels, Notes, Stems
from umir.tasks import (
    OPEN_TASKS,
    TASKS,
    Classification,
    EventDetection,
    IntervalDetection,
    MelodyExtraction,
    NoteTranscription,
    SourceSeparation,
    get_task,
    task_for_kind,
    task_from_config,
    task_to_config,
    vocabulary_of,
)
from umir.tasks.pitch_axis import octaves


@pytest.mark.parametrize("name", sorted(TASKS))
def test_named_tasks_answer_all_verbs(name):
    task = get_task(name)
    assert task.name == name
    assert task.head.channels >= len(task.vocabulary)
    assert json.loads(json.dumps(task.default_settings(16_000))) == task.default_settings(16_000)
    assert hash(task) == hash(get_task(name))
    assert not type(task).__abstractmethods__


def test_open_tasks_take_their_classes_from_the_data():
    assert not OPEN_TASKS.keys() & TASKS.keys()
    with pytest.raises(ValueError, match="task 'tagging' has no classes of its own: give it data"):
        get_task("tagging")
    tagging = task_for_kind(OPEN_TASKS["tagging"], ("a", "b"), "tagging")
    assert (tagging.name, tagging.vocabulary) == ("tagging", ("a", "b"))
    assert task_from_config(task_to_config(tagging)) == tagging


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="no task 'x': choose from beat_tracking, chord_recogn"):
        get_task("x")


def test_kinds_pose_tasks():
    assert task_for_kind("events", ("a", "b")) == EventDetection("events", ("a", "b"))
    assert task_for_kind("stems", ("a", "b")) == SourceSeparation("stems", ("a", "b"))
    assert task_for_kind("label", ["a", "b"]) == Classification("label", ("a", "b"))
    assert task_for_kind("labels", ["a"]).headline == "mAP"
    assert task_for_kind("intervals", ("a", "b")) == IntervalDetection("intervals", ("a", "b"))
    assert task_for_kind("f0", ("C4", "C#4")) == MelodyExtraction("f0", ("C4", "C#4"))
    assert task_for_kind("notes", ("C4", "C#4")) == NoteTranscription("notes", ("C4", "C#4"))
    with pytest.raises(ValueError, match="no kind 'beat': choose from stems, events, intervals"):
        task_for_kind("beat", ())
    with pytest.raises(
        ValueError, match="every clip to learn from has the same label, a: there is nothing"
    ):
        task_for_kind("label", ["a"])


def test_vocabularies_are_sorted_and_unnamed_events_are_events():
    assert vocabulary_of("label", [Labels(("b",)), Labels(("a",)), Labels(("b",))]) == ("a", "b")
    assert vocabulary_of("events", [Events(np.arange(2.0), ("", ""))]) == ("event",)
    intervals = Intervals(np.array([[0.0, 1.0], [1.0, 2.0], [1.0, 3.0]]), ("verse", "", "solo"))
    assert vocabulary_of("intervals", [intervals]) == ("interval", "solo", "verse")
    curves = [F0(np.arange(2.0), np.array([0.0, f])) for f in (440.0, 300.0)]
    notes = [Notes(np.array([[0.0, 1.0]]), np.array([f])) for f in (440.0, 300.0)]
    for kind, annotations in {"f0": curves, "notes": notes}.items():
        assert vocabulary_of(kind, annotations) == octaves(4, 4)
        with pytest.raises(ValueError, match="no annotation has any pitch"):
            vocabulary_of(kind, [])
    with pytest.raises(ValueError, match="the annotations of kind 'labels' name nothing"):
        vocabulary_of("labels", [Labels(())])
    with pytest.raises(ValueError, match="no kind 'beat'"):
        vocabulary_of("beat", [])


def test_the_remaining_stem_comes_last():
    silence = np.zeros((3, 1), np.float32)
    stems = Stems(dict.fromkeys(["other", "vocals", "bass", "drums"], silence), 10)
    assert vocabulary_of("stems", [stems]) == ("bass", "drums", "vocals", "other")
    stems = Stems(dict.fromkeys(["accompaniment", "vocals"], silence), 10)
    assert vocabulary_of("stems", [stems]) == ("vocals", "accompaniment")


@pytest.mark.parametrize(
    ("names", "last"),
    [
        (["no_vocals", "vocals"], "no_vocals"),
        (["Accompaniment", "Vocals"], "Accompaniment"),
        (["band", "vocals"], "band"),
        (["singing", "music"], "music"),
        (["backing vocals", "lead vocals", "Backing Track"], "Backing Track"),
        (["instruments", "voice"], "instruments"),
        (["drums", "minus-drums", "other"], "minus-drums"),
        (["no_vocals", "other", "vocals"], "no_vocals"),
        (["bass", "vocals_1", "vocals_2"], "bass"),
        (["guitar", "vocals/lead"], "guitar"),
        (["noise", "speech"], "noise"),
        (["choir", "voice"], "voice"),
        (["drums", "piano"], "piano"),
    ],
)
def test_no_voice_takes_the_rest_beside_anything_else(names, last):
    stems = Stems(dict.fromkeys(names, np.zeros((3, 1), np.float32)), 10)
    found = vocabulary_of("stems", [stems])
    assert found[-1] == last and sorted(found) == sorted(names)


def test_tasks_survive_json():
    tasks = [*TASKS.values(), task_for_kind("events", ("a",)), task_for_kind("labels", ("a", "b"))]
    tasks += [task_for_kind("intervals", ("a", "b"))]
    tasks += [task_for_kind(kind, octaves(3, 4)) for kind in ("f0", "notes")]
    tasks += [task.variant(np.random.default_rng(3)) for task in tasks]
    for task in tasks:
        config = task_to_config(task)
        assert json.loads(json.dumps(config)) == config
        assert task_from_config(config) == task
        assert type(task_from_config(config)) is type(task)


def test_separators_made_before_there_were_masks_give_samples():
    config = task_to_config(get_task("source_separation"))
    assert config.pop("masks") is True
    assert task_from_config(config).head.kind == "waveform"
    assert get_task("source_separation").head.kind == "masks"


def test_four_stems_of_before_other_was_the_rest_are_those_of_today():
    four = get_task("source_separation")
    config = {**task_to_config(four), "sources": []}
    assert task_from_config(config) == four
    assert task_from_config({**config, "masks": False}) == dataclasses.replace(four, masks=False)
    # Only that task: four stems of somebody's own have no rest.
    own = {**config, "name": "stems"}
    assert task_from_config(own) == SourceSeparation("stems", four.vocabulary)


def test_a_foreign_config_is_refused():
    with pytest.raises(ValueError, match="class 'CoverDetection'; this umir knows.*register_task"):
        task_from_config({"class": "CoverDetection"})
    with pytest.raises(ValueError, match="the model's task EventDetection cannot be read"):
        task_from_config({"class": "EventDetection", "name": "x", "colour": 1})
