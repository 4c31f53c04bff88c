"""What fine-tuning gains from hearing its audio at other speeds, labels moved along.

    python benchmarks/speed_change.py FOLDERS --out speed_change.json

FOLDERS is what `benchmarks/real_folders.py` builds; of these, the folders of tasks whose labels can
follow a change of speed (`umir.tasks.speed_change`). From each start `umir finetune` does what it
does by default, with no segment at another speed and with so many of them (`--speeds`), and its
model is scored on the test groups; the splits are those of `benchmarks/real_recordings.py`.

Intervals are 95% bootstrap intervals over test groups, of the mean over seeds. Results go to
`--out` after every run, under a hash of the start's weights; a second call does what is missing,
and `--table` prints what is there.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from recordings.experiments import EXPERIMENTS, Experiment, split
from recordings.results import Results, Scores, add_table_argument, group_scores
from recordings.start_names import named_starts
from recordings.tables import HEADLINE, cell, markdown, per_group

from umir.adaptation.rate_search import Budget
from umir.adaptation.start import Start
from umir.fine_tuning import train_on
from umir.huge_pages import begin_again_with_huge_pages
from umir.program import use_compilation_cache
from umir.released_models import SCRATCH
from umir.tasks.speed_change import label_move
from umir.user_data import UserData, read_user_data
from umir.wave_unet import PRESETS

SPEEDS = (0.0, 0.8)  # with four changes to draw from, 0.8 hears all five speeds equally often


def finetuned(
    data: UserData, experiment: Experiment, start: Start, speed: float, seed: int, budget: Budget
) -> Scores:
    """Return the metrics of each test group after fine-tuning."""
    task = data.task
    recipe = replace(start.recipe(task, seed), speed=speed, segments=experiment.segments)
    model, _ = train_on(data, start.config, start.body, budget, recipe, start.decoder(task))
    return group_scores(task, model.predict, data.test, experiment.headline)


def run_folder(
    name: str, starts: Mapping[str, str], results: Results, args: argparse.Namespace
) -> None:
    """Measure what is missing of a folder; nothing if its labels cannot follow."""
    config, experiment = PRESETS["nano"], EXPERIMENTS[name]
    data = read_user_data(args.folders / name, config, experiment.task, None)
    if label_move(data.task) is None:
        return
    data = split(data, experiment, 0)
    for seed in args.seeds:
        for label, start in starts.items():
            own = Start.load(start, config if start == SCRATCH else None, seed)
            for speed in args.speeds:
                measure = partial(
                    finetuned, data, experiment, own, speed, seed, Budget.of(args.steps)
                )
                part = results.part(name, label, f"{speed:g}")
                results.once(part, str(seed), measure, f"{name}, {label}, {speed:g}, seed {seed}")


def table(results: Mapping[str, Any], speeds: Sequence[float]) -> str:
    """Return for each folder and start the score of each speed, and the gain of the last one."""
    rows = []
    for name, starts in results.items():
        for label, runs in starts.items():
            if any(f"{speed:g}" not in runs for speed in speeds):
                continue
            found = [per_group(runs[f"{speed:g}"].values(), HEADLINE) for speed in speeds]
            cells = [cell(list(scores.values())) for scores in found]
            gain = [found[-1][group] - found[0][group] for group in found[0]]
            rows.append([name, label, str(len(gain)), *cells, cell(gain, "+")])
    titles = [f"{speed:.0%} at another speed" for speed in speeds]
    return markdown(["folder", "start", "groups", *titles, "gain"], rows)


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is missing, and print the table."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("folders", type=Path, metavar="FOLDERS")
    p.add_argument("--only", nargs="+", default=list(EXPERIMENTS), choices=EXPERIMENTS)
    p.add_argument("--starts", nargs="+", default=["umir-nano"], metavar="START")
    p.add_argument("--speeds", type=float, nargs="+", default=list(SPEEDS))
    p.add_argument("--seeds", type=int, nargs="+", default=[1])
    p.add_argument("--steps", type=int, help="of each fine-tuning; default: what it chooses")
    p.add_argument("--out", type=Path, default=Path("speed_change.json"))
    add_table_argument(p)
    args = p.parse_args(argv)
    use_compilation_cache()
    results = Results(args.out)
    if not args.table:
        starts = named_starts(args.starts, "nano")
        for name in args.only:
            if (args.folders / name).is_dir():
                run_folder(name, starts, results, args)
    if not results.values:
        p.error(results.lacks("any folder", "other FOLDERS"))
    print(table(results.values, args.speeds))


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
