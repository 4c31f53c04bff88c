"""Ways to start a head, on songs that the body has not heard: scores against steps.

    python benchmarks/head_initialisation.py studio --model models/nano-fomaml
    python benchmarks/head_initialisation.py FOLDERS --model models/nano-fomaml

For each task of the studio, or each data set of `benchmarks/real_folders.py` that FOLDERS holds,
the body of a model directory is adapted with the head started in each of the ways of
`umir.adaptation.head_initialisation`, three seeds each, and scored after 0, 1, 3, 10, 30 and 100
steps on songs apart from those that taught and those that fitted the decoder. Songs of the studio
have the features of those that the model was trained on. All ways share body, batches, learning
rate and decoder songs. A model that holds heads is one way more, `learnt`, for the tasks that it
holds none for.

Intervals are 95% bootstrap intervals over songs (groups), of the mean over seeds. Results go to
`--out` after every run, the model's under a hash of its weights; a second call does what is
missing, and `--table` prints what is there.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from recordings.experiments import EXPERIMENTS, split
from recordings.held_out_songs import features_of, held_out_songs
from recordings.results import Results, add_table_argument, group_scores
from recordings.start_names import model_name
from recordings.tables import HEADLINE, cell, markdown, of_start

from umir import meta_train
from umir.adaptation.decoder_fitting import with_decoder
from umir.adaptation.head_initialisation import HEAD_INITIALISATIONS
from umir.adaptation.network_fitting import Recipe, adapt
from umir.adaptation.start import Start
from umir.checkpoint import describe_model
from umir.huge_pages import begin_again_with_huge_pages
from umir.meta_training.phases import CLIP_SONGS
from umir.meta_training.report import HeldOut, TooFewSongs, deal_songs
from umir.program import use_compilation_cache
from umir.released_models import find_model
from umir.task_model import TaskModel
from umir.tasks import StudioSource, get_task
from umir.user_data import read_user_data
from umir.wave_unet import Network, WaveUNetConfig

STUDIO, LEARNT = "studio", "learnt"
STEPS = (0, 1, 3, 10, 30, 100)
NEW_TASKS = ("key_recognition", "tempo_estimation")


def studio_cases(
    tasks: Sequence[str], songs: int, start: Start
) -> dict[str, tuple[HeldOut, Recipe]]:
    """Return each task's held-out songs of the studio, dealt, and how to adapt a start to them."""
    number, features, config = CLIP_SONGS * songs, features_of(start.model), start.config
    rendered = held_out_songs(number, features, rate=config.rate, channels=config.channels)
    few, many = StudioSource(rendered[:songs]), StudioSource(rendered)
    cases = {}
    for name in tasks:
        task = get_task(name)
        source = many if task.head.kind == "clip" else few
        try:
            cases[name] = deal_songs(task, source.examples(task)), Recipe()
        except TooFewSongs as error:
            print(f"left out: {error}; more --songs would help")
    return cases


def recorded_cases(
    folders: Path, names: Sequence[str], config: WaveUNetConfig
) -> dict[str, tuple[HeldOut, Recipe]]:
    """Return each folder's recordings, dealt as `benchmarks/real_recordings.py` deals them."""
    cases = {}
    for name in names:
        experiment = EXPERIMENTS[name]
        data = split(read_user_data(folders / name, config, experiment.task, None), experiment, 0)
        held_out = HeldOut(data.task, data.train, data.valid, data.test)
        cases[name] = held_out, Recipe(segments=experiment.segments)
    return cases


def scores_of_run(
    config: WaveUNetConfig,
    body: Any,
    data: HeldOut,
    recipe: Recipe,
    headline: Sequence[str],
) -> dict[str, dict]:
    """Adapt once; return the metrics of each group of songs after each of STEPS."""
    network, scores = Network(config, data.task.head), {}

    def watch(step: int, params: Any) -> None:
        model = with_decoder(TaskModel(network, data.task, params), data.valid)
        scores[str(step)] = group_scores(data.task, model.predict, data.query, headline)

    steps = [step for step in STEPS if step <= recipe.steps]
    adapt(network, data.task, body, data.support, recipe, watch=watch, watch_at=steps)
    return scores


def ways_of(model: str, task: str) -> dict[str, str]:
    """Return the ways to start a head for a task, as names for a table and for a recipe."""
    ways = {name: name for name in HEAD_INITIALISATIONS}
    heads = describe_model(find_model(model))[0].get("heads")
    return ways | {LEARNT: model} if heads and task not in heads else ways


