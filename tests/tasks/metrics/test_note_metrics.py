"""Metrics of notes and of frames, against mir_eval and by hand."""

import math

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.tasks.metrics.note_metrics import frame_metrics, note_metrics, sounding


def hz(numbers):
    return 440 * 2 ** ((np.array(numbers, float) - 69) / 12)


def played(*rows):
    """Rows of onset, offset, MIDI number."""
    table = np.array(rows, float).reshape(-1, 3)
    return table[:, :2], hz(table[:, 2])


def frames_of(notes):
    """What mir_eval reads: the frequencies that sound at each of 120 frames of 10 ms."""
    times = np.arange(120) / 100
    (starts, ends), frequencies = notes[0].T, notes[1]
    on = [(starts <= t + 1e-9) & (t + 1e-9 < ends) for t in times]
    return times, [np.sort(frequencies[each]) for each in on]


NOTES = st.lists(
    st.tuples(st.integers(0, 100), st.integers(1, 19), st.integers(0, 6)),
    max_size=12,
    unique_by=lambda row: (row[0] // 20, row[2]),
)


@given(NOTES, NOTES, st.sampled_from([0.0, 0.3, 0.49, 0.51]))
def test_frames_are_scored_as_by_mir_eval(reference, estimate, mistuned):
    true = played(*((a / 100, (a + n) / 100, 60 + p) for a, n, p in reference))
    found = played(*((a / 100, (a + n) / 100, 60 + p + mistuned) for a, n, p in estimate))
    scores = frame_metrics(true, found)
    if not reference or not estimate:
        assert scores["Frame_F-measure"] == 0 or math.isnan(scores["Frame_F-measure"])
        return
    expected = mir_eval.multipitch.evaluate(*frames_of(true), *frames_of(found))
    for name in ("Precision", "Recall", "Accuracy"):
        assert scores[f"Frame_{name}"] == pytest.approx(expected[name], abs=1e-9)
    both = expected["Precision"] + expected["Recall"]
    f_measure = 2 * expected["Precision"] * expected["Recall"] / both if both else 0.0
    assert scores["Frame_F-measure"] == pytest.approx(f_measure)


def test_frames_of_a_hand_case():
    """Ten frames of C4; found from the sixth on, five frames too long, with a false G4 of five."""
    reference = played((0.1, 0.2, 60))
    estimate = played((0.15, 0.25, 60.4), (0.1, 0.15, 67))
    assert frame_metrics(reference, estimate) == pytest.approx({
        "Frame_Precision": 5 / 15, "Frame_Recall": 5 / 10,
        "Frame_F-measure": 2 * 5 / 25, "Frame_Accuracy": 5 / 20,
    })  # fmt: skip


def test_what_two_play_counts_twice():
    twice = played((0.0, 0.05, 60), (0.02, 0.07, 60))
    frames = np.array([0, 1, 2, 2, 3, 3, 4, 4, 5, 6])
    np.testing.assert_allclose(sounding(*twice), 1000 * frames + 60)
    assert frame_metrics(twice, played((0.0, 0.07, 60)))["Frame_Recall"] == pytest.approx(0.7)
    assert len(sounding(*played())) == 0
    assert len(sounding(*played((0.011, 0.019, 60)))) == 0  # between two frames


def test_silence_has_nothing_to_score():
    assert all(math.isnan(value) for value in note_metrics(played(), played()).values())
    scores = note_metrics(played((0, 1, 60)), played())
    assert scores["Frame_Recall"] == scores["F-measure"] == scores["Frame_Accuracy"] == 0
    assert math.isnan(scores["Frame_Precision"])
