"""Episodes: a task, a few segments to learn it from, and others to see whether it was learnt.

Support and query never share a group (song, artist, singer): a network that recognises the song
has not learnt the task. Sampling has no state: an episode follows from the seed and the step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from umir.tasks.base import Batch, Task
from umir.tasks.segments import SEGMENTS, Pool, segment_batch
from umir.tasks.sources import Source

__all__ = ["Episode", "EpisodeSampler", "segment_batch", "split_groups"]


@dataclass(frozen=True)
class Episode:
    """A task with segments to learn from and to be judged by.

    Attributes:
        task: what is to be learnt, often a variant of a named task.
        support: what to learn from.
        query: what to be judged by.
        support_groups: the groups that support segments may come from, sorted.
        query_groups: the same for query segments; none of them is in `support_groups`.
    """

    task: Task
    support: Batch = field(repr=False)
    query: Batch = field(repr=False)
    support_groups: tuple[str, ...]
    query_groups: tuple[str, ...]

    def __post_init__(self):
        shared = set(self.support_groups) & set(self.query_groups)
        if shared:
            raise ValueError(f"groups on both sides of an episode: {', '.join(sorted(shared))}")


class EpisodeSampler:
    """Draws episodes of several tasks, which take turns.

    Args:
        tasks: the tasks; step n draws one of the family `tasks[n % len(tasks)]`.
        source: where examples come from.
        rate: the network's sampling rate in Hz.
        seed: of everything random.
        segments: segments of 6.4 s in support and in query; tasks may choose other numbers.
        variant_probability: how often a variant is drawn rather than the task itself.
        augment: vary gain, polarity and bandwidth.
        remix: how often stems of different songs are mixed anew, for separation.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        source: Source,
        *,
        rate: int,
        seed: int = 0,
        segments: int = SEGMENTS,
        variant_probability: float = 0.75,
        augment: bool = True,
        remix: float = 0.5,
    ):
        if not tasks:
            raise ValueError("an episode sampler needs at least one task")
        self.tasks = tuple(tasks)
        self._source = source
        self._rate = rate
        self._seed = seed
        self._segments = segments
        self._variant_probability = variant_probability
        self._augment = augment
        self._remix = remix
        self._pools: dict[str, Pool] = {}

    def family(self, step: int) -> str:
        """Return the name of the task that step's episode is of, or a variant of."""
        return self.tasks[step % len(self.tasks)].name

    def check(self) -> None:
        """Raise unless there is an episode of every task.

        Raises:
            ValueError: fewer than two groups have anything that a task reads; names it.
        """
        for task in self.tasks:
            self._groups(task, self._pool(task))

    def episode(self, step: int, task: Task | None = None, *, variants: bool = True) -> Episode:
        """Return the episode of a step: the same for the same seed, step and task.

        Args:
            step: which episode.
            task: the task to draw from; default the one whose turn it is.
            variants: draw variants with the sampler's probability; else the task as it is.

        Raises:
            ValueError: fewer than two groups have anything that the task reads.
        """
        rng = np.random.default_rng([self._seed, step])
        task = task or self.tasks[step % len(self.tasks)]
        pool = self._pool(task)
        if variants and rng.uniform() < self._variant_probability:
            task = task.variant(rng, _learnable(_labels_by_group(pool)))
        sides = split_groups(rng, self._groups(task, pool))
        shared = pool.in_groups(sides[0]).labels(task) & pool.in_groups(sides[1]).labels(task)
        remix = rng.uniform() < self._remix
        support, query = (
            segment_batch(
                task,
                pool.in_groups(side),
                rng,
                rate=self._rate,
                segments=task.n_segments(self._segments),
                labels=shared,
                augment=self._augment,
                remix=remix and self._augment,
            )
            for side in sides
        )
        return Episode(task, support, query, *sides)

    def _pool(self, task: Task) -> Pool:
        if task.name not in self._pools:
            self._pools[task.name] = Pool(task, self._source.examples(task))
        return self._pools[task.name]

    def _groups(self, task: Task, pool: Pool) -> dict[str, frozenset[str]]:
        """Return what each group has of what the task reads and at least two groups have.

        Groups that have nothing of it are left out, unless absence counts.
        """
        by_group = _labels_by_group(pool)
        wanted = _learnable(by_group) & task.source_labels
        groups = {group: labels & wanted for group, labels in by_group.items() if labels & wanted}
        if len(groups) < 2:
            raise ValueError(
                f"task {task.name!r}: episodes need two groups (songs) that share one of "
                f"{', '.join(sorted(task.source_labels))}, but of {len(by_group)} groups there are "
                f"{len(groups)}; add songs, or give the examples different groups"
            )
        if task.absence_counts:
            groups |= {group: frozenset() for group in by_group if group not in groups}
        return groups


def split_groups(
    rng: np.random.Generator, groups: Mapping[str, frozenset[str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split groups at random into two sides of about one size that share as much as they can.

    The rarest label is dealt first, one group to each side that lacks it, then the next rarest;
    what is left goes to the smaller side.

    Args:
        rng: source of randomness.
        groups: the labels of each group; every label is in two groups at least.

    Returns:
        The names on each side, sorted.
    """
    names = sorted(groups)
    shuffled = [names[index] for index in rng.permutation(len(names))]
    count = {label: 0 for labels in groups.values() for label in labels}
    for labels in groups.values():
        for label in labels:
            count[label] += 1
    sides: tuple[list[str], list[str]] = ([], [])
    for label in sorted(count, key=lambda label: (count[label], label)):
        for side in sides:
            free = [g for g in shuffled if label in groups[g] and g not in sides[0] + sides[1]]
            if free and not any(label in groups[group] for group in side):
                side.append(free[0])
    for group in shuffled:
        if group not in sides[0] + sides[1]:
            min(sides, key=len).append(group)
    first, second = sides if rng.uniform() < 0.5 else sides[::-1]
    return tuple(sorted(first)), tuple(sorted(second))


def _labels_by_group(pool: Pool) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for entry in pool.entries:
        group = entry.example.group
        found[group] = found.get(group, frozenset()) | entry.labels
    return found


def _learnable(by_group: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the labels that two groups have, one to learn from and one to be judged by."""
    seen = [label for labels in by_group.values() for label in labels]
    return frozenset(label for label in seen if seen.count(label) > 1)
