"""Segments: from labelled songs to a batch that a loss can be computed on.

One function, `segment_batch`, serves meta-training and the fine-tuning of users' folders. Labels
take turns, so that rare ones are seen as often as frequent ones; of frame and waveform tasks, every
second segment is cut anywhere, so that the network also hears what is not the label.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from umir.audio import normalise_level
from umir.audio_stream import with_length
from umir.data.example import Example
from umir.tasks.augmentation import varied
from umir.tasks.base import Batch, Target, Task
from umir.tasks.speed_change import change_speed, label_move, random_semitones, speed_ratio

SEGMENTS = 4  # of 6.4 s; tasks may choose other numbers (`Task.n_segments`)


@dataclass(frozen=True)
class PooledExample:
    """An example, and what is asked about it again and again.

    Attributes:
        example: the audio and its annotation.
        labels: every label that occurs in it.
        gain: what brings it to -20 dBFS.
    """

    example: Example = field(repr=False)
    labels: frozenset[str]
    gain: float


class Pool(Sequence[Example]):
    """Examples for one task, checked and measured once."""

    def __init__(self, task: Task, examples: Sequence[Example]):
        _check(task, examples)
        self.entries = [
            PooledExample(
                example, task.labels_in(example.annotation), normalise_level(example.waveform)[1]
            )
            for example in examples
        ]

    @classmethod
    def of(cls, task: Task, examples: Sequence[Example]) -> "Pool":
        """Return the examples as a pool; a pool is returned as it is."""
        return examples if isinstance(examples, cls) else cls(task, examples)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index):
        return self.entries[index].example

    def in_groups(self, groups: Collection[str]) -> "Pool":
        """Return the pool of the examples of some groups only."""
        part = object.__new__(Pool)
        part.entries = [entry for entry in self.entries if entry.example.group in groups]
        return part

    def labels(self, task: Task) -> frozenset[str]:
        """Return the labels that occur and that the task reads."""
        found = frozenset(label for entry in self.entries for label in entry.labels)
        return found & task.source_labels


def segment_batch(
    task: Task,
    examples: Sequence[Example],
    rng: np.random.Generator,
    *,
    rate: int,
    segments: int | None = None,
    seconds: float | None = None,
    labels: Collection[str] | None = None,
    augment: bool = True,
    remix: bool = False,
    speed: float = 0.0,
) -> Batch:
    """Draw segments of random songs at random places, with their targets.

    Files are brought to -20 dBFS. What is shorter than a segment is followed by silence, which the
    mask leaves out of the targets.

    Args:
        task: encodes the targets.
        examples: where to draw from; a `Pool` saves measuring them again in every call.
        rng: source of randomness; all of it.
        rate: sampling rate in Hz that all examples must have.
        segments: how many; default the task's own number.
        seconds: how long; default the task's own length.
        labels: draw segments for these labels, from examples that have one of them (every second
            segment from any example, if absence counts); default all that the task reads, and every
            second segment from any example.
        augment: vary gain, polarity and bandwidth.
        remix: put stems of different segments together to new mixtures (separation only).
        speed: how often a segment is played faster and higher or slower and lower, by up to two
            semitones; never, where the task's labels cannot follow (`umir.tasks.speed_change`).

    Returns:
        Waveforms `(batch, time, channel)` and targets with a leading batch axis, float32.

    Raises:
        ValueError: no example has any of `labels`, or rates or channels differ.
    """
    pool = Pool.of(task, examples)
    wrong = {entry.example.rate for entry in pool.entries} - {rate}
    if wrong:
        raise ValueError(f"examples at {wrong.pop()} Hz for a network at {rate} Hz: resample them")
    n_samples = round((seconds or task.segment_seconds) * rate)
    drawn = [
        _segment(task, entry, start, n_samples, rng if augment else None, semitones)
        for entry, start, semitones in _places(
            task, pool, rng, segments, n_samples / rate, labels, speed
        )
    ]
    values = np.stack([target.values for _, target in drawn])
    mask = np.stack([target.mask for _, target in drawn])
    batch = Batch(np.stack([waveform for waveform, _ in drawn]), Target(values, mask))
    return _remixed(batch, rng) if remix and task.head.gives_waveforms else batch


def _places(
    task: Task,
    pool: Pool,
    rng: np.random.Generator,
    segments: int | None,
    seconds: float,
    labels: Collection[str] | None,
    speed: float,
) -> Iterator[tuple[PooledExample, float, int]]:
    """Yield examples, starts in seconds and changes of speed in semitones.

    Labels take turns, in a new random order each round.
    """
    chosen = sorted(pool.labels(task) if labels is None else labels)
    if not chosen and (labels is not None or task.always_labelled):
        raise ValueError(
            f"task {task.name!r}: none of the {len(pool)} examples has any of "
            + ", ".join(sorted(task.source_labels))
        )
    every = labels is None or task.absence_counts
    anywhere = pool.entries if every else _having(pool, set(chosen))
    order: list[str] = []
    for index in range(segments or task.n_segments(SEGMENTS)):
        semitones = random_semitones(rng, task, speed)
        label = None
        # Clips of a single-label task all have one; elsewhere every second segment may have none.
        if chosen and (task.always_labelled or index % 2 == 0):
            order = order or [chosen[i] for i in rng.permutation(len(chosen))]
            label, semitones = _label_before(task, pool, order.pop(), semitones)
        entry = _any_of(rng, anywhere if label is None else _having(pool, {label}))
        length = seconds * speed_ratio(semitones)
        last = max(0.0, entry.example.duration - length)
        if label is None:
            start = rng.uniform(0, last)
        else:
            start = task.moment(rng, entry.example, label) - rng.uniform(0, length)
        yield entry, float(np.clip(start, 0.0, last)), semitones


def _label_before(task: Task, pool: Pool, label: str, semitones: int) -> tuple[str, int]:
    """Return the label that a change of speed makes `label`; no change, if no example has it.

    Where every segment is drawn for a label, that would keep all others from coming up: there it is
    the label of the song that takes its turn, and the change makes another of it.
    """
    if task.always_labelled:
        return label, semitones
    move = label_move(task)
    before = label if move is None else move(label, -semitones)
    return (before, semitones) if _having(pool, {before}) else (label, 0)


def _having(pool: Pool, labels: set[str]) -> list[PooledExample]:
    return [entry for entry in pool.entries if entry.labels & labels]


def _any_of(rng: np.random.Generator, entries: list[PooledExample]) -> PooledExample:
    return entries[rng.integers(len(entries))]


def _segment(
    task: Task,
    entry: PooledExample,
    start: float,
    n_samples: int,
    rng: np.random.Generator | None,
    semitones: int,
) -> tuple[np.ndarray, Target]:
    """Cut, encode, scale and, with a generator, vary one segment."""
    rate = entry.example.rate
    length = math.ceil(n_samples * speed_ratio(semitones))
    cut = entry.example.crop(start, start + length / rate)
    if semitones:
        cut = change_speed(cut, semitones, label_move(task))
    target = segment_target(task, cut, n_samples)
    waveform = with_length(cut.waveform, n_samples)
    change = varied(len(cut.waveform), entry.gain, rate, rng)
    if task.head.gives_waveforms:
        target = Target(change(target.values), target.mask)
    return change(waveform), target


def segment_target(task: Task, cut: Example, n_samples: int) -> Target:
    """Return the target of a segment cut from a song, unknown past the end of the audio."""
    target = task.encode(cut.annotation, n_samples, cut.rate)
    return _without_padding(task, target, cut, n_samples)


def _without_padding(task: Task, target: Target, cut: Example, n_samples: int) -> Target:
    """Mask what lies past the end of the audio; a clip's label holds all the same."""
    if task.head.kind == "clip" or len(cut.waveform) >= n_samples:
        return target
    n_known = -(-len(target.mask) * len(cut.waveform) // n_samples)
    mask = target.mask.copy()
    mask[n_known:] = 0
    return Target(target.values, mask)


def _remixed(batch: Batch, rng: np.random.Generator) -> Batch:
    """Deal each stem anew to the segments; the waveform is the sum of what each one gets."""
    values, mask = batch.target.values.copy(), np.ones_like(batch.target.mask)
    for stem in range(values.shape[2]):
        order = rng.permutation(len(values))
        values[:, :, stem] = batch.target.values[order, :, stem]
        mask *= batch.target.mask[order]
    return Batch(values.sum(axis=2), Target(values, mask))


def _check(task: Task, examples: Sequence[Example]) -> None:
    if not examples:
        raise ValueError(f"task {task.name!r}: there are no examples to draw segments from")
    first = examples[0]
    for example in examples:
        channels = example.waveform.shape[1]
        if example.rate != first.rate or channels != first.waveform.shape[1]:
            raise ValueError(
                f"{example.name}: {example.rate} Hz with {channels} channels, but {first.name} has "
                f"{first.rate} Hz with {first.waveform.shape[1]}: bring them to one form first"
            )
