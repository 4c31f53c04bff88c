"""Results replace what an earlier run made of the same audio, and nothing else."""

import shutil

import pytest

from umir.results import NOTES, made_of

REFUSED = "nothing is written: .* is there already, and is not what an earlier run made of this"


@pytest.fixture
def room(tmp_path):
    """Two songs of one name, which are never opened."""
    for album in ("a", "b"):
        (tmp_path / album).mkdir()
        (tmp_path / album / "song.wav").touch()
    (tmp_path / "out").mkdir()
    return tmp_path


def write(room, album="a", text="found", out="out"):
    result = room / out / "song.txt"
    with made_of(room / album / "song.wav", result):
        result.write_text(text)
    return result


def write_stems(room, *names, album="a"):
    folder = room / "out" / "song"
    with made_of(room / album / "song.wav", folder, [folder / name for name in names]):
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).write_text(f"{name} of {album}")
    return folder


def test_a_second_run_replaces_what_the_first_made(room):
    for text in ("one", "another"):
        assert write(room, text=text).read_text() == text
    (note,) = (room / "out" / NOTES).iterdir()
    assert '"../a/song.wav"' in note.read_text()


def test_what_somebody_else_wrote_stays(room):
    labels = room / "out" / "song.txt"
    labels.write_text("mine")
    with pytest.raises(ValueError, match=f"a/song.wav: {REFUSED}"):
        write(room)
    assert labels.read_text() == "mine"
    labels.unlink()
    assert write(room).read_text() == "found"


def test_what_was_mended_by_hand_stays(room):
    write(room).write_text("found, and mended")
    with pytest.raises(ValueError, match=REFUSED):
        write(room)
    assert (room / "out" / "song.txt").read_text() == "found, and mended"


def test_what_another_song_of_the_name_came_to_stays(room):
    write(room, "a")
    with pytest.raises(ValueError, match=f"b/song.wav: {REFUSED}"):
        write(room, "b", "other")
    assert write(room, "a", "again").read_text() == "again"


def test_songs_and_results_may_be_moved_together(room):
    write(room)
    (room / "elsewhere").mkdir()
    for name in ("a", "out"):
        shutil.move(room / name, room / "elsewhere" / name)
    assert write(room / "elsewhere", text="again").read_text() == "again"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"audio": "../a/song.wav", "files": 3}', "\xff"])
def test_a_damaged_note_is_none(room, text):
    write(room)
    (note,) = (room / "out" / NOTES).iterdir()
    note.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=REFUSED):
        write(room)


def test_a_run_that_fails_leaves_no_note(room):
    with pytest.raises(OSError, match="full"), made_of(room / "a" / "song.wav", room / "out" / "x"):
        raise OSError("full")
    assert not (room / "out" / NOTES).exists()


def test_of_a_folder_all_files_are_known_that_were_ever_made(room):
    write_stems(room, "vocals.wav", "drums.wav")
    folder = write_stems(room, "vocals.wav", "no_vocals.wav")
    (folder / "lyrics.txt").write_text("mine")
    write_stems(room, "drums.wav", "bass.wav")
    assert len(list(folder.iterdir())) == 5
    (folder / "bass.wav").write_text("mixed anew")
    write_stems(room, "vocals.wav")  # not what was changed
    with pytest.raises(ValueError, match=REFUSED):
        write_stems(room, "vocals.wav", "bass.wav")
    with pytest.raises(ValueError, match=REFUSED):
        write_stems(room, "vocals.flac", album="b")


def test_a_folder_of_somebody_elses_is_not_joined(room):
    (room / "out" / "song").mkdir()
    (room / "out" / "song" / ".DS_Store").touch()
    write_stems(room, "vocals.wav")
    shutil.rmtree(room / "out" / NOTES)
    with pytest.raises(ValueError, match=REFUSED):
        write_stems(room, "drums.wav")
