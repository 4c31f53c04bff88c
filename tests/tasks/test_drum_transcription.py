"""Drum label maps and variants."""

import numpy as np
import pytest

from umir.annotations import Events
from umir.studio.song import DRUM_CLASSES
from umir.tasks import DRUM_MAPS, DrumTranscription

TASK = DrumTranscription()


def test_the_default_is_kick_snare_hihat_from_any_names():
    assert TASK.vocabulary == ("kick", "snare", "hihat")
    hits = Events(np.arange(6.0), ("open_hihat", "HH", "KD", "snare", "OT", "closed_hihat"))
    times = {name: list(found) for name, found in TASK.class_times(hits).items()}
    assert times == {"kick": [2], "snare": [3], "hihat": [0, 1, 5]}


@pytest.mark.parametrize("size", [3, 5, 8])
def test_maps_lead_to_as_many_classes_as_they_say(size):
    task = DrumTranscription.with_classes(size)
    assert len(task.vocabulary) == task.head.channels == size
    assert {name for _, name in DRUM_MAPS[size]} == set(task.vocabulary)
    studio = {label for label, _ in DRUM_MAPS[size]} & set(DRUM_CLASSES)
    # The studio has no claves.
    assert {dict(DRUM_MAPS[size])[label] for label in studio} == set(task.vocabulary) - {"sticks"}
    assert task.source_labels >= set(task.vocabulary)


def test_eight_classes_are_those_of_the_field():
    task = DrumTranscription.with_classes(8)
    labels = ("rimshot", "cowbell", "ride", "china", "CY", "tambourine", "sticks", "shaker")
    times = task.class_times(Events(np.arange(8.0), labels))
    found = {name: list(at) for name, at in times.items() if len(at)}
    assert found == {
        "snare": [0], "bell": [1], "ride": [2], "cymbal": [3], "hihat": [5], "sticks": [6]
    }  # fmt: skip
    assert task.name == "drum_transcription_8"
    assert DrumTranscription.with_classes(3) == TASK


def test_fewer_classes_leave_out_what_is_neither_drum_nor_cymbal():
    task = DrumTranscription.with_classes(5)
    labels = ("rimshot", "cowbell", "ride", "china", "CY", "ride_bell", "HH")
    times = task.class_times(Events(np.arange(7.0), labels))
    assert {name: list(at) for name, at in times.items() if len(at)} == {
        "cymbal": [2, 3, 4, 5], "hihat": [6]
    }  # fmt: skip


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="no drum map for 4 classes: choose 3, 5 or 8"):
        DrumTranscription.with_classes(4)


def test_variants_have_three_channels_and_differ():
    variants = [TASK.variant(np.random.default_rng(seed)) for seed in range(100)]
    assert {task.head for task in variants} == {TASK.head}
    assert {type(task) for task in variants} == {DrumTranscription}
    assert len({task.label_map for task in variants}) > 80
    assert len(set(variants)) > 80  # hashable
    for task in variants:
        labels = [label for label, _ in task.label_map]
        assert len(set(labels)) == len(labels)
        assert {name for _, name in task.label_map} == set(task.vocabulary)
    assert any("rest" in task.vocabulary for task in variants)
    assert any("+" in name for task in variants for name in task.vocabulary)


def test_variants_use_the_labels_of_the_data():
    for seed in range(20):
        task = TASK.variant(np.random.default_rng(seed), ["KD", "SD", "HH", "TT"])
        assert {label for label, _ in task.label_map} <= {"KD", "SD", "HH", "TT"}
    assert TASK.variant(np.random.default_rng(0), ["KD", "SD"]) == TASK  # too few


def test_estimates_of_a_variant_are_read_by_their_class_names():
    task = DrumTranscription("v", ("rest", "kick+tom", "snare"), (
        ("crash", "rest"), ("kick", "kick+tom"), ("tom", "kick+tom"), ("snare", "snare"),
    ))  # fmt: skip
    reference = Events(np.array([1.0, 2.0, 3.0]), ("tom", "crash", "snare"))
    estimate = Events(np.array([1.0, 2.0, 3.0]), ("kick+tom", "rest", "snare"))
    assert task.evaluate(reference, estimate)["F-measure"] == 1
