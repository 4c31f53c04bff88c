"""Pitch axes against note names and frequencies of pretty_midi and by hand."""

import numpy as np
import pretty_midi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.tasks.pitch_axis import (
    PITCH_CLASSES,
    PitchAxis,
    midi_pitch,
    note_range,
    octave_of,
    octaves,
    octaves_around,
    pitch_vocabulary,
)


def test_names_are_those_of_midi():
    assert note_range(0, 127) == tuple(pretty_midi.note_number_to_name(n) for n in range(128))
    assert note_range(36, 54, 6) == ("C2", "F#2", "C3", "F#3")
    assert octaves(4, 4) == ("C4", "C#4", "D4", "D#4", "E4", "F4", "F#4", "G4", "G#4", "A4",
                             "A#4", "B4")  # fmt: skip
    assert octaves(2, 6) == note_range(36, 95)


def test_pitches_are_those_of_midi():
    numbers = np.arange(128)
    frequencies = pretty_midi.note_number_to_hz(numbers)
    np.testing.assert_allclose(midi_pitch(frequencies), numbers, atol=1e-9)
    np.testing.assert_array_equal(octave_of(frequencies), numbers // 12 - 1)
    assert octave_of(np.array([440 * 2 ** (2.6 / 12)])) == 5  # B4 and 60 cents


@given(st.integers(0, 100), st.integers(1, 12), st.integers(2, 60))
def test_an_axis_is_what_its_names_say(lowest, step, bins):
    names = note_range(lowest, lowest + step * (bins - 1), step)
    axis = PitchAxis.of(names)
    assert axis == PitchAxis(lowest, step, bins)
    hz = 440 * 2 ** ((lowest + step * np.arange(bins) - 69) / 12)
    np.testing.assert_allclose(axis.frequencies(np.arange(float(bins))), hz)
    np.testing.assert_allclose(axis.positions(hz), np.arange(bins), atol=1e-9)
    np.testing.assert_array_equal(axis.inside(np.array([-0.6, -0.4, bins - 0.6, bins - 0.4])),
                                  [False, True, True, False])  # fmt: skip


def test_pitch_classes_do_not_know_octaves():
    axis = PitchAxis.of(PITCH_CLASSES)
    assert axis.folded
    np.testing.assert_allclose(axis.positions(np.array([110.0, 220.0, 1760.0])), 9)
    np.testing.assert_allclose(axis.comparable(np.array([110.0, 440.0, 880.0])), 440)
    almost_c = 440 * 2 ** (-9.3 / 12)  # 30 cents below C4
    (position,) = axis.positions(np.array([almost_c]))
    assert position == pytest.approx(-0.3)
    (distances,) = axis.distances(np.array([position]))
    assert distances[0] == pytest.approx(0.3)
    assert distances[11] == pytest.approx(-0.7)
    assert np.abs(distances).max() <= 6


def test_distances_on_a_straight_axis():
    axis = PitchAxis(60, 2, 4)
    distances = axis.distances(axis.positions(440 * 2.0 ** (np.array([63.0, 60.0]) / 12 - 69 / 12)))
    np.testing.assert_allclose(distances, [[-1.5, -0.5, 0.5, 1.5], [0, 1, 2, 3]], atol=1e-9)


def test_a_folder_gets_the_octaves_of_its_pitches():
    assert pitch_vocabulary([np.array([0.0, 220.0, -50.0]), np.array([523.3])]) == octaves(3, 5)
    assert octaves_around(np.array([261.7])) == octaves(4, 4)
    assert octaves_around(np.array([3.0, 20_000.0])) == octaves(0, 8)
    for nothing in ([], [np.zeros(3)], [np.array([-220.0])]):
        with pytest.raises(ValueError, match="no annotation has any pitch: nothing to learn"):
            pitch_vocabulary(nothing)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("H4",), "'H4' is no note: write C4"),
        (("E#4",), "'E#4' is no note"),
        (("C", "D"), "'C' is no note"),
        (("C4", "D4", "D#4"), "evenly spaced, lowest first, not C4, D4, D#4"),
        (("D4", "C4"), "evenly spaced"),
    ],
)
def test_other_names_are_refused(names, words):
    with pytest.raises(ValueError, match=words):
        PitchAxis.of(names)
