"""Meta-trained start against scratch on real recordings: the table of the README.

    python benchmarks/real_recordings.py DATA_SET... --folders FOLDERS --init models/umir-nano

FOLDERS is what `benchmarks/real_folders.py` builds. For each data set and each start the learning
rate is the one with the best mean score on validation groups (seed 0, first fold, mean over the
numbers of steps); then each fold and seed is adapted once and scored on its test groups at 10, 30,
100 and 300 steps. The decoder is fitted on the validation groups each time. Songs, singers and
clips never cross a split.

Intervals are 95% bootstrap intervals over test groups, of the mean over seeds. Results go to
FOLDERS/DATA_SET.json after every run; a second call goes on where the first one stopped.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from umir.adaptation import Recipe, adapt
from umir.data.example import Example
from umir.fine_tuning import starting_point, with_decoder
from umir.program import use_compilation_cache
from umir.task_model import TaskModel
from umir.user_data import UserData, read_user_data
from umir.wave_unet import Network

STEPS = (10, 30, 100, 300)
LEARNING_RATES = (1e-4, 3e-4, 1e-3, 3e-3)
# Not 0, the seed of the meta-training: a fresh head of the same shape would be the one that the
# body began its training with.
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Experiment:
    """One data set's protocol.

    Attributes:
        folds: how many parts the groups are dealt into for testing; 1 tests on one part only.
        test: number of groups per test part.
        valid: number of groups kept from training, for learning rates and decoders.
        stratified: whether each class gives its own share of the groups.
        headline: metric name or names, averaged.
        segments: segments per step; None for the task's own number.
        also: metrics that are shown apart.
    """

    folds: int
    test: int
    valid: int
    headline: tuple[str, ...]
    segments: int | None = None
    also: tuple[str, ...] = ()
    stratified: bool = False


EXPERIMENTS = {
    "mdb_drums": Experiment(
        folds=3,
        test=0,
        valid=1,
        headline=("F-measure/KD", "F-measure/SD", "F-measure/HH"),
        also=("F-measure/KD", "F-measure/SD", "F-measure/HH", "F-measure/CY", "F-measure/OT"),
    ),
    "mir_1k": Experiment(
        folds=1,
        test=4,
        valid=2,
        headline=("SDR",),
        segments=2,
        also=("SDR/vocals", "SDR/accompaniment", "SDRi", "SI-SDR"),
    ),
    "medley_solos": Experiment(
        folds=1, test=4, valid=2, headline=("accuracy",), also=("macro_f1",), stratified=True
    ),
}


def deal(experiment: Experiment, examples: Sequence[Example], fold: int) -> tuple[set, set]:
    """Return the test groups and the validation groups of a fold, the same for every start."""
    rng = np.random.default_rng(0)
    classes: dict[str, list[str]] = {}
    for example in examples:
        name = example.annotation.names[0] if experiment.stratified else ""
        if example.group not in classes.setdefault(name, []):
            classes[name].append(example.group)
    test, valid = set(), set()
    for groups in classes.values():
        shuffled = [str(group) for group in rng.permutation(sorted(groups))]
        parts = np.array_split(shuffled, experiment.folds)
        chosen = list(parts[fold]) if experiment.folds > 1 else shuffled[: experiment.test]
        rest = [group for group in shuffled if group not in chosen]
        test.update(chosen)
        valid.update(rest[: experiment.valid])
    return test, valid


def split(data: UserData, experiment: Experiment, fold: int) -> UserData:
    """Return the data with this experiment's splits in place of the manifest's."""
    examples = [*data.train, *data.valid, *data.test]
    test, valid = deal(experiment, examples, fold)
    return replace(
        data,
        train=[e for e in examples if e.group not in test | valid],
        valid=[e for e in examples if e.group in valid],
        test=[e for e in examples if e.group in test],
    )


def scores_of_run(
    data: UserData,
    experiment: Experiment,
    start: str,
    learning_rate: float,
    seed: int,
    judged_on: Sequence[Example],
) -> dict[str, dict[str, dict[str, float]]]:
    """Adapt once from `start`; return the metrics of each judged group after each of STEPS."""
    config, body = starting_point(start, "nano", seed)
    network = Network(config, data.task.head)
    scores: dict[str, dict] = {}

    def watch(step: int, params: Any) -> None:
        model = with_decoder(TaskModel(network, data.task, params), data.valid)
        scores[str(step)] = group_scores(model, judged_on, experiment)

    recipe = Recipe(max(STEPS), learning_rate, segments=experiment.segments, seed=seed)
    adapt(network, data.task, body, data.train, recipe, watch=watch, watch_at=STEPS)
    return scores


def group_scores(
    model: TaskModel, examples: Sequence[Example], experiment: Experiment
) -> dict[str, dict[str, float]]:
    """Return the metrics of each group: its songs or clips scored together."""
    scores = {}
    for group in sorted({example.group for example in examples}):
        own = [example for example in examples if example.group == group]
        references = [example.annotation for example in own]
        estimates = [model.predict(example.waveform, example.rate) for example in own]
        metrics, _ = model.task.evaluate_all(references, estimates)
        found = [metrics[name] for name in experiment.headline if name in metrics]
        scores[group] = {"headline": float(np.nanmean(found)), **metrics}
    return scores


def mean_headline(scores: dict[str, dict[str, float]]) -> float:
    """Return the mean of the headline metric over groups."""
    return float(np.nanmean([metrics["headline"] for metrics in scores.values()]))


def choose_learning_rate(
    data: UserData, experiment: Experiment, start: str, found: dict, save: Callable[[], None]
) -> float:
    """Return the learning rate with the best mean validation score; fill `found` with all."""
    for rate in LEARNING_RATES:
        if str(rate) not in found:
            scores = scores_of_run(data, experiment, start, rate, 0, data.valid)
            found[str(rate)] = {step: mean_headline(groups) for step, groups in scores.items()}
            print("validation", start, rate, found[str(rate)], flush=True)
            save()
    return max(LEARNING_RATES, key=lambda rate: np.mean(list(found[str(rate)].values())))


def run_data_set(name: str, folders: Path, starts: dict[str, str]) -> dict:
    """Run what is not yet in FOLDERS/NAME.json and return all results."""
    experiment, path = EXPERIMENTS[name], folders / f"{name}.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for key in ("validation", "learning_rate", "runs"):
        results.setdefault(key, {})

    def save() -> None:
        path.write_text(json.dumps(results, indent=1) + "\n")

    config, _ = starting_point("scratch", "nano", 0)
    everything = read_user_data(folders / name, config, None, None)
    for label, start in starts.items():
        validation = results["validation"].setdefault(label, {})
        first = split(everything, experiment, 0)
        rate = choose_learning_rate(first, experiment, start, validation, save)
        results["learning_rate"][label] = rate
        runs = results["runs"].setdefault(label, {})
        for fold, seed in product(range(experiment.folds), SEEDS):
            if f"{fold}/{seed}" not in runs:
                data = split(everything, experiment, fold)
                scores = scores_of_run(data, experiment, start, rate, seed, data.test)
                runs[f"{fold}/{seed}"] = scores
                shown = {step: round(mean_headline(groups), 3) for step, groups in scores.items()}
                print(name, label, "rate", rate, "fold", fold, "seed", seed, shown, flush=True)
                save()
    return results


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the mean of one value per group."""
    rng = np.random.default_rng(0)
    found = bootstrap((values,), np.mean, rng=rng, method="percentile", n_resamples=5000)
    return found.confidence_interval.low, found.confidence_interval.high


