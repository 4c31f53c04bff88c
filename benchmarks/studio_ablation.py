"""What each group of the studio's features earns on real recordings, and what more hours of it do.

    python benchmarks/studio_ablation.py FOLDERS --minutes 15 --seeds 0 1 2 --hours 0.1 0.3 1 3
    python benchmarks/studio_ablation.py FOLDERS --table --steps 2000 --out FILE

For all features, none, all but each of the five groups (`umir.studio.features`), and all but the
two that earn least, a network is trained on several tasks at once, on as many songs with those
features; so are networks on several hours of songs with all features. Their decoders are fitted on
other songs of the same kind, and they are scored on the folders that
`benchmarks/without_adaptation.py` counts, without adaptation. Printed are the scores of each task,
and how far they are from those with all features: over all tasks, then for each of them, paired by
seed and by group (song, singer, ...), with 95% bootstrap intervals over both.

`--minutes` become a number of steps, the same for every training: the speed of the network is
measured first, and songs are rendered before the clock starts. Seeds differ in parameters, songs
and batches. Results go to `--out` after every training, under network, steps, tasks, number of
songs and features; a second call does what is missing, and one with `--table` prints what is there
and opens no folder. An hour of songs needs some 3 GB of memory.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float
from recordings.hours_curve import Curve, draw
from recordings.results import Results, add_table_argument
from recordings.tables import (
    DECIBELS,
    HEADLINE,
    bounded,
    markdown,
    over_seeds_and_groups,
    per_group,
)
from recordings.trials import RATE, TRIALS, Trial, scored_task, songs_of
from without_adaptation import Found, scores_of_model

from umir import meta_train
from umir.data.example import Example
from umir.huge_pages import begin_again_with_huge_pages
from umir.meta_training.phases import FIRST_VALIDATION_SONG, VALIDATION_SONGS, task_models
from umir.meta_training.plan import Plan
from umir.meta_training.training_songs import Edition, TrainingSongs
from umir.meta_training.warm_up import WarmUp
from umir.program import use_compilation_cache
from umir.studio.catalogue import SONGS_PER_SEED, render_songs
from umir.studio.features import ALL_FEATURES, GROUPS, Features
from umir.studio.song import Song
from umir.task_model import TaskModel
from umir.tasks import EpisodeSampler, StudioSource
from umir.tasks.joint import JointPool, joint_examples, shared_tasks
from umir.training import Callback, ProgressBar, train

ALL, NONE, BOTH = "all", "none", "without metre and timbre"  # the two that earn least alone
CONDITIONS: dict[str, Features] = {
    ALL: ALL_FEATURES,
    NONE: ALL_FEATURES.without(*GROUPS),
    **{f"without {group}": ALL_FEATURES.without(group) for group in GROUPS},
    BOTH: ALL_FEATURES.without("metre", "timbre"),
}
TASKS = tuple(dict.fromkeys(trial.answers for trial in TRIALS.values() if trial.counts))
SONG_SECONDS = 24.0
# Steps by which the speed is measured: some for compiling, some that count, whole rounds of turns.
COMPILING, TIMED = 10, 20

Folder = tuple[Trial, Callable[[], list[Example]]]
Runs = Mapping[str, Mapping[str, Found]]  # seed -> folder -> what was found


class Row(NamedTuple):
    """One training of the tables, which each seed does.

    Attributes:
        title: what it is called there.
        condition: the features of its songs, of `CONDITIONS`.
        songs: how many.
    """

    title: str
    condition: str
    songs: int


class GivenSongs(TrainingSongs):
    """Songs that are there already, the same in every step.

    Args:
        plan: tasks, network and seed.
        songs: the songs.
    """

    def __init__(self, plan: Plan, songs: Sequence[Song]):
        source = StudioSource(songs)
        sampler = EpisodeSampler(plan.tasks, source, rate=RATE, seed=plan.seed)
        joint = shared_tasks(source, plan.tasks)
        pool = JointPool(joint, joint_examples(source, joint)) if joint else None
        self._given = Edition(sampler, joint, pool)

    def at(self, step: int) -> Edition:
        """Return what every step draws from."""
        del step
        return self._given

    def close(self) -> None:
        """Do nothing: no process is rendering."""


class Clock:
    """Notes when each step has ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, step: int, state: Any, metrics: dict[str, float]) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())

    def close(self) -> None:
        """Nothing is left to do."""


def trained(plan: Plan, songs: Sequence[Song], callbacks: Sequence[Callback] = ()) -> Any:
    """Return the state after multi-task training on songs."""
    warm_up = WarmUp(plan, GivenSongs(plan, songs))
    algorithm = warm_up.algorithm()
    state = algorithm.init(*warm_up.parameters(jax.random.key(plan.seed)))
    stream = lambda step: [warm_up.episode(step)]  # noqa: E731
    return train(algorithm.step, state, stream, steps=plan.steps, callbacks=callbacks)


