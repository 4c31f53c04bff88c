"""Meta-training from songs to a shared body, and what that body is worth on held-out songs.

Two phases run in the one training loop: a multi-task warm-up on the tasks as they are, with one
persistent head each, then meta-training on variants of the tasks with fresh heads.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import optax
from jaxtyping import PyTree

from umir.adaptation import Recipe
from umir.adaptation_report import curves, deal_songs, write_report
from umir.files import write_json
from umir.meta import MAML, Episode, MetaState, MultiTask
from umir.studio.catalogue import render_songs
from umir.tasks import EpisodeSampler, StudioSource, Task
from umir.tasks.objective import Objective, as_arrays, fresh_params
from umir.training import Checkpoints, JsonLog, ProgressBar, TensorBoard, train
from umir.wave_unet import Network, WaveUNetConfig, init_body

# The songs of seed s are numbered from s times this; held-out songs lie beyond all of them.
SONGS_PER_SEED = 1_000_000
FIRST_HELD_OUT_SONG = 10**12
# Of Adam, found on held-out studio songs; at 3e-3 the warm-up ends where it adapts less well.
WARM_UP_RATE = 1e-3
META_RATE = 5e-4
# What a resumed run must have in common with the one before.
PLANNED = ("algorithm", "songs", "steps", "warm_up", "inner_steps", "seed")


@dataclass(frozen=True)
class Plan:
    """How to meta-train.

    Attributes:
        config: size of the network.
        tasks: what to train on.
        algorithm: `fomaml`, `maml` or `multitask` (all steps are warm-up).
        songs: number of training songs.
        held_out_songs: number of songs to show adaptation on.
        steps: training steps, one episode each.
        warm_up: fraction of the steps that is multi-task training.
        inner_steps: steps of the inner loop.
        evaluation_steps: steps of adaptation to held-out songs.
        seed: of parameters, songs and episodes.
        out: folder for logs, checkpoints and the report.
        checkpoint_every: steps between two checkpoints.
        resume: go on from the last checkpoint in `out`.
    """

    config: WaveUNetConfig
    tasks: Sequence[Task]
    algorithm: str
    songs: int
    held_out_songs: int
    steps: int
    warm_up: float
    inner_steps: int
    evaluation_steps: int
    seed: int
    out: Path
    checkpoint_every: int
    resume: bool

    @property
    def warm_up_steps(self) -> int:
        """The number of steps of the first phase."""
        return self.steps if self.algorithm == "multitask" else round(self.warm_up * self.steps)


def meta_train(plan: Plan) -> PyTree:
    """Return the body after warm-up and meta-training."""
    _begin_or_resume(plan)
    songs = _render(plan, plan.seed * SONGS_PER_SEED, plan.songs)
    rate = plan.config.rate
    sampler = EpisodeSampler(plan.tasks, StudioSource(songs), rate=rate, seed=plan.seed)
    state = _warm_up(plan, sampler)
    if plan.warm_up_steps < plan.steps:
        state = _meta_phase(plan, sampler, state.body)
    return state.body


def _begin_or_resume(plan: Plan) -> None:
    """Clear what an earlier run left in `out`, or check that it is this run that is resumed.

    Raises:
        ValueError: the earlier run had other settings; names them.
    """
    path = plan.out / "checkpoints" / "plan.json"
    own = {
        "network": plan.config.preset,
        "tasks": [task.name for task in plan.tasks],
        **{name: getattr(plan, name) for name in PLANNED},
    }
    if plan.resume and path.exists():
        earlier = json.loads(path.read_text())
        changed = [name for name in own if earlier.get(name) != own[name]]
        if changed:
            raise ValueError(f"{plan.out}: cannot resume with another {', '.join(changed)}")
        return
    for name in ("checkpoints", "tensorboard"):
        shutil.rmtree(plan.out / name, ignore_errors=True)
    (plan.out / "log.jsonl").unlink(missing_ok=True)
    write_json(path, own)


def report(plan: Plan, body: PyTree) -> str:
    """Adapt `body` and a fresh one to held-out songs; write the curves, return the table."""
    source = StudioSource(_render(plan, FIRST_HELD_OUT_SONG, plan.held_out_songs))
    held_out = [deal_songs(task, source.examples(task)) for task in plan.tasks]
    fresh = init_body(plan.config, jax.random.key(plan.seed))
    last = plan.evaluation_steps
    steps = [0, *(step for step in (1, 3, 10, 30, 100, 300) if step < last), last]
    starts = {"meta-trained": body, "scratch": fresh}
    # Another seed than the training's: with the same one, the "fresh" head of a task would be the
    # one that its persistent head started from, to which the body has grown used.
    recipe = Recipe(last, seed=plan.seed + SONGS_PER_SEED)
    found = curves(plan.config, starts, held_out, recipe, steps)
    return write_report(found, held_out, plan.out)


def _render(plan: Plan, first: int, number: int) -> list:
    channels = plan.config.channels
    seeds = range(first, first + number)
    return render_songs(seeds, rate=plan.config.rate, channels=channels, progress=True)


def _warm_up(plan: Plan, sampler: EpisodeSampler) -> MetaState:
    """Multi-task training with persistent heads, on the tasks as they are."""
    key = jax.random.key(plan.seed)
    body = init_body(plan.config, key)
    heads = {}
    for step, task in enumerate(plan.tasks):
        target = sampler.episode(step, variants=False).support.target
        network = Network(plan.config, task.head)
        heads[task.name] = fresh_params(network, body, task, target, key)["head"]
    # Two updates a step.
    algorithm = MultiTask(outer_optimizer(WARM_UP_RATE, 2 * plan.warm_up_steps))
    state = algorithm.init(body, heads)
    return _phase(plan, "warm-up", algorithm.step, state, sampler, (0, plan.warm_up_steps))


def _meta_phase(plan: Plan, sampler: EpisodeSampler, body: PyTree) -> MetaState:
    """Meta-training on variants with fresh heads."""
    optimizer = outer_optimizer(META_RATE, plan.steps - plan.warm_up_steps)
    algorithm = MAML(optimizer, plan.inner_steps, first_order=plan.algorithm != "maml")
    state, steps = algorithm.init(body), (plan.warm_up_steps, plan.steps)
    return _phase(plan, "meta-training", algorithm.step, state, sampler, steps)


def _phase(
    plan: Plan,
    name: str,
    step_function: Callable[[MetaState, list[Episode]], tuple[MetaState, Any]],
    state: MetaState,
    sampler: EpisodeSampler,
    steps: tuple[int, int],
) -> MetaState:
    """Run the steps of one phase, from its last checkpoint if it is to be resumed."""
    first, last = steps
    checkpoints = Checkpoints(plan.out / "checkpoints" / name, plan.checkpoint_every, last)
    if (done := checkpoints.latest_step) is not None:
        state, first = checkpoints.restore(done, state), done
    variants = name == "meta-training"
    return train(
        step_function,
        state,
        lambda step: [meta_episode(plan.config, sampler, step, variants=variants)],
        steps=last,
        first_step=first,
        callbacks=[
            ProgressBar(name, last, first),
            JsonLog(plan.out / "log.jsonl", name),
            TensorBoard(plan.out / "tensorboard" / name),
            checkpoints,
        ],
    )


def outer_optimizer(rate: float, steps: int) -> optax.GradientTransformation:
    """Return Adam with a short warm-up, a cosine decay, and gradients clipped to norm 1."""
    warm_up = max(1, min(20, steps // 10))
    schedule = optax.warmup_cosine_decay_schedule(0.0, rate, warm_up, max(steps, warm_up + 1))
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))


def meta_episode(
    config: WaveUNetConfig, sampler: EpisodeSampler, step: int, *, variants: bool
) -> Episode:
    """Return the episode of one step with a fresh head, as the algorithms take it."""
    drawn = sampler.episode(step, variants=variants)
    network = Network(config, drawn.task.head)
    head_key, key = jax.random.split(jax.random.key(step))
    head = network.init_head(head_key, drawn.task.head_prior(drawn.support.target))
    support, query = as_arrays(drawn.support), as_arrays(drawn.query)
    objective = Objective.of(network, drawn.task)
    return Episode(sampler.family(step), objective, head, support, query, key)
