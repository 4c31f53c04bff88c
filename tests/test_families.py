"""Families: every task is in one of them, and what holding one out takes from training."""

import pytest

from umir.families import FAMILIES, family_of, with_their_labels
from umir.meta_train import NEW_TASKS, TASKS, parser, plan_of
from umir.tasks import OPEN_TASKS
from umir.tasks import TASKS as REGISTERED


def test_every_registered_task_is_in_exactly_one_family():
    listed = [task for tasks in FAMILIES.values() for task in tasks]
    assert sorted(listed) == sorted([*REGISTERED, *OPEN_TASKS])
    assert len(listed) == len(set(listed))
    assert all(family_of(task) in FAMILIES for task in (*TASKS, *NEW_TASKS))


def test_no_family_is_called_like_a_task():
    assert not set(FAMILIES) & set(REGISTERED)
    with pytest.raises(ValueError, match="'juggling'"):
        family_of("juggling")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_held_out_as_a_whole(family):
    plan = plan_of(parser().parse_args(["--hold-out", family]))
    trained, new = ({task.name for task in tasks} for tasks in (plan.tasks, plan.new_tasks))
    assert not trained & set(FAMILIES[family])
    assert trained == set(TASKS) - set(FAMILIES[family])
    assert set(FAMILIES[family]) & {*TASKS, *NEW_TASKS} <= new
    assert plan.facts()["held_out"] == list(FAMILIES[family])


def test_several_names_add_up():
    found = with_their_labels(["rhythm", "melody_extraction"], TASKS)
    assert found[:3] == ("beat_tracking", "tempo_estimation", "melody_extraction")
    assert found[3:] == ("note_transcription",)  # a melody is notes


def test_a_task_takes_its_labels_in_other_forms_with_it():
    tasks = [*TASKS, "drum_transcription_8"]
    assert set(with_their_labels(["drum_transcription"], tasks)) == {
        "drum_transcription",
        "drum_transcription_5",
        "drum_transcription_8",
        "onset_detection",
    }
    assert with_their_labels(["tempo_estimation"], NEW_TASKS) == (
        "tempo_estimation",
        "beat_tracking",
    )
    # A stem of the voice says where the voice is.
    assert "source_separation" in with_their_labels(["singing_voice_detection"], tasks)
    assert "singing_voice_detection" not in with_their_labels(["source_separation"], tasks)
    # All hits of drums are onsets; where onsets are does not say which drum it was.
    assert "drum_transcription_5" in with_their_labels(["onset_detection"], tasks)
    assert with_their_labels(["beat_tracking"], tasks) == ("beat_tracking",)


def test_what_is_not_trained_on_cannot_be_held_out():
    with pytest.raises(ValueError, match="--hold-out juggling: not among the tasks"):
        with_their_labels(["juggling", "pitch"], TASKS)
    with pytest.raises(ValueError, match="--hold-out rhythm"):
        with_their_labels(["rhythm"], ["onset_detection"])
