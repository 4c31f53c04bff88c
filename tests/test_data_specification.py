"""What `--data` names: folders, data sets, several at once; splits under the names of both."""

import json

import pytest
from made_sets import make_folder, make_mdb_drums, make_mir_1k, make_musdb18hq, text, tone

from umir.annotations import Labels
from umir.data.manifest import Manifest
from umir.data_sets import DataSetError, DataSetFolder
from umir.data_specification import (
    DataPart,
    JointData,
    data_parts,
    open_data,
    sources_of,
    stored_splits,
)


def test_parts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "with,comma").mkdir()
    (tmp_path / "ballroom").mkdir()
    assert data_parts("with,comma") == [DataPart("with,comma")]
    assert data_parts("ballroom") == [DataPart("ballroom")]  # a folder that is there
    assert data_parts("maestro:/x") == [DataPart("/x", "maestro")]
    assert data_parts("ballroom/genre_recognition:x") == [
        DataPart("x", "ballroom", "genre_recognition")
    ]
    assert data_parts("maestro@20:x") == [DataPart("x", "maestro", hours=20.0)]
    assert data_parts("guitarset/beat_tracking@.5:x") == [
        DataPart("x", "guitarset", "beat_tracking", 0.5)
    ]
    assert data_parts("musdb18hq:/x/y,mir_1k:z,mine") == [
        DataPart("/x/y", "musdb18hq"),
        DataPart("z", "mir_1k"),
        DataPart("mine", prefix="mine/"),
    ]
    assert data_parts("maestro: x , mine ") == [
        DataPart("x", "maestro"),
        DataPart("mine", prefix="mine/"),
    ]
    assert [part.prefix for part in data_parts("one/mine,two/mine,three/other/manifest.jsonl")] == [
        "one/mine/",
        "two/mine/",
        "other/",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("maestro", "maestro: say in which folder it is, as maestro:PATH"),
        ("maestro:", "maestro: say in which folder it is, as maestro:PATH"),
        ("maestros:/x", "no data set 'maestros': choose from .*maestro"),
        ("maestro@0:/x", "maestro@0:/x: '0' is no number of hours above 0"),
        ("maestro@all:/x", "'all' is no number of hours above 0"),
        ("maestro:/x,,y", "nothing before, after or between commas"),
    ],
)
def test_wrong_specifications(text, said):
    with pytest.raises(DataSetError, match=said):
        data_parts(text)


def test_a_specification_may_be_longer_than_a_path_can_be():
    names = [f"maestro:folder{n:03}" for n in range(400)]
    assert [f"{part.data_set}:{part.path}" for part in data_parts(",".join(names))] == names


def test_one_part_is_itself(tmp_path):
    assert isinstance(open_data(make_folder(tmp_path / "mine")), Manifest)
    home = make_mdb_drums(tmp_path / "mdb")
    data = open_data(f"mdb_drums:{home}", None, "beat_tracking")
    assert isinstance(data, DataSetFolder)
    assert open_data(f"mdb_drums/beat_tracking:{home}").task == "beat_tracking"


def test_sets_and_folders_are_read_as_one(tmp_path):
    first, second = make_folder(tmp_path / "mine"), make_folder(tmp_path / "hers")
    home = make_mdb_drums(tmp_path / "mdb", ["Rock", "Reggae", "Punk"])
    text = f"mdb_drums:{home},{first},{second}"
    data = open_data(text, None, "drum_transcription")
    assert isinstance(data, JointData)
    assert (data.kind, data.problems) == ("events", [])
    found = data.examples(None, 8000, 1)
    assert sorted({example.group for example in found}) == sorted(data.assignment)
    assert sorted(data.assignment) == [
        *(f"hers/{song}" for song in "abc"),
        *(f"mdb_drums/MusicDelta_{song}" for song in ("Punk", "Reggae", "Rock")),
        *(f"mine/{song}" for song in "abc"),
    ]
    # Each part has all splits, and the same labels by the same names.
    for split in ("train", "valid", "test"):
        groups = {example.group.split("/")[0] for example in data.examples(split, 8000, 1)}
        assert groups == {"hers", "mdb_drums", "mine"}
    assert all("kick" in example.annotation.labels for example in found)


