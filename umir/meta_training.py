"""Meta-training from songs to a shared body, and what that body is worth on held-out songs.

Two phases run in the one training loop: a multi-task warm-up on the tasks as they are, with one
persistent head each, then meta-training on variants of the tasks with fresh heads.
"""

from collections.abc import Callable
from typing import Any

import jax
import optax
from jaxtyping import PRNGKeyArray, PyTree

from umir.adaptation import Recipe
from umir.adaptation_report import HeldOut, curves, deal_songs, write_report
from umir.meta import (
    ANIL,
    MAML,
    Episode,
    FirstOrderMAML,
    MetaLearner,
    MetaState,
    MultiTask,
    Reptile,
)
from umir.plan import META_TRAINING, WARM_UP, Plan
from umir.resuming import Checkpoints, Interruption
from umir.studio.catalogue import render_songs
from umir.tasks import EpisodeSampler, StudioSource
from umir.tasks.objective import Objective, as_arrays, fresh_params
from umir.training import JsonLog, ProgressBar, TensorBoard, train
from umir.wave_unet import Network, WaveUNetConfig, init_body

# The songs of seed s are numbered from s times this; held-out songs lie beyond all of them.
SONGS_PER_SEED = 1_000_000
FIRST_HELD_OUT_SONG = 10**12
# A clip task has one answer per song where others have hundreds: it is shown on more songs.
CLIP_SONGS = 3
# Of Adam, found on held-out studio songs; at 3e-3 the warm-up ends where it adapts less well.
WARM_UP_RATE = 1e-3
# With 1e-3 the same losses take twice as many steps; with 1e-2 the body is left less to learn.
WARM_UP_HEAD_RATE = 3e-3
META_RATE = 5e-4
# Of the phase after the warm-up; `multitask` is the warm-up alone.
ALGORITHMS: dict[str, type[MetaLearner]] = {
    "maml": MAML,
    "fomaml": FirstOrderMAML,
    "reptile": Reptile,
    "anil": ANIL,
}


def meta_train(plan: Plan) -> PyTree:
    """Return the body after warm-up and meta-training.

    Raises:
        KeyboardInterrupt: Ctrl-C; the last step is saved, for another call with `resume`.
        ValueError: settings that do not fit, or that are not those of the run to resume.
    """
    algorithm = _algorithm(plan)
    plan.begin_or_resume()
    songs = _render(plan, plan.seed * SONGS_PER_SEED, plan.songs)
    rate = plan.config.rate
    sampler = EpisodeSampler(plan.tasks, StudioSource(songs), rate=rate, seed=plan.seed)
    state = _warm_up(plan, sampler)
    if algorithm is not None:
        steps = (plan.warm_up_steps, plan.steps)
        state = algorithm.init(state.body)
        state = _phase(plan, META_TRAINING, algorithm.step, state, sampler, steps)
    return state.body


def _algorithm(plan: Plan) -> MetaLearner | None:
    """Return the algorithm of the second phase; None if there is no such phase."""
    steps = plan.steps - plan.warm_up_steps
    if not steps:
        return None
    kind = ALGORITHMS[plan.algorithm]
    options = {"rematerialise": plan.rematerialise} if issubclass(kind, MAML) else {}
    return kind(outer_optimizer(META_RATE, steps), plan.inner_steps, **options)


def report(plan: Plan, body: PyTree) -> str:
    """Adapt `body` and a fresh one to held-out songs; write the curves, return the table."""
    held_out = _held_out(plan)
    fresh = init_body(plan.config, jax.random.key(plan.seed))
    last = plan.evaluation_steps
    steps = [0, *(step for step in (10, 30, 100, 300) if step < last), last]
    starts = {"meta-trained": body, "scratch": fresh}
    recipe = Recipe(last, seed=plan.seed)
    found = curves(plan.config, starts, held_out, recipe, steps)
    return write_report(found, held_out, plan.out)


def _held_out(plan: Plan) -> list[HeldOut]:
    """Return each task's held-out songs: several times as many where a song is one clip."""
    number = plan.held_out_songs
    songs = _render(plan, FIRST_HELD_OUT_SONG, number * CLIP_SONGS)
    few, many = StudioSource(songs[:number]), StudioSource(songs)
    return [
        deal_songs(
            task,
            (many if task.head.kind == "clip" else few).examples(task),
            new=task in plan.new_tasks,
        )
        for task in (*plan.tasks, *plan.new_tasks)
    ]


def _render(plan: Plan, first: int, number: int) -> list:
    channels = plan.config.channels
    seeds = range(first, first + number)
    return render_songs(seeds, rate=plan.config.rate, channels=channels, progress=True)


def _warm_up(plan: Plan, sampler: EpisodeSampler) -> MetaState:
    """Multi-task training with persistent heads, on the tasks as they are."""
    body, heads = starting_parameters(plan.config, sampler, jax.random.key(plan.seed))
    updates = 2 * plan.warm_up_steps  # of the body; the tasks take turns
    algorithm = MultiTask(
        outer_optimizer(WARM_UP_RATE, updates),
        outer_optimizer(WARM_UP_HEAD_RATE, updates // len(plan.tasks)),
    )
    state = algorithm.init(body, heads)
    return _phase(plan, WARM_UP, algorithm.step, state, sampler, (0, plan.warm_up_steps))


def starting_parameters(
    config: WaveUNetConfig, sampler: EpisodeSampler, key: PRNGKeyArray
) -> tuple[PyTree, dict[str, PyTree]]:
    """Return the body that training starts from, and a persistent head for each task.

    Every head has a key of its own. Drawn from `key`, it would be the head that adaptation with the
    same seed starts from: "fresh" to the eye, but the one that the body has grown used to.
    """
    body = init_body(config, key)
    heads = {}
    for step, task in enumerate(sampler.tasks):
        target = sampler.episode(step, variants=False).support.target
        network = Network(config, task.head)
        head_key = jax.random.fold_in(key, step)
        heads[task.name] = fresh_params(network, body, task, target, head_key)["head"]
    return body, heads


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
    state, first = checkpoints.latest(state) or (state, first)
    variants = name == META_TRAINING
    return train(
        step_function,
        state,
        lambda step: [meta_episode(plan.config, sampler, step, variants=variants)],
        steps=last,
        first_step=first,
        callbacks=[
            ProgressBar(name, last, first),
            JsonLog(plan.out / "log.jsonl", name, first),
            TensorBoard(plan.out / "tensorboard" / name, first),
            checkpoints,
            Interruption(),
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
