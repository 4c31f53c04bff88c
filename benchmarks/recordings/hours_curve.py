"""A curve of scores against hours of songs, as a picture: one panel per task, seeds as points."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from recordings.tables import DECIBELS
from umir.files import write_beside
from umir.tasks.base import nan_mean

# hours -> task -> score of each seed
Curve = Mapping[float, Mapping[str, Sequence[float]]]


def draw(curve: Curve, path: Path) -> None:
    """Draw mean scores of every task against hours, and those of single seeds, into a PNG file.

    Args:
        curve: scores, NaN where there are none.
        path: of the file.
    """
    from matplotlib.figure import Figure

    hours = sorted(curve)
    scored = (task for of in curve.values() for task in of if np.isfinite(of[task]).any())
    tasks = list(dict.fromkeys(scored))
    figure = Figure(figsize=(11, 5), layout="constrained")
    panels = figure.subplots(2, -(-len(tasks) // 2), squeeze=False, sharex=True).flat
    for axes, task in zip(panels, tasks, strict=False):
        means = [nan_mean(curve[hour][task]) for hour in hours]
        axes.plot(hours, means, color="tab:blue")
        for hour in hours:
            seeds = curve[hour][task]
            axes.plot([hour] * len(seeds), seeds, "o", color="tab:blue", alpha=0.5, ms=4)
        axes.set(title=task.replace("_", " "), xscale="log")
        axes.set_ylabel("SDR in dB" if task == DECIBELS else "score")
        axes.set_xticks(hours, [f"{hour:.2g}" for hour in hours], minor=False)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    figure.supxlabel("hours of studio songs to train on")
    with write_beside(path) as temporary:
        figure.savefig(temporary, dpi=80, format="png")
