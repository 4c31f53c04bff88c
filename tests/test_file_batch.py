"""Many files at a time: outcomes, failures, processes that die, and Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from umir.file_batch import outcomes, report


@dataclass(frozen=True)
class Reading:
    """A job on text files: what is in them decides what happens."""

    out: Path

    def start(self):
        return self._work

    def _work(self, path, progress):
        text = path.read_text()
        progress(0.0, 1.0)
        if text == "bad":
            raise ValueError(f"{path}: is\nbad")
        if text == "die":
            os._exit(9)
        if text == "wait":
            half = self.out / f"{path.stem}.half"
            half.touch()
            try:
                time.sleep(60)
            finally:
                half.unlink()
        progress(1.0, 1.0)
        return text, os.getpid()


def _texts(folder, *texts):
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{index}.txt" for index in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return paths


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_every_file_has_its_outcome(tmp_path, jobs):
    files = [*_texts(tmp_path, "one", "bad", "two"), tmp_path / "missing.txt"]
    seen = []
    found = list(outcomes(files, Reading(tmp_path), jobs, lambda *event: seen.append(event)))
    by_path = {outcome.path: outcome for outcome in found}
    assert set(by_path) == set(files)
    assert [by_path[path].result and by_path[path].result[0] for path in files[:3]] == [
        "one",
        None,
        "two",
    ]
    assert by_path[files[1]].error == f"{files[1]}: is bad"
    assert "missing.txt" in by_path[files[3]].error
    assert {(path, done) for _, path, done, _ in seen} >= {(files[0], 0.0), (files[0], 1.0)}
    assert {index for index, *_ in seen} <= set(range(min(jobs, 4)))
    processes = {o.result[1] for o in found if o.result}
    assert (processes == {os.getpid()}) == (jobs == 1)


def test_of_two_files_of_one_name_the_first_is_done(tmp_path):
    files = [*_texts(tmp_path / "a", "one"), *_texts(tmp_path / "b", "two")]
    found = {o.path: o for o in outcomes(files, Reading(tmp_path))}
    assert found[files[0]].result[0] == "one"
    assert found[files[1]].error == f"{files[1]}: its results would overwrite those of {files[0]}"


@pytest.mark.parametrize("jobs", [1, 2])
def test_of_files_of_one_name_the_next_is_tried_when_one_is_broken(tmp_path, jobs):
    texts = {"a": ["bad", "one"], "b": ["two", "bad"], "c": ["three", "three"]}
    files = [path for name, each in texts.items() for path in _texts(tmp_path / name, *each)]
    each = outcomes(files, Reading(tmp_path), jobs)
    found = {outcome.path.relative_to(tmp_path).as_posix(): outcome for outcome in each}
    done = {name: outcome.result[0] for name, outcome in found.items() if outcome.error is None}
    assert done == {"b/0.txt": "two", "a/1.txt": "one"}
    assert found["a/0.txt"].error == f"{tmp_path / 'a' / '0.txt'}: is bad"
    for late, first in {"c/0.txt": "b/0.txt", "b/1.txt": "a/1.txt", "c/1.txt": "a/1.txt"}.items():
        error = f"{tmp_path / late}: its results would overwrite those of {tmp_path / first}"
        assert found[late].error == error


def test_the_same_file_twice_is_done_once(tmp_path):
    (path,) = _texts(tmp_path, "one")
    found = list(outcomes([path, Path(str(path))], Reading(tmp_path)))
    assert [outcome.error for outcome in found] == [None]


def test_links_that_go_round_in_a_circle_fail_alone(tmp_path):
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    (good,) = _texts(tmp_path / "good", "one")
    found = {o.path: o for o in outcomes([tmp_path / "loop.txt", good], Reading(tmp_path))}
    assert found[tmp_path / "loop.txt"].error and found[good].error is None


def test_a_process_that_dies_takes_only_its_file_with_it(tmp_path):
    files = _texts(tmp_path, "die", "one", "two", "three")
    found = {o.path: o for o in outcomes(files, Reading(tmp_path), 2)}
    assert "for want of memory; try fewer --jobs" in found[files[0]].error
    assert [found[path].result[0] for path in files[1:]] == ["one", "two", "three"]


def test_failures_are_counted(tmp_path, capsys):
    files = _texts(tmp_path, "one", "bad", "two")
    shown = []
    assert report(outcomes(files, Reading(tmp_path)), shown.append) == 1
    assert [text for text, _ in shown] == ["one", "two"]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"failed: {files[1]}: is bad", "1 of 3 files failed"]
    assert report(outcomes(files[:1], Reading(tmp_path)), shown.append) == 0


_PROGRAM = """
import signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_file_batch import Reading
from umir.file_batch import outcomes
from umir.interrupts import exit_status, interrupts_heard
if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup ignores
    files = [Path(name) for name in sys.argv[3:]]
    try:
        with interrupts_heard():
            list(outcomes(files, Reading(Path(sys.argv[2])), 2))
    except KeyboardInterrupt:
        sys.exit(exit_status())
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("everybody", [True, False], ids=["all processes", "one process"])
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_what_ends_a_batch_ends_all_and_cleans_up(tmp_path, everybody, name, status):
    files = _texts(tmp_path, "wait", "wait", "one")
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    command = [sys.executable, program, Path(__file__).parent, tmp_path, *files]
    running = subprocess.Popen(
        list(map(str, command)), start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while len(list(tmp_path.glob("*.half"))) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(list(tmp_path.glob("*.half"))) == 2
    (os.killpg if everybody else os.kill)(running.pid, getattr(signal, name))
    # Returns when the last process that holds the pipe has ended: nobody is left behind.
    _, errors = running.communicate(timeout=30)
    assert running.returncode == status
    assert "Traceback" not in errors, errors
    assert list(tmp_path.glob("*.half")) == []
