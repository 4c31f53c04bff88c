"""How far to go from a start that knows the task to what a few songs taught it.

    python benchmarks/weight_averaging.py FOLDERS --out weight_averaging.json
    python benchmarks/weight_averaging.py FOLDERS --out weight_averaging.json --minutes 1

FOLDERS is what `benchmarks/real_folders.py` builds; of these, the folders of tasks that the start
has a head for. `umir finetune` does what it does by default, once, and its model is scored on the
test groups with its weights at several points of the way from the start (0) to what was learnt (1);
`umir finetune` takes the one halfway (`umir.adaptation.weight_averaging`). With `--minutes` so much
audio is kept to learn from and to choose by, as in `benchmarks/your_own_task.py`.

Intervals are 95% bootstrap intervals over test groups, of the mean over seeds. Results go to
`--out` after every run, under a hash of the start's weights; a second call does what is missing,
and `--table` prints what is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from recordings.experiments import EXPERIMENTS, Experiment
from recordings.over_folders import Folder, folders_parser, measured
from recordings.results import Scores, group_scores
from recordings.tables import HEADLINE, cell, markdown, per_group
from your_own_task import of_minutes

from umir.adaptation.decoder_fitting import with_decoder
from umir.adaptation.rate_search import Budget
from umir.adaptation.start import Start
from umir.adaptation.weight_averaging import between
from umir.fine_tuning import train_on
from umir.huge_pages import begin_again_with_huge_pages
from umir.user_data import UserData

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
ALL = "all"  # of the audio


def on_the_way(
    data: UserData, experiment: Experiment, start: Start, seed: int, budget: Budget
) -> dict[str, Scores]:
    """Adapt once; return the metrics of each test group at each share of the way."""
    task, known = data.task, start.decoder(data.task)
    recipe = replace(start.recipe(task, seed), segments=experiment.segments)
    learnt, _ = train_on(data, start.config, start.body, budget, recipe, known, share=1.0)
    before, valid = start.as_it_is(task), data.valid or data.train
    assert before is not None, f"{start.name} has no head for {task.name}"
    scores = {}
    for share in SHARES:
        params = between(before.params, learnt.params, share)
        model = replace(learnt, params=params, settings=known)
        model = with_decoder(model, valid, known)
        scores[f"{share:g}"] = group_scores(task, model.predict, data.test, experiment.headline)
    return scores


def measure(folder: Folder) -> None:
    """Measure what is missing of a folder, from the starts that know its task."""
    name, data, minutes = folder.name, folder.data, folder.args.minutes
    amount, budget = f"{minutes:g}" if minutes else ALL, Budget.of(folder.args.steps)
    for seed, label, start in folder.runs():
        if not start.knows(data.task):
            continue
        few = of_minutes(data, minutes, seed) if minutes else data
        action = partial(on_the_way, few, EXPERIMENTS[name], start, seed, budget)
        part, what = folder.results.part(name, label, amount), f"{name}, {label}, {amount} minutes"
        folder.results.once(part, str(seed), action, f"{what}, seed {seed}", ", ".join)


def table(results: Mapping[str, Any]) -> str:
    """Return for each folder and amount of audio the score at each share, and two gains."""
    rows = []
    for name, starts in results.items():
        for label, amounts in starts.items():
            for amount, runs in amounts.items():
                found = {share: _of_share(runs, f"{share:g}") for share in SHARES}
                cells = [cell(list(scores.values())) for scores in found.values()]
                gains = [
                    cell([found[0.5][group] - other[group] for group in other], "+")
                    for other in (found[0.0], found[1.0])
                ]
                groups = str(len(found[0.5]))
                rows.append([name, label, amount, groups, *cells, *gains])
    shares = [f"{share:.0%}" for share in SHARES]
    gains = ["50% above 0%", "50% above 100%"]
    return markdown(["folder", "start", "minutes", "groups", *shares, *gains], rows)


def _of_share(runs: Mapping[str, Mapping[str, Scores]], share: str) -> dict[str, float]:
    return per_group([run[share] for run in runs.values()], HEADLINE)


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is missing, and print the table."""
    p = folders_parser(__doc__, EXPERIMENTS, ["umir-nano"], "weight_averaging.json")
    p.add_argument("--minutes", type=float, help="of audio to learn from; default: all there is")
    p.add_argument("--steps", type=int, help="of each fine-tuning; default: what it chooses")
    _, results = measured(p, argv, EXPERIMENTS, measure)
    print(table(results))


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
