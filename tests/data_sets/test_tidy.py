"""Annotations are sorted and cut to their audio, and what is left out is told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import F0, Events, Intervals, Labels, Notes
from umir.data_sets.tidy import tidy

NAN = float("nan")


def test_events_are_sorted_and_lie_in_the_audio():
    events = Events(np.array([3.0, 1.0, -0.5, NAN, 4.2, 9.0]), ("d", "b", "x", "x", "x", "x"))
    tidied, reasons = tidy(events, 4.0)
    np.testing.assert_array_equal(tidied.times, [1.0, 3.0])
    assert tidied.labels == ("b", "d")
    # The one at 4.2 s is left out, too, but is not worth a word.
    assert reasons == ["3 events outside the audio of 4.00 s, left out"]


def test_intervals_are_cut_and_empty_ones_left_out():
    bounds = np.array([[3.0, 9.0], [0.0, 1.0], [2.0, 2.0], [7.0, 8.0], [1.0, NAN]])
    tidied, reasons = tidy(Intervals(bounds, ("d", "a", "zero", "late", "nan")), 4.0)
    np.testing.assert_array_equal(tidied.intervals, [[0.0, 1.0], [3.0, 4.0]])
    assert (tidied.labels, tidied.duration) == (("a", "d"), 4.0)
    assert reasons == [
        "1 interval with a time that is no number, left out",
        "1 interval that ends before it has begun, left out",
        "1 interval outside the audio of 4.00 s, left out",
    ]


def test_notes_need_a_pitch():
    bounds = np.array([[1.0, 2.0], [0.0, 1.0], [0.5, 1.0]])
    tidied, reasons = tidy(Notes(bounds, np.array([440.0, 220.0, 0.0]), ("b", "a", "x")), 4.0)
    np.testing.assert_array_equal(tidied.frequencies, [220.0, 440.0])
    assert tidied.labels == ("a", "b")
    assert reasons == ["1 note without a frequency above 0 Hz, left out"]


def test_a_blank_frequency_is_unvoiced_and_a_time_comes_once():
    f0 = F0(np.array([0.0, 0.2, 0.1, 0.2]), np.array([100.0, 300.0, NAN, 400.0]))
    tidied, reasons = tidy(f0, 4.0)
    np.testing.assert_array_equal(tidied.times, [0.0, 0.1, 0.2])
    np.testing.assert_array_equal(tidied.frequencies, [100.0, 0.0, 300.0])
    assert len(reasons) == 2


def test_labels_stay():
    labels = Labels(("waltz",))
    assert tidy(labels, 1.0) == (labels, [])


@given(st.lists(st.floats(-10, 30) | st.just(NAN), max_size=20), st.floats(0.1, 20))
def test_tidying_again_changes_nothing(numbers, duration):
    times = np.array(numbers, float)
    once, _ = tidy(Events(times, ("",) * len(times)), duration)
    twice, reasons = tidy(once, duration)
    np.testing.assert_array_equal(once.times, twice.times)
    assert not reasons
    assert np.all(np.diff(once.times) >= 0)
    assert len(once.times) == sum(0 <= time < duration for time in numbers)


@pytest.mark.parametrize("empty", [Events(np.zeros(0), ()), F0(np.zeros(0), np.zeros(0))])
def test_nothing_is_tidy(empty):
    tidied, reasons = tidy(empty, 1.0)
    assert (len(tidied.times), reasons) == (0, [])
