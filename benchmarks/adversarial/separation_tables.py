"""What the trials of separation came to: tables, and how far priors are ahead of none.

Runs are plain JSON, `[METHOD][PAIRS][SEED]`, as of `adversarial.separation_runs.measured`.

Tables are of all songs. Differences in SDR are of those in which all sources are heard: where the
voice sings alone the mixture is the answer, whose SDR has no bound, and nothing is separated.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from proof.statistics import difference
from recordings.tables import (
    Bounded,
    Scores,
    bounded,
    half_width,
    over_seeds_and_groups,
    per_group,
)

from adversarial.runs import Runs, table
from adversarial.separation_runs import STFT
from umir.separation.data import NONE

STEM_METRICS = ("SDR", "SDR_pooled", "SI-SDR", STFT)
Ahead = Mapping[int, Bounded]  # by pairs
FEW = 10  # groups, or seeds, of which a bootstrap is too narrow
ONE_SEED = "of one seed, which says nothing of others"


def per_song(seeds: Mapping[str, Any], metric: str, groups: Mapping[str, str]) -> dict[str, float]:
    """Return the mean over seeds of a metric for each group of songs where it is defined."""
    judged = [_judged(run["songs"], metric) for run in seeds.values()]
    found: dict[str, list[float]] = {}
    for song, value in per_group(judged, metric).items():
        found.setdefault(groups.get(song, song), []).append(value)
    return {group: float(np.mean(values)) for group, values in found.items()}


def _judged(songs: Scores, metric: str) -> Scores:
    """Return the songs by which a metric is compared: for SDR those in which all is heard."""
    if metric.split("/")[0] != "SDR":
        return songs
    return {
        name: found
        for name, found in songs.items()
        if not any(np.isnan(value) for key, value in found.items() if key.startswith("SDR/"))
    }


def gain(
    ours: Mapping[str, Any],
    others: Mapping[str, Any],
    metric: str,
    groups: Mapping[str, str] | None = None,
) -> Bounded | None:
    """Return by how much trainings are ahead of others, with its 95% interval over songs.

    Only seeds that both have count, and songs that both have a value for.

    Args:
        ours: seed -> run.
        others: likewise.
        metric: of songs.
        groups: song -> group that is resampled as a whole; None or empty: songs are.

    Returns:
        Of the mean over seeds; None: nothing in common.
    """
    seeds = {*ours} & {*others}
    one, other = (
        per_song({seed: own[seed] for seed in seeds}, metric, groups or {})
        for own in (ours, others)
    )
    if not (shared := sorted({*one} & {*other})):
        return None
    pair = [np.array([own[song] for song in shared]) for own in (one, other)]
    return _no_narrower(difference(*pair), pair[0] - pair[1])


def expected_gain(
    ours: Mapping[str, Any],
    others: Mapping[str, Any],
    metric: str,
    groups: Mapping[str, str] | None = None,
) -> Bounded | None:
    """Return by how much a method is ahead of another with other seeds and songs, as `gain` does.

    The seed decides parameters, batches and which songs are the pairs: seeds are resampled as well
    as songs.

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
    if len(shared) == 1:
        return (float(values.mean()),) * 3
    bounds = over_seeds_and_groups([values])
    return _no_narrower(_no_narrower(bounds, values.mean(axis=0)), values.mean(axis=1))


def _no_narrower(found: Bounded, values: Float[np.ndarray, " unit"]) -> Bounded:
    """Return an interval that is no narrower than Student's of what was resampled.

    A bootstrap of few is: of four groups it holds the mean in 81% of cases, and with three seeds,
    which differ more than songs do, in 77%.
    """
    if not 1 < len(values) < FEW:
        return found
    mean, low, high = found
    half = half_width(values)
    return mean, min(low, mean - half), max(high, mean + half)


def where_it_ends(found: Ahead) -> str:
    """Return up to how many pairs the interval of an advantage lies above 0, in words.

    Args:
        found: pairs -> `gain` or `expected_gain`; that of a single song or singer is not sure.
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
    of_these: dict[int, Bounded] = {}
    of_others: dict[int, Bounded] = {}
    for pairs in sorted(runs[method], key=int):
        both = [runs[name].get(pairs, {}) for name in (method, NONE)]
        singers = groups_in(both[0])
        if (found := gain(*both, metric, singers)) is None:
            continue
        units = "singers" if singers else "songs"
        line = f"{method}, {pairs} pairs: {metric} {bounded(found)} dB ahead of none, over {units}"
        if of_one_seed(*both):
            line += f"; {ONE_SEED}"
        elif (expected := expected_gain(*both, metric, singers)) is not None:
            of_these[int(pairs)], of_others[int(pairs)] = found, expected
            line += f"; over seeds and {units} {bounded(expected)}"
        print(line)
    if of_others:
        print(f"{method}, {metric}, of these trainings: {where_it_ends(of_these)}")
        print(f"{method}, {metric}, of any: {where_it_ends(of_others)}\n")
