"""The Markdown table of the measurements, with intervals over the test groups.

Results of a folder are plain JSON: `runs[START][FOLD/SEED][STEP][GROUP][METRIC]`, and of the
classical methods, which know neither seeds nor steps, `classical[METHOD][FOLD][GROUP][METRIC]`.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.stats import bootstrap

HEADLINE = "headline"  # the metric, or mean of metrics, of the table
DECIBELS = "source_separation"  # the one task whose score is not in [0, 1]
COLUMNS = ("data", "steps", "start", "scratch", "difference", "classical")

Scores = Mapping[str, Mapping[str, float]]  # group -> metric -> value


def interval(values: Float[np.ndarray, " group"]) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the mean of one value per group."""
    rng = np.random.default_rng(0)
    found = bootstrap((values,), np.mean, rng=rng, method="percentile", n_resamples=5000)
    return found.confidence_interval.low, found.confidence_interval.high


def per_group(runs: Iterable[Scores], metric: str) -> dict[str, float]:
    """Return the mean over runs of a metric for each group where it is defined."""
    found: dict[str, list[float]] = {}
    for scores in runs:
        for group, metrics in scores.items():
            found.setdefault(group, []).append(metrics.get(metric, np.nan))
    means = {group: np.nanmean(v) for group, v in found.items() if not np.all(np.isnan(v))}
    return {group: float(mean) for group, mean in sorted(means.items())}


def header() -> str:
    """Return the two lines above the rows."""
    return "| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|"


def table(name: str, results: Mapping, steps: Sequence[int]) -> str:
    """Return the rows of one folder: score per start, paired difference, classical method."""
    rows = []
    for step in steps:
        starts = [of_start(runs, step, HEADLINE) for runs in results["runs"].values()]
        cells = [cell(list(values.values())) for values in starts]
        if len(starts) == 2:
            first, second = starts
            cells.append(cell([first[group] - second[group] for group in first], "+"))
        cells.append(_classical(results) if step == steps[0] else "")
        label = name if step == steps[0] else ""
        rows.append(f"| {label} | {step} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def apart(name: str, results: Mapping, step: int, also: Sequence[str]) -> str:
    """Return the other metrics at one number of steps, and all of the classical methods.

    One line per start and method; nothing where there are none.
    """
    lines = []
    for label, runs in results.get("runs", {}).items():
        found = {metric: of_start(runs, step, metric) for metric in also}
        lines.append(f"{name}, {label}, {step} steps: {_listed(found)}")
    for method, folds in results.get("classical", {}).items():
        found = {metric: per_group(folds.values(), metric) for metric in (HEADLINE, *also)}
        lines.append(f"{name}, {method}: {_listed(found)}")
    return "".join(f"{line}\n" for line in lines)


def of_start(runs: Mapping, step: int, metric: str) -> dict[str, float]:
    """Return the mean over folds and seeds of a metric, for each test group."""
    return per_group([scores[str(step)] for scores in runs.values()], metric)


def cell(values: Sequence[float], sign: str = "", digits: int = 2) -> str:
    """Return mean and interval: `0.50 [0.40, 0.60]`, or the value alone of one group."""
    form = f"{sign}.{digits}f"
    mean = f"{np.mean(values):{form}}"
    if len(values) < 2:
        return mean
    low, high = interval(np.array(values))
    return f"{mean} [{low:{form}}, {high:{form}}]"


def _classical(results: Mapping) -> str:
    for method, folds in results.get("classical", {}).items():
        return f"{cell(list(per_group(folds.values(), HEADLINE).values()))} ({method})"
    return "-"


def _listed(found: Mapping[str, Mapping[str, float]]) -> str:
    means = {metric: np.mean(list(values.values())) for metric, values in found.items() if values}
    return ", ".join(f"{metric} {mean:.3f}" for metric, mean in means.items())
