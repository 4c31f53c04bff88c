"""Curves as pictures: score and loss against steps, one panel per task."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from proof.found import Found
from proof.pieces import MINUTES
from proof.starts import STARTS
from umir.files import write_beside

PANELS_PER_ROW = 4

# material, start, family, minutes -> step -> value
Read = Callable[[Found, str, str, float], Mapping[int, float]]


def scores(found: Found, start: str, family: str, minutes: float) -> Mapping[int, float]:
    """Return the mean score of a start at each look."""
    curve = np.nanmean(found.curve(start, family, minutes), axis=0)
    return dict(zip(found.steps(start, family, minutes), curve.tolist(), strict=True))


def valid_losses(found: Found, start: str, family: str, minutes: float) -> Mapping[int, float]:
    """Return the mean validation loss of a start at each look."""
    return found.loss("valid_losses", start, family, minutes)


def training_losses(found: Found, start: str, family: str, minutes: float) -> Mapping[int, float]:
    """Return the mean training loss of a start up to each look."""
    return found.loss("losses", start, family, minutes)


def draw(
    cases: Sequence[tuple[str, Found]], path: Path, read: Read, minutes: float = max(MINUTES)
) -> None:
    """Draw a value against steps, one panel per task that has two starts, into a PNG file."""
    from matplotlib.figure import Figure

    cases = [(family, found) for family, found in cases if len(found.starts(family, minutes)) > 1]
    if not cases:
        return
    columns = min(len(cases), PANELS_PER_ROW)
    rows = math.ceil(len(cases) / columns)
    figure = Figure(figsize=(3.6 * columns, 2.9 * rows + 0.4), layout="constrained")
    known = {}  # label -> line
    for index, (family, found) in enumerate(cases, 1):
        axes = figure.add_subplot(rows, columns, index)
        for start in found.starts(family, minutes):
            values = read(found, start, family, minutes)
            line = {"color": color_of(start), "marker": "o", "ms": 3, "label": start}
            axes.plot(list(values), list(values.values()), **line)
        if read is scores:
            _lines(axes, found)
        known |= {line.get_label(): line for line in axes.lines}
        # Of a mean of metrics, F-measure/KD and so on, what they are of.
        _dress(axes, found, family, found.metric.split("/")[0] if read is scores else "loss")
    figure.suptitle(f"{minutes:g} minutes of labelled audio", fontsize=11)
    below = {"loc": "outside lower center", "ncols": min(len(known), 6), "fontsize": 9}
    figure.legend(known.values(), known.keys(), **below)
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_beside(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _dress(axes, found: Found, family: str, ylabel: str) -> None:
    """Write around a panel what it shows."""
    name = found.material.name
    title = name.removeprefix("studio_").replace("_", " ") + ", studio" * found.material.studio
    axes.set(xlabel=f"steps, start without {family}", ylabel=ylabel)
    axes.set_title(title, fontsize=10)
    axes.set_xscale("symlog", linthresh=1)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlim(left=-0.1)
    axes.grid(alpha=0.3)


def color_of(start: str) -> tuple[float, float, float]:
    """Return the colour of a start, the same in all panels."""
    from matplotlib import colormaps

    colors = [*colormaps["tab10"].colors, *colormaps["Dark2"].colors, *colormaps["Set2"].colors]
    return colors[list(STARTS).index(start)]


def _lines(axes, found: Found) -> None:
    """Draw chance and ceiling across a panel."""
    for values, style, label in (
        (found.chance, ":", "chance"),
        (found.ceiling, "--", "ceiling"),
    ):
        if values is not None and not np.isnan(values).all():
            line = {"color": "grey", "linestyle": style, "linewidth": 1, "label": label}
            axes.axhline(float(np.nanmean(values)), **line)