def test_different_kinds_are_an_error(tmp_path):
    events = make_folder(tmp_path / "mine")
    home = make_mir_1k(tmp_path / "mir_1k")
    with pytest.raises(DataSetError, match=r"several kinds of annotation: f0 .*, events"):
        open_data(f"mir_1k/melody_extraction:{home},{events}")


def test_a_part_that_cannot_be_used_is_reported(tmp_path):
    folder = make_folder(tmp_path / "mine")
    for path in folder.glob("*.wav"):
        path.write_bytes(b"")
    home = make_mdb_drums(tmp_path / "mdb")
    data = open_data(f"mdb_drums:{home},{folder}", None, "drum_transcription")
    assert len(data.examples(None, 8000, 1)) == 6
    left_out = str(data.problems[-1])
    assert "manifest.jsonl: left out: " in left_out
    assert "none of the 3 entries" in left_out
    lone = open_data(f"{folder},{make_folder(tmp_path / 'hers')}")
    for path in (tmp_path / "hers").glob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(DataSetError, match="nothing can be used"):
        lone.examples(None, 8000, 1)


def test_splits_are_found_under_other_names(tmp_path):
    mine, hers = make_folder(tmp_path / "mine"), make_folder(tmp_path / "hers")
    both = {"mine/a": "train", "mine/b": "test", "hers/a": "test", "ballroom/x": "train"}
    alone = stored_splits(mine, both)
    assert (alone["a"], alone["b"]) == ("train", "test")
    together = stored_splits(f"{mine},{hers}", {"a": "train", "ballroom/x": "test"})
    assert together["mine/a"] == together["hers/a"] == "train"
    assert together["ballroom/x"] == "test"
    assert stored_splits(mine, None) == {}
    assert stored_splits(mine, {f"{mine}/a": "train"})["a"] == "train"  # beside one of its name
    again = open_data(f"{mine},{hers}", assignment=stored_splits(f"{mine},{hers}", both))
    assert (again.assignment["mine/b"], again.assignment["hers/a"]) == ("test", "test")


def test_what_one_part_was_not_asked_is_unknown_beside_another(tmp_path):
    folders = []
    for name, labels in (("mine", [["flute"], []]), ("hers", [["flute", "horn"], ["harp"]])):
        folder = tmp_path / name
        folder.mkdir()
        rows = []
        for n, names in enumerate(labels):
            tone(folder / f"{n}.wav")
            rows.append(json.dumps({"audio": f"{n}.wav", "labels": names}))
        text(folder / "manifest.jsonl", "\n".join(rows))
        folders.append(str(folder))
    alone = open_data(folders[0]).examples(None, 8000, 1)
    assert [example.annotation.unknown for example in alone] == [(), ()]
    data = open_data(",".join(folders))
    assert data.classes == {"flute", "harp", "horn"}
    found = {e.group: e.annotation for e in data.examples(None, 8000, 1)}
    assert found["mine/0.wav"] == Labels(("flute",), unknown=("harp", "horn"))
    assert found["mine/1.wav"] == Labels((), unknown=("harp", "horn"))
    assert found["hers/1.wav"] == Labels(("harp",))


def test_sources_are_named_with_their_licences(tmp_path):
    folder = make_folder(tmp_path / "mine")
    assert sources_of(f"guitarset:x,{folder}") == ["guitarset (MIT)", "the user's own folder"]
    assert sources_of(folder) == ["the user's own folder"]
    assert sources_of("") == []


def test_stems_of_two_sets(tmp_path):
    hq, mir_1k = make_musdb18hq(tmp_path / "hq"), make_mir_1k(tmp_path / "mir_1k")
    data = open_data(f"musdb18hq:{hq},mir_1k:{mir_1k}", None, "vocal_separation")
    found = data.examples(None, 8000, 2)
    assert {len(example.annotation.waveforms) for example in found} == {2, 4}
    assert {example.waveform.shape[1] for example in found} == {2}
