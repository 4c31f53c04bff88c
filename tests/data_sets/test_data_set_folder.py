"""A data set in a folder: its splits and groups, what is missing, what is damaged."""

import json

import numpy as np
import pytest
from made_sets import make_ballroom, make_mdb_drums, make_musdb18hq, text

from umir.data_sets import (
    DATA_SETS,
    DataSet,
    DataSetError,
    Labelling,
    data_set_folder,
    open_data_set,
)
from umir.data_sets.published_layout import FolderTrack


def test_half_a_download_serves_and_says_what_is_missing(tmp_path):
    index = make_ballroom(tmp_path)
    (tmp_path / "B_1.0/audio/Waltz/Media-2.wav").unlink()
    (tmp_path / "B_1.0/annotations/beats/Media-3.beats").unlink()
    data = open_data_set("ballroom", tmp_path, "beat_tracking", index=index)
    (problem,) = data.problems
    assert str(problem) == (
        f"{tmp_path}: 2 of 4 tracks of ballroom left out: 2 of their files missing "
        "(Media-2.wav, Media-3.beats); to get them: umir data get ballroom"
    )
    names = [example.name for example in data.examples(None, 8000, 1)]
    assert names == ["ballroom/Media-1", "ballroom/Media-4"]
    # For another task, beats need not be there.
    assert len(open_data_set("ballroom", tmp_path, "tempo_estimation", index=index).tracks) == 3


def test_what_songs_depend_on_names_the_hours(tmp_path):
    """So that songs stored for less of a set are not taken for those of more of it."""
    index = make_ballroom(tmp_path)
    one, same, other = (
        open_data_set("ballroom", tmp_path, "beat_tracking", index=index, hours=hours)
        for hours in (0.1, 0.1, None)
    )
    assert one.versions("train") == same.versions("train") != other.versions("train")


def test_nothing_there_is_an_error(tmp_path):
    index = make_ballroom(tmp_path / "full")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataSetError, match=r"empty: no track of ballroom can be used: 4 of 4"):
        open_data_set("ballroom", tmp_path / "empty", "beat_tracking", index=index)
    with pytest.raises(DataSetError, match="none: no such folder; to get ballroom: umir data get"):
        open_data_set("ballroom", tmp_path / "none", "beat_tracking", index=index)
    with pytest.raises(DataSetError, match=r"index\.json: is not a folder; to get ballroom"):
        open_data_set("ballroom", index, "beat_tracking")


def test_mirdatas_index_is_asked_for(tmp_path):
    with pytest.raises(DataSetError, match="fetch it with: umir data get ballroom --index-only"):
        open_data_set("ballroom", tmp_path, "beat_tracking", index=tmp_path / "none.json")


def test_an_index_in_the_folder_is_used(tmp_path):
    make_ballroom(tmp_path).rename(tmp_path / "ballroom_full_index_1.0.json")
    data = open_data_set("ballroom", tmp_path, "beat_tracking")
    assert len(data.examples(None, 8000, 1)) == 4
    other = tmp_path / "ballroom_index_mine.json"
    other.write_bytes((tmp_path / "ballroom_full_index_1.0.json").read_bytes())
    with pytest.raises(DataSetError, match=r"several lists .*1\.0\.json, .*mine\.json; leave one"):
        open_data_set("ballroom", tmp_path, "beat_tracking")


def test_variants_of_a_task_read_the_same_labels(tmp_path):
    home = make_mdb_drums(tmp_path)
    data = open_data_set("mdb_drums", home, "drum_transcription_5")
    assert (data.task, data.kind) == ("drum_transcription", "events")
    assert DATA_SETS["guitarset"].task_for("chord_recognition_sevenths") == "chord_recognition"
    assert DATA_SETS["guitarset"].task_for("chord") is None
    with pytest.raises(DataSetError, match="no labels for 'drums', only for drum_transcription"):
        open_data_set("mdb_drums", home, "drums")
    said = "mdb_drums/beat_tracking has annotations of kind 'events', not 'notes'"
    with pytest.raises(DataSetError, match=said):
        open_data_set("mdb_drums", home, "beat_tracking", "notes")


def test_an_index_of_something_else_is_an_error(tmp_path):
    text(tmp_path / "index.json", json.dumps({"version": "1", "records": {}}))
    with pytest.raises(DataSetError, match=r"index.json: is no index of ballroom"):
        open_data_set("ballroom", tmp_path, "beat_tracking", index=tmp_path / "index.json")
    text(tmp_path / "index.json", "half an ind")
    with pytest.raises(DataSetError, match=r"index.json: is no index of ballroom"):
        open_data_set("ballroom", tmp_path, "beat_tracking", index=tmp_path / "index.json")


def test_damaged_files_are_reported_and_the_rest_serves(tmp_path):
    index = make_ballroom(tmp_path)
    text(tmp_path / "B_1.0/annotations/beats/Media-1.beats", "0.5 two\n")
    (tmp_path / "B_1.0/audio/Waltz/Media-2.wav").write_bytes(b"RIFF")
    text(tmp_path / "B_1.0/annotations/beats/Media-3.beats", "0.5 1\n1.0 2\n7.0 3\n")
    data = open_data_set("ballroom", tmp_path, "beat_tracking", index=index)
    names = [example.name for example in data.examples(None, 8000, 1)]
    assert names == ["ballroom/Media-3", "ballroom/Media-4"]
    first, second, third = map(str, data.problems)
    assert "Media-1.beats: cannot be used: none of its 1 lines can be used; line 1: " in first
    assert "Media-2.wav" in second
    assert third.endswith("Media-3.beats: 1 event outside the audio of 2.00 s, left out")
    data.examples(None, 8000, 1)
    assert len(data.problems) == 3


