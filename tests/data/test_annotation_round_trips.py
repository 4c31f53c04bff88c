"""Annotation text files: what is written is read back, by us and by mir_eval."""

import os

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import F0, Events, Intervals, Labels, Notes, Stems
from umir.data.annotation_files import (
    read_events,
    read_f0,
    read_intervals,
    read_labels,
    read_notes,
    write_annotation,
)

_times = st.lists(st.integers(0, 10**9).map(lambda n: n / 1e6), max_size=8, unique=True)
_name = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=8)
_suffix = st.sampled_from([".csv", ".tsv", ".lab", ".txt"])


def _intervals(times):
    starts = np.array(sorted(times))
    return np.stack([starts, starts + 0.5], axis=1)


@given(_times, st.data(), _suffix)
def test_events_round_trip(tmp_path_factory, times, data, suffix):
    path = tmp_path_factory.mktemp("events") / f"a{suffix}"
    labels = data.draw(st.lists(_name, min_size=len(times), max_size=len(times)))
    events = Events(np.array(sorted(times)), tuple(labels))
    write_annotation(path, events)
    found, problems = read_events(path)
    assert problems == [] and found.labels == events.labels
    np.testing.assert_allclose(found.times, events.times, atol=5e-7)


@given(_times, st.data(), _suffix)
def test_intervals_round_trip(tmp_path_factory, times, data, suffix):
    path = tmp_path_factory.mktemp("intervals") / f"a{suffix}"
    labels = data.draw(st.lists(_name, min_size=len(times), max_size=len(times)))
    intervals = Intervals(_intervals(times), tuple(labels))
    write_annotation(path, intervals)
    found, problems = read_intervals(path)
    assert problems == [] and found.labels == intervals.labels
    np.testing.assert_allclose(found.intervals, intervals.intervals, atol=1e-6)


@given(_times.filter(len), _suffix)
def test_f0_and_notes_round_trip(tmp_path_factory, times, suffix):
    folder = tmp_path_factory.mktemp("pitch")
    f0 = F0(np.unique(times), np.linspace(-100, 2000, len(set(times))))
    write_annotation(folder / f"f0{suffix}", f0)
    found, problems = read_f0(folder / f"f0{suffix}")
    assert problems == []
    np.testing.assert_allclose(found.times, f0.times, atol=5e-7)
    np.testing.assert_allclose(found.frequencies, f0.frequencies, atol=5e-7)
    notes = Notes(_intervals(times), np.linspace(50, 2000, len(times)))
    write_annotation(folder / f"notes{suffix}", notes)
    read, problems = read_notes(folder / f"notes{suffix}")
    assert problems == []
    np.testing.assert_allclose(read.intervals, notes.intervals, atol=1e-6)


def test_mir_eval_reads_what_we_write(tmp_path):
    write_annotation(tmp_path / "a.lab", Intervals(np.array([[0.0, 1.5]]), ("C:maj",)))
    intervals, labels = mir_eval.io.load_labeled_intervals(str(tmp_path / "a.lab"))
    assert intervals.tolist() == [[0.0, 1.5]] and labels == ["C:maj"]
    write_annotation(tmp_path / "f0.txt", F0(np.array([0.0, 0.01]), np.array([220.0, 0.0])))
    times, frequencies = mir_eval.io.load_time_series(str(tmp_path / "f0.txt"))
    assert times.tolist() == [0.0, 0.01] and frequencies.tolist() == [220.0, 0.0]


def test_empty_annotations_and_labels_round_trip(tmp_path):
    nothing = np.zeros((0, 2))
    write_annotation(tmp_path / "events", Events(nothing[:, 0], ()))
    assert read_events(tmp_path / "events")[0].labels == ()
    write_annotation(tmp_path / "intervals", Intervals(nothing, ()))
    found, _ = read_intervals(tmp_path / "intervals")
    assert found.intervals.shape == (0, 2) and found.duration is None
    assert read_intervals(tmp_path / "intervals", 7.5)[0].duration == 7.5
    write_annotation(tmp_path / "notes", Notes(nothing, nothing[:, 0]))
    assert read_notes(tmp_path / "notes")[0].intervals.shape == (0, 2)
    names = ("hip hop", "rock, pop", "#1 hits", '"loud"', '12" mix', " wide ")
    write_annotation(tmp_path / "labels", Labels(names))
    assert read_labels(tmp_path / "labels") == (Labels(names), [])
    assert (tmp_path / "labels").read_text().splitlines()[:2] == ["hip hop", "rock, pop"]


@pytest.mark.parametrize("label", ["a\tb", "a\nb", "a\n", "a\x00"])
def test_labels_that_cannot_be_written(tmp_path, label):
    with pytest.raises(ValueError, match="must not contain a tab or a line break"):
        write_annotation(tmp_path / "a.csv", Events(np.array([1.0]), (label,)))
    with pytest.raises(ValueError, match="Stems are not written as text"):
        write_annotation(tmp_path / "a.csv", Stems({}, 8000))
    assert os.listdir(tmp_path) == []
