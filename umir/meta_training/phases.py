"""Meta-training from songs to a shared body, and what that body is worth on held-out songs.

Two phases run in the one training loop: a multi-task warm-up on the tasks as they are, with one
persistent head each, then meta-training on variants of the tasks with fresh heads.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
from jaxtyping import PyTree
from tqdm import tqdm

from umir.adaptation.decoder_fitting import with_decoder
from umir.adaptation.network_fitting import Recipe
from umir.meta import Episode, MetaLearner, MetaState
from umir.meta_training.algorithms import ALGORITHMS as ALGORITHMS
from umir.meta_training.algorithms import meta_learner, usual_body_rate
from umir.meta_training.plan import META_TRAINING, WARM_UP, Plan
from umir.meta_training.report import HeldOut, TooFewSongs, curves, deal_songs, write_report
from umir.meta_training.training_songs import TrainingSongs
from umir.meta_training.warm_up import WarmUp, heads_by_task
from umir.resuming import Checkpoints, Interruption, steps_done
from umir.studio.song import Song
from umir.task_model import TaskModel
from umir.tasks import EpisodeSampler, StudioSource
from umir.tasks.objective import Objective, as_arrays
from umir.training import Callback, JsonLog, ProgressBar, TensorBoard, train
from umir.wave_unet import Network, WaveUNetConfig, init_body

FIRST_HELD_OUT_SONG = 10**12
# Those that fit the decoders of a model that needs no adaptation.
FIRST_VALIDATION_SONG, VALIDATION_SONGS = 10**11, 16
# A clip task has one answer per song where others have hundreds: it is shown on more songs.
CLIP_SONGS = 3


@dataclass(frozen=True)
class Trained:
    """What a training gives.

    Attributes:
        body: the shared initialisation.
        models: the same body with a head for each task, and a decoder fitted on studio songs; none
            after an algorithm with fresh heads.
        rates: learnt rates of the inner loop (`umir.meta.learnt_rates`); None where they are fixed.
        body_rate: the body's rate in the inner loop; None where there is no such loop.
        splits: the groups of the recordings that it has learnt from, and their splits.
    """

    body: PyTree
    models: Sequence[TaskModel] = ()
    rates: PyTree | None = None
    body_rate: float | None = None
    splits: Mapping[str, str] = field(default_factory=dict)


def meta_train(plan: Plan, *, models: bool = True) -> Trained:
    """Return what the warm-up and meta-training give.

    Args:
        plan: what to train.
        models: whether multi-task training shall give a model for each task, whose decoders take
            minutes to fit, or the body alone.

    Raises:
        KeyboardInterrupt: Ctrl-C; the last step is saved, for another call with `resume`.
        ValueError: settings that do not fit, or that are not those of the run to resume.
    """
    algorithm = _algorithm(plan, 1.0)  # what it cannot do is said before the warm-up
    plan.begin_or_resume()
    done = steps_done(plan.out / "checkpoints")
    with TrainingSongs(plan) as songs:
        if algorithm is not None:
            songs.at(done).sampler.check()  # before the warm-up, which needs less
        warm_up = WarmUp(plan, songs, done)
        multi_task = warm_up.algorithm()
        state = multi_task.init(*warm_up.parameters(jax.random.key(plan.seed)))
        steps = (0, plan.warm_up_steps)
        state = _phase(
            plan, WARM_UP, multi_task.step, state, warm_up.episode, steps, [warm_up.broken]
        )
        if algorithm is None:
            if not models:
                return Trained(state.body, splits=songs.splits)
            valid = plan.rendered(FIRST_VALIDATION_SONG, VALIDATION_SONGS)
            return Trained(state.body, task_models(plan, state, valid), splits=songs.splits)

        def episode(step: int) -> Episode:
            return meta_episode(plan.config, songs.at(step).sampler, step, seed=plan.seed)

        rate = plan.body_rate
        if rate is None:
            rate = usual_body_rate(plan.inner_optimizer, state.body)
        algorithm = _algorithm(plan, rate)
        assert algorithm is not None
        state, steps = algorithm.init(state.body), (plan.warm_up_steps, plan.steps)
        state = _phase(plan, META_TRAINING, algorithm.step, state, episode, steps)
        rates = algorithm.learnt_rates(state)
        return Trained(state.body, rates=rates, body_rate=algorithm.body_rate, splits=songs.splits)


def task_models(plan: Plan, state: MetaState, valid: Sequence[Song]) -> list[TaskModel]:
    """Return a model for each task after a warm-up.

    Args:
        plan: network and tasks.
        state: what the warm-up ended with.
        valid: songs that nothing was trained on, which fit the decoders.
    """
    heads, source, models = heads_by_task(state.heads), StudioSource(valid), []
    tasks = [task for task in plan.tasks if task.name in heads]
    # Some ten seconds a task: without a bar it looks as if nothing happened any more.
    for task in tqdm(tasks, "decoders", unit="task", disable=None):
        params = {"body": state.body, "head": heads[task.name]}
        model = TaskModel(Network(plan.config, task.head), task, params)
        models.append(with_decoder(model, source.examples(task)))
    return models


def _algorithm(plan: Plan, body_rate: float) -> MetaLearner | None:
    """Return the algorithm of the second phase; None if there is no such phase."""
    steps = plan.steps - plan.warm_up_steps
    if not steps:
        return None
    return meta_learner(
        plan.algorithm,
        steps,
        plan.inner_steps,
        body_rate=body_rate,
        inner_optimizer=plan.inner_optimizer,
        rematerialise=plan.rematerialise,
        first_order=plan.first_order,
        proximity=plan.proximity,
    )


def report(plan: Plan, body: PyTree) -> str:
    """Adapt `body` and a fresh one to held-out songs; write the curves, return the table."""
    held_out = _held_out(plan)
    if not held_out:
        return "no task has enough held-out songs to show what adaptation gives"
    fresh = init_body(plan.config, jax.random.key(plan.seed))
    last = plan.evaluation_steps
    steps = [0, *(step for step in (10, 30, 100, 300) if step < last), last]
    starts = {"meta-trained": body, "scratch": fresh}
    recipe = Recipe(last, seed=plan.seed)
    found = curves(plan.config, starts, held_out, recipe, steps)
    return write_report(found, held_out, plan.out)


def _held_out(plan: Plan) -> list[HeldOut]:
    """Return each task's held-out songs: several times as many where a song is one clip."""
    tasks = (*plan.tasks, *plan.new_tasks)
    clips = [task for task in tasks if task.head.kind == "clip"]
    number = plan.held_out_songs
    songs = plan.rendered(FIRST_HELD_OUT_SONG, number * CLIP_SONGS if clips else number)
    few, many = StudioSource(songs[:number]), StudioSource(songs)
    dealt = []
    for task in tasks:
        try:
            examples = (many if task in clips else few).examples(task)
            dealt.append(deal_songs(task, examples, new=task in plan.new_tasks))
        except TooFewSongs as error:  # not every song has drums, or somebody who sings
            print(f"not shown: {error}; more --held-out-songs would help", file=sys.stderr)
    return dealt


