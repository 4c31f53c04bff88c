"""Markdown tables of what was measured, and the intervals in them.

Whose unit is a group of test songs has a bootstrap interval over groups (`cell`); whose unit is a
seed, of which there are three, one of Student's t (`over_seeds`): resampling three values gives no
more than their range. What differs in both is resampled in both (`over_seeds_and_groups`).

Results of a folder are plain JSON: `runs[START][FOLD/SEED][STEP][GROUP][METRIC]` (START as in
`recordings.start_names`), and of the classical methods, which know neither seeds nor steps,
`classical[METHOD][FOLD][GROUP][METRIC]`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.stats import bootstrap
from scipy.stats import t as student

HEADLINE = "headline"  # the metric, or mean of metrics, of the table
DECIBELS = "source_separation"  # the one task whose score is not in [0, 1]
COLUMNS = ("data", "steps", "start", "scratch", "difference", "classical")

Scores = Mapping[str, Mapping[str, float]]  # group -> metric -> value
Bounded = tuple[float, float, float]  # a mean, and the ends of its 95% interval


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, a line for each row."""
    lines = [f"| {' | '.join(row)} |" for row in (columns, *rows)]
    lines.insert(1, "|---" * len(columns) + "|")
    return "\n".join(lines) + "\n"


def interval(values: Float[np.ndarray, " group"]) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the mean of one value per group."""
    rng = np.random.default_rng(0)
    found = bootstrap((values,), np.mean, rng=rng, method="percentile", n_resamples=5000)
    return found.confidence_interval.low, found.confidence_interval.high


def over_seeds_and_groups(
    tasks: Sequence[Float[np.ndarray, "seed group"]], resamples: int = 20_000
) -> Bounded:
    """Return the mean over tasks of a value of each seed and group, and its bootstrap interval.

    Every resample draws seeds, the same for all tasks, which one training serves, and for each task
    groups, the same for all seeds, which hear the same songs. Of three seeds, such an interval is
    rather too narrow than too wide.

    Args:
        tasks: of each task the values, differences for example; groups are its own.
        resamples: how many; as many as the third decimal asks for.
    """
    rng, number = np.random.default_rng(0), len(tasks[0])
    seeds = rng.integers(number, size=(resamples, number, 1))
    means = []
    for values in tasks:
        n_groups = values.shape[1]
        groups = rng.integers(n_groups, size=(resamples, 1, n_groups))
        means.append(values[seeds, groups].mean(axis=(1, 2)))  # (resample,)
    low, high = np.quantile(np.mean(means, axis=0), (0.025, 0.975))
    return float(np.mean([values.mean() for values in tasks])), float(low), float(high)


def per_group(runs: Iterable[Scores], metric: str) -> dict[str, float]:
    """Return the mean over runs of a metric for each group where it is defined."""
    found: dict[str, list[float]] = {}
    for scores in runs:
        for group, metrics in scores.items():
            found.setdefault(group, []).append(metrics.get(metric, np.nan))
    means = {group: np.nanmean(v) for group, v in found.items() if not np.all(np.isnan(v))}
    return {group: float(mean) for group, mean in sorted(means.items())}


def rows_of(
    name: str, results: Mapping, steps: Sequence[int], starts: Collection[str]
) -> list[list[str]]:
    """Return the rows of one folder: score per start, paired difference, classical method.

    Args:
        name: of the folder.
        results: of the folder; those of other starts may be among them.
        steps: those to show.
        starts: names of the starts to show.
    """
    rows = []
    for step in steps:
        scores = [of_start(results["runs"][start], step, HEADLINE) for start in starts]
        cells = [cell(list(values.values())) for values in scores]
        if len(scores) == 2:
            first, second = scores
            cells.append(cell([first[group] - second[group] for group in first], "+"))
        first_row = step == steps[0]
        classical = _classical(results) if first_row else ""
        rows.append([name if first_row else "", str(step), *cells, classical])
    return rows


def apart(
    name: str, results: Mapping, step: int, also: Sequence[str], starts: Collection[str]
) -> str:
    """Return the other metrics at one number of steps, and all of the classical methods.

    One line per start that is asked for and per method; nothing where there are none.
    """
    lines = []
    for start in starts:
        found = {metric: of_start(results["runs"][start], step, metric) for metric in also}
        lines.append(f"{name}, {start}, {step} steps: {_listed(found)}")
    for method, folds in results.get("classical", {}).items():
        found = {metric: per_group(folds.values(), metric) for metric in (HEADLINE, *also)}
        lines.append(f"{name}, {method}: {_listed(found)}")
    return "".join(f"{line}\n" for line in lines)


def of_start(runs: Mapping, step: int, metric: str) -> dict[str, float]:
    """Return the mean over folds and seeds of a metric, for each test group."""
    return per_group([scores[str(step)] for scores in runs.values()], metric)


def cell(values: Sequence[float], sign: str = "", digits: int = 2) -> str:
    """Return mean and interval of groups: `0.50 [0.40, 0.60]`, or the value alone of one group."""
    if len(values) < 2:
        return f"{np.mean(values):{sign}.{digits}f}"
    return bounded((float(np.mean(values)), *interval(np.array(values))), sign, digits)


def bounded(found: Bounded, sign: str = "+", digits: int = 2) -> str:
    """Return a mean and its interval, a difference for example: `+0.10 [-0.02, +0.22]`."""
    mean, low, high = (f"{value:{sign}.{digits}f}" for value in found)
    return f"{mean} [{low}, {high}]"


def over_seeds(values: Sequence[float], digits: int = 3) -> str:
    """Return the mean over seeds and half the width of its 95% interval, by Student's t."""
    mean = f"{np.mean(values):.{digits}f}"
    if len(values) < 2:
        return mean
    return f"{mean} ± {half_width(values):.{digits}f}"


def half_width(values: Sequence[float] | Float[np.ndarray, " seed"]) -> float:
    """Return half the width of the 95% interval of a mean over seeds, by Student's t.

    Args:
        values: at least two.
    """
    number = len(values)
    return float(student.ppf(0.975, number - 1) * np.std(values, ddof=1) / np.sqrt(number))


def _classical(results: Mapping) -> str:
    for method, folds in results.get("classical", {}).items():
        return f"{cell(list(per_group(folds.values(), HEADLINE).values()))} ({method})"
    return "-"


def _listed(found: Mapping[str, Mapping[str, float]]) -> str:
    means = {metric: np.mean(list(values.values())) for metric, values in found.items() if values}
    return ", ".join(f"{metric} {mean:.3f}" for metric, mean in means.items())