def models_of(
    plan: Plan, songs: Sequence[Song], valid: Sequence[Song], title: str
) -> dict[str, TaskModel]:
    """Train on songs, fit the decoders on others, and return the model of each task."""
    state = trained(plan, songs, [ProgressBar(title, plan.steps)])
    return {model.task.name: model for model in task_models(plan, state, valid)}


def seconds_per_step(plan: Plan) -> dict[str, float]:
    """Measure the speed of training on a few songs."""
    clock = Clock()
    plan = replace(plan, steps=COMPILING + TIMED)
    trained(plan, _songs(plan.seed * SONGS_PER_SEED, 8, ALL_FEATURES), [clock])
    return {"seconds_per_step": (clock.times[-1] - clock.times[COMPILING - 1]) / TIMED}


def run_once(
    plan: Plan, features: Features, folders: Mapping[str, Folder], title: str
) -> dict[str, Found]:
    """Train once and return the metrics of each folder."""
    songs = _songs(plan.seed * SONGS_PER_SEED, plan.songs, features)
    valid = _songs(FIRST_VALIDATION_SONG, VALIDATION_SONGS, features)
    models, found = models_of(plan, songs, valid, title), {}
    for name, (trial, recordings) in folders.items():
        if trial.answers in models:
            model = models[trial.answers]
            found[name] = scores_of_model(model, scored_task(trial, [model]), recordings)
    return found


def folders_of(root: Path, trials: Mapping[str, Trial]) -> dict[str, Folder]:
    """Return the trials whose folders are there, and what reads them, once."""
    return {
        name: (trial, cache(partial(songs_of, root / name, trial, scored_task(trial, []))))
        for name, trial in trials.items()
        if trial.counts and (root / name).is_dir()
    }


def scores_of_groups(found: Mapping[str, Found], task: str) -> dict[str, float]:
    """Return the score of each group of all folders of a task, where it is defined."""
    own = {name: scores for name, scores in found.items() if TRIALS[name].answers == task}
    return {
        f"{name}/{group}": value
        for name, scores in own.items()
        for group, value in per_group([scores["groups"]], HEADLINE).items()
    }


def task_score(found: Mapping[str, Found], task: str) -> float:
    """Return the mean over the groups of all folders of a task; NaN if there are none."""
    values = scores_of_groups(found, task).values()
    return float(np.mean([*values])) if values else np.nan


def differences(ours: Runs, others: Runs, task: str) -> Float[np.ndarray, "seed group"]:
    """Return how far runs are ahead of others in a task, of all seeds and groups that both have."""
    seeds = [seed for seed in ours if seed in others]
    pairs = [[scores_of_groups(runs[seed], task) for runs in (ours, others)] for seed in seeds]
    sides = [{*scores} for pair in pairs for scores in pair]
    groups = sorted(set.intersection(*sides)) if sides else []
    return np.array([[one[name] - other[name] for name in groups] for one, other in pairs])


def tables(amounts: Mapping[str, Mapping[str, Runs]], rows: Sequence[Row], songs: int) -> str:
    """Return `table` and `per_task` of trainings, beside the one with all features if it is there.

    Args:
        amounts: `amount_of` songs -> condition -> seed -> folder -> what was found.
        rows: which trainings; those that nothing is there of are left out.
        songs: of the one with all features.
    """
    whole = amounts.get(amount_of(songs), {}).get(ALL)
    found = {row.title: amounts.get(amount_of(row.songs), {}).get(row.condition) for row in rows}
    runs = {title: seeds for title, seeds in found.items() if seeds}
    if not runs:
        return ""
    runs = {ALL: whole, **runs} if whole else runs
    beside = next(iter(runs))
    return f"{table(runs, beside)}\n{per_task(runs, beside)}\n"


def table(runs: Mapping[str, Runs], beside: str) -> str:
    """Return the rows of conditions: a score per task, and the difference to one condition.

    The difference is the mean over tasks of that of the scores in [0, 1], paired by seed and group
    of songs; its 95% interval is over both.

    Args:
        runs: condition -> seed -> folder -> what was found.
        beside: the condition to compare with.
    """
    rows = []
    for condition, seeds in runs.items():
        scores = [_mean([task_score(found, task) for found in seeds.values()]) for task in TASKS]
        tasks = [task for task in TASKS if task != DECIBELS]
        rows.append([condition, *scores, _compared(runs, condition, beside, tasks)])
    return markdown(["songs", *TASKS, f"difference to {beside}"], rows)


def per_task(runs: Mapping[str, Runs], beside: str) -> str:
    """Return the differences of `table` for each task alone."""
    rows = [
        [condition, *(_compared(runs, condition, beside, [task]) for task in TASKS)]
        for condition in runs
        if condition != beside
    ]
    return markdown([f"difference to {beside}", *TASKS], rows)


