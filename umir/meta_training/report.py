"""What a start is worth: each task before and after adaptation, beside scratch.

Held-out songs are dealt into songs to adapt on, songs to fit the decoder on, and songs
to score. Every start gets the same songs, batches, heads and steps. New tasks, on which nothing was
meta-trained, stand beside those that were.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree
from tqdm import tqdm

from umir.adaptation.decoder_fitting import with_decoder
from umir.adaptation.network_fitting import Recipe, adapt
from umir.data.example import Example
from umir.files import write_beside, write_json
from umir.fine_tuning import score
from umir.task_model import TaskModel
from umir.tasks.base import Task
from umir.wave_unet import Network, WaveUNetConfig, init_body

# Start -> task -> step -> score.
Curves = dict[str, dict[str, dict[int, float]]]

PANELS_PER_ROW = 4


@dataclass(frozen=True)
class HeldOut:
    """Examples of one task, of songs that training has not seen.

    Attributes:
        task: the task as it is (not a variant).
        support: to adapt on.
        valid: to fit the decoder on.
        query: to score.
        new: whether the start was never trained on this task.
    """

    task: Task
    support: Sequence[Example]
    valid: Sequence[Example]
    query: Sequence[Example]
    new: bool = False

    @property
    def title(self) -> str:
        """What to call the task in a table or picture."""
        return self.task.name + (" (new)" if self.new else "")


def curve(
    config: WaveUNetConfig, body: PyTree, data: HeldOut, recipe: Recipe, steps: Sequence[int]
) -> dict[int, float]:
    """Return the task's metric on the query songs after each of `steps`, adapting from `body`."""
    network = Network(config, data.task.head)
    scores: dict[int, float] = {}

    def watch(step: int, params: Any) -> None:
        model = with_decoder(TaskModel(network, data.task, params), data.valid)
        scores[step] = score(model, data.query)[0][data.task.headline]

    adapt(network, data.task, body, data.support, recipe, watch=watch, watch_at=steps)
    return scores


def curves(
    config: WaveUNetConfig,
    starts: dict[str, PyTree],
    held_out: Sequence[HeldOut],
    recipe: Recipe,
    steps: Sequence[int],
) -> Curves:
    """Return the curves of every start on every task."""
    found: Curves = {start: {} for start in starts}
    fresh_body = partial(init_body, config)
    recipes = {start: recipe.for_body(body, fresh_body) for start, body in starts.items()}
    number = len(held_out) * len(starts)
    with tqdm(total=number, desc="adapting to held-out songs", unit="run") as progress:
        for data in held_out:
            for start, body in starts.items():
                found[start][data.task.name] = curve(config, body, data, recipes[start], steps)
                progress.update()
            # Programs for a task serve no other one, and have thousands of memory maps. A process
            # may have 65,530 of them on Linux, and is killed where it wants more.
            jax.clear_caches()
    return found


def table(found: Curves, held_out: Sequence[HeldOut]) -> str:
    """Return the score at each number of steps, per task and start, as text."""
    steps = list(next(iter(next(iter(found.values())).values())))
    titles = "".join(f"  {start:<{8 * len(steps)}}" for start in found)
    numbers = f"  {''.join(f'{step:8}' for step in steps)}" * len(found)
    lines = [f"{'':<47}{titles}".rstrip(), f"{'task':<26} {'metric':<20}{numbers}"]
    for data in held_out:
        rows = ([by_task[data.task.name][step] for step in steps] for by_task in found.values())
        cells = "".join(f"  {''.join(f'{score:8.3f}' for score in row)}" for row in rows)
        lines.append(f"{data.title:<26} {data.task.headline:<20}{cells}")
    lines.append("(after so many steps of Adam on the same songs)")
    return "\n".join(lines)


def draw(found: Curves, held_out: Sequence[HeldOut], path: Path) -> None:
    """Draw score against steps, one panel per task, into a PNG file."""
    from matplotlib.figure import Figure

    columns = min(len(held_out), PANELS_PER_ROW)
    rows = math.ceil(len(held_out) / columns)
    figure = Figure(figsize=(4 * columns, 3.2 * rows), layout="constrained")
    for index, data in enumerate(held_out, 1):
        axes = figure.add_subplot(rows, columns, index)
        for start, by_task in found.items():
            scores = by_task[data.task.name]
            axes.plot(list(scores), list(scores.values()), marker="o", label=start)
        axes.set(title=data.title.replace("_", " "), xlabel="steps", ylabel=data.task.headline)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xticks(list(scores), [str(step) for step in scores])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    axes.legend()
    with write_beside(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def write_report(found: Curves, held_out: Sequence[HeldOut], out: Path) -> str:
    """Write adaptation.json and adaptation.png into `out` and return the table."""
    write_json(out / "adaptation.json", found)
    draw(found, held_out, out / "adaptation.png")
    return table(found, held_out)


class TooFewSongs(ValueError):
    """A task has fewer songs than it takes to adapt to it and to see what that gives."""


def deal_songs(task: Task, examples: Sequence[Example], *, new: bool = False) -> HeldOut:
    """Deal groups in turn, in their order: of nine, four to adapt on, two to fit, three to score.

    A song that fits or scores does it with one of its examples: the first, which is the mixture,
    or, where each example is a clip of its own (a single part), any. Examples that say nothing the
    task knows, as clips of an instrument that it has no class for, are left out.

    Raises:
        TooFewSongs: fewer than three groups.
    """
    examples = [example for example in examples if task.can_use(example.annotation)]
    groups = list(dict.fromkeys(example.group for example in examples))
    if len(groups) < len(set(_DEAL)):
        raise TooFewSongs(f"{task.name}: {len(groups)} songs, three are needed to show adaptation")
    dealt: dict[str, list[Example]] = {name: [] for name in _DEAL}
    for index, group in enumerate(groups):
        own = [example for example in examples if example.group == group]
        side = _DEAL[index % len(_DEAL)]
        dealt[side] += own if side == "support" else [_scored(task, own, index)]
    return HeldOut(task, **dealt, new=new)


def _scored(task: Task, own: Sequence[Example], index: int) -> Example:
    if task.head.kind != "clip":
        return own[0]
    return own[int(np.random.default_rng(index).integers(len(own)))]


_DEAL = ("support", "query", "valid", "support", "query", "support", "valid", "support", "query")
