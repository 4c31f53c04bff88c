"""How fast a trained body learns beside a fresh head: at the rate of a fresh body, or by its size.

    python benchmarks/body_rates.py FOLDERS --out body_rates.json

FOLDERS is what `benchmarks/real_folders.py` builds; of these, the folders of tasks that the start
has no head for. `umir finetune` does what it does by default, once with each rule: `fresh` is the
rate itself, `size` as many times that as the body is larger than a fresh one
(`umir.adaptation.network_fitting.relative_size`), which is the default, and `root` the square root
of that many. The head has ten times the rate with all of them. `chosen` is, of each seed, what the
validation groups prefer of `fresh` and `size`, as they prefer a rate: by their score where they are
many, else by their loss.

Intervals are 95% bootstrap intervals over test groups, of the mean over seeds. Results go to
`--out` after every run, under a hash of the start's weights; a second call does what is missing,
and `--table` prints what is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import sqrt
from typing import Any

from recordings.experiments import EXPERIMENTS, NEW_EXPERIMENTS, Experiment
from recordings.over_folders import Folder, folders_parser, measured
from recordings.results import group_scores, mean_headline
from recordings.tables import HEADLINE, cell, markdown, per_group

from umir.adaptation.rate_search import Budget
from umir.adaptation.start import Start
from umir.adaptation.validation import Look
from umir.fine_tuning import train_on
from umir.huge_pages import begin_again_with_huge_pages
from umir.user_data import UserData

FRESH, ROOT, SIZE, CHOSEN = "fresh", "root", "size", "chosen"
# Rule -> factor of a body's rate, from how many times it is larger than a fresh one.
RULES = {FRESH: lambda size: 1.0, ROOT: sqrt, SIZE: lambda size: size}
FOLDERS = {**EXPERIMENTS, **NEW_EXPERIMENTS}

# What is kept of a run: the scores of test groups, and what the validation groups said.
Run = dict[str, Any]


def fine_tuned(
    data: UserData, experiment: Experiment, start: Start, seed: int, budget: Budget, rule: str
) -> Run:
    """Fine-tune once with a rule; return the scores of test groups, and how it was chosen."""
    usual = start.recipe(data.task, seed)  # of a task that it does not know: by the body's size
    factor = RULES[rule](usual.body_factor)
    recipe = replace(usual, body_factor=factor, segments=experiment.segments)
    model, found = train_on(data, start.config, start.body, budget, recipe)
    return {
        "groups": group_scores(data.task, model.predict, data.test, experiment.headline),
        "valid": {"loss": found.look.loss, "score": found.look.score},
        "rate": found.learning_rate,
        "step": found.step,
    }


def measure(folder: Folder) -> None:
    """Measure what is missing of a folder, from the starts that do not know its task."""
    name, data, budget = folder.name, folder.data, Budget.of(folder.args.steps)
    for seed, label, start in folder.runs():
        if start.knows(data.task):
            continue
        for rule in RULES:
            action = partial(fine_tuned, data, FOLDERS[name], start, seed, budget, rule)
            part = folder.results.part(name, label, rule)
            folder.results.once(part, str(seed), action, f"{name}, {label}, {rule}, {seed}", _shown)


def _shown(run: Run) -> str:
    return f"{mean_headline(run['groups']):.3f}, validation loss {run['valid']['loss']:.3f}"


def chosen(rules: Mapping[str, Mapping[str, Run]]) -> dict[str, Run]:
    """Return seed -> what the validation groups prefer: `fresh`, or `size` unless it is worse."""
    return {
        seed: max(rules[SIZE][seed], rules[FRESH][seed], key=lambda run: Look(**run["valid"]).order)
        for seed in _seeds(rules)
    }


def _seeds(rules: Mapping[str, Mapping[str, Run]]) -> list[str]:
    """Return the seeds that have been run with every rule."""
    return sorted(set.intersection(*(set(rules.get(rule, {})) for rule in RULES)), key=int)


def table(results: Mapping[str, Any]) -> str:
    """Return for each folder and start the score with each rule, and what is gained."""
    rows = [
        [name, label, *_cells(rules)]
        for name, starts in results.items()
        for label, rules in starts.items()
        if _seeds(rules)
    ]
    columns = ["folder", "start", "seeds", "groups", *RULES, CHOSEN]
    columns += [f"{rule} above {FRESH}" for rule in (ROOT, SIZE, CHOSEN)]
    columns += [f"validation losses, {FRESH}", ROOT, SIZE]
    return markdown(columns, rows)


def _cells(rules: Mapping[str, Mapping[str, Run]]) -> list[str]:
    seeds = _seeds(rules)
    runs = {rule: [rules[rule][seed] for seed in seeds] for rule in RULES}
    found = {rule: _scores(own) for rule, own in runs.items()}
    found[CHOSEN] = _scores(list(chosen(rules).values()))
    counts = [str(len(seeds)), str(len(found[FRESH]))]
    scores = [cell(list(groups.values())) for groups in found.values()]
    gains = [_gain(found[rule], found[FRESH]) for rule in (ROOT, SIZE, CHOSEN)]
    losses = [" ".join(f"{run['valid']['loss']:.2f}" for run in own) for own in runs.values()]
    return [*counts, *scores, *gains, *losses]


def _scores(runs: Sequence[Run]) -> dict[str, float]:
    """Return group -> headline, the mean over runs."""
    return per_group([run["groups"] for run in runs], HEADLINE)


def _gain(scores: Mapping[str, float], others: Mapping[str, float]) -> str:
    return cell([scores[group] - others[group] for group in others], "+")


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is missing, and print the table."""
    p = folders_parser(__doc__, FOLDERS, ["umir-small"], "body_rates.json")
    p.add_argument("--steps", type=int, help="of each fine-tuning; default: what it chooses")
    _, results = measured(p, argv, FOLDERS, measure)
    print(table(results))


if __name__ == "__main__":
    begin_again_with_huge_pages()
    main()
