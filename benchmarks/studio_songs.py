"""Models that answer without any adaptation, on songs of the studio that nothing learnt from.

    python benchmarks/studio_songs.py SEED0 SEED1 SEED2 --songs 24 [--json FILE]
    python benchmarks/studio_songs.py --table --json FILE

SEEDN are directories of `python -m umir.meta_train --algorithm multitask` (or names of released
models): of each task that they have a head for, the mixtures of the songs are scored, or, where an
example is a clip, the parts alone. Nothing was trained or fitted on these songs, seeds 10^12 and
up; they have the features of those that the models were trained on, of several models all that any
of them knows. What is chosen between trainings is chosen by this table, so that scores on
recordings stay free of the choice.

A score is the task's headline metric over all songs; the last row is the mean of those in [0, 1].
`--json` keeps the scores by model and task; `--table` prints those that are kept there, of all
models or of some, and renders no song.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from recordings.held_out_songs import features_of, held_out_songs
from recordings.results import Results, add_table_argument
from recordings.tables import DECIBELS, markdown

from umir.checkpoint import load_model
from umir.data.example import Example
from umir.files import write_json
from umir.fine_tuning import score
from umir.program import use_compilation_cache
from umir.released_models import find_model
from umir.releasing import models_in
from umir.task_model import TaskModel
from umir.tasks import StudioSource, Task


def songs_for(task: Task, source: StudioSource) -> list[Example]:
    """Return one view of each song: its mixture; of tasks on clips, every clip."""
    examples = [e for e in source.examples(task) if task.can_use(e.annotation)]
    if task.head.kind == "clip":
        return examples
    seen: dict[str, Example] = {}
    for example in examples:  # the mixture is the first view
        seen.setdefault(example.group, example)
    return list(seen.values())


def scores_of(name: str, models: Mapping[str, TaskModel], source: StudioSource) -> dict[str, float]:
    """Return task -> headline metric of the models of a directory."""
    found = {}
    for task_name, model in models.items():
        metrics, _ = score(model, songs_for(model.task, source))
        found[task_name] = metrics[model.task.headline]
        print(f"{name}, {task_name}: {found[task_name]:.3f}", flush=True)
    return found


def table(scores: Mapping[str, Mapping[str, float]]) -> str:
    """Return one row per task and one column per model."""
    tasks = list(dict.fromkeys(task for of_model in scores.values() for task in of_model))
    rows = [[task, *(f"{of.get(task, np.nan):.3f}" for of in scores.values())] for task in tasks]
    rows.append(["mean", *(f"{_mean(of):.3f}" for of in scores.values())])
    return markdown(["task", *scores], rows)


def _mean(scores: Mapping[str, float]) -> float:
    return float(np.mean([value for task, value in scores.items() if task != DECIBELS]))


def measured(names: Sequence[str], songs: int) -> dict[str, dict[str, float]]:
    """Return model -> task -> headline metric on so many songs."""
    directories = {name: find_model(name) for name in names}
    stored = {name: load_model(directory) for name, directory in directories.items()}
    models = {name: models_in(directories[name], model) for name, model in stored.items()}
    networks = [model.network for own in models.values() for model in own.values()]
    ((rate, channels),) = {(network.config.rate, network.config.channels) for network in networks}
    features = features_of(*stored.values())
    source = StudioSource(held_out_songs(songs, features, rate=rate, channels=channels))
    return {name: scores_of(name, own, source) for name, own in models.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """Score all models, unless the table alone is asked for, and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="--table: default all of FILE")
    parser.add_argument("--songs", type=int, default=24)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where scores are kept")
    add_table_argument(parser)
    args = parser.parse_args(argv)
    if args.table:
        _print_kept(parser, args)
        return
    if not args.models:
        parser.error("give models, or --table")
    use_compilation_cache()
    scores = measured(args.models, args.songs)
    print(table(scores), end="")
    if args.json:
        write_json(args.json, scores)


def _print_kept(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Print the scores of a file, those of the models that are asked for."""
    if not args.json:
        parser.error("--table: give --json FILE, where scores are kept")
    results = Results(args.json, measuring=False)
    for name in args.models:
        if name not in results.values:
            parser.error(results.lacks(name, "other models"))
    names = args.models or list(results.values)
    if not names:
        parser.error(results.lacks("any model", "--json"))
    print(table({name: results.values[name] for name in names}), end="")


if __name__ == "__main__":
    main()
