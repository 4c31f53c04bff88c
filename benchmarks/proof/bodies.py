"""The bodies that starts begin from: trained by the library's own meta-training, once each.

All algorithms get the same number of gradient evaluations, which is what takes the time: a step of
multi-task training has two, a step of meta-training as many as `proof.starts.COSTS` says.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import jax
from jaxtyping import PyTree

from proof.materials import NEW
from proof.methods import INNER_STEPS
from proof.starts import COSTS, MULTITASK
from umir import meta_train
from umir.checkpoint import load_model
from umir.files import locked
from umir.meta_training.phases import meta_train as trained_by
from umir.meta_training.plan import WARM_UP, Plan
from umir.program import command_line
from umir.wave_unet import Network

LOG = "log.jsonl"
WARM_UP_SHARE = 0.8  # of the gradient evaluations, before meta-learning begins


@dataclass(frozen=True)
class Training:
    """One meta-training.

    Attributes:
        algorithm: of `umir.meta_train`.
        held_out: the family whose labels it must not see; `NEW` for none.
        seed: of parameters, songs and episodes.
        preset: size of the network.
        evaluations: gradient evaluations, the budget.
        songs: number of songs to train on.
    """

    algorithm: str
    held_out: str
    seed: int
    preset: str
    evaluations: int
    songs: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.held_out}-{self.algorithm}-{self.seed}"

    @property
    def steps(self) -> tuple[int, int]:
        """The numbers of steps of warm-up and meta-training that the budget allows."""
        if self.algorithm == MULTITASK:
            return self.evaluations // 2, 0
        cost = COSTS[self.algorithm](INNER_STEPS)
        warm_up = round(WARM_UP_SHARE * self.evaluations) // 2
        return warm_up, max(1, (self.evaluations - 2 * warm_up) // cost)

    def arguments(self, out: Path) -> list[str]:
        """Return the arguments of `umir.meta_train`, which resumes what was begun."""
        warm_up, steps = self.steps
        held_out = [] if self.held_out == NEW else ["--hold-out", self.held_out]
        learner = []
        if self.algorithm != MULTITASK:
            fraction = warm_up / (warm_up + steps)
            learner = ["--warm-up", str(fraction), "--inner-steps", str(INNER_STEPS)]
        return [
            *("--algorithm", self.algorithm, "--preset", self.preset, "--seed", str(self.seed)),
            *("--steps", str(warm_up + steps), *learner),
            *("--songs", str(self.songs), *held_out, "--out", str(out / self.name), "--resume"),
        ]

    def is_done(self, out: Path) -> bool:
        """Return whether the model is there; it is written last."""
        return (out / self.name / "model.safetensors").exists()

    def run(self, out: Path) -> Path:
        """Train, or go on with it, unless it is done; return the model directory."""
        directory = out / self.name
        if self.is_done(out):
            return directory
        parser = meta_train.parser()
        args = parser.parse_args(self.arguments(out))
        plan = meta_train.plan_of(args)
        with locked(directory):
            self._take_warm_up(out, plan)
            trained = trained_by(plan, models=False)
            meta_train.save(plan, trained, command_line(parser, args, resume=False))
        return directory

    def _take_warm_up(self, out: Path, plan: Plan) -> None:
        """Begin with the warm-up of a meta-learner that is done: step by step it is the same."""
        own = plan.out / "checkpoints"
        done = (replace(self, algorithm=other) for other in COSTS if other != self.algorithm)
        donor = next((other for other in done if other.is_done(out)), None)
        if self.algorithm == MULTITASK or donor is None or own.exists():
            return
        theirs = out / donor.name
        *_, last = sorted((theirs / "checkpoints" / WARM_UP).iterdir(), key=lambda at: int(at.name))
        if int(last.name) != plan.warm_up_steps:
            return
        plan.begin_or_resume()
        shutil.copytree(last, own / WARM_UP / last.name)
        lines = (theirs / LOG).read_text(encoding="utf-8").splitlines(keepends=True)
        (plan.out / LOG).write_text("".join(lines[: plan.warm_up_steps]), encoding="utf-8")


def body_of(directory: Path | None, network: Network, seed: int) -> PyTree:
    """Return the body of a model directory, or a fresh one where there is none."""
    if directory is None:
        return network.init_body(jax.random.key(seed))
    return jax.tree.map(jax.numpy.asarray, load_model(directory).params["body"])
