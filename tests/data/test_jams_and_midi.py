"""JAMS and MIDI files give the same annotations as text files."""

import json

import mido
import numpy as np
import pretty_midi
import pytest
import soundfile
from folders import write_rows

from umir.annotations import Notes
from umir.data.annotation_files import (
    READERS,
    read_events,
    read_f0,
    read_intervals,
    read_notes,
    write_annotation,
)
from umir.data.jams import NAMESPACES, OF_TASKS
from umir.data.rows import AnnotationError
from umir.data_specification import open_data
from umir.tasks import TASKS


def _observation(time, value, duration=0.0):
    return {"time": time, "duration": duration, "value": value, "confidence": None}


@pytest.fixture
def jams(tmp_path):
    """Return a function that writes a JAMS file of (namespace, data) pairs."""

    def write(*annotations):
        items = [{"namespace": namespace, "data": data} for namespace, data in annotations]
        path = tmp_path / "a.jams"
        path.write_text(json.dumps({"annotations": items, "file_metadata": {}, "sandbox": {}}))
        return path

    return write


def test_beats_and_onsets(jams):
    onsets = [_observation(0.1, None), _observation(0.2, 1)]
    events, problems = read_events(jams(("onset", onsets)))
    assert events.times.tolist() == [0.1, 0.2] and events.labels == ("", "") and problems == []
    beats = [_observation(1.0, 2.0), _observation(0.5, 1), _observation(1.5, None)]
    events, problems = read_events(jams(("onset", onsets), ("beat", beats)))
    assert [problem.reason for problem in problems] == ["read as 'beat'; left out: 'onset'"]
    assert events.times.tolist() == [0.5, 1.0, 1.5] and events.labels == ("1", "2", "")
    position = [_observation(0.5, {"position": 3, "measure": 1})]
    assert read_events(jams(("beat_position", position)))[0].labels == ("3",)


def test_what_is_read_is_what_the_task_is_about(jams, tmp_path):
    def observed(time, value):
        return [{"time": time, "duration": 1.0, "value": value, "confidence": None}]

    path = jams(
        ("beat", observed(0.0, 1.0)),
        ("onset", observed(0.5, None)),
        ("chord", observed(0.0, "C:maj")),
        ("tag_open", observed(1.0, "vocals")),
    )
    times = {name: read_events(path, task=name)[0].times for name in ("onset_detection", None)}
    assert (times["onset_detection"], times[None]) == (0.5, 0.0)
    sung, problems = read_intervals(path, 3.0, "singing_voice_detection")
    assert sung.labels == ("vocals",) and "left out: 'chord'" in problems[0].reason
    soundfile.write(tmp_path / "a.wav", np.zeros(24_000), 8000)
    write_rows(tmp_path, [{"audio": "a.wav", "intervals": path.name}])
    (example,) = open_data(str(tmp_path), None, "singing_voice_detection").examples(None, 8000, 1)
    assert example.annotation.labels == ("vocals",)


def test_every_named_task_of_events_and_intervals_has_namespaces_of_its_own():
    reading = {name: task.kind for name, task in TASKS.items() if task.kind in READERS}
    ours = {name for name, kind in reading.items() if kind in ("events", "intervals")}
    assert ours == OF_TASKS.keys()
    for name, namespaces in OF_TASKS.items():
        assert set(namespaces) <= set(NAMESPACES[reading[name]])


@pytest.mark.parametrize("task", sorted(OF_TASKS))
def test_a_named_task_reads_nothing_that_cannot_say_what_it_wants(jams, task):
    kind = TASKS[task].kind
    for namespace in NAMESPACES[kind]:
        value = {"position": 1} if namespace == "beat_position" else 1
        path = jams((namespace, [_observation(0.5, "x" if kind == "intervals" else value, 1.0)]))
        if namespace in OF_TASKS[task]:
            assert len(READERS[kind](path, task=task)[0].labels) == 1
        else:
            with pytest.raises(AnnotationError, match=rf"a\.jams: .*{task} reads.*{namespace}"):
                READERS[kind](path, task=task)
        assert len(READERS[kind](path)[0].labels) == 1