def _compared(runs: Mapping[str, Runs], condition: str, beside: str, tasks: Sequence[str]) -> str:
    """Return the difference to a condition with its interval; "" where there is nothing."""
    if condition == beside:
        return ""
    found = [differences(runs[condition], runs[beside], task) for task in tasks]
    known = [values for values in found if values.size]
    return bounded(over_seeds_and_groups(known), digits=3) if known else ""


def curve_of(amounts: Mapping[str, Mapping[str, Runs]]) -> Curve:
    """Return the scores of all tasks by hours of songs with all features.

    Args:
        amounts: `amount_of` songs -> condition -> seed -> folder -> what was found.
    """
    found = {int(amount.split()[0]): runs.get(ALL) for amount, runs in amounts.items()}
    return {
        songs * SONG_SECONDS / 3600: {
            task: [task_score(of_seed, task) for of_seed in seeds.values()] for task in TASKS
        }
        for songs, seeds in found.items()
        if seeds
    }


def amount_of(songs: int) -> str:
    """Return what trainings on so many songs are kept under."""
    return f"{songs} songs"


def _mean(values: Sequence[float]) -> str:
    known = [value for value in values if not np.isnan(value)]
    return f"{np.mean(known):.3f}" if known else "-"


def _songs(first: int, number: int, features: Features) -> list[Song]:
    seeds = range(first, first + number)
    return render_songs(
        seeds, rate=RATE, duration=SONG_SECONDS, features=features, progress=number > 16
    )


def _shown(found: Mapping[str, Found]) -> str:
    scores = {t: task_score(found, t) for t in dict.fromkeys(TRIALS[n].answers for n in found)}
    return ", ".join(f"{task} {score:.3f}" for task, score in scores.items())


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("folders", type=Path, metavar="FOLDERS")
    p.add_argument("--out", type=Path, default=Path("studio_ablation.json"))
    p.add_argument("--preset", default="nano")
    p.add_argument("--tasks", nargs="+", default=list(meta_train.TASKS), metavar="TASK")
    p.add_argument("--minutes", type=float, default=15.0, help="of training, each time")
    p.add_argument("--steps", type=int, help="of training, instead of minutes")
    p.add_argument("--songs", type=int, default=128, help="to train on, where hours are not given")
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    p.add_argument("--only", nargs="*", default=list(CONDITIONS), choices=CONDITIONS)
    p.add_argument("--hours", type=float, nargs="*", default=[], help="of songs, for the curve")
    add_table_argument(p)
    p.add_argument("--picture", type=Path, help="draw the curve into this PNG file")
    return p


def run(args: argparse.Namespace) -> None:
    """Do what is missing, unless the tables alone are asked for, and print them."""
    options = ["--algorithm", "multitask", "--preset", args.preset, "--tasks", *args.tasks]
    plan = meta_train.plan_of(meta_train.parser().parse_args(options))
    results = Results(args.out, measuring=not args.table)
    folders = folders_of(args.folders, TRIALS)
    steps, tasks = args.steps, " ".join(args.tasks)
    if steps is None:
        # Measured once: every training gets the same number of steps, also after a restart.
        measure = partial(seconds_per_step, plan)
        speed = results.once(results.part("speed", tasks), args.preset, measure, "speed")
        if speed is None:
            parser().error(results.lacks(f"the speed of {args.preset} on these tasks", "--steps"))
        steps = max(1, round(60 * args.minutes / speed["seconds_per_step"]))
    hours = {f"{h:g} h": round(h * 3600 / SONG_SECONDS) for h in sorted(args.hours)}
    ablation = [Row(condition, condition, args.songs) for condition in args.only]
    curve = [Row(title, ALL, songs) for title, songs in hours.items()]
    amounts = results.part(f"{args.preset}, {steps} steps", tasks)
    for seed in args.seeds:  # seed by seed: a table is complete, if coarse, after the first
        for row in [*ablation, *curve]:
            own = replace(plan, steps=steps, songs=row.songs, seed=seed)
            name = f"{row.title}, seed {seed}"
            measure = partial(run_once, own, CONDITIONS[row.condition], folders, name)
            part = amounts.setdefault(amount_of(row.songs), {}).setdefault(row.condition, {})
            results.once(part, str(seed), measure, name, _shown)
    shown = "".join(tables(amounts, rows, args.songs) for rows in (ablation, curve))
    if args.table and not shown:
        what = f"these songs and tasks by {args.preset}, {steps} steps"
        parser().error(results.lacks(what, "--out, --steps, --preset, --songs or --tasks"))
    print(shown, end="")
    if args.picture:
        draw(curve_of(amounts), args.picture)


if __name__ == "__main__":
    begin_again_with_huge_pages()
    use_compilation_cache()
    run(parser().parse_args())
