"""The plan of a meta-training: its settings, and whether a folder holds the same plan half done."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from umir.files import write_json
from umir.meta_training.algorithms import ALGORITHMS, INNER_OPTIMIZERS
from umir.resuming import steps_done
from umir.studio.catalogue import render_songs
from umir.studio.features import ALL_FEATURES, Features
from umir.studio.song import SONG_SECONDS, Song
from umir.tasks import Task
from umir.training_settings import holds_a_training, holds_another_training
from umir.wave_unet import WaveUNetConfig

WARM_UP, META_TRAINING = PHASES = ("warm-up", "meta-training")
STUDIO = "studio"
LEFT_OUT = "left_out.json"  # beside the plan: tasks, and the step after which each was left out
# What a resumed run must have in common with the one before.
PLANNED = (
    "body",
    "algorithm",
    "held_out",
    "data",
    "without",
    "songs",
    "songs_per_step",
    "song_seconds",
    "steps",
    "warm_up",
    "inner_steps",
    "inner_optimizer",
    "body_rate",
    "first_order",
    "proximity",
    "seed",
)
# What a plan meant that was stored before there was such a setting.
BEFORE = {
    "body": "wave_unet",
    "held_out": [],
    "song_seconds": SONG_SECONDS,
    "inner_optimizer": "sgd",
    "first_order": 1.0,
    "proximity": 1.0,
}


@dataclass(frozen=True)
class Plan:
    """How to meta-train.

    Attributes:
        config: size of the network.
        tasks: what to train on.
        new_tasks: what is only adapted to at the end.
        algorithm: one of `umir.meta_training.algorithms`, or `multitask` (all steps are warm-up).
        held_out: names of tasks whose labels nothing may learn from (`umir.families`).
        data: what to learn from: `studio`, data sets and folders (`umir.data_specification`),
            separated by commas.
        without: groups of features (`umir.studio.features`) that the songs shall not have.
        songs: number of training songs of the studio at a time.
        songs_per_step: how many of them a step replaces by new ones, on average.
        song_seconds: length of each song of the studio.
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
        body_rate: learning rate of the body in the inner loop; None for what suits its size.
        inner_optimizer: of the inner loop: `sgd` or `adam`.
        first_order: where rates are learnt, the fraction of meta-training before second order.
        proximity: how strongly the inner loop of implicit MAML is drawn to where it starts.
    """

    config: WaveUNetConfig
    tasks: Sequence[Task]
    new_tasks: Sequence[Task]
    algorithm: str
    held_out: Sequence[str]
    data: str
    without: Sequence[str]
    songs: int
    songs_per_step: float
    song_seconds: float
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
    body_rate: float | None = None
    inner_optimizer: str = "sgd"
    first_order: float = 1.0
    proximity: float = 1.0

    @property
    def body(self) -> str:
        """The kind of network."""
        return self.config.body

    @property
    def studio(self) -> bool:
        """Whether songs of the studio are learnt from."""
        return STUDIO in self._parts

    @property
    def recordings(self) -> str:
        """The data sets and folders that are learnt from, as a specification; "" if none."""
        return ",".join(part for part in self._parts if part != STUDIO)

    @property
    def _parts(self) -> list[str]:
        return [part.strip() for part in self.data.split(",")]

    @property
    def features(self) -> Features:
        """What the songs of the studio have."""
        return ALL_FEATURES.without(*self.without)

    @property
    def warm_up_steps(self) -> int:
        """The number of steps of the first phase."""
        return self.steps if self.algorithm == "multitask" else round(self.warm_up * self.steps)

    def rendered(self, first: int, number: int) -> list[Song]:
        """Return songs of the studio as this training hears them, whatever they are for.

        Args:
            first: seed of the first one; seeds of songs that nothing trains on are in
                `umir.meta_training.phases`.
            number: how many.
        """
        return render_songs(
            range(first, first + number),
            rate=self.config.rate,
            duration=self.song_seconds,
            channels=self.config.channels,
            features=self.features,
            progress=True,
        )

    def facts(self) -> dict[str, Any]:
        """Return the settings that make a training what it is, as plain JSON."""
        return {name: getattr(self, name) for name in PLANNED}

    def begin_or_resume(self) -> None:
        """Clear what a run left in `out` before its first checkpoint, or check what is resumed.

        Files that no training of umir wrote stay where they are.

        The stored plan goes first and comes last: a run that is killed in between has none, and
        begins anew when it is resumed.

        Raises:
            ValueError: an earlier run has checkpoints, and is not to be resumed or had other
                settings, which are named; or a log in `out` is not one of umir.
        """
        path = self.out / "checkpoints" / "plan.json"
        tasks = [task.name for task in self.tasks]
        own = {"network": self.config.preset, "tasks": tasks, **self.facts()}
        if self.resume and path.exists():
            earlier = _as_it_was_meant(json.loads(path.read_text()))
            changed = [
                f"{name} ({_differs(own[name], earlier.get(name))})"
                for name in own
                if earlier.get(name) != own[name]
            ]
            if changed:
                raise ValueError(f"{self.out}: cannot resume with another {', '.join(changed)}")
            return
        if path.exists() and steps_done(self.out / "checkpoints"):
            raise ValueError(holds_a_training(self.out))
        if steps_done(self.out / "checkpoints", without=PHASES):
            raise ValueError(holds_another_training(self.out))
        log = self.out / "log.jsonl"
        if log.exists() and not _is_of_a_training(log):
            raise ValueError(f"{log}: is not a log of umir; give another --out")
        path.unlink(missing_ok=True)
        for name, phase in product(("checkpoints", "tensorboard"), PHASES):
            if (self.out / name / phase).exists():
                shutil.rmtree(self.out / name / phase)
        for file in (log, path.with_name(LEFT_OUT)):
            file.unlink(missing_ok=True)
        write_json(path, own)


def _as_it_was_meant(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a stored plan with the settings that there were none of when it was stored."""
    stored = {**BEFORE, **stored}
    has_one = stored["algorithm"] in ALGORITHMS and stored["algorithm"] != "anil"
    before = INNER_OPTIMIZERS[stored["inner_optimizer"]].before if has_one else None
    return {"body_rate": before, **stored}


def _differs(asked: Any, earlier: Any) -> str:
    """Return what is asked for and what there was, of lists only what one has and other lacks."""
    if isinstance(asked, list) and isinstance(earlier, list):
        more, less = ([x for x in a if x not in b] for a, b in ((asked, earlier), (earlier, asked)))
        if not more and not less:
            return "in another order"
        asked, earlier = (", ".join(map(str, part)) or "none" for part in (more, less))
    return f"{asked}, not {earlier}"


def _is_of_a_training(log: Path) -> bool:
    """Return whether a file is a log that a training wrote, to go by its first line."""
    with log.open(encoding="utf-8", errors="replace") as file:
        first = file.readline()
    return not first or '"phase"' in first
