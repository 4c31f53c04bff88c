"""What fine-tuning should choose rate and step by: the loss, or the score, of the validation songs.

    python benchmarks/choosing_steps.py FOLDERS --out choosing_steps.json
    python benchmarks/choosing_steps.py FOLDERS --table --comparison COMPARISON

FOLDERS is what `benchmarks/real_folders.py` builds. Of each folder, from each start, each rate of
`umir finetune` takes `--steps` steps; every 25 of them the loss and the score of the validation
groups are measured, and the score of the test groups, which chooses nothing. Each way to choose
then takes one rate and one step of them:

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

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from proof.pieces import MINUTES
from recordings.experiments import EXPERIMENTS, NEW_EXPERIMENTS, Experiment, split
from recordings.results import Results, add_table_argument, group_scores, mean_headline
from recordings.start_names import named_starts
from recordings.tables import markdown

from umir.adaptation.decoder_fitting import fit_and_predict, with_decoder
from umir.adaptation.network_fitting import Adaptation, validation_batches, validation_loss
from umir.adaptation.rate_search import LOOK_EVERY, RATES
from umir.adaptation.start import Start
from umir.huge_pages import begin_again_with_huge_pages
from umir.program import use_compilation_cache
from umir.released_models import SCRATCH
from umir.task_model import TaskModel
from umir.user_data import UserData, read_user_data
from umir.wave_unet import Network
from umir.wave_unet.presets import preset_config

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
    recipe = replace(start.recipe(task, seed), segments=experiment.segments)
    begun = Adaptation.begin(network, task, start.body, data.train, recipe)

    def measured(run: Adaptation) -> dict[str, float]:
        model = TaskModel(network, task, run.params)
        _, found = fit_and_predict(model, data.valid)
        metrics, _ = task.evaluate_all([song.annotation for song in data.valid], found)
        names = experiment.headline or (task.headline,)
        predict = with_decoder(model, data.valid, known).predict
        return {
            "loss": validation_loss(network, task, run.params, batches),
            "score": float(np.nanmean([metrics.get(name, np.nan) for name in names])),
            "test": mean_headline(group_scores(task, predict, data.test, experiment.headline)),
        }

    curves: dict[str, dict[str, Any]] = {}
    for rate in RATES:
        run, looks = begun.at_rate(rate), curves.setdefault(f"{rate:g}", {})
        for step in range(LOOK_EVERY, steps + 1, LOOK_EVERY):
            run = run.until(step)
            looks[str(step)] = measured(run)
    return curves


def run_folder(
    name: str, folders: Path, starts: Mapping[str, str], results: Results, args: argparse.Namespace
) -> None:
    """Measure what is missing of a folder."""
    config = preset_config("nano")
    data = read_user_data(folders / name, config, KNOWN[name].task, None)
    data = split(data, KNOWN[name], 0)
    for seed in args.seeds:
        for label, start in starts.items():
            own = Start.load(start, config, seed)
            measure = partial(curves_of, data, KNOWN[name], own, seed, args.steps)
            part = results.part(f"{args.steps} steps", name, label)
            results.once(part, str(seed), measure, f"{name}, {label}, seed {seed}", shown)


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
    found = []
    for path in sorted(path for folder in folders for path in folder.glob("studio_*.json")):
        values = json.loads(path.read_text())
        for seen, starts in values.get("runs", {}).items():
            for start, minutes in starts.items():
                searched = values["search"].get(seen, {}).get(start, {})
                for run in minutes.get(f"{max(MINUTES):g}", {}).values():
                    if valid := searched.get(f"{run['rate']:g}"):
                        taken = _of_run(run, valid)
                        cells = [f"{value:.3f}" for value in taken]
                        found.append([path.stem.removeprefix("studio_"), start, *cells])
    means = np.mean([[float(cell) for cell in row[2:]] for row in found], axis=0)
    found.append(["mean", "", *(f"{mean:.3f}" for mean in means)])
    return markdown(["studio task", "start", "loss", "score", "best"], found)


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
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("folders", type=Path, metavar="FOLDERS")
    p.add_argument("--only", nargs="+", default=list(KNOWN), choices=KNOWN, metavar="FOLDER")
    p.add_argument("--starts", nargs="+", default=["umir-nano", SCRATCH], metavar="START")
    p.add_argument("--seeds", type=int, nargs="+", default=[1])
    p.add_argument("--steps", type=int, default=300)
    p.add_argument("--out", type=Path, default=Path("choosing_steps.json"))
    p.add_argument("--comparison", type=Path, nargs="+", help="of benchmarks/adaptation.py")
    add_table_argument(p)
    args = p.parse_args(argv)
    use_compilation_cache()
    results = Results(args.out)
    if not args.table:
        starts = named_starts(args.starts, "nano")
        for name in args.only:
            if (args.folders / name).is_dir():
                run_folder(name, args.folders, starts, results, args)
    kept = results.values.get(f"{args.steps} steps")
    if not kept:
        p.error(results.lacks(f"{args.steps} steps", "--steps"))
    print(table(kept))
    if args.comparison:
        print(comparison_table([path / "rows" for path in args.comparison]))


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
