"""The plan of a meta-training: its settings, and whether a folder holds the same plan half done."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from umir.files import write_json
from umir.tasks import Task
from umir.wave_unet import WaveUNetConfig

WARM_UP, META_TRAINING = PHASES = ("warm-up", "meta-training")
STUDIO = "studio"
# What a resumed run must have in common with the one before.
PLANNED = (
    "algorithm",
    "data",
    "without",
    "songs",
    "songs_per_step",
    "steps",
    "warm_up",
    "inner_steps",
    "seed",
)


@dataclass(frozen=True)
class Plan:
    """How to meta-train.

    Attributes:
        config: size of the network.
        tasks: what to train on.
        new_tasks: what is only adapted to at the end.
        algorithm: `maml`, `fomaml`, `reptile`, `anil`, or `multitask` (all steps are warm-up).
        data: what to learn from: `studio`, data sets and folders (`umir.data_specification`),
            separated by commas.
        without: groups of features (`umir.studio.features`) that the songs shall not have.
        songs: number of training songs of the studio at a time.
        songs_per_step: how many of them a step replaces by new ones, on average.
        held_out_songs: number of songs to show adaptation on.
        steps: training steps, one episode each.
        warm_up: fraction of the steps that is multi-task training.
        inner_steps: steps of the inner loop.
        rematerialise: less memory for more time, where the gradient goes through the inner loop.
        evaluation_steps: steps of adaptation to held-out songs.
        seed: of parameters, songs and episodes.
        out: folder for logs, checkpoints and the report.
        checkpoint_every: steps between two checkpoints.
        resume: go on from the last checkpoint in `out`.
    """

    config: WaveUNetConfig
    tasks: Sequence[Task]
    new_tasks: Sequence[Task]
    algorithm: str
    data: str
    without: Sequence[str]
    songs: int
    songs_per_step: float
    held_out_songs: int
    steps: int
    warm_up: float
    inner_steps: int
    rematerialise: bool
    evaluation_steps: int
    seed: int
    out: Path
    checkpoint_every: int
    resume: bool

    @property
    def studio(self) -> bool:
        """Whether songs of the studio are learnt from."""
        return STUDIO in self.data.split(",")

    @property
    def recordings(self) -> str:
        """The data sets and folders that are learnt from, as a specification; "" if none."""
        return ",".join(part for part in self.data.split(",") if part != STUDIO)

    @property
    def warm_up_steps(self) -> int:
        """The number of steps of the first phase."""
        return self.steps if self.algorithm == "multitask" else round(self.warm_up * self.steps)

    def facts(self) -> dict[str, Any]:
        """Return the settings that make a training what it is, as plain JSON."""
        return {name: getattr(self, name) for name in PLANNED}

    def begin_or_resume(self) -> None:
        """Clear what an earlier run left in `out`, or check that it is this run that is resumed.

        Files that no training of umir wrote stay where they are.

        The stored plan goes first and comes last: a run that is killed in between has none, and
        begins anew when it is resumed.

        Raises:
            ValueError: the earlier run had other settings, which are named; or a log in `out` is
                not one of umir.
        """
        path = self.out / "checkpoints" / "plan.json"
        tasks = [task.name for task in self.tasks]
        own = {"network": self.config.preset, "tasks": tasks, **self.facts()}
        if self.resume and path.exists():
            earlier = json.loads(path.read_text())
            changed = [name for name in own if earlier.get(name) != own[name]]
            if changed:
                raise ValueError(f"{self.out}: cannot resume with another {', '.join(changed)}")
            return
        log = self.out / "log.jsonl"
        if log.exists() and not _is_of_a_training(log):
            raise ValueError(f"{log}: is not a log of umir; give another --out")
        path.unlink(missing_ok=True)
        for name, phase in product(("checkpoints", "tensorboard"), PHASES):
            if (self.out / name / phase).exists():
                shutil.rmtree(self.out / name / phase)
        log.unlink(missing_ok=True)
        write_json(path, own)


def _is_of_a_training(log: Path) -> bool:
    """Return whether a file is a log that a training wrote, to go by its first line."""
    with log.open(encoding="utf-8", errors="replace") as file:
        first = file.readline()
    return not first or '"phase"' in first
