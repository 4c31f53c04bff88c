"""Reduction and scores of chords, against mir_eval itself."""

import mir_eval
import numpy as np
import pytest

from umir.annotations import Intervals
from umir.tasks.metrics.chord_metrics import (
    CHORDS,
    METRICS,
    SEVENTH_CHORDS,
    is_chord,
    scored_seconds,
    seventh_chord,
    triad,
)

LABELS = (
    *("N", "X", "C:maj", "C#:maj", "Db:7", "A:min7/b3", "A:min", "G:sus4", "B:dim", "E", "E:maj/2"),
    *("F#:maj6", "Gb:9", "D:hdim7", "Eb:aug", "Ab:maj7/5", "Cb:min", "F:(1,5)", "B:minmaj7"),
)


def _intervals(*rows):
    return Intervals(np.array([row[:2] for row in rows], float), tuple(row[2] for row in rows))


@pytest.mark.parametrize("label", LABELS)
def test_a_chord_counts_as_the_triad_that_majmin_accepts(label):
    scores = {chord: mir_eval.chord.majmin([label], [chord])[0] for chord in CHORDS}
    right = [chord for chord, score in scores.items() if score == 1]
    assert [triad(label)] == (right or ["X"])
    assert triad(triad(label)) == triad(label)
    assert is_chord(label)


@pytest.mark.parametrize("label", [*LABELS, "A:7", "D:min7", "Bb:maj7", "C:7(b9)", "C:maj7/7"])
def test_a_chord_counts_as_the_seventh_chord_that_sevenths_accepts(label):
    scores = {chord: mir_eval.chord.sevenths([label], [chord])[0] for chord in SEVENTH_CHORDS}
    right = [chord for chord, score in scores.items() if score == 1]
    assert [seventh_chord(label)] == (right or ["X"])
    assert seventh_chord(seventh_chord(label)) == seventh_chord(label)


@pytest.mark.parametrize("label", ["", "H:maj", "verse", "C:major", "Cmaj7", "C:maj(99)"])
def test_what_is_no_chord(label):
    assert not is_chord(label)
    assert triad(label) == "X"


def _draw(rng, labels):
    borders = np.sort(rng.uniform(0, 30, 11))
    borders[0], borders[-1] = 0, 30
    names = rng.choice(labels, 10).tolist()
    return Intervals(np.stack([borders[:-1], borders[1:]], axis=1), tuple(names))


def test_scores_of_a_song_are_those_of_mir_eval(rng):
    for _ in range(5):
        reference, estimate = _draw(rng, LABELS), _draw(rng, CHORDS[:8])
        expected = mir_eval.chord.evaluate(
            reference.intervals, list(reference.labels),
            estimate.intervals, list(estimate.labels),
        )  # fmt: skip
        seconds = scored_seconds(reference, estimate)
        assert set(seconds) == set(METRICS)
        for name, (right, scored) in seconds.items():
            assert right / scored == pytest.approx(expected[name])
            assert scored <= 30 + 1e-9


def test_estimates_are_cut_and_filled_as_mir_eval_does(rng):
    reference = Intervals(_draw(rng, LABELS).intervals + 2, _draw(rng, LABELS).labels)
    estimate = _intervals((1, 12, "C:maj"), (12, 20, "A:min"))
    adjusted = mir_eval.util.adjust_intervals(
        estimate.intervals, list(estimate.labels), 2, 32, "N", "N"
    )
    expected = mir_eval.chord.evaluate(reference.intervals, list(reference.labels), *adjusted)
    for name, (right, scored) in scored_seconds(reference, estimate).items():
        assert right / scored == pytest.approx(expected[name])


def test_gaps_overlaps_and_foreign_labels_by_hand():
    """C from 0 to 2, cut by A at 1; nothing from 3 to 4; `solo` from 4 to 5; N from 5 to 8."""
    reference = _intervals((0, 2, "C:maj"), (1, 3, "A:min"), (4, 5, "solo"), (5, 8, "N"))
    estimate = _intervals((0, 2, "C:maj"), (2, 6, "A:maj"))  # and none from 6 on
    seconds = scored_seconds(reference, estimate)
    assert seconds["majmin"] == pytest.approx((1 + 2, 1 + 2 + 3))
    assert seconds["root"] == pytest.approx((1 + 1 + 2, 6))


def test_without_reference_or_estimate_nothing_is_scored_or_right():
    nothing = Intervals(np.zeros((0, 2)), ())
    song = _intervals((0, 4, "C:maj"))
    assert set(scored_seconds(nothing, song).values()) == {(0.0, 0.0)}
    assert scored_seconds(song, nothing)["majmin"] == (0.0, 4.0)
    unscored = scored_seconds(_intervals((0, 4, "X")), song)
    assert unscored["majmin"] == unscored["root"] == (0.0, 0.0)


def test_a_gap_of_a_rounding_error_ends_no_chord():
    """A start of 0.7 n and a duration of 0.7, as JAMS files have them, leave gaps of 1e-16 s."""
    starts, names = 0.7 * np.arange(40), tuple(np.repeat(CHORDS[1:21], 2).tolist())
    gaps = Intervals(np.stack([starts, starts + 0.7], axis=1), names)
    assert (gaps.intervals[1:, 0] > gaps.intervals[:-1, 1]).any()
    for seconds, scored in scored_seconds(gaps, gaps).values():
        assert seconds == pytest.approx(scored)
