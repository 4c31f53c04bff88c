"""The tables: which tasks count, steps to the score of scratch, recordings, and every defeat.

A probe takes no steps: it stands in a table of its own, beside the 100 steps of others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from recordings.tables import cell

from proof.found import SCRATCH, Found
from proof.pieces import MINUTES
from proof.starts import LONGEST, MULTITASK, NAMED, STARTS
from proof.statistics import NEVER, difference, steps_interval

MOST = 100  # steps to the score of scratch, to pass
LOOKED_AT = (10, 100)  # steps at which starts must be ahead on recordings
LOOP = ", inner loop"  # how starts are called that take one: they are compared with each other

Cases = Iterable[tuple[str, Found]]  # family that the starts have not seen, and material


def what_counts(cases: Cases) -> str:
    """Return the table of chance, scratch after its last step, and ceiling."""
    columns = [
        "task",
        "score",
        "groups",
        "chance",
        f"scratch, {LONGEST} steps",
        "ceiling",
        "counts",
    ]
    rows = []
    for found in {found.material.name: found for _, found in cases}.values():
        words = {True: "yes", False: "no: not learnable at this size", None: "not known yet"}
        scores = (_cell(values) for values in (found.chance, found.target, found.ceiling))
        name, number = found.material.name, str(len(found.groups))
        rows.append([name, found.metric, number, *scores, words[found.counts]])
    return _table(columns, rows)


def steps_needed(cases: Cases, starts: Sequence[str], *, to_its_best: bool = False) -> str:
    """Return the steps to a score of scratch, on studio tasks that count.

    Args:
        cases: what was found.
        starts: which starts.
        to_its_best: the score is that at its best look, not after its last step: scratch may have
            lost by then what it had.
    """
    cases = [
        (family, f) for family, f in cases if f.material.studio and f.material.family == family
    ]
    starts = [start for start in starts if STARTS[start].takes_steps]
    rows: list[list[str]] = []
    passed: dict[str, list[bool]] = {start: [] for start in starts}
    learnable = [(family, found) for family, found in cases if found.counts]
    for family, found in learnable:
        cells = []
        for start in starts:
            needed = _needed(found, start, family, to_its_best)
            if needed is not None:
                passed[start].append(needed[0] <= MOST)
            cells.append(_shown_steps(needed, found.steps(start, family)))
        rows.append([found.material.name, *cells])
    number = len(learnable)
    bars = [_shown_bar(passed[start], number) for start in starts]
    return _table(["task", *starts], [*rows, ["**together**", *bars]])


def _shown_bar(passed: Sequence[bool], number: int) -> str:
    """Return how often a start was quick, and on how many of the tasks that count it was run."""
    run = "" if len(passed) == number else f", run on {len(passed)}"
    return f"{sum(passed)} of {number} within {MOST}{run}"


def on_recordings(cases: Cases, starts: Sequence[str]) -> str:
    """Return scores and paired differences on folders, rendered piano apart."""
    columns = ["recordings", "groups", "without", "steps", "start", "score"]
    columns += ["to scratch", "to multi-task"]
    lines: list[list[str]] = []
    tallies: dict[str, list[tuple[bool, bool]]] = {}
    for family, found in cases:
        if found.material.studio:
            continue
        for start in starts:
            for step in _looked_at(found, start, family):
                scores = found.at(start, family, step)
                if scores is None:
                    continue
                beside = [_beside(found, start, other, family, step) for other in _others(start)]
                label = found.material.name + (" (rendered)" if found.material.rendered else "")
                cells = [_shown_difference(pair) for pair in beside]
                number = str(len(found.groups))
                lines.append([label, number, family, str(step), start, _cell(scores), *cells])
                once = found.material.recorded and found.material.family == family
                if once and None not in beside:
                    scratch, multitask = beside
                    beyond = multitask[1] > 0 and len(found.groups) > 1  # of one: no interval
                    tallies.setdefault(start, []).append((scratch[0] > 0, beyond))
    bars = [
        f"{start}: ahead of scratch {sum(a for a, _ in pairs)} times of {len(pairs)}, "
        f"of multi-task, beyond the interval, {sum(b for _, b in pairs)} times"
        for start, pairs in tallies.items()
    ]
    return _table(columns, lines) + "".join(f"\n{bar}\n" for bar in bars)


def without_a_step(cases: Cases) -> str:
    """Return how far heads that are fitted at once are ahead of others' 100 steps.

    These are the linear probes, and the heads in closed form before their first step. Runs are
    paired as everywhere.
    """
    columns = ["task", "groups", "without", "minutes", "start", "score"]
    columns += [f"to {other}, {MOST} steps" for other in (MULTITASK, NAMED)]
    rows = []
    for family, found in cases:
        for minutes in MINUTES:
            for start in found.starts(family, minutes):
                scores = found.at(start, family, 0, minutes)
                if scores is None or not STARTS[start].fits_a_head:
                    continue
                beside = [
                    _paired(*_both(found, start, other, family, (0, MOST), minutes))
                    for other in (MULTITASK, NAMED)
                ]
                names = [found.material.name, str(len(found.groups)), family, f"{minutes:g}"]
                rows.append([*names, start, _cell(scores), *map(_shown_difference, beside)])
    return _table(columns, rows)


def all_scores(cases: Cases, minutes: float = max(MINUTES)) -> str:
    """Return every start's mean score at every look."""
    return _of_steps(cases, minutes, lambda f, start, family: dict(zip(
        f.steps(start, family, minutes),
        np.nanmean(f.curve(start, family, minutes), axis=0),
        strict=True,
    )))  # fmt: skip


