"""Annotation text files: each bad line is named with its reason."""

import numpy as np
import pytest

from umir.data.annotation_files import (
    read_events,
    read_f0,
    read_intervals,
    read_labels,
    read_notes,
)
from umir.data.rows import AnnotationError


@pytest.fixture
def file(tmp_path):
    """Return a function that writes text (or bytes) to a file and returns its path."""

    def write(text, name="a.csv"):
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    "text",
    [
        "1,2,lead vocals\n3,4,C:maj(9,11)\n",
        "1\t2\tlead vocals\n3\t4\tC:maj(9,11)\n",
        "1 2 lead vocals\n3 4 C:maj(9,11)\n",
        "  1 ,\t2 , lead vocals\r\n\r\n# comment\r\n3,4,C:maj(9,11)",
        "3.0,4e0,C:maj(9,11),,\r1,2,lead vocals\t \r",
        '\ufeff"1","2","lead vocals"\n3,4,"C:maj(9,11)"\n',
        "1\t\t2\t\tlead vocals\n3  4  C:maj(9,11)\n",
    ],
)
def test_separators_comments_and_order(file, text):
    found, problems = read_intervals(file(text))
    assert problems == []
    assert found.intervals.tolist() == [[1, 2], [3, 4]]
    assert found.labels == ("lead vocals", "C:maj(9,11)")


def test_events_with_and_without_labels_are_sorted(file):
    found, _ = read_events(file("2.5\n1.5,kick\n1.5,a snare\n0.5,\n"))
    assert found.times.tolist() == [0.5, 1.5, 1.5, 2.5]
    assert found.labels == ("", "kick", "a snare", "")


