"""The tables of what a model does on recordings that it was never adapted to.

Results of a trial are plain JSON: `models[MODEL]`, `chance` and `classical[METHOD][SONGS]`, each
with `groups[GROUP][METRIC]` and `all[METRIC]`, the metrics of all songs pooled; SONGS says what the
method's setting was fitted on, `studio` or `real`.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from recordings.tables import HEADLINE, cell, markdown, per_group
from recordings.trials import Trial

STUDIO, REAL = "studio", "real"
COLUMNS = (
    "task",
    "groups",
    "model",
    "chance",
    "classical, fitted in the studio",
    "difference",
    "classical, fitted on these very songs",
    "difference",
)

Values = Mapping[str, float]  # group -> score


def summary(results: Mapping, trials: Mapping[str, Trial], models: Sequence[str]) -> str:
    """Return the table of tasks, their trials pooled, and on how many the models are ahead."""
    tasks = {
        _label(task, own): _compared(results, own, models)
        for task, own in _by_task(results, trials).items()
    }
    tasks = {label: compared for label, compared in tasks.items() if _any_score(compared)}
    ahead, of_all = dict.fromkeys((STUDIO, REAL, "chance"), 0), 0
    for compared in tasks.values():
        better = {beside: _mean(_differences(compared, beside)) > 0 for beside in ahead}
        ahead = {beside: count + better[beside] for beside, count in ahead.items()}
        of_all += all(better.values())
    number = len(tasks)
    single = [_single(results, trials, model) for model in models] if len(models) > 1 else []
    return (
        f"{markdown(COLUMNS, [_row(label, compared) for label, compared in tasks.items()])}\n"
        f"ahead of the classical method fitted in the studio on {ahead[STUDIO]} of "
        f"{number}, of the one fitted on these very songs on {ahead[REAL]} of {number}, of chance "
        f"on {ahead['chance']} of {number}, of all three on {of_all} of {number}\n{''.join(single)}"
    )


def _single(results: Mapping, trials: Mapping[str, Trial], model: str) -> str:
    """Return a line on one of several models: its scores, and on how many tasks it is ahead."""
    scores, ahead = [], 0
    for task, own in _by_task(results, trials).items():
        compared = _compared(results, own, [model])
        if values := compared["model"][1].values():
            scores.append(f"{task} {_mean(values):.2f}")
        ahead += _mean(_differences(compared, STUDIO)) > 0
    return f"{model} alone, ahead on {ahead}: {', '.join(scores)}\n"


def for_a_card(
    results: Mapping, trials: Mapping[str, Trial], models: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return the scores of each task that counts, for the card of a model.

    Returns:
        Task -> the mean over groups of `model`, `chance` and `classical` (the best method, fitted
        in the studio), as far as they were measured, and the number of `groups`. Tasks that the
        models do not serve are left out.
    """
    names = {"model": "model", "chance": "chance", "classical": STUDIO}
    found = {}
    for task, own in _by_task(results, trials).items():
        compared = _compared(results, own, models)
        if groups := compared["model"][1]:
            scores = {name: compared[of][1].values() for name, of in names.items()}
            means = {name: _mean(values) for name, values in scores.items() if values}
            found[task] = {**means, "groups": len(groups)}
    return found


def _by_task(results: Mapping, trials: Mapping[str, Trial]) -> dict[str, dict[str, Trial]]:
    """Return the trials that count and were run, by the task that answers, in their order."""
    found: dict[str, dict[str, Trial]] = {}
    for name, trial in trials.items():
        if trial.counts and name in results:
            found.setdefault(trial.answers, {})[name] = trial
    return found


def per_trial(results: Mapping, trials: Mapping[str, Trial], models: Sequence[str]) -> str:
    """Return the table of trials, those that do not count too."""
    there = {name: trial for name, trial in trials.items() if name in results}
    rows = [
        _row(_label(name, {name: trial}), _compared(results, {name: trial}, models))
        for name, trial in there.items()
    ]
    return markdown(COLUMNS, rows)


