"""What the trials of separation came to: tables, and how far priors are ahead of none.

Runs are plain JSON, `[METHOD][PAIRS][SEED]`, as of `adversarial.separation_runs.measured`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from proof.statistics import difference
from recordings.tables import Bounded, bounded, half_width, over_seeds_and_groups, per_group

from adversarial.runs import Runs, table
from adversarial.separation_runs import STFT
from umir.separation.data import NONE

STEM_METRICS = ("SDR", "SDR_pooled", "SI-SDR", STFT)
Ahead = Mapping[int, Bounded]  # by pairs
FEW_GROUPS = 10  # of which a bootstrap is too narrow
ONE_SEED = "of one seed, which says nothing of others"


def per_song(seeds: Mapping[str, Any], metric: str, groups: Mapping[str, str]) -> dict[str, float]:
    """Return the mean over seeds of a metric for each group of songs where it is defined."""
    songs = per_group([run["songs"] for run in seeds.values()], metric)
    found: dict[str, list[float]] = {}
    for song, value in songs.items():
        found.setdefault(groups.get(song, song), []).append(value)
    return {group: float(np.mean(values)) for group, values in found.items()}


def gain(ours: Mapping[str, Any], others: Mapping[str, Any], metric: str) -> Bounded | None:
    """Return by how much trainings are ahead of others, with its 95% interval over songs.

    Only seeds that both have count, and songs that both have a value for.

    Args:
        ours: seed -> run.
        others: likewise.
        metric: of songs.

    Returns:
        Of the mean over seeds; None: nothing in common.
    """
    seeds = {*ours} & {*others}
    one, other = (
        per_song({seed: own[seed] for seed in seeds}, metric, {}) for own in (ours, others)
    )
    if not (shared := sorted({*one} & {*other})):
        return None
    return difference(*(np.array([own[song] for song in shared]) for own in (one, other)))


def expected_gain(
    ours: Mapping[str, Any],
    others: Mapping[str, Any],
    metric: str,
    groups: Mapping[str, str] | None = None,
) -> Bounded | None:
    """Return by how much a method is ahead of another with other seeds and songs, as `gain` does.

    The seed decides parameters, batches and which songs are the pairs: seeds are resampled as well
    as songs. A bootstrap of few groups is too narrow (of four it holds the mean in 81% of cases):
    of fewer than ten the interval is no narrower than that of Student's t over groups.

    Args:
        ours: seed -> run.
        others: likewise.
        metric: of songs.
        groups: song -> group that is resampled as a whole; None or empty: songs are.
    """
    seeds = sorted({*ours} & {*others})
    found = [
        [per_song({seed: runs[seed]}, metric, groups or {}) for runs in (ours, others)]
        for seed in seeds
    ]
    shared = sorted(set.intersection(*({*own} for both in found for own in both))) if found else []
    if not shared:
        return None
    values = np.array([[one[group] - other[group] for group in shared] for one, other in found])
    mean, low, high = over_seeds_and_groups([values])
    if 1 < len(shared) < FEW_GROUPS:
        half = half_width(values.mean(axis=0))
        low, high = min(low, mean - half), max(high, mean + half)
    return (mean, low, high) if len(shared) > 1 else (mean, mean, mean)


def where_it_ends(found: Ahead) -> str:
    """Return up to how many pairs the interval of an advantage lies above 0, in words.

    Args:
        found: pairs -> `expected_gain`; that of a single song or singer is not sure.
    """
    sure = [0 < low < high for _, low, high in found.values()]
    counts = list(found)
    if not any(sure):
        return f"no advantage that is sure, with {', '.join(map(str, counts))} pairs"
    last = max(n for n, above in enumerate(sure) if above)
    gaps = [str(counts[n]) for n in range(last) if not sure[n]]
    but = f" (but not at {', '.join(gaps)})" if gaps else ""
    if last + 1 == len(counts):
        return f"an advantage up to {counts[last]} pairs, the most that were tried{but}"
    return f"an advantage up to {counts[last]} pairs{but}; none that is sure with more"


def of_one_seed(ours: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Return whether two methods, seed -> run, have no more than one seed in common."""
    return len({*ours} & {*others}) < 2


def groups_in(runs: Mapping[str, Any]) -> dict[str, str]:
    """Return song -> who sings it, where singers have several songs, of all of these seeds' runs.

    Args:
        runs: seed -> run.
    """
    return {song: group for run in runs.values() for song, group in run["groups"].items()}


def report(counts: Sequence[int], stems: Sequence[str], runs: Mapping[str, Any]) -> None:
    """Print the tables, and what the priors gain.

    Args:
        counts: numbers of pairs.
        stems: names of the sources.
        runs: all trainings.
    """
    whole = {
        method: {
            pairs: {seed: run["set"] for seed, run in seeds.items()}
            for pairs, seeds in by_pairs.items()
        }
        for method, by_pairs in runs.items()
    }
    metrics = [f"{metric}/{stem}" for stem in stems for metric in STEM_METRICS]
    for metric in (*metrics, "silence_rms_db", "collapses"):
        if not np.isnan(_values(whole, metric)).all():  # of songs without silence there is no level
            print(table(whole, metric, counts, digits=2))
    for method in runs:
        if method != NONE and NONE in runs:
            for metric in ("SDR", "SDR/vocals", "SDR/accompaniment"):
                _gain(runs, method, metric)


def _values(runs: Runs, metric: str) -> list[float]:
    return [
        run[metric] for own in runs.values() for seeds in own.values() for run in seeds.values()
    ]


def _gain(runs: Mapping[str, Any], method: str, metric: str) -> None:
    """Print by how much a prior is ahead of none; clips of one singer count as one."""
    judged = {}
    for pairs in sorted(runs[method], key=int):
        both = [runs[name].get(pairs, {}) for name in (method, NONE)]
        if (found := gain(*both, metric)) is None:
            continue
        line = f"{method}, {pairs} pairs: {metric} {bounded(found)} dB ahead of none"
        singers = groups_in(both[0])
        if of_one_seed(*both):
            line += f"; {ONE_SEED}"
        elif (expected := expected_gain(*both, metric, singers)) is not None:
            judged[int(pairs)] = expected
            units = "singers" if singers else "songs"
            line += f"; over seeds and {units} {bounded(expected)}"
        print(line)
    if judged:
        print(f"{method}, {metric}: {where_it_ends(judged)}\n")
