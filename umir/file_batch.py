"""The same work on many files, in this process or in several; a bad file does not stop the rest.

Each process works on one file at a time and lives as long as the batch; one that ends all the same,
for want of memory, takes only its file with it. Ctrl-C, SIGTERM and SIGHUP end all of them in
order, so that they remove what they have half written.
"""

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from umir.audio_folders import audio_in, say_what_is_left_out
from umir.interrupts import ENDING, interrupts_as_such, raise_interrupt

# Called with what is done and what there is to do, in seconds of audio.
Progress = Callable[[float, float], None]
Work = Callable[[Path, Progress], Any]
# Called with the number of the process, the file, and what `Progress` is called with.
Watch = Callable[[int, Path, float, float], None]
# How long a process may take to clean up before it is killed.
CLEANING_SECONDS = 60.0


@runtime_checkable
class Job(Protocol):
    """What is to be done; sent to other processes, so it must be plain data."""

    def start(self) -> Work:
        """Load what the work needs and return the function that is called with each file."""


@dataclass(frozen=True)
class Outcome:
    """What came of one file.

    Attributes:
        path: the file.
        result: what the work returned.
        error: why it failed, in one line; None if it did not.
    """

    path: Path
    result: Any = None
    error: str | None = None


def files_among(inputs: Sequence[Path]) -> list[Path]:
    """Return the files that are given, and the audio files directly in folders that are given.

    A folder without audio is returned itself, so that the batch names it and goes on. What else
    looks like audio in folders is named on standard error.

    Raises:
        ValueError: there are none but such folders.
    """
    found = {path: audio_in(path) if path.is_dir() else [path] for path in inputs}
    nothing = f"no audio files in {', '.join(map(str, inputs))}"
    say_what_is_left_out(inputs, "" if any(found.values()) else nothing)
    empty = [path for path, files in found.items() if not files]
    return [file for files in found.values() for file in files] + empty


def outcomes(
    files: Sequence[Path], job: Job, jobs: int = 1, watch: Watch = lambda *_: None
) -> Iterator[Outcome]:
    """Do the job on all files.

    Results are named after the files, so that of files of one name only the first is done that can
    be; a file that is named twice is done once.

    Args:
        files: the files.
        job: what to do.
        jobs: number of processes; 1 is this one.
        watch: called as the work goes on.

    Yields:
        What came of each file, as it comes.
    """
    todo: dict[str, dict[str, Path]] = {}
    for path in files:
        # Not Path.resolve, which ends everything where links go round in a circle.
        todo.setdefault(path.stem, {}).setdefault(os.path.realpath(path), path)
    namesakes = [list(paths.values()) for paths in todo.values()]
    if min(jobs, len(todo)) > 1:
        yield from _in_processes(namesakes, job, min(jobs, len(todo)), watch)
        return
    work = job.start()

    def do(path: Path) -> Outcome:
        return _attempt(work, path, lambda *done: watch(0, path, *done))

    for paths in namesakes:
        yield from _until_one_is_done(paths, do)


def report(found: Iterator[Outcome], show: Callable[[Any], None]) -> int:
    """Show the results, print a line for each failure and their number.

    Returns:
        The exit status: 1 if any file failed.
    """
    number = failures = 0
    for outcome in found:
        number += 1
        if outcome.error is None:
            show(outcome.result)
        else:
            print(f"failed: {outcome.error}", file=sys.stderr)
            failures += 1
    if failures:
        print(f"{failures} of {number} files failed", file=sys.stderr)
    return 1 if failures else 0


def _until_one_is_done(paths: Sequence[Path], do: Callable[[Path], Outcome]) -> Iterator[Outcome]:
    """Yield the outcomes of files of one name, of which the results of one alone have a place."""
    done = None
    for path in paths:
        if done is None:
            outcome = do(path)
            done = path if outcome.error is None else None
            yield outcome
        else:
            yield Outcome(path, error=f"{path}: its results would overwrite those of {done}")


def _attempt(work: Work, path: Path, progress: Progress) -> Outcome:
    try:
        with interrupts_as_such():
            return Outcome(path, work(path, progress))
    except (ValueError, OSError) as error:
        return Outcome(path, error=" ".join(str(error).split()))
    except (MemoryError, RuntimeError) as error:  # JAX says RuntimeError where memory ends
        reason = " ".join(str(error).split()) or type(error).__name__
        return Outcome(path, error=f"{path}: {reason}; is there enough memory for it?")


def _in_processes(
    namesakes: Sequence[Sequence[Path]], job: Job, number: int, watch: Watch
) -> Iterator[Outcome]:
    """Yield the outcomes of files that are dealt to processes, those of one name to the same."""
    workers = [_Worker(job, index, watch) for index in range(number)]
    idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def deal(paths: Sequence[Path]) -> list[Outcome]:
        worker = idle.get()
        try:
            return list(_until_one_is_done(paths, worker.run))
        finally:
            idle.put(worker)

    with ThreadPoolExecutor(number) as threads:  # each waits for one process
        try:
            for future in as_completed([threads.submit(deal, paths) for paths in namesakes]):
                yield from future.result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.stop()


class _Worker:
    """A process of its own, started when it is first needed."""

    def __init__(self, job: Job, index: int, watch: Watch):
        self._job, self._index, self._watch = job, index, watch
        self._process: Any = None
        self._connection: Any = None

    def run(self, path: Path) -> Outcome:
        """Let the process do one file, and wait for it."""
        if self._process is None:
            self._start()
        try:
            self._connection.send(path)
            while not isinstance(message := self._connection.recv(), Outcome):
                self._watch(self._index, path, *message)
            return message
        except (EOFError, OSError):
            self.stop()
            reason = "the process that worked on it ended, perhaps for want of memory"
            return Outcome(path, error=f"{path}: {reason}; try fewer --jobs")

    def stop(self) -> None:
        """End the process in order, and wait until it has cleaned up."""
        # Two threads may ask for it at once, when Ctrl-C comes while the last file ends.
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.join(CLEANING_SECONDS)
            process.kill()  # one that hangs; of those that have ended it asks nothing
            process.join()
            self._connection.close()

    def _start(self) -> None:
        # JAX does not survive a fork.
        context = multiprocessing.get_context("spawn")
        self._connection, others = context.Pipe()
        self._process = context.Process(target=_serve, args=(others, self._job), daemon=True)
        if hasattr(signal, "pthread_sigmask"):
            # Ctrl-C and the end of a terminal go to all its processes. The new one inherits that
            # they are blocked.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
        self._process.start()
        others.close()  # so that its end is noticed when the process ends


def _serve(connection: Connection, job: Job) -> None:
    """Do the job on the files that come, until there are no more or the parent is gone."""
    for number in {signal.SIGINT, *ENDING} - {signal.SIGTERM}:  # they are the parent's affair
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, raise_interrupt)
    work = None
    with contextlib.suppress(KeyboardInterrupt, EOFError, BrokenPipeError):
        while True:
            path = connection.recv()
            work = work or job.start()
            connection.send(_attempt(work, path, lambda *done: connection.send(done)))