def apart(results: Mapping, trials: Mapping[str, Trial], models: Sequence[str]) -> str:
    """Return one line per trial and method: all metrics, of all songs pooled."""
    lines = []
    for name, trial in trials.items():
        if name not in results:
            continue
        found = results[name]
        own = [found["models"][model]["all"] for model in models if model in found["models"]]
        beside = {"chance": [found["chance"]["all"]]} if "chance" in found else {}
        for method, fits in found.get("classical", {}).items():
            beside |= {f"{method}, {songs}": [fit["all"]] for songs, fit in fits.items()}
        for label, runs in {"model": own, **beside}.items():
            lines.append(f"{name}, {label}: {_listed(runs, trial, found['headline'])}")
    return "".join(f"{line}\n" for line in lines)


def _compared(
    results: Mapping, trials: Mapping[str, Trial], models: Sequence[str]
) -> dict[str, tuple[str, Values]]:
    """Return name and score per group of the models, of chance and of the best method per fit."""
    found = {name: results[name] for name in trials}
    runs = {n: [r["models"][m] for m in models if m in r["models"]] for n, r in found.items()}
    compared = {
        "model": ("", _pooled(runs)),
        "chance": ("", _pooled({n: [r["chance"]] for n, r in found.items() if "chance" in r})),
    }
    methods = {method for trial in trials.values() for method in trial.methods}
    for songs in (STUDIO, REAL):
        scores = {
            m: _pooled({n: [r["classical"][m][songs]] for n, r in found.items()})
            for m in sorted(methods)
            if all(songs in r.get("classical", {}).get(m, {}) for r in found.values())
        }
        best = max(scores, key=lambda method, of=scores: _mean(of[method].values()), default="")
        compared[songs] = (best, scores.get(best, {}))
    return compared


def _any_score(compared: Mapping[str, tuple[str, Values]]) -> bool:
    return any(values for _, values in compared.values())


def _pooled(runs: Mapping[str, Sequence[Mapping]]) -> dict[str, float]:
    """Return the mean over runs of each group of each folder."""
    found = {}
    for name, of_folder in runs.items():
        means = per_group([run["groups"] for run in of_folder], HEADLINE)
        found |= {f"{name}/{group}": value for group, value in means.items()}
    return found


def _differences(compared: Mapping[str, tuple[str, Values]], beside: str) -> list[float]:
    """Return how far the models are ahead, for each group where both are defined."""
    model, other = compared["model"][1], compared[beside][1]
    return [model[group] - other[group] for group in model if group in other]


def _row(label: str, compared: Mapping[str, tuple[str, Values]]) -> list[str]:
    cells = [label, str(max(len(values) for _, values in compared.values()))]
    for name in ("model", "chance", STUDIO, REAL):
        method, values = compared[name]
        cells.append(_shown(list(values.values())) + (f" ({method})" if method else ""))
        if name in (STUDIO, REAL):
            cells.append(_shown(_differences(compared, name), "+"))
    return cells


def _label(name: str, trials: Mapping[str, Trial]) -> str:
    if all(trial.rendered for trial in trials.values()):
        return f"{name} (rendered piano)"
    mixed = any(trial.rendered for trial in trials.values())
    return f"{name} (partly rendered piano)" if mixed else name


def _shown(values: Sequence[float], sign: str = "") -> str:
    return cell(values, sign) if values else "-"


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return float(np.mean(found)) if found else -np.inf


def _listed(runs: Sequence[Mapping[str, float]], trial: Trial, headline: str) -> str:
    """Return metrics, the mean over runs; of the first one, each run's."""
    if not runs:
        return "no head for it"
    parts = []
    for metric in (headline, *trial.also):
        values = [run[metric] for run in runs if not np.isnan(run.get(metric, np.nan))]
        if values:
            parts.append(f"{metric} {np.mean(values):.3f}")
    if len(runs) > 1:
        parts[0] += " (" + ", ".join(f"{run[headline]:.3f}" for run in runs) + ")"
    return ", ".join(parts)
