"""A comma before a blank and a label: decimal, between columns, or reported as either of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.data.annotation_files import read_events
from umir.data.rows import AnnotationError

_EITHER = "its comma is decimal or separates the columns"
_word = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=4)
_words = st.lists(_word, min_size=1, max_size=3).map(" ".join)


def _read(folder, lines):
    path = folder / "a.txt"
    path.write_text("\n".join(lines) + "\n")
    return read_events(path)


@pytest.mark.parametrize(
    ("lines", "times", "labels"),
    [
        (["0,523 kick"], [0.523], ("kick",)),
        (["0,523  a kick", "1,02 snare, soft"], [0.523, 1.02], ("a kick", "snare, soft")),
        (["time label", "0,5 kick", "1,25 snare", "2,75 kick"], [0.5, 1.25, 2.75], None),
        (["0,52 1", "1,04 2", "1,56"], [0.52, 1.04, 1.56], ("1", "2", "")),
        (["0,000 kick", "0,500 snare", "1,000 kick", "1,500 snare"], [0, 0.5, 1, 1.5], None),
        ([f"0,5{'0' * 5000} kick"], [0.5], ("kick",)),
        (["0,5 kick", "1 snare"], [0.5, 1], ("kick", "snare")),  # a blank separates one of them
        (['"0,523" kick'], [0.523], ("kick",)),
        (["Time", "0,523", "1,046", "1,571"], [0.523, 1.046, 1.571], None),
        (["0,523", "1,046", "2"], [0.523, 1.046, 2], None),  # two seconds, as spreadsheets have it
        (["0,25", "0,75", "1,25"], [0.25, 0.75, 1.25], None),
        (["time;label", "0,5;kick"], [0.5], ("kick",)),
    ],
)
def test_decimal_commas_before_a_label(tmp_path, lines, times, labels):
    found, problems = _read(tmp_path, lines)
    assert found.times.tolist() == times
    assert labels is None or found.labels == labels
    assert "decimal commas are read as points" in problems[-1].reason


@pytest.mark.parametrize(
    ("lines", "times", "labels"),
    [
        (["12.5, 3 kick", "13,4 beat"], [12.5, 13], ("3 kick", "4 beat")),
        (["0.5,808 kick", "1,909 snare"], [0.5, 1], ("808 kick", "909 snare")),
        (["1, snare drum", "2,16 toms"], [1, 2], ("snare drum", "16 toms")),
        (["1,kick", "2,16 toms", "3,808 kick"], [1, 2, 3], ("kick", "16 toms", "808 kick")),
        (["12,3", '13,"4 beat"', "14,1"], [12, 13, 14], ("3", "4 beat", "1")),
    ],
)
def test_commas_between_columns_before_labels_with_numbers(tmp_path, lines, times, labels):
    found, problems = _read(tmp_path, lines)
    assert (found.times.tolist(), found.labels, problems) == (times, labels, [])


@pytest.mark.parametrize(
    "lines",
    [
        ["12,3 beat"],
        ["12,3 and 4", "13,1"],
        ["0,12 bar blues", "60,8 bar blues"],
        ["0,0 kick", "0,5 snare", "1,0 kick"],
        ["0,36 kick", "1,38 snare", "2,36 kick"],  # drums by their numbers in MIDI
        ["0,523 kick", "1.5 snare"],
        ["0,523 kick", "1,127 snare", "-2,clap"],
        ["0,5", "1", "1,5"],
    ],
)
def test_what_cannot_be_decided_is_reported(tmp_path, lines):
    problems = _read(tmp_path, [*lines, "20"])[1]
    assert problems[0].line == 1 and _EITHER in problems[0].reason
    if all(" " in line and "." not in line for line in lines):
        with pytest.raises(AnnotationError, match=f"a.txt: none of its .* line 1: {_EITHER}"):
            _read(tmp_path, lines)


@pytest.mark.parametrize(
    ("lines", "times", "labels"),
    [
        (["0.5\t1\t1", "1.0\t2\t1"], [0.5, 1.0], ("1", "2")),  # beat and bar
        (["0.5,1,1", "1.0,2,1,"], [0.5, 1.0], ("1", "2")),
        (["0,kick,0.9"], [0], ("kick",)),
    ],
)
def test_further_columns_of_numbers_are_ignored(tmp_path, lines, times, labels):
    found, problems = _read(tmp_path, lines)
    assert (found.times.tolist(), found.labels) == (times, labels)
    assert "columns of numbers after time, [label] are ignored" in problems[0].reason


@pytest.mark.parametrize("line", ["0,523,1", "0.5,kick,soft", "0.5\t1\tkick"])
def test_other_columns_are_reported(tmp_path, line):
    with pytest.raises(AnnotationError, match="more columns than"):
        _read(tmp_path, [line])


def test_an_end_after_a_time_with_a_decimal_comma_is_reported(tmp_path):
    found, problems = _read(tmp_path, ["0,523 kick", "0,7 0,8 snare"])
    assert found.labels == ("kick",)
    assert "more columns than time, [label]" in problems[-1].reason


_rows = st.lists(
    st.tuples(st.integers(0, 99), st.text("0123456789", min_size=1, max_size=4), _words),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row[0],
)


@given(_rows)
def test_decimals_are_read_as_such_or_reported(tmp_path_factory, rows):
    lines = [f"{whole},{decimals} {words}" for whole, decimals, words in rows]
    found, problems = _read(tmp_path_factory.getbasetemp(), [*lines, "100"])
    read = list(zip(found.times.tolist(), found.labels, strict=True))
    if _EITHER in problems[0].reason:
        assert read == [(100, "")]
        return
    expected = [(float(f"{whole}.{decimals}"), words) for whole, decimals, words in rows]
    assert read == [*sorted(expected), (100, "")]


@given(_rows, st.booleans())
def test_labels_that_begin_with_numbers_stay_labels(tmp_path_factory, rows, pointed):
    """Where the comma separates the columns of as many other lines, or follows a point."""
    lines = [f"{time},{number} {words}" for time, number, words in rows]
    others = ["100.5,3 x"] if pointed else [f"{100 + n},x" for n in range(len(rows))]
    found, problems = _read(tmp_path_factory.getbasetemp(), lines + others)
    read = dict(zip(found.times.tolist(), found.labels, strict=True))
    assert [read[time] for time, *_ in rows] == [f"{number} {words}" for _, number, words in rows]
    assert len(read) == len(lines + others) and problems == []
