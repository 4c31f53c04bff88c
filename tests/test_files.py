"""Writing is all or nothing, and one program writes into a folder at a time."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from umir.files import LOCK_NAME, LockedError, locked, make_folder, write_beside, write_json


def test_writes_whole_file_and_makes_folders(tmp_path):
    path = tmp_path / "new" / "deep" / "a.txt"
    with write_beside(path) as temporary:
        assert temporary.parent == path.parent and temporary.suffix == ".txt"
        temporary.write_text("hello")
        assert not path.exists()
    assert path.read_text() == "hello"
    assert os.listdir(path.parent) == ["a.txt"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError, SystemExit])
def test_interrupted_write_leaves_old_file(tmp_path, interruption):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(interruption), write_beside(path) as temporary:
        temporary.write_text("half")
        raise interruption
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_link_stays_one_and_what_it_points_to_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "a.json", tmp_path / "a.json"
    link.symlink_to(target)
    for value in (1, 2):  # a new file, and an older one
        write_json(link, value)
        assert link.is_symlink() and json.loads(target.read_text()) == value
    assert [path.name for path in target.parent.iterdir()] == ["a.json"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_written_to_and_stays(tmp_path):
    """As `/dev/stdout` or `/dev/null` is, in whose place a file would be everybody's trouble."""
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE)
    write_json(tmp_path / "pipe", {"a": 1})
    assert json.loads(reader.communicate(timeout=30)[0]) == {"a": 1}
    assert (tmp_path / "pipe").is_fifo()


def test_a_name_that_is_as_long_as_can_be(tmp_path):
    write_json(tmp_path / f"{'x' * 250}.json", 1)
    assert [len(path.name) for path in tmp_path.iterdir()] == [255]


def test_permissions_follow_the_umask_like_any_other_file(tmp_path):
    (tmp_path / "plain").write_text("")
    with write_beside(tmp_path / "a") as temporary:
        temporary.write_text("")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_folder_or_file_in_the_way(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a folder"), write_beside(tmp_path):
        pass
    with (
        pytest.raises(ValueError, match="file: a file is where"),
        write_beside(tmp_path / "file" / "a.txt"),
    ):
        pass


# Runs with files limited to 1000 bytes, which fails like a full disk in the middle of a write.
_SMALL_DISK = """
import resource, sys
from umir.files import write_beside  # before the limit, under which its bytecode would be cut off
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with write_beside(sys.argv[1]) as temporary:
        temporary.write_bytes(b"x" * 5000)
except OSError as error:
    print(error)
"""


def test_full_disk_names_the_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "big.bin"
    run = subprocess.run(
        [sys.executable, "-c", _SMALL_DISK, str(path)], capture_output=True, text=True, check=True
    )
    assert str(path) in run.stdout and "too large" in run.stdout
    assert os.listdir(tmp_path) == []


def test_no_space_left_names_the_file(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(OSError, match=r"No space left.*a\.txt'"), write_beside(path):
        with open("/dev/full", "w") as full:
            full.write("x")
            full.flush()
    assert os.listdir(tmp_path) == []


def test_json_has_null_for_what_json_does_not_know(tmp_path):
    path = tmp_path / "scores.json"
    write_json(path, {"a": float("nan"), "b": [float("-inf"), 1.5], "c": {"d": float("inf")}})
    assert json.loads(path.read_text()) == {"a": None, "b": [None, 1.5], "c": {"d": None}}


def test_lock_keeps_a_second_writer_out_and_is_gone_afterwards(tmp_path):
    with locked(tmp_path):
        with pytest.raises(LockedError, match=f"process {os.getpid()} is writing there"):
            with locked(tmp_path):
                pass
        assert os.listdir(tmp_path) == [LOCK_NAME]  # the loser did not remove the lock
    assert os.listdir(tmp_path) == []
    with locked(tmp_path):
        pass


def test_a_folder_made_to_be_locked_stays_only_if_it_was_written_to(tmp_path):
    with locked(tmp_path / "nothing"), locked(tmp_path / "something"):
        (tmp_path / "something" / "a.txt").write_text("a")
    assert os.listdir(tmp_path) == ["something"]
    (tmp_path / "mine").mkdir()
    with pytest.raises(OSError, match="failed"), locked(tmp_path / "mine"), locked(tmp_path / "b"):
        raise OSError("failed")
    assert sorted(os.listdir(tmp_path)) == ["mine", "something"]


_HOLDER = """
import sys, time
from umir.files import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_lock_of_another_process_ends_when_it_is_killed(tmp_path):
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"process {holder.pid}"), locked(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with locked(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


def test_a_folder_that_another_process_removes_meanwhile_is_made(tmp_path, monkeypatch):
    mkdir, calls = Path.mkdir, []

    def gone(path, *args, **more):
        calls.append(path)
        if len(calls) == 1:  # it was there, and is not any more
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        mkdir(path, *args, **more)

    monkeypatch.setattr(Path, "mkdir", gone)
    assert make_folder(tmp_path / "new").is_dir() and len(calls) == 2


def test_a_link_that_leads_nowhere_is_in_the_way(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for path in (tmp_path / "link", tmp_path / "link" / "below"):
        with pytest.raises(ValueError, match="a file is where a folder is needed"):
            make_folder(path)