def table(results: Mapping[str, Mapping[str, Mapping]], steps: Sequence[int]) -> str:
    """Return the rows: the score of each way on each task, its mean, and where it is the best.

    Means are of ways that all tasks have been measured with.

    Args:
        results: task or folder -> way -> seed -> step -> group -> metrics.
        steps: those to show.
    """
    rows, wins, all_means = [], {}, {}
    for name, ways in results.items():
        found = {
            way: [list(of_start(runs, step, HEADLINE).values()) for step in steps]
            for way, runs in ways.items()
        }
        means = {way: [_mean(groups) for groups in values] for way, values in found.items()}
        for way, values in means.items():
            all_means.setdefault(way, []).append(values)
        best = [max(means, key=lambda way, of=column: of[way]) for column in _columns(means)]
        for way, values in found.items():
            rows.append([name, way, *(cell(groups) if groups else "-" for groups in values)])
            own = wins.setdefault(way, [0] * len(steps))
            wins[way] = [count + (best[at] == way) for at, count in enumerate(own)]
    counts = [["best on", way, *map(str, own)] for way, own in wins.items()]
    averages = [
        [f"mean of {len(results)}", way, *(f"{mean:.2f}" for mean in np.mean(own, axis=0))]
        for way, own in all_means.items()
        if len(own) == len(results)
    ]
    return markdown(["task", "head", *map(str, steps)], [*rows, *averages, *counts])


def _columns(rows: Mapping[str, Sequence[float]]) -> list[dict[str, float]]:
    """Return, for each number of steps, the value of each way."""
    return [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else -np.inf


def parser() -> argparse.ArgumentParser:
    """Return the arguments."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("data", metavar="FOLDERS|studio")
    p.add_argument("--model", required=True, help="model directory whose body is adapted")
    p.add_argument("--out", type=Path, default=Path("head_initialisation.json"))
    p.add_argument("--only", nargs="+", metavar="NAME", help="tasks, or data sets of FOLDERS")
    p.add_argument("--heads", nargs="+", default=[*HEAD_INITIALISATIONS, LEARNT], metavar="HEAD")
    # Not 0, the seed of the meta-training.
    p.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    p.add_argument("--songs", type=int, default=18, help="held-out songs of the studio")
    p.add_argument("--steps", type=int, default=max(STEPS), help="the last number of steps")
    p.add_argument("--learning-rate", type=float, default=1e-3)
    add_table_argument(p)
    return p


def key_of(args: argparse.Namespace) -> str:
    """Return what results are kept under: all that they depend on but task, head and seed."""
    songs = f", {args.songs} songs" if args.data == STUDIO else ""
    rate, steps = f"rate {args.learning_rate:g}", f"{args.steps} steps"
    return f"{Path(args.data).name}{songs}, {model_name(args.model)}, {rate}, {steps}"


def cases_of(args: argparse.Namespace, start: Start) -> dict[str, tuple[HeldOut, Recipe]]:
    """Return what heads are started for: songs apart, and how to adapt to them."""
    if args.data == STUDIO:
        return studio_cases(args.only or [*meta_train.TASKS, *NEW_TASKS], args.songs, start)
    folders = Path(args.data)
    if unknown := sorted({*(args.only or ())} - EXPERIMENTS.keys()):
        parser().error(f"--only {', '.join(unknown)}: choose from {', '.join(EXPERIMENTS)}")
    names = args.only or [name for name in EXPERIMENTS if (folders / name).is_dir()]
    return recorded_cases(folders, names, start.config)


def measure_missing(args: argparse.Namespace, results: Results, key: str) -> None:
    """Do the runs that are missing."""
    start = Start.load(args.model)
    cases = cases_of(args, start)
    for seed in args.seeds:  # seed by seed: a table is complete, if coarse, after the first
        for name, (data, recipe) in cases.items():
            for label, head in ways_of(args.model, data.task.name).items():
                if label not in args.heads:
                    continue
                options = {"learning_rate": args.learning_rate, "steps": args.steps}
                own = replace(recipe, **options, seed=seed, head=head)
                headline = EXPERIMENTS[name].headline if args.data != STUDIO else ()
                measure = partial(scores_of_run, start.config, start.body, data, own, headline)
                part = results.part(key, name, label)
                results.once(part, str(seed), measure, f"{name}, {label}, seed {seed}")


def run(args: argparse.Namespace) -> None:
    """Do what is missing, and print the table."""
    results, key = Results(args.out, measuring=not args.table), key_of(args)
    if not args.table:
        measure_missing(args, results, key)
    found = results.part(key)
    found = {name: found[name] for name in args.only or found if name in found}
    if not found:
        parser().error(results.lacks(key, "--model, --steps or --learning-rate"))
    print(table(found, [step for step in STEPS if step <= args.steps]))


if __name__ == "__main__":
    begin_again_with_huge_pages()
    use_compilation_cache()
    run(parser().parse_args())