def _phase(
    plan: Plan,
    name: str,
    step_function: Callable[[MetaState, list[Episode]], tuple[MetaState, Any]],
    state: MetaState,
    episode: Callable[[int], Episode],
    steps: tuple[int, int],
    callbacks: Sequence[Callback] = (),
) -> MetaState:
    """Run the steps of one phase, from its last checkpoint if it is to be resumed."""
    first, last = steps
    checkpoints = Checkpoints(plan.out / "checkpoints" / name, plan.checkpoint_every, last)
    state, first = checkpoints.latest(state) or (state, first)
    return train(
        step_function,
        state,
        lambda step: [episode(step)],
        steps=last,
        first_step=first,
        callbacks=[
            ProgressBar(name, last, first),
            JsonLog(plan.out / "log.jsonl", name, first),
            TensorBoard(plan.out / "tensorboard" / name, first),
            *callbacks,
            checkpoints,
            Interruption(),
        ],
    )


def meta_episode(
    config: WaveUNetConfig, sampler: EpisodeSampler, step: int, *, seed: int, variants: bool = True
) -> Episode:
    """Return the episode of one step with a fresh head, as the algorithms take it.

    Args:
        config: size of the network.
        sampler: draws the episode.
        step: number of the episode.
        seed: of the fresh head and of what is random in the inner loop.
        variants: whether to draw variants of tasks, too.
    """
    drawn = sampler.episode(step, variants=variants)
    network = Network(config, drawn.task.head)
    head_key, key = jax.random.split(jax.random.fold_in(jax.random.key(seed), step))
    head = network.init_head(head_key, drawn.task.head_prior(drawn.support.target))
    support, query = as_arrays(drawn.support), as_arrays(drawn.query)
    objective = Objective.of(network, drawn.task)
    return Episode(sampler.family(step), objective, head, support, query, key)
