"""`umir studio render`: the same bytes however it is run, stopped, made longer or lost in part."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from folders import fails
from rendered_library import HOURS, OPTIONS, SECONDS, SONGS, go_on, tree

from umir.cli import main
from umir.files import locked
from umir.song_library import LibrarySettings, SongLibrary
from umir.studio import render_song


def test_several_processes_write_what_one_writes(library, tmp_path):
    assert go_on(tmp_path / "other", "--workers", "2") == 0
    assert tree(tmp_path / "other") == tree(library)


def test_what_is_missing_or_half_written_is_made_again(library, copied_library, capsys):
    shard = copied_library / "00000-00999"
    shutil.rmtree(shard / "00001")
    (shard / "00003").rename(shard / ".00003-0123abcd")
    (shard / ".00003-0123abcd" / "song.json").unlink()
    (copied_library / "manifest.jsonl").unlink()
    mine = {"notes.txt": b"mine", "00000-00999/cover.jpg": b"mine", "00000-00999/.x": b"mine"}
    for name, content in mine.items():
        (copied_library / name).write_bytes(content)
    before = (shard / "00000" / "mixture.flac").stat().st_mtime_ns
    assert go_on(copied_library) == 0
    assert f"({SONGS} of them, {SONGS - 2} were there before)" in capsys.readouterr().out
    assert tree(copied_library) == {**tree(library), **mine}
    assert (shard / "00000" / "mixture.flac").stat().st_mtime_ns == before


def test_a_folder_grows_and_does_not_shrink(library, tmp_path):
    out = ["--out", str(tmp_path / "grown")]
    hours = [str(number * SECONDS / 3600) for number in (2, SONGS, 1)]
    for number, count in zip(hours, (2, SONGS, SONGS), strict=True):
        assert main(["studio", "render", "--hours", number, *OPTIONS, *out]) == 0
        assert len((tmp_path / "grown" / "manifest.jsonl").read_text().splitlines()) == count
    assert tree(tmp_path / "grown") == tree(library)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("way", ["SIGINT", "SIGKILL"])
def test_a_stopped_run_goes_on(library, tmp_path, workers, way):
    root = tmp_path / "stopped"
    words = ["render", *HOURS, *OPTIONS, "--out", str(root), "--workers", workers]
    running = subprocess.Popen(
        [sys.executable, "-m", "umir.studio", *words],
        start_new_session=True, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 120
    while not (root / "00000-00999" / "00001").exists():
        assert time.monotonic() < until and running.poll() is None, running.stderr.read()
        time.sleep(0.005)
    (os.killpg if way == "SIGINT" else os.kill)(running.pid, getattr(signal, way))
    _, errors = running.communicate(timeout=60)
    if way == "SIGINT" and running.returncode != 0:  # 0: it was through before it was stopped
        assert running.returncode == 130, errors
        assert "Traceback" not in errors
        line = errors.strip().splitlines()[-1]
        assert line.startswith("umir studio: interrupted; go on with: ")
        command = line.split("go on with: ")[1]
        assert not any(name.startswith(".") for name in os.listdir(root / "00000-00999"))
        whole = len((root / "manifest.jsonl").read_text().splitlines())
        assert whole == len(os.listdir(root / "00000-00999"))
        assert subprocess.run(command, shell=True, check=False).returncode == 0
    else:
        assert go_on(root) == 0
    assert tree(root) == tree(library)


def test_a_full_disk_is_one_line(library, tmp_path, capsys, monkeypatch):
    real = os.rename
    monkeypatch.chdir(tmp_path)

    def rename(old, new):
        if str(new).endswith("00002"):
            raise OSError(28, "No space left on device", str(old), None, str(new))
        real(old, new)

    with monkeypatch.context() as patch:
        patch.setattr("os.rename", rename)
        line = fails(capsys, "studio", "render", *HOURS, *OPTIONS, "--out", "full")
    place = "full/00000-00999/00002"
    assert f"umir studio: [Errno 28] No space left on device: '{place}'; what is there" in line
    assert " -m umir.studio render --hours " in line
    assert sorted(os.listdir("full/00000-00999")) == ["00000", "00001"]
    assert go_on(tmp_path / "full") == 0
    assert tree(tmp_path / "full") == tree(library)


def test_a_second_process_is_refused(copied_library, capsys):
    with locked(copied_library):
        assert go_on(copied_library) == 1
    assert "is writing there; wait for it or give another folder" in capsys.readouterr().err


def test_a_song_that_somebody_else_completed_stays(copied_library):
    """A process that lost its parent ends its song while the next one has begun."""
    library = SongLibrary(copied_library, LibrarySettings(8000, seed=0, song_seconds=SECONDS))
    from umir.studio.song_files import write_song

    before = tree(copied_library)
    write_song(library.folder(0), render_song(1, rate=8000, duration=SECONDS))
    assert tree(copied_library) == before
    (library.folder(8)).mkdir()
    (library.folder(8) / "mine.txt").write_text("mine")
    with pytest.raises(OSError, match="00008"):
        write_song(library.folder(8), render_song(1, rate=8000, duration=SECONDS))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seed", "1"], "made with another 'seed': 0, not 1; give the same settings"),
        (["--without", "timbre"], "another 'without': none, not timbre"),
        (["--format", "wav"], "another 'container': flac, not wav"),
    ],
)
def test_other_settings_are_refused(copied_library, capsys, options, words):
    before = tree(copied_library)
    assert go_on(copied_library, *options) == 1
    assert words in capsys.readouterr().err
    assert tree(copied_library) == before


def test_other_peoples_folders_are_refused(tmp_path, capsys):
    (tmp_path / "manifest.jsonl").write_text("{}")
    assert go_on(tmp_path) == 1
    assert "is not of songs that the studio rendered" in capsys.readouterr().err
    (tmp_path / "settings.json").write_text("[1")
    assert go_on(tmp_path) == 1
    assert "settings.json: is damaged" in capsys.readouterr().err
    file = tmp_path / "file"
    file.write_text("")
    assert go_on(file) == 1
    assert "a file is where a folder is needed" in capsys.readouterr().err
