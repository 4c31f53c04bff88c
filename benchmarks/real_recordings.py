"""A start, scratch and librosa on real recordings: the table of docs/measurements.md.

    python benchmarks/real_recordings.py [DATA_SET...] --folders FOLDERS --init models/nano-fomaml

FOLDERS is what `benchmarks/real_folders.py` builds; those called `rendered` are no recordings. For
each data set and each start the learning rate is the one with the best mean score on validation
groups (seed 0, first fold, mean over the numbers of steps); then each fold and seed is adapted once
and scored on its test groups after 10, 30 and 100 steps. The decoder is fitted on the validation
groups each time. A start that has a head for the very task goes on with it; scratch is a network of
its size. The methods of `benchmarks/classical`, which hear the same songs and may fit a
threshold on training and validation groups together, are scored alike; `--only-classical` runs
nothing else. Songs, singers and clips never cross a split.

Intervals are 95% bootstrap intervals over test groups, of the mean over seeds. Results go to
FOLDERS/DATA_SET.json after every run, under a hash of the start's weights and the size of scratch;
a second call goes on where the first one stopped.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from classical import METHODS
from recordings.experiments import EXPERIMENTS, Experiment, split
from recordings.results import Results, group_scores, mean_headline
from recordings.start_names import named_starts
from recordings.tables import COLUMNS, apart, markdown, rows_of

from umir.adaptation.decoder_fitting import with_decoder
from umir.adaptation.network_fitting import adapt
from umir.adaptation.start import Start
from umir.data.example import Example
from umir.huge_pages import begin_again_with_huge_pages
from umir.program import use_compilation_cache
from umir.released_models import SCRATCH
from umir.task_model import TaskModel
from umir.user_data import UserData, read_user_data
from umir.wave_unet import Network
from umir.wave_unet.presets import preset_config

STEPS = (10, 30, 100)
LEARNING_RATES = (3e-4, 1e-3, 3e-3)
# Not 0, the seed of the meta-training: a fresh head of the same shape would be the one that the
# body began its training with.
SEEDS = (1, 2, 3)


def run_data_set(name: str, folders: Path, starts: Mapping[str, str], preset: str) -> dict:
    """Run what is not yet in FOLDERS/NAME.json and return all results.

    Args:
        name: of the data set.
        folders: where its folder is.
        starts: name in the results -> model, or `scratch`.
        preset: size of the network from scratch.
    """
    experiment, results = EXPERIMENTS[name], Results(folders / f"{name}.json")
    data = read_user_data(folders / name, preset_config(preset), experiment.task, None)
    folds = [split(data, experiment, fold) for fold in range(experiment.folds)]
    for label, method in METHODS.get(name, {}).items():
        part = results.part("classical", label)
        for fold, of_fold in enumerate(folds):
            measure = partial(scores_of_method, of_fold, experiment, method)
            results.once(part, str(fold), measure, f"{label}, fold {fold}")
    for label, start in starts.items():
        run = partial(scores_of_run, experiment=experiment, start=start, preset=preset)
        rate = choose_learning_rate(folds[0], label, run, results)
        part = results.part("runs", label)
        for fold, seed in product(range(experiment.folds), SEEDS):
            test = folds[fold].test
            measure = partial(run, folds[fold], rate, seed, test)
            what = f"{label}, rate {rate}, fold {fold}, seed {seed}"
            results.once(part, f"{fold}/{seed}", measure, what)
    return results.values


def scores_of_method(data: UserData, experiment: Experiment, method: Callable) -> dict:
    """Return the metrics of each test group with a classical method."""
    predict = method(data.task, [*data.train, *data.valid])
    return group_scores(data.task, predict, data.test, experiment.headline)


def choose_learning_rate(data: UserData, label: str, run: Callable, results: Results) -> float:
    """Return the learning rate with the best mean validation score of `run` (`scores_of_run`)."""

    def means(rate: float) -> dict[str, float]:
        scores = run(data, rate, 0, data.valid)
        return {step: mean_headline(groups) for step, groups in scores.items()}

    part = results.part("validation", label)
    for rate in LEARNING_RATES:
        results.once(part, str(rate), partial(means, rate), f"{label}, validation, rate {rate}")
    return max(LEARNING_RATES, key=lambda rate: np.mean(list(part[str(rate)].values())))


def scores_of_run(
    data: UserData,
    learning_rate: float,
    seed: int,
    judged_on: Sequence[Example],
    *,
    experiment: Experiment,
    start: str,
    preset: str,
) -> dict[str, dict[str, dict[str, float]]]:
    """Adapt once from `start`; return the metrics of each judged group after each of STEPS."""
    begun = Start.load(start, preset_config(preset), seed)
    network = Network(begun.config, data.task.head)
    scores: dict[str, dict] = {}

    def watch(step: int, params: Any) -> None:
        model = with_decoder(TaskModel(network, data.task, params), data.valid)
        scores[str(step)] = group_scores(data.task, model.predict, judged_on, experiment.headline)

    recipe = replace(
        begun.recipe(data.task, seed),
        steps=max(STEPS),
        learning_rate=learning_rate,
        segments=experiment.segments,
    )
    adapt(network, data.task, begun.body, data.train, recipe, watch=watch, watch_at=STEPS)
    return scores


def main() -> None:
    """Run the data sets and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_sets", nargs="*", default=list(EXPERIMENTS), metavar="DATA_SET")
    parser.add_argument("--folders", type=Path, required=True)
    parser.add_argument(
        "--init", default="models/nano-fomaml", help="the start: a directory or a name"
    )
    parser.add_argument("--only-classical", action="store_true", help="no network")
    args = parser.parse_args()
    use_compilation_cache()
    asked = [] if args.only_classical else [args.init, SCRATCH]
    preset = Start.load(args.init).config.preset if asked else "nano"
    starts = named_starts(asked, preset)
    results = {name: run_data_set(name, args.folders, starts, preset) for name in args.data_sets}
    if starts:
        rows = (rows_of(name, found, STEPS, starts) for name, found in results.items())
        print(markdown(COLUMNS, [row for of in rows for row in of]), end="")
    for name, found in results.items():
        print(apart(name, found, STEPS[-1], EXPERIMENTS[name].also, starts), end="")


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
