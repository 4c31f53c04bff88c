"""The course of an adversarial training as a picture: losses, gradients, balance and spread."""

import json
from pathlib import Path

import numpy as np

from umir.files import write_beside

# Title and metrics of each panel, and whether its axis is logarithmic.
PANELS = (
    ("loss", "loss/", False),
    ("norm of the gradient", "gradient_norm/", True),
    ("balance of the critics (0.5: cannot tell)", "balance/", False),
    ("spread of what is generated (1: as real)", "spread/", False),
    ("level of a source, as a share of the mixture", "level/", False),
    ("distance of a source from the mixture, likewise", "distance/", False),
)
COLUMNS = 2
POINTS = 200  # of a curve; each is the mean of as many steps as it takes


def draw_log(log: Path, path: Path) -> None:
    """Draw the log of a training (`umir.training.JsonLog`) into a PNG file.

    Collapses are vertical lines.

    Args:
        log: `.jsonl`, a line per step.
        path: the picture.

    Raises:
        ValueError: no such file, or no step of an adversarial training in it.
    """
    from matplotlib.figure import Figure

    rows = _rows(log)
    known = dict.fromkeys(name for row in rows for name in row)  # a step may lack some
    panels = [panel for panel in PANELS if any(name.startswith(panel[1]) for name in known)]
    lines = -(-len(panels) // COLUMNS)
    figure = Figure(figsize=(11, 3.5 * lines), layout="constrained")
    steps = np.array([row["step"] for row in rows])
    names = list(dict.fromkeys(n.split("/", 1)[1] for n in known if "/" in n))
    falls = np.flatnonzero(np.diff([row["collapses"] for row in rows], prepend=0))
    for place, (title, prefix, logarithmic) in enumerate(panels, 1):
        axes = figure.add_subplot(lines, COLUMNS, place)
        for number, name in enumerate(names):
            if f"{prefix}{name}" in known:  # in the same colour wherever it is
                values = np.array([row.get(f"{prefix}{name}") for row in rows], float)
                axes.plot(_means(steps), _means(values), f"C{number}", label=name)
        for fall in falls:
            axes.axvline(steps[fall], color="grey", linestyle=":")
        axes.set(title=title, xlabel="steps", yscale="log" if logarithmic else "linear")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    with write_beside(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _rows(log: Path) -> list[dict]:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    rows = [row for row in map(json.loads, lines) if "loss/generator" in row]
    if not rows:
        raise ValueError(f"{log}: no steps of an adversarial training; give its log.jsonl")
    return rows


def _means(values: np.ndarray) -> np.ndarray:
    """Return the means of at most `POINTS` stretches; of steps without a number, the others'."""
    stretches = np.array_split(values.astype(float), min(len(values), POINTS))
    return np.array([np.nan if np.isnan(s).all() else np.nanmean(s) for s in stretches])
