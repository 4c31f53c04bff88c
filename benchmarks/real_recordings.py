"""Meta-trained start against scratch on real recordings: the table of the README.

    python benchmarks/real_recordings.py DATA_SET... --folders FOLDERS --init models/umir-nano

FOLDERS is what `benchmarks/real_folders.py` builds. For each data set and each start the learning
rate is chosen on validation groups (seed 0, first fold), separately for every number of steps; then
each fold and seed is adapted once and scored on its test groups at 10, 30, 100 and 300 steps. The
decoder is fitted on the validation groups each time. Songs, singers and clips never cross a split.

Intervals are 95% bootstrap intervals over test groups, of the mean over seeds. Results go to
FOLDERS/DATA_SET.json after every run; a second call goes on where the first one stopped.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap

from umir.adaptation import Recipe, adapt
from umir.data.example import Example
from umir.finetune import UserData, read_user_data, starting_point, with_decoder
from umir.program import use_compilation_cache
from umir.task_model import TaskModel
from umir.wave_unet import Network

STEPS = (10, 30, 100, 300)
LEARNING_RATES = (3e-4, 1e-3, 3e-3)
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Experiment:
    """One data set's protocol.

    Attributes:
        folds: how many parts the groups are dealt into for testing; 1 tests on one part only.
        test: number of groups per test part.
        valid: number of groups kept from training, for learning rates and decoders.
        stratified: whether each class gives its own share of the groups.
        headline: metric name or names, averaged.
        also: metrics that are shown apart.
    """

    folds: int
    test: int
    valid: int
    headline: tuple[str, ...]
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
    "mir_1k": Experiment(folds=1, test=4, valid=2, headline=("SDR",), also=("SI-SDR",)),
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


def adapted_models(
    data: UserData,
    start: str,
    learning_rate: float,
    seed: int,
    steps: Sequence[int],
    look: Callable[[int, TaskModel], None],
) -> None:
    """Adapt from `start`; at each of `steps` call `look(step, model)` with the decoder fitted."""
    config, body = starting_point(start, "nano", seed)
    network = Network(config, data.task.head)

    def watch(step, params):
        look(step, with_decoder(TaskModel(network, data.task, params), data.valid))

    recipe = Recipe(max(steps), learning_rate, seed=seed)
    adapt(network, data.task, body, data.train, recipe, watch=watch, watch_at=steps)


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


def choose_learning_rates(
    data: UserData, experiment: Experiment, start: str, results: dict, save: Callable[[], None]
) -> dict[str, float]:
    """Return the learning rate that scores best on validation groups, per number of steps."""
    found = results.setdefault("validation", {}).setdefault(start, {})
    for learning_rate in LEARNING_RATES:
        if str(learning_rate) in found:
            continue
        scores: dict[str, float] = {}

        def look(step: int, model: TaskModel, scores: dict = scores) -> None:
            scores[str(step)] = mean_headline(group_scores(model, data.valid, experiment))

        adapted_models(data, start, learning_rate, 0, STEPS, look)
        found[str(learning_rate)] = scores
        print("validation", start, learning_rate, scores, flush=True)
        save()
    return {
        str(step): max(LEARNING_RATES, key=lambda rate: found[str(rate)][str(step)])
        for step in STEPS
    }


def run_data_set(name: str, folders: Path, starts: dict[str, str]) -> dict:
    """Run what is not yet in FOLDERS/NAME.json and return all results."""
    experiment, path = EXPERIMENTS[name], folders / f"{name}.json"
    results = json.loads(path.read_text()) if path.exists() else {}

    def save() -> None:
        path.write_text(json.dumps(results, indent=1) + "\n")

    config, _ = starting_point("scratch", "nano", 0)
    everything = read_user_data(folders / name, config, None, None)
    for label, start in starts.items():
        first = split(everything, experiment, 0)
        rates = choose_learning_rates(first, experiment, start, results, save)
        results.setdefault("learning_rates", {})[label] = rates
        for fold in range(experiment.folds):
            for seed in SEEDS:
                _run_once(split(everything, experiment, fold), experiment, start, label, rates,
                          seed, fold, results, save)  # fmt: skip
    return results


def _run_once(data, experiment, start, label, rates, seed, fold, results, save) -> None:
    """Score one fold and seed at every number of steps, with the rate chosen for each."""
    runs = results.setdefault("runs", {}).setdefault(label, {})
    if f"{fold}/{seed}" in runs:
        return
    scores: dict[str, dict] = {}

    def look(step: int, model: TaskModel) -> None:
        scores[str(step)] = group_scores(model, data.test, experiment)

    for rate in sorted(set(rates.values())):
        steps = [step for step in STEPS if rates[str(step)] == rate]
        adapted_models(data, start, rate, seed, steps, look)
    runs[f"{fold}/{seed}"] = scores
    print(label, fold, seed, {s: mean_headline(g) for s, g in scores.items()}, flush=True)
    save()


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
            cells.append(f"{np.mean(list(values.values())):.3f} [{low:.3f}, {high:.3f}]")
        if len(groups) == 2:
            first, second = groups.values()
            difference = np.array([first[group] - second[group] for group in first])
            low, high = interval(difference)
            cells.append(f"{difference.mean():+.3f} [{low:+.3f}, {high:+.3f}]")
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