def test_a_folder_goes_on_without_files_that_say_nothing_of_the_task(jams, tmp_path):
    rows = [{"audio": f"{name}.wav", "events": f"{name}.jams"} for name in ("on", "on2", "beats")]
    for row in rows:
        soundfile.write(tmp_path / row["audio"], np.zeros(8000), 8000)
        namespace = "beat" if row["audio"] == "beats.wav" else "onset"
        jams((namespace, [_observation(0.5, 1)])).rename(tmp_path / row["events"])
    data = open_data(str(write_rows(tmp_path, rows)), None, "beat_tracking")
    (example,) = data.examples(None, 8000, 1)
    assert example.name == "beats.wav" and example.annotation.labels == ("1",)
    assert [problem.line for problem in data.problems] == [1, 2]
    told = "on.jams: holds nothing that beat_tracking reads (namespaces beat, beat_position)"
    assert f"{told} but onset" in data.problems[0].reason


def test_what_else_a_file_holds_is_said(jams):
    contour = [_observation(0.0, {"frequency": 440.0, "voiced": True})]
    path = jams(*[("pitch_contour", contour)] * 3, ("beat", []))
    curve, problems = read_f0(path)
    assert curve.frequencies.tolist() == [440.0]
    assert problems[0].reason == "read as 'pitch_contour'; left out: 2 more of 'pitch_contour'"


def test_chords_also_in_the_older_dense_form(jams):
    chords = [_observation(0.0, "N", 1.0), _observation(1.0, "C:maj", 2.5)]
    dense = {key: [item[key] for item in chords] for key in chords[0]}
    for data in (chords, dense):
        intervals, problems = read_intervals(jams(("chord", data)), 3.0)
        assert intervals.intervals.tolist() == [[0, 1], [1, 3]] and problems == []
        assert intervals.labels == ("N", "C:maj")


def test_pitch_curves(jams):
    contour = [
        _observation(0.0, {"index": 0, "frequency": 220.0, "voiced": True}),
        _observation(0.1, {"index": 0, "frequency": 221.0, "voiced": False}),
    ]
    f0, _ = read_f0(jams(("pitch_contour", contour)))
    assert f0.frequencies.tolist() == [220.0, 0.0]
    f0, _ = read_f0(jams(("pitch_hz", [_observation(0.0, -220.0)])))
    assert f0.frequencies.tolist() == [-220.0]


def test_notes_of_all_strings_are_joined(jams):
    low, high = [_observation(0.5, 45, 1.0)], [_observation(0.0, 69.0, 0.25)]
    notes, _ = read_notes(jams(("note_midi", low), ("note_midi", high)))
    np.testing.assert_allclose(notes.frequencies, [440.0, 110.0])
    assert notes.intervals.tolist() == [[0, 0.25], [0.5, 1.5]]
    notes, _ = read_notes(jams(("note_hz", [_observation(0.0, 441.5, 1.0)])))
    assert notes.frequencies.tolist() == [441.5]


def test_bad_observations_and_files(jams, tmp_path):
    endless = _observation(2.0, "C", float("nan"))
    path = jams(("chord", [_observation(0.0, "N", 1.0), _observation(1.0, 7, 1.0), {}, endless]))
    intervals, problems = read_intervals(path)
    assert len(intervals.labels) == 1
    told = f"{path}:2: observation 2 is not of namespace 'chord' (and 2 more like it)"
    assert [str(p) for p in problems] == [told]
    with pytest.raises(AnnotationError, match=r"a\.jams: holds no f0 .* but chord"):
        read_f0(path)
    for text in ("{", "[]", "{}", '{"annotations": [{}]}'):
        (tmp_path / "bad.jams").write_text(text)
        with pytest.raises(AnnotationError, match=r"bad\.jams: is not a JAMS file"):
            read_events(tmp_path / "bad.jams")
    with pytest.raises(AnnotationError, match=r"none\.jams: no such file"):
        read_events(tmp_path / "none.jams")


def test_midi_round_trip_to_a_semitone_and_half_a_millisecond(tmp_path, rng):
    onsets = np.sort(rng.uniform(0, 30, 40))
    numbers = 30 + np.arange(40)  # all different, so that no two notes of a pitch overlap
    notes = Notes(
        np.stack([onsets, onsets + rng.uniform(0.05, 2, 40)], axis=1),
        440.0 * 2.0 ** ((numbers - 69 + 0.3) / 12),
    )
    write_annotation(tmp_path / "a.mid", notes)
    found, problems = read_notes(tmp_path / "a.mid")
    assert problems == []
    np.testing.assert_allclose(found.intervals, notes.intervals, atol=6e-4)
    np.testing.assert_allclose(found.frequencies, 440.0 * 2.0 ** ((numbers - 69) / 12))