@pytest.mark.parametrize(
    ("read", "line", "reason"),
    [
        (read_events, "time,label", "'time' is not a number (time)"),
        (read_events, ",kick", "has no time; leave the line out"),
        (read_events, "0.5;kick", "'0.5;kick' is not a number"),
        (read_events, "nan,kick", "time is nan"),
        (read_events, "-0.5,kick", "-0.5 s is before the start"),
        (read_events, "10,kick", "10 s is past the end of the audio (10.00 s)"),
        (read_events, "1,kick,soft", "more columns than time, [label]"),
        (read_events, "1\tkick\tsoft", "more columns than time, [label]"),
        (read_events, "0.5 0.6 kick", "more columns than time, [label]"),
        (read_intervals, "1,2", "no label (start, end, label)"),
        (read_intervals, "1", "1 of 2 columns (start, end, label)"),
        (read_intervals, "2,1,x", "ends at 1 s, not after its start at 2 s"),
        (read_intervals, "1,1,x", "ends at 1 s, not after its start"),
        (read_intervals, "-2,-1,x", "-2 s is before the start"),
        (read_intervals, "0,1,x", "repeats line 1; left out"),
        (read_intervals, "11,12,x", "11 s is past the end"),
        (read_f0, "1", "1 of 2 columns (time, frequency)"),
        (read_f0, "1,,440", "has no frequency; leave the line out, or write 0 for unvoiced"),
        (read_f0, "1,", "has no frequency"),
        (read_f0, "1\t", "has no frequency"),
        (read_f0, '1,"",[1]', "has no frequency"),
        (read_f0, "1,44100", "44100 Hz is no pitch (time, frequency in Hz)"),
        (read_f0, "1,nan", "frequency is nan; leave the line out, or write 0 for unvoiced"),
        (read_f0, "-1,440", "-1 s is before the start"),
        (read_f0, "0,220", "a second frequency at 0 s"),
        (read_notes, "1,2,0", "a note has a frequency from 8 to 20000 Hz, not 0"),
        (read_notes, "1,60,0.5", "not 0.5 (onset, offset, frequency)"),
        (read_notes, "-2,0,440", "-2 s is before the start"),
        (read_notes, "1,440", "2 of 3 columns (onset, offset, frequency)"),
        (read_notes, "1,1,440", "ends at 1 s, not after its start"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_kept(file, read, line, reason):
    good = {read_events: "0", read_intervals: "0,1,x", read_f0: "0,220", read_notes: "0,1,220"}
    path = file(f"{good[read]}\n\n{line}\n")
    annotation, (problem,) = read(path, 10.0)
    assert str(problem).startswith(f"{path}:3: ") and reason in str(problem)
    assert len(next(iter(vars(annotation).values()))) == 1


def test_the_end_of_the_audio_cuts(file):
    path = file("0,1,220\n9,10.5,330\n9.5,14,440\n")
    notes, (problem,) = read_notes(path, 10.0)
    assert notes.intervals.tolist() == [[0, 1], [9, 10], [9.5, 10]]
    assert str(problem) == f"{path}:3: ends 4.0 s past the end; cut there"
    f0, problems = read_f0(file("0,220\n9.99,230\n10,240\n10.5,250\n"), 10.0)
    assert f0.times.tolist() == [0, 9.99] and problems == []
    _, (problem,) = read_f0(file("0,220\n20,230\n30,240\n"), 10.0)
    assert problem.reason == "past the end of the audio (10.00 s), frames from here on: 2"
    assert problem.line == 2


def test_what_begins_before_the_audio_is_cut_there(file):
    notes, (problem,) = read_notes(file("1,2,220\n-0.25,1,330\n"), 10.0)
    assert notes.intervals.tolist() == [[0, 1], [1, 2]]
    assert notes.frequencies.tolist() == [330, 220]
    assert (problem.line, problem.reason) == (2, "starts 0.25 s before the audio; cut there")
    intervals, (problem,) = read_intervals(file("-1,1,x\n"))
    assert intervals.intervals.tolist() == [[0, 1]] and problem.line == 1


@pytest.mark.parametrize(
    ("read", "text", "expected", "line", "repair"),
    [
        # MedleyDB, CREPE: what is in further columns says nothing about the pitch.
        (read_f0, "1,220\n2,0,[1] \n3,440,[1]", [[1, 2, 3], [220, 0, 440]], 2, "and 1 more like"),
        (read_notes, "1 2 220 90\n2 3 440 80", [[[1, 2], [2, 3]], [220, 440]], 1, "are ignored"),
        # Audacity, ASAP
        (read_events, "1.5\t1.5\tb\n2.5\t2.5\tdb,4/4", [[1.5, 2.5], ("b", "db,4/4")], 1, "an end"),
        # spreadsheets
        (read_events, "0,5;kick\n1;hi-hat, open;", [[0.5, 1], ("kick", "hi-hat, open")], 1, "semi"),
        (read_events, "0.5;kick\n1.5;kick", [[0.5, 1.5], ("kick", "kick")], 1, "semicolons"),
        (read_events, "0,5\tkick\n1,5\ta snare", [[0.5, 1.5], ("kick", "a snare")], 1, "decimal"),
        (read_intervals, "0,5 1,5 C:maj\n2 7 N", [[[0.5, 1.5], [2, 7]], ("C:maj", "N")], 1, ""),
        (read_f0, "0,25\t440,5\n1\t441", [[0.25, 1], [440.5, 441]], 1, "commas are read as points"),
        (read_f0, "t;f\n0,25;440,5\n1,5;0", [[0.25, 1.5], [440.5, 0]], 1, "taken for a header"),
        (read_events, "0,010\n0,260", [[0.01, 0.26], ("", "")], 1, "decimal commas"),
        (read_events, '"1,532"\n"2,1"', [[1.532, 2.1], ("", "")], 1, "decimal commas"),
        (read_notes, "0,5;1,5;220,25", [[[0.5, 1.5]], [220.25]], 1, "decimal commas"),
        (read_notes, "onset,offset,hz\n1,2,220", [[[1, 2]], [220]], 1, "'onset,offset,hz' is"),
    ],
)  # fmt: skip
def test_what_real_files_have_besides_is_repaired(file, read, text, expected, line, repair):
    path = file(text + "\n")
    found, problems = read(path)
    for values, wanted in zip(vars(found).values(), expected, strict=False):
        assert (values if isinstance(values, tuple) else values.tolist()) == wanted
    assert (problems[0].path, problems[0].line) == (path, line) and repair in problems[0].reason


@pytest.mark.parametrize(
    ("read", "text", "labels"),
    [
        (read_events, "0,1\n1,2\n2,3\n", ("1", "2", "3")),
        (read_events, "12.5,3 and 4\n13,1\n", ("3 and 4", "1")),
        (read_events, "12,3\n13,1\n", ("3", "1")),
        (read_events, "0.5,a;b\n1.5,c;d\n", ("a;b", "c;d")),
        (read_intervals, "0,1,2\n1,2,3 4\n", ("2", "3 4")),
        (read_intervals, "0\t1\tC:maj(9,11)\n1\t2\tx,y\n", ("C:maj(9,11)", "x,y")),
    ],
)
def test_commas_and_semicolons_that_are_in_place(file, read, text, labels):
    found, problems = read(file(text))
    assert found.labels == labels and problems == []


@pytest.mark.parametrize("coding", ["utf-16", "utf-8-sig"])
def test_text_with_a_byte_order_mark(file, coding):
    events, problems = read_events(file("1,kick\r\n2,caixa é\r\n".encode(coding)))
    assert events.labels == ("kick", "caixa é") and problems == []
    with pytest.raises(AnnotationError, match="is not UTF-16 text"):
        read_events(file(b"\xff\xfe1"))
    assert read_labels(file("kick\r\ncaixa é\r\n".encode(coding)))[0].names == ("kick", "caixa é")


def test_repeated_events_are_left_out_if_they_have_a_name(file):
    events, (problem,) = read_events(file("1,kick\n1,snare\n2,kick\n1,kick\n"))
    assert events.labels == ("kick", "snare", "kick")
    assert (problem.line, problem.reason) == (4, "repeats line 1; left out")
    events, problems = read_events(file("1\n1\n"))
    assert events.times.tolist() == [1, 1] and problems == []


def test_notes_in_unison_are_two(file):
    notes, problems = read_notes(file("1,2,220\n1,2,220\n"))
    assert len(notes.frequencies) == 2 and problems == []


def test_what_is_wrong_with_many_lines_is_one_problem(file):
    path = file("0,220\n" + "1,nan\n" * 100 + "2,x\n")
    _, problems = read_f0(path)
    assert [problem.line for problem in problems] == [2, 102]
    assert problems[0].reason.endswith("write 0 for unvoiced (and 99 more like it)")


@pytest.mark.parametrize(
    ("read", "row", "reason"),
    [
        (read_events, "{late},kick", "12.5 s is past the end of the audio (10.00 s)"),
        (read_intervals, "{late},999,x", "12.5 s is past the end of the audio (10.00 s)"),
        (read_intervals, "3,{late},{late}", "ends 2.5 s past the end; cut there"),
        (read_notes, "{late},{late},220", "ends at 12.5 s, not after its start at 12.5 s"),
        (read_events, "0,x", "repeats line 1; left out"),
    ],
)
def test_rows_with_the_same_fault_at_other_times_are_one_problem(file, read, row, reason):
    good = {read_events: "0,x", read_intervals: "0,1,x", read_notes: "0,1,220"}[read]
    late = [row.format(late=12.5 + n) for n in range(100)]
    path = file("\n".join([good, *late]) + "\n")
    _, (problem,) = read(path, 10.0)
    assert str(problem) == f"{path}:2: {reason} (and 99 more like it)"


def test_second_frequencies_are_one_problem(file):
    path = file("".join(f"{n},220\n{n},230\n" for n in range(5)))
    _, (problem,) = read_f0(path)
    assert str(problem) == f"{path}:2: a second frequency at 0 s (and 4 more like it)"


def test_lines_that_are_no_text(file):
    events, (problem,) = read_events(file(b"1,kick\n2,\xe9t\xe9\n"))
    assert events.labels == ("kick",) and problem.line == 2 and "UTF-8" in problem.reason


@pytest.mark.parametrize("read", [read_events, read_intervals, read_f0, read_notes])
def test_files_that_cannot_be_used_at_all(file, tmp_path, read):
    for path, message in [
        (tmp_path / "none.csv", "none.csv: no such file"),
        (tmp_path, "is a folder"),
        (file("", "empty.csv"), "is empty; if nothing happens .* `# none`"),
        (file(" \n\n", "blank.csv"), "is empty"),
        (file(b"RIFF\0\0\0\0WAVE", "a.wav"), "is not a text file; save it as UTF-8 with lines `"),
        (file("x\ny\n", "bad.csv"), "none of its 2 lines can be used; line 1: "),
    ]:
        with pytest.raises(AnnotationError, match=message) as failure:
            read(path)
        assert str(path) in str(failure.value) and "\n" not in str(failure.value)
    with pytest.raises(AnnotationError, match="none.txt: cannot be read as labels"):
        read_labels(tmp_path / "none.txt")


def test_f0_without_frames_is_no_curve(file):
    with pytest.raises(AnnotationError, match="has no frame within the audio"):
        read_f0(file("# none\n"))


def test_an_f0_file_that_says_none_is_unvoiced_throughout(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("# none\n")
    curve, problems = read_f0(path, 1.0)
    assert not problems
    np.testing.assert_allclose(curve.times, np.arange(100) / 100)
    assert not curve.frequencies.any()


def test_labels_of_several_words_that_begin_with_a_number(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text('0.5 "2 kicks"\n0.7\t3 kicks\n0.9 4th\n')
    found, problems = read_events(path)
    assert found.labels == ("2 kicks", "3 kicks", "4th") and not problems


def test_notes_that_may_be_numbers_of_midi_are_pointed_out(tmp_path):
    path = tmp_path / "a.txt"
    for pitches, told in (((60, 64, 67), True), ((55, 110, 220), False), ((60.5, 64, 67), False)):
        path.write_text("".join(f"{n} {n + 1} {pitch}\n" for n, pitch in enumerate(pitches)))
        notes, problems = read_notes(path)
        assert notes.frequencies.tolist() == [float(pitch) for pitch in pitches]
        assert [("if they are numbers of MIDI" in problem.reason) for problem in problems] == [
            told
        ] * told


def test_of_two_frequencies_at_one_time_the_first_stays(file):
    path = file("0.0,440\n0.0,0\n0.01,441\n")
    curve, (problem,) = read_f0(path)
    assert curve.frequencies.tolist() == [440, 441]
    assert str(problem) == f"{path}:2: a second frequency at 0 s"
