"""A real training that is killed again and again ends with the numbers of one that was not.

The processes are those that `python -m umir.meta_train` starts, with the tiny network.
"""

import json
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from umir.meta_train import parser

PROGRAM = Path(__file__).parent / "tiny_meta_train.py"
EVERY, STEPS = 2, 48
OPTIONS = shlex.split(
    "--preset tiny --tasks drum_transcription --new-tasks --songs 6 --song-seconds 8 "
    "--held-out-songs 4 --without --warm-up 0.5 --evaluation-steps 1 "
    f"--checkpoint-every {EVERY} --steps {STEPS}"
)
PHASES = {"warm-up": (0, STEPS // 2), "meta-training": (STEPS // 2, STEPS)}
SECONDS = 300  # for any one process on a slow machine


class Training:
    """A process that trains into a folder."""

    def __init__(self, out, *options):
        self.out, self.options = out, options
        out.mkdir(exist_ok=True)
        self._shown = out / "shown.txt"
        command = [sys.executable, str(PROGRAM), *OPTIONS, "--out", str(out), *options]
        with self._shown.open("wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file)

    @property
    def shown(self):
        return self._shown.read_text(encoding="utf-8")

    def finish(self):
        assert self.process.wait(SECONDS) == 0, self.shown
        return self

    def stop_when(self, moment, how):
        """Send a signal as soon as `moment()` is true, which the process must live to see."""
        deadline = time.monotonic() + SECONDS
        while not moment():
            assert self.process.poll() is None, f"ended before: {self.shown}"
            assert time.monotonic() < deadline, self.shown
            time.sleep(0.001)
        self.process.send_signal(how)
        return self.process.wait(SECONDS)

    def log(self):
        """Return (phase, step) of the complete lines of the log."""
        path = self.out / "log.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        rows = [json.loads(line) for line in lines if line.endswith("\n")]
        return [(row["phase"], row["step"]) for row in rows]

    def steps(self, phase):
        """Return the last logged step of a phase."""
        return max((step for name, step in self.log() if name == phase), default=0)

    def saved(self, phase):
        """Return the steps of the complete checkpoints of a phase."""
        folders = (self.out / "checkpoints" / phase).glob("*")
        return sorted(int(folder.name) for folder in folders if folder.name.isdigit())

    def is_saving(self, phase):
        """Whether a checkpoint is half-written."""
        return any((self.out / "checkpoints" / phase).glob("*.orbax-checkpoint-tmp"))

    def results(self):
        """Return what must be the same, bit for bit, and the log."""
        names = ("model.safetensors", "adaptation.json", "log.jsonl")
        return {name: (self.out / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The results of a training that nothing stops."""
    return Training(tmp_path_factory.mktemp("whole") / "out").finish().results()


def moments(runs):
    """Yield signals and when to send them: a phase, and a condition on the running training."""
    dice = random.Random(0)
    half = PHASES["warm-up"][1]

    def past(phase, step):
        return runs[-1].steps(phase) >= step

    first, third, fourth = (dice.randint(2 * EVERY + 1, half // 3) for _ in range(3))
    yield (
        signal.SIGKILL,
        "warm-up",
        lambda: past("warm-up", first) and runs[-1].is_saving("warm-up"),
    )
    # Between the phases.
    yield signal.SIGKILL, "warm-up", lambda: half in runs[-1].saved("warm-up")
    yield signal.SIGINT, "meta-training", lambda: past("meta-training", half + third)
    yield signal.SIGTERM, "meta-training", lambda: past("meta-training", half + third + 2)
    pause = dice.uniform(0, 0.05)
    yield (
        signal.SIGKILL,
        "meta-training",
        lambda: past("meta-training", half + third + fourth) and not time.sleep(pause),
    )


@pytest.mark.slow
def test_stopped_at_any_moment_a_training_ends_the_same(tmp_path, whole):
    runs = [Training(tmp_path / "out")]
    for how, phase, moment in moments(runs):
        status = runs[-1].stop_when(moment, how)
        lost = runs[-1].steps(phase) - runs[-1].saved(phase)[-1]
        if how in (signal.SIGINT, signal.SIGTERM):
            assert (status, lost) == (128 + how, 0)
            check_what_it_shows(runs[-1])
        else:
            # The steps since the last checkpoint, of which one may have been in the writing.
            assert status == -signal.SIGKILL and 0 <= lost <= 2 * EVERY
        runs.append(Training(tmp_path / "out", "--resume"))
    assert runs[-1].finish().results() == whole
    assert runs[-1].log() == [
        (phase, step + 1) for phase, steps in PHASES.items() for step in range(*steps)
    ]


def check_what_it_shows(stopped):
    """No traceback, and last of all the command that goes on."""
    line = stopped.shown.strip().splitlines()[-1]
    python, *words = shlex.split(line.partition("interrupted; go on with: ")[2])
    assert (python, words[:2]) == (sys.executable, ["-m", "umir.meta_train"])
    expected = parser().parse_args([*OPTIONS, "--out", str(stopped.out), "--resume"])
    assert parser().parse_args(words[2:]) == expected
    assert "Traceback" not in stopped.shown