def per_group(runs: dict, step: int, metric: str) -> dict[str, float]:
    """Return the mean over seeds of a metric for each test group of all folds."""
    found: dict[str, list[float]] = {}
    for scores in runs.values():
        for group, metrics in scores[str(step)].items():
            found.setdefault(group, []).append(metrics.get(metric, np.nan))
    means = {group: np.nanmean(v) for group, v in found.items() if not np.all(np.isnan(v))}
    return {group: float(mean) for group, mean in sorted(means.items())}


def table(name: str, results: dict) -> str:
    """Return the Markdown rows of one data set: score per start, and the paired difference."""
    rows = []
    for step in STEPS:
        groups = {label: per_group(runs, step, "headline") for label, runs in
                  results["runs"].items()}  # fmt: skip
        cells = []
        for values in groups.values():
            low, high = interval(np.array(list(values.values())))
            cells.append(f"{np.mean(list(values.values())):.2f} [{low:.2f}, {high:.2f}]")
        if len(groups) == 2:
            first, second = groups.values()
            difference = np.array([first[group] - second[group] for group in first])
            low, high = interval(difference)
            cells.append(f"{difference.mean():+.2f} [{low:+.2f}, {high:+.2f}]")
        rows.append(f"| {name} | {step} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def apart(name: str, results: dict) -> str:
    """Return the other metrics at the last number of steps, one line per start."""
    lines = []
    for label, runs in results["runs"].items():
        found = {m: per_group(runs, STEPS[-1], m) for m in EXPERIMENTS[name].also}
        shown = [f"{m} {np.mean(list(v.values())):.3f}" for m, v in found.items() if v]
        lines.append(f"{name}, {label}, {STEPS[-1]} steps: {', '.join(shown)}")
    return "\n".join(lines)


def main() -> None:
    """Run the data sets and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_sets", nargs="*", default=list(EXPERIMENTS), metavar="DATA_SET")
    parser.add_argument("--folders", type=Path, required=True)
    parser.add_argument("--init", default="models/umir-nano", help="the meta-trained start")
    args = parser.parse_args()
    use_compilation_cache()
    starts = {"meta-trained": args.init, "scratch": "scratch"}
    results = {name: run_data_set(name, args.folders, starts) for name in args.data_sets}
    print("| data | steps | meta-trained | scratch | difference |\n|---|---|---|---|---|")
    print("\n".join(table(name, found) for name, found in results.items()))
    print("\n".join(apart(name, found) for name, found in results.items()))


if __name__ == "__main__":
    main()
