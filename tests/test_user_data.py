"""Labelled audio as a task poses it: splits have songs in them though some cannot be used."""

import pytest
import soundfile
from folders import read_rows, write_rows
from tiny import TINY

from umir.data.splits import SPLITS
from umir.user_data import read_user_data


@pytest.fixture
def make_folder(tmp_path, rng):
    """Return a function that makes a folder of half a second of noise for each name."""

    def make(name, songs, **row):
        folder = tmp_path / name
        folder.mkdir()
        for index, song in enumerate(songs):
            noise = 0.1 * rng.normal(size=TINY.rate // 2)
            soundfile.write(folder / f"{song}.wav", noise, TINY.rate)
            (folder / f"{song}.txt").write_text(f"0.{1 + index}\tkick\n")
        rows = [{"audio": f"{s}.wav", "events": f"{s}.txt", "group": s, **row} for s in songs]
        return write_rows(folder, rows)

    return make


def _break(folder, song):
    (folder / f"{song}.wav").write_bytes(b"no audio")


def _groups(data):
    return {split: sorted({e.group for e in getattr(data, split)}) for split in SPLITS}


@pytest.mark.parametrize("broken", ["a", "b", "c", "d"])
def test_no_split_is_emptied_by_a_broken_file(make_folder, broken):
    folder = make_folder("songs", "abcd")
    whole = read_user_data(folder, TINY)
    assert sorted(map(len, _groups(whole).values())) == [1, 1, 2] and whole.lost == {}
    _break(folder, broken)
    data = read_user_data(folder, TINY)
    assert sorted(sum(_groups(data).values(), [])) == sorted({*"abcd"} - {broken})
    assert all(_groups(data).values()) and data.lost == {}
    assert {g: s for s, groups in _groups(data).items() for g in groups} | {
        broken: whole.splits[broken]
    } == data.splits
    moved = [group for group, split in data.splits.items() if split != whole.splits[group]]
    assert len(moved) == (len(_groups(whole)[whole.splits[broken]]) == 1)
    for group in moved:
        told = f"{group}: dealt to {data.splits[group]!r} instead of {whole.splits[group]!r}, as"
        assert any(told in problem.reason for problem in data.problems)
    assert read_user_data(folder, TINY).splits == data.splits
    again = read_user_data(folder, TINY, splits=data.splits)
    assert _groups(again) == _groups(data)


def test_a_song_that_says_nothing_of_the_task_is_made_up_for_too(make_folder):
    folder = make_folder("songs", "abcd")
    (only,) = [e.group for e in read_user_data(folder, TINY, "drum_transcription").valid]
    (folder / f"{only}.txt").write_text("0.1\tcough\n")
    data = read_user_data(folder, TINY, "drum_transcription")
    assert all(_groups(data).values()) and only not in sum(_groups(data).values(), [])


def test_songs_with_a_split_of_their_own_stay_there(make_folder):
    folder = make_folder("songs", "abcd")
    splits = dict(zip("abcd", ["train", "train", "valid", "test"], strict=True))
    rows = read_rows(folder)
    write_rows(folder, [{**row, "split": splits[row["group"]]} for row in rows])
    _break(folder, "c")
    _break(folder, "d")
    data = read_user_data(folder, TINY)
    assert _groups(data) == {"train": ["a", "b"], "valid": [], "test": []}
    assert data.splits == splits and data.lost == {"valid": ("c",), "test": ("d",)}
    write_rows(folder, rows)  # as an earlier model had them
    kept = read_user_data(folder, TINY, splits=splits)
    assert (_groups(kept), kept.lost) == (_groups(data), data.lost)
    new = read_user_data(folder, TINY, splits={g: splits[g] for g in "acd"})
    assert new.splits == splits | {"b": "valid"} and new.lost == {"test": ("d",)}


def test_another_song_to_train_validates_where_the_user_wrote_no_valid(make_folder):
    folder = make_folder("songs", "abcd", split="train")
    (first,) = _groups(read_user_data(folder, TINY))["valid"]
    _break(folder, first)
    (second,) = _groups(read_user_data(folder, TINY))["valid"]
    assert second != first


def test_too_few_songs_are_left_for_all_splits(make_folder):
    folder = make_folder("songs", "abc")
    splits = read_user_data(folder, TINY).splits
    (trained,) = [group for group, split in splits.items() if split == "train"]
    _break(folder, trained)
    data = read_user_data(folder, TINY)
    assert [len(groups) for groups in _groups(data).values()] == [1, 1, 0]
    assert data.lost == {"test": (trained,)}
    for song in "abc":
        _break(folder, song)
    with pytest.raises(ValueError, match=r"none of the 1 entries of split train can be used"):
        read_user_data(folder, TINY)


def test_folders_that_are_read_together_make_up_for_each_other(make_folder):
    mine, hers = make_folder("mine", "abc"), make_folder("hers", "de", split="train")
    data = read_user_data(f"{mine},{hers}", TINY)
    tested = _groups(data)["test"]
    assert len(tested) == 1
    _break(mine, tested[0].removeprefix("mine/"))
    again = read_user_data(f"{mine},{hers}", TINY)
    assert all(_groups(again).values()) and tested[0] not in _groups(again)["test"]