def all_losses(cases: Cases, kind: str, minutes: float = max(MINUTES)) -> str:
    """Return every start's loss at every look: `losses` of training, or `valid_losses`."""
    return _of_steps(cases, minutes, lambda f, start, fam: f.loss(kind, start, fam, minutes))


def all_validation(cases: Cases) -> str:
    """Return every start's validation score at each rate: what rates and defaults are chosen by."""
    rows = [
        ([found.material.name, family, start], found.validation(start, family))
        for family, found in cases
        for start in STARTS
    ]
    return _wide([row for row in rows if row[1]])


def defeats(cases: Cases) -> str:
    """Return every task, start and number of steps where scratch or multi-task is ahead.

    A probe is left out: it has learnt to the end where the others, at 0, have not begun.
    """
    columns = ["task", "without", "minutes", "start", "behind", "at steps"]
    rows = []
    for family, found in cases:
        for minutes in MINUTES:
            for start in found.starts(family, minutes):
                compared = STARTS[start].algorithm and STARTS[start].takes_steps
                for other in _others(start) if compared else ():
                    behind = _behind(found, start, other, family, minutes)
                    if behind and start != other:
                        name, amount = found.material.name, f"{minutes:g}"
                        rows.append([name, family, amount, start, other, ", ".join(behind)])
    return _table(columns, rows)


def diverged(cases: Cases) -> str:
    """Return every run that ended before its last step, which no mean has in it."""
    rows = [
        [found.material.name, family, f"{minutes:g}", start, seeds, why]
        for family, found in cases
        for minutes in MINUTES
        for start in STARTS
        for seeds, why in found.diverged(start, family, minutes).items()
    ]
    return _table(["task", "without", "minutes", "start", "seeds", "why"], rows)


def _others(start: str) -> tuple[str, str]:
    """Return what a start is compared with: with a loop against loops, with Adam against Adam."""
    own = LOOP if start.endswith(LOOP) else ""
    return SCRATCH + own, MULTITASK + own


def _looked_at(found: Found, start: str, family: str) -> Sequence[int]:
    """Return the steps of a start that the table of recordings shows."""
    return found.steps(start, family) if start.endswith(LOOP) else LOOKED_AT


def _behind(found: Found, start: str, other: str, family: str, minutes: float) -> list[str]:
    """Return the numbers of steps, with the differences, where a start is behind another."""
    lines = []
    for step in found.steps(start, family, minutes):
        own, theirs = _both(found, start, other, family, (step, step), minutes)
        if own is not None and theirs is not None and np.nanmean(own - theirs) < 0:
            lines.append(f"{step} ({np.nanmean(own - theirs):+.3f})")
    return lines


def _needed(
    found: Found, start: str, family: str, to_its_best: bool
) -> tuple[float, float, float] | None:
    """Return the steps that a start needs, and their interval; None if it was not run."""
    steps = found.steps(start, family, beside=SCRATCH)
    target = found.target_beside(start, family, best=to_its_best)
    if not steps or target is None:
        return None
    curve = found.curve(start, family, beside=SCRATCH)
    known = ~(np.isnan(curve).any(axis=1) | np.isnan(target))
    return steps_interval(steps, curve[known], target[known])


def _beside(
    found: Found, start: str, other: str, family: str, step: int
) -> tuple[float, float, float] | None:
    return _paired(*_both(found, start, other, family, (step, step)))


def _paired(own: np.ndarray | None, theirs: np.ndarray | None) -> tuple[float, float, float] | None:
    """Return the difference of two starts on the groups that both have a score of."""
    if own is None or theirs is None:
        return None
    known = ~(np.isnan(own) | np.isnan(theirs))
    return difference(own[known], theirs[known]) if known.any() else None


def _both(
    found: Found,
    start: str,
    other: str,
    family: str,
    steps: tuple[int, int],
    minutes: float = max(MINUTES),
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the scores of two starts, after so many steps each, in runs whose seeds both have."""
    own = found.at(start, family, steps[0], minutes, beside=other)
    return own, found.at(other, family, steps[1], minutes, beside=start)


def _shown_steps(needed: tuple[float, float, float] | None, steps: Sequence[int]) -> str:
    if needed is None:
        return "-"
    found, low, high = (f"> {max(steps)}" if n >= NEVER / 2 else f"{n:.0f}" for n in needed)
    return f"{found} [{low}, {high}]"


def _shown_difference(found: tuple[float, float, float] | None) -> str:
    if found is None:
        return "-"
    return "{:+.2f} [{:+.2f}, {:+.2f}]".format(*found)


def _cell(values: np.ndarray | None) -> str:
    known = [] if values is None else values[~np.isnan(values)].tolist()
    return cell(known) if known else "-"


def _of_steps(cases: Cases, minutes: float, read: Callable) -> str:
    """Return a table with a row per task and start, and a column per number of steps."""
    return _wide(
        [
            ([found.material.name, family, start], read(found, start, family))
            for family, found in cases
            for start in found.starts(family, minutes)
        ]
    )


def _wide(rows: Sequence[tuple[list[str], Mapping[float, float]]]) -> str:
    """Return a table of task, held-out family, start, and a column for each key of the values."""
    keys = sorted({key for _, values in rows for key in values})
    shown = [
        [*names, *(f"{values[key]:.3f}" if key in values else "" for key in keys)]
        for names, values in rows
    ]
    return _table(["task", "without", "start", *(f"{key:g}" for key in keys)], shown)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
