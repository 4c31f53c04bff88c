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
    """Draw a value against steps for every start, one panel per task, into a PNG file."""
    from matplotlib.figure import Figure

    cases = [(family, found) for family, found in cases if found.starts(family, minutes)]
    if not cases:
        return
    columns = min(len(cases), PANELS_PER_ROW)
    rows = math.ceil(len(cases) / columns)
    figure = Figure(figsize=(4.5 * columns, 3.6 * rows), layout="constrained")
    for index, (family, found) in enumerate(cases, 1):
        axes = figure.add_subplot(rows, columns, index)
        for start in found.starts(family, minutes):
            values = read(found, start, family, minutes)
            line = {"color": color_of(start), "marker": "o", "ms": 3, "label": start}
            axes.plot(list(values), list(values.values()), **line)
        if read is scores:
            _lines(axes, found)
        title = f"{found.material.name.replace('_', ' ')}, {minutes:g} min"
        ylabel = found.metric if read is scores else "loss"
        axes.set(title=title, xlabel=f"steps (without {family})", ylabel=ylabel)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=-0.1)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=5)
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_beside(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def color_of(start: str) -> tuple[float, float, float]:
    """Return the colour of a start, the same in all panels."""
    from matplotlib import colormaps

    colors = [*colormaps["tab10"].colors, *colormaps["Dark2"].colors, *colormaps["Set2"].colors]
    return colors[list(STARTS).index(start)]


def _lines(axes, found: Found) -> None:
    """Draw chance and ceiling across a panel."""
    for values, style in ((found.chance, ":"), (found.ceiling, "--")):
        if values is not None and not np.isnan(values).all():
            axes.axhline(float(np.nanmean(values)), color="grey", linestyle=style, linewidth=1)
