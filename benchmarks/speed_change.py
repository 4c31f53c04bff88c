"""What fine-tuning gains from hearing its audio at other speeds, labels moved along.

    python benchmarks/speed_change.py FOLDERS --out speed_change.json

FOLDERS is what `benchmarks/real_folders.py` builds; of these, the folders of tasks whose labels can
follow a change of speed (`umir.tasks.speed_change`). From each start `umir finetune` does what it
does by default, all the way from the start, with no segment at another speed and with so many of
them (`--speeds`), and its model is scored on the test groups; the splits are those of
`benchmarks/real_recordings.py`.

Intervals are 95% bootstrap intervals over test groups, of the mean over seeds. Results go to
`--out` after every run, under a hash of the start's weights; a second call does what is missing,
and `--table` prints what is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

from recordings.experiments import EXPERIMENTS, Experiment
from recordings.over_folders import Folder, folders_parser, measured
from recordings.results import Scores, group_scores
from recordings.tables import HEADLINE, cell, markdown, per_group

from umir.adaptation.rate_search import Budget
from umir.adaptation.start import Start
from umir.fine_tuning import train_on
from umir.huge_pages import begin_again_with_huge_pages
from umir.tasks.speed_change import USUAL_SPEED, label_move
from umir.user_data import UserData

SPEEDS = (0.0, USUAL_SPEED)


def finetuned(
    data: UserData, experiment: Experiment, start: Start, speed: float, seed: int, budget: Budget
) -> Scores:
    """Return the metrics of each test group after fine-tuning."""
    task = data.task
    recipe = replace(start.recipe(task, seed), speed=speed, segments=experiment.segments)
    known = start.decoder(task)
    model, _ = train_on(data, start.config, start.body, budget, recipe, known, share=1.0)
    return group_scores(task, model.predict, data.test, experiment.headline)


def measure(folder: Folder) -> None:
    """Measure what is missing of a folder; nothing if its labels cannot follow."""
    if label_move(folder.data.task) is None:
        return
    name, results, budget = folder.name, folder.results, Budget.of(folder.args.steps)
    for (seed, label, start), speed in product(folder.runs(), folder.args.speeds):
        action = partial(finetuned, folder.data, EXPERIMENTS[name], start, speed, seed, budget)
        part = results.part(name, label, f"{speed:g}")
        results.once(part, str(seed), action, f"{name}, {label}, {speed:g}, seed {seed}")


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
    p = folders_parser(__doc__, EXPERIMENTS, ["umir-nano"], "speed_change.json")
    p.add_argument("--speeds", type=float, nargs="+", default=list(SPEEDS))
    p.add_argument("--steps", type=int, help="of each fine-tuning; default: what it chooses")
    args, results = measured(p, argv, EXPERIMENTS, measure)
    print(table(results, args.speeds))


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