def test_a_beat_that_is_none_costs_its_line_alone(tmp_path):
    index = make_ballroom(tmp_path, ["Media-1"])
    path = tmp_path / "B_1.0/annotations/beats/Media-1.beats"
    text(path, "0.5 1\n1.0 two\n1.5 3\n")
    data = open_data_set("ballroom", tmp_path, "beat_tracking", index=index)
    (example,) = data.examples(None, 8000, 1)
    assert list(example.annotation.times) == [0.5, 1.5]
    assert example.annotation.labels == ("1", "3")
    assert list(map(str, data.problems)) == [f"{path}:2: 'two' is not a number (position)"]


def test_all_damaged_is_an_error(tmp_path):
    index = make_ballroom(tmp_path, ["Media-1"])
    text(tmp_path / "B_1.0/annotations/beats/Media-1.beats", "0.5 two\n")
    data = open_data_set("ballroom", tmp_path, "beat_tracking", index=index)
    with pytest.raises(DataSetError, match="none of the 1 tracks of ballroom in split any"):
        data.examples(None, 8000, 1)


def test_which_task_a_set_is_read_for(tmp_path):
    index = make_ballroom(tmp_path)
    assert open_data_set("ballroom", tmp_path, kind="events", index=index).task == "beat_tracking"
    with pytest.raises(DataSetError, match="several tasks: tempo_estimation, genre_recognition"):
        open_data_set("ballroom", tmp_path, kind="label", index=index)
    with pytest.raises(DataSetError, match="no labels for 'chord_recognition', only for beat_t"):
        open_data_set("ballroom", tmp_path, "chord_recognition", index=index)
    with pytest.raises(DataSetError, match="no data set 'ballroon': choose from"):
        open_data_set("ballroon", tmp_path)


def test_label_maps_and_prefixes(tmp_path):
    data = open_data_set("mdb_drums", make_mdb_drums(tmp_path), "drum_transcription")
    example = data.examples("test", 8000, 1)[0]
    assert example.annotation.labels == ("kick", "snare", "HH", "tom", "CY", "OT")
    assert example.group == example.name == "mdb_drums/MusicDelta_Hendrix"
    assert (example.rate, example.waveform.shape, example.waveform.dtype) == (
        8000,
        (16000, 1),
        np.float32,
    )


def test_published_splits_hold_and_divide_groups(tmp_path):
    data = open_data_set("musdb18hq", make_musdb18hq(tmp_path), "source_separation")
    # Artist A is in both published splits; one train group is needed to validate.
    assert set(data.assignment) == {
        "musdb18hq/A (train)",
        "musdb18hq/A (test)",
        "musdb18hq/B",
    }
    assert data.assignment["musdb18hq/A (test)"] == "test"
    assert sorted(data.assignment.values()) == ["test", "train", "valid"]
    assert [e.name for e in data.examples("test", 8000, 2)] == ["musdb18hq/test/A - X"]


def test_splits_of_an_earlier_run_are_kept(tmp_path):
    index = make_ballroom(tmp_path)
    first = open_data_set("ballroom", tmp_path, "beat_tracking", index=index).assignment
    groups = sorted(first)
    stored = {group: "train" for group in groups[:3]} | {groups[3]: "test"}
    again = open_data_set("ballroom", tmp_path, "beat_tracking", None, stored, index=index)
    assert again.assignment[groups[3]] == "test"
    # What was learnt from does not validate, even where nothing else would.
    assert sorted(again.assignment.values()) == ["test", "train", "train", "train"]


def test_no_more_than_so_many_hours(tmp_path):
    index = make_ballroom(tmp_path)  # four times two seconds
    whole = open_data_set("ballroom", tmp_path, "beat_tracking", index=index)
    part = open_data_set("ballroom", tmp_path, "beat_tracking", hours=3 / 3600, index=index)
    assert part.assignment == whole.assignment
    names = [{e.name for e in data.examples(None, 8000, 1)} for data in (whole, part)]
    assert (len(names[0]), len(names[1])) == (4, 2)
    assert names[1] < names[0]


def test_tracks_without_an_annotation_are_counted(tmp_path, monkeypatch):
    def load(track, rate, channels):
        if track.track_id == "b":
            raise data_set_folder.NotLabelled
        raise KeyError("frequency")

    tracks = [FolderTrack(name, {"audio": tmp_path / "audio"}) for name in "ab"]
    text(tmp_path / "audio", "none")
    labelling = Labelling("f0", lambda track: [track.files["audio"]], load)
    made = DataSet("made", "", "", "ask", "", lambda home, index: tracks, {"melody": labelling})
    monkeypatch.setattr(data_set_folder, "get_data_set", lambda name: made)
    data = open_data_set("made", tmp_path)
    with pytest.raises(DataSetError, match="none of the 2 tracks of made in split any"):
        data.examples(None, 8000, 1)
    assert [problem.reason for problem in data.problems] == [
        "cannot be used: KeyError('frequency')",
        "1 of 2 tracks have no annotation for melody",
    ]
