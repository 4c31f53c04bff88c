"""Many songs at once: the same whoever renders them, and no process outlives the one it serves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from umir.studio import catalogue
from umir.studio.catalogue import render_songs
from umir.studio.render import render_song

ENDLESS = """
if __name__ == "__main__":
    import sys
    from umir.interrupts import exit_status, interrupts_heard
    from umir.studio.catalogue import render_songs
    try:
        with interrupts_heard():
            render_songs(range(100_000), duration=2.0, workers=2)
    except KeyboardInterrupt:
        sys.exit(exit_status())
"""


def test_songs_come_in_the_order_of_their_seeds():
    songs = render_songs([3, 1, 2], duration=2.0, workers=2)
    assert [song.seed for song in songs] == [3, 1, 2]
    np.testing.assert_array_equal(songs[1].mixture, render_song(1, duration=2.0).mixture)


def test_no_process_is_started_for_a_few_seconds_of_music(monkeypatch):
    monkeypatch.setattr(catalogue.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(catalogue, "ProcessPoolExecutor", None)
    assert [song.seed for song in render_songs([0, 1], duration=2.0)] == [0, 1]
    with pytest.raises(TypeError, match="NoneType"):  # four minutes: two processes
        render_songs(range(10), duration=24.0)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_workers_end_when_the_process_that_started_them_is_ended(tmp_path, name):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    parent = subprocess.Popen([sys.executable, script], stderr=subprocess.DEVNULL)
    try:
        workers = wait_for(lambda: children(parent.pid), lambda found: len(found) == 2)
        time.sleep(1.0)  # they are rendering
    finally:
        parent.send_signal(getattr(signal, name))
        try:
            parent.wait(60)
        finally:
            parent.kill()
    assert parent.returncode == (143 if name == "SIGTERM" else -signal.SIGKILL)
    left = wait_for(lambda: [pid for pid in workers if is_running(pid)], lambda left: not left)
    assert not left


def wait_for(look, good, seconds=30.0):
    end = time.monotonic() + seconds
    while not good(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def children(pid):
    """Return the processes that a process has started to work, without multiprocessing's own."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found if "spawn_main" in command(child)]


def command(pid):
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_bytes().decode(errors="replace") if path.exists() else ""


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