def test_midi_tracks_say_who_plays(tmp_path):
    intervals = np.array([[0.0, 1.0], [0.5, 1.0], [1.0, 2.0], [2.0, 3.0]])
    frequencies = 440.0 * 2.0 ** (np.array([0.0, 3.0, 5.0, 7.0]) / 12)
    for players in (("flute", "harp", "", "flute"), ("flute",) * 4, ()):
        write_annotation(tmp_path / "a.mid", Notes(intervals, frequencies, players))
        found, problems = read_notes(tmp_path / "a.mid")
        assert problems == [] and found.labels == players
        np.testing.assert_allclose(found.frequencies, frequencies)
    names = [part.name for part in pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).instruments]
    assert names == [""]
    write_annotation(tmp_path / "none.mid", Notes(intervals[:0], frequencies[:0]))
    assert len(read_notes(tmp_path / "none.mid")[0].frequencies) == 0


def _midi(path, *tracks, resolution=480):
    """Write a MIDI file of tracks of messages; times are ticks since the message before."""
    song = mido.MidiFile(type=1, ticks_per_beat=resolution)
    song.tracks.extend(mido.MidiTrack(track) for track in tracks)
    song.save(path)
    return path


def _note(number, ticks):
    """Return the messages of a note that lasts some ticks."""
    off = mido.Message("note_off", note=number, time=ticks)
    return [mido.Message("note_on", note=number, velocity=90), off]


def test_midi_without_a_tempo_has_120_beats_per_minute(tmp_path):
    path = _midi(tmp_path / "a.mid", [*_note(69, 480), *_note(57, 960)])
    notes, (problem,) = read_notes(path)
    np.testing.assert_allclose(notes.intervals, [[0, 0.5], [0.5, 1.5]])
    assert str(problem) == f"{path}: says no tempo: taken as 120 beats per minute"


def test_midi_tempos_count_on_whatever_track(tmp_path):
    slow, slower = (mido.MetaMessage("set_tempo", tempo=tempo) for tempo in (10**6, 2 * 10**6))
    track = [*_note(69, 480), *_note(57, 480)]
    on_first = _midi(tmp_path / "a.mid", [slow, slower.copy(time=480)], track)
    expected, problems = read_notes(on_first)
    assert problems == []
    np.testing.assert_allclose(expected.intervals, [[0, 1], [1, 3]])
    with_notes = _midi(tmp_path / "b.mid", [], [slow, *track[:2], slower, *track[2:]])
    found, (problem,) = read_notes(with_notes)
    np.testing.assert_allclose(found.intervals, expected.intervals)
    assert "has tempos on other tracks than the first" in problem.reason


def test_midi_notes_without_length_or_end_are_reported(tmp_path):
    tempo = mido.MetaMessage("set_tempo", tempo=500_000)
    path = _midi(tmp_path / "a.mid", [tempo, *_note(60, 0), *_note(69, 480), _note(72, 0)[0]])
    notes, (problem,) = read_notes(path)
    np.testing.assert_allclose(notes.frequencies, [440])
    assert str(problem) == f"{path}: 2 of its 3 notes have no length or no end; left out"


def test_midi_leaves_drums_out_and_reports_notes_past_the_end(tmp_path):
    song = pretty_midi.PrettyMIDI()
    for is_drum, start in ((False, 0.0), (False, 5.0), (True, 0.0)):
        part = pretty_midi.Instrument(program=0, is_drum=is_drum)
        part.notes.append(pretty_midi.Note(90, 69, start, start + 1))
        song.instruments.append(part)
    song.write(str(tmp_path / "a.mid"))
    notes, problems = read_notes(tmp_path / "a.mid", 4.0)
    assert notes.intervals.tolist() == [[0, 1]] and notes.frequencies.tolist() == [440]
    assert len(problems) == 1 and "past the end" in problems[0].reason


def test_bad_midi(tmp_path):
    for content in (b"", b"no midi", b"MThd\0\0\0\6\0\1\0\1\0\xdcMTrk\0\0\0\xff\0"):
        (tmp_path / "bad.mid").write_bytes(content)
        with pytest.raises(AnnotationError, match=r"bad\.mid: is not a MIDI file"):
            read_notes(tmp_path / "bad.mid")
    with pytest.raises(AnnotationError, match=r"none\.mid: no such file"):
        read_notes(tmp_path / "none.mid")
    with pytest.raises(ValueError, match="5.0 Hz is outside MIDI's range"):
        write_annotation(tmp_path / "a.mid", Notes(np.array([[0.0, 1.0]]), np.array([5.0])))
    assert not (tmp_path / "a.mid").exists()
