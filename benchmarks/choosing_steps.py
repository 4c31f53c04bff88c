"""What fine-tuning should choose rate and step by: the loss, or the score, of the validation songs.

    python benchmarks/choosing_steps.py FOLDERS --out choosing_steps.json
    python benchmarks/choosing_steps.py FOLDERS --table --comparison COMPARISON

FOLDERS is what `benchmarks/real_folders.py` builds. Of each folder, from each start, each rate of
`umir finetune` takes `--steps` steps; every 25 of them the loss and the score of the validation
groups are measured, and the score of the test groups, which chooses nothing; all at the speed of
the songs. Each way to choose then takes one rate and one step of them:

* `loss`: the lowest validation loss;
* `score`: the best validation score, of equal ones that of the lowest loss;
* `steady score`: the same, of the mean over a step that was looked at and its neighbours;
* `last`: the last step, at the rate with the best score there;
* `best`: what no one can choose, the best test score.

Printed are the test scores of what each way takes, means over seeds, and below the mean over
folders of how far each is behind `best`. Decoders are fitted on the validation songs each time.
Results go to `--out` after every run, a second call does what is missing, and `--table` prints what
is there. These folders have one to eight groups to validate with, Medley-solos-DB has 16; studio
songs of the comparison of starts, what `benchmarks/adaptation.py` keeps in COMPARISON, have 11 to
48. Printed of these is what the lowest validation loss would have taken of each run, and what the
step would have that has the best validation score in the choice of rates, with another seed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from proof.pieces import MINUTES
from recordings.experiments import EXPERIMENTS, NEW_EXPERIMENTS, Experiment
from recordings.over_folders import Folder, folders_parser, over_folders
from recordings.results import group_scores, mean_headline
from recordings.tables import markdown

from umir.adaptation.decoder_fitting import fit_and_predict, with_decoder
from umir.adaptation.network_fitting import Adaptation, validation_batches, validation_loss
from umir.adaptation.rate_search import LOOK_EVERY, RATES
from umir.adaptation.start import Start
from umir.huge_pages import begin_again_with_huge_pages
from umir.released_models import SCRATCH
from umir.task_model import TaskModel
from umir.user_data import UserData
from umir.wave_unet import Network

KNOWN = {
    name: experiment
    for name, experiment in (EXPERIMENTS | NEW_EXPERIMENTS).items()
    if name != "mir_1k"  # scores of stems take longer than all steps
}
Look = Mapping[str, float]  # `loss`, `score` and `test`
Curves = Mapping[str, Mapping[str, Look]]  # rate -> step -> look


def lowest_loss(curves: Curves) -> Look:
    """Return the look with the lowest validation loss."""
    return min(_all(curves), key=lambda look: look["loss"])


def best_score(curves: Curves) -> Look:
    """Return the look with the best validation score, of equal ones that of the lowest loss."""
    return max(_all(curves), key=lambda look: (look["score"], -look["loss"]))


def steady_score(curves: Curves) -> Look:
    """Return the same, of the mean score of a look and those before and after it."""
    found = []
    for looks in map(list, map(dict.values, curves.values())):
        scores = np.array([look["score"] for look in looks])
        padded = np.pad(scores, 1, mode="edge")
        means = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
        found += zip(means.tolist(), looks, strict=True)
    return max(found, key=lambda pair: (pair[0], -pair[1]["loss"]))[1]


def last_step(curves: Curves) -> Look:
    """Return the last look of the rate that has the best score there."""
    return best_score({rate: dict([list(looks.items())[-1]]) for rate, looks in curves.items()})


def best_test(curves: Curves) -> Look:
    """Return the look with the best test score."""
    return max(_all(curves), key=lambda look: look["test"])


WAYS: dict[str, Callable[[Curves], Look]] = {
    "loss": lowest_loss,
    "score": best_score,
    "steady score": steady_score,
    "last": last_step,
    "best": best_test,
}


def _all(curves: Curves) -> list[Look]:
    return [look for looks in curves.values() for look in looks.values()]


def curves_of(data: UserData, experiment: Experiment, start: Start, seed: int, steps: int) -> dict:
    """Adapt once with each rate; return what was measured on the way."""
    task, network = data.task, Network(start.config, data.task.head)
    batches, known = validation_batches(network, task, data.valid), start.decoder(task)
    recipe = replace(start.recipe(task, seed), segments=experiment.segments, speed=0.0)
    fresh = Adaptation.begin(network, task, start.body, data.train, recipe)

    def measured(run: Adaptation) -> dict[str, float]:
        model = TaskModel(network, task, run.params)
        fitted, found = fit_and_predict(model, data.valid)
        metrics, _ = task.evaluate_all([song.annotation for song in data.valid], found)
        names = experiment.headline or (task.headline,)
        # Those songs are heard again only where the start's own decoder is to be tried on them.
        predict = (with_decoder(model, data.valid, known) if known else fitted).predict
        return {
            "loss": validation_loss(network, task, run.params, batches),
            "score": float(np.nanmean([metrics.get(name, np.nan) for name in names])),
            "test": mean_headline(group_scores(task, predict, data.test, experiment.headline)),
        }

    curves: dict[str, dict[str, Any]] = {}
    for rate in RATES:
        run, looks = fresh.at_rate(rate), curves.setdefault(f"{rate:g}", {})
        for step in range(LOOK_EVERY, steps + 1, LOOK_EVERY):
            run = run.until(step)
            looks[str(step)] = measured(run)
    return curves


def measure(folder: Folder) -> None:
    """Measure what is missing of a folder."""
    name, results, steps = folder.name, folder.results, folder.args.steps
    for seed, label, start in folder.runs():
        action = partial(curves_of, folder.data, KNOWN[name], start, seed, steps)
        part = results.part(f"{steps} steps", name, label)
        results.once(part, str(seed), action, f"{name}, {label}, seed {seed}", shown)


def shown(curves: Curves) -> str:
    """Return what each way takes, in short."""
    return ", ".join(f"{way} {take(curves)['test']:.3f}" for way, take in WAYS.items())


def table(results: Mapping[str, Mapping[str, Mapping[str, Curves]]]) -> str:
    """Return the test scores of what each way takes, and how far each is behind the best."""
    rows, behind = [], []
    for name, starts in results.items():
        for label, seeds in starts.items():
            found = [_taken(seeds.values(), take) for take in WAYS.values()]
            rows.append([name, label, *(f"{value:.3f}" for value in found)])
            behind.append([found[-1] - value for value in found])
    rows.append(["mean behind `best`", "", *(f"{value:.3f}" for value in np.mean(behind, axis=0))])
    return markdown(["folder", "start", *WAYS], rows)


def comparison_table(folders: Sequence[Path]) -> str:
    """Return the same of the runs of the comparison of starts, at the rate that each was given.

    Args:
        folders: with a file for each task.
    """
    found: list[tuple[str, str, list[float]]] = []
    for path in sorted(path for folder in folders for path in folder.glob("studio_*.json")):
        values = json.loads(path.read_text())
        for seen, starts in values.get("runs", {}).items():
            for start, minutes in starts.items():
                searched = values["search"].get(seen, {}).get(start, {})
                for run in minutes.get(f"{max(MINUTES):g}", {}).values():
                    if valid := searched.get(f"{run['rate']:g}"):
                        task = path.stem.removeprefix("studio_")
                        found.append((task, start, _of_run(run, valid)))
    found.append(("mean", "", np.mean([taken for *_, taken in found], axis=0).tolist()))
    rows = [[task, start, *(f"{value:.3f}" for value in taken)] for task, start, taken in found]
    return markdown(["studio task", "start", "loss", "score", "best"], rows)


def _of_run(run: Mapping[str, Any], valid: Mapping[str, float]) -> list[float]:
    """Return the test score at the lowest loss, at the best validation score, and the best."""
    tests = {step: float(np.nanmean(found)) for step, found in run["looks"].items() if step != "0"}
    losses = {step: run["valid_losses"][step] for step in tests}
    by_loss, by_score = min(losses, key=losses.__getitem__), max(valid, key=valid.__getitem__)
    return [tests[by_loss], tests[by_score], max(tests.values())]


def _taken(runs: Any, take: Callable[[Curves], Look]) -> float:
    return float(np.mean([take(curves)["test"] for curves in runs]))


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is missing, and print the table."""
    p = folders_parser(__doc__, KNOWN, ["umir-nano", SCRATCH], "choosing_steps.json")
    p.add_argument("--steps", type=int, default=300)
    p.add_argument("--comparison", type=Path, nargs="+", help="of benchmarks/adaptation.py")
    args = p.parse_args(argv)
    results = over_folders(args, KNOWN, measure)
    kept = results.values.get(f"{args.steps} steps")
    if not kept:
        p.error(results.lacks(f"{args.steps} steps", "--steps"))
    print(table(kept))
    if args.comparison:
        print(comparison_table([path / "rows" for path in args.comparison]))


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
