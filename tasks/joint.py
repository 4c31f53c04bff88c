"""Joint learning: one waveform, the labels of many tasks, one pass of the body for all of them.

A song of the studio knows its beats, chords, notes and voices at once. Taken one task at a time,
the body has to hear it anew for each; taken together, the pass through the body is shared and only
the heads, which are small, are computed once per task. What a view of a song has no labels for (a
drum track and its chords) is masked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray, Scalar

from umir.annotations import Annotation
from umir.audio import normalise_level
from umir.audio_stream import with_length
from umir.data.example import Example
from umir.tasks.augmentation import varied
from umir.tasks.base import Target, Task
from umir.tasks.segments import segment_target
from umir.tasks.sources import Source
from umir.wave_unet import HeadSpec, WaveUNetConfig, joint_outputs

# Many small steps. In the same 95 s of one core, `nano` gets to a mean loss of 0.585 on held-out
# studio songs with two segments a batch and of 0.598 with four (chords 0.48 and 0.59, the rest
# alike); eights, or segments of 12.8 s, as beats would like it, teach less.
SECONDS, SEGMENTS = 6.4, 2


class JointBatch(NamedTuple):
    """Segments of audio with the targets of several tasks.

    Attributes:
        waveform: shape `(batch, time, channel)`.
        targets: task name -> values and mask with a leading batch axis.
    """

    waveform: Any
    targets: Mapping[str, Target]


@dataclass(frozen=True)
class JointExample:
    """A waveform with the annotations that several tasks have for it.

    Attributes:
        waveform: samples in [-1, 1], shape `(time, channel)`, float32.
        rate: sampling rate in Hz.
        annotations: task name -> annotation; tasks without a label for it are not in it.
        group: the song that it comes from.
        gain: what brings it to -20 dBFS.
    """

    waveform: Float[np.ndarray, "time channel"] = field(repr=False)
    rate: int
    annotations: Mapping[str, Annotation] = field(repr=False)
    group: str
    gain: float


def joint_examples(source: Source, tasks: Sequence[Task]) -> list[JointExample]:
    """Return every waveform of a source that serves some of the tasks, with all its labels.

    Two examples are of one waveform if they share the array itself.
    """
    return [_joined(examples) for examples in _by_waveform(source, tasks)]


def _by_waveform(source: Source, tasks: Sequence[Task]) -> list[dict[str, Example]]:
    """Return, for every waveform, task name -> example."""
    found: dict[int, dict[str, Example]] = {}
    for task in tasks:
        for example in source.examples(task):
            found.setdefault(id(example.waveform), {})[task.name] = example
    return list(found.values())


def _joined(examples: Mapping[str, Example]) -> JointExample:
    first = next(iter(examples.values()))
    annotations = {name: example.annotation for name, example in examples.items()}
    gain = normalise_level(first.waveform)[1]
    return JointExample(first.waveform, first.rate, annotations, first.group, gain)


def shared_tasks(source: Source, tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Return the tasks that can be learnt jointly: those that share a waveform with another one.

    Separation cannot: it learns most from stems of several songs mixed anew, which have no other
    labels; and where it gives samples, it needs the body decoded up to the waveform.
    """
    candidates = [task for task in tasks if not task.head.gives_waveforms]
    views = _by_waveform(source, candidates)
    shared = {name for view in views if len(view) > 1 for name in view}
    return tuple(task for task in candidates if task.name in shared)


class JointPool:
    """Joint examples to draw batches from.

    Args:
        tasks: what is learnt jointly.
        examples: what to draw from.

    Raises:
        ValueError: there is no example for one of the tasks.
    """

    def __init__(self, tasks: Sequence[Task], examples: Sequence[JointExample]):
        self.tasks, self.examples = tuple(tasks), list(examples)
        for task in tasks:
            if not any(task.name in example.annotations for example in self.examples):
                raise ValueError(f"task {task.name!r}: there are no examples to draw segments from")
        # A view that teaches twice as many tasks is heard four times as often.
        weights = np.array([len(example.annotations) ** 2 for example in self.examples], float)
        self._shares = weights / weights.sum()

    def batch(
        self,
        rng: np.random.Generator,
        *,
        segments: int = SEGMENTS,
        seconds: float = SECONDS,
        augment: bool = True,
    ) -> JointBatch:
        """Draw segments at random places, with the targets of all tasks.

        Args:
            rng: source of randomness; all of it.
            segments: how many.
            seconds: how long.
            augment: vary gain, polarity and bandwidth.

        Returns:
            Waveforms, and what is known about them.
        """
        chosen = rng.choice(len(self.examples), segments, p=self._shares)
        drawn = [
            self._segment(self.examples[index], seconds, rng, augment=augment) for index in chosen
        ]
        targets = {
            task.name: self._stacked(
                task, [targets.get(task.name) for _, targets in drawn], seconds
            )
            for task in self.tasks
        }
        return JointBatch(np.stack([waveform for waveform, _ in drawn]), targets)

    def _segment(
        self, example: JointExample, seconds: float, rng: np.random.Generator, *, augment: bool
    ) -> tuple[np.ndarray, dict[str, Target]]:
        n_samples = round(seconds * example.rate)
        last = max(0.0, len(example.waveform) / example.rate - seconds)
        start = float(rng.uniform(0.0, last)) if last else 0.0
        targets, cut = {}, example.waveform[:0]
        for task in self.tasks:
            if task.name in example.annotations:
                labelled = Example(
                    example.waveform,
                    example.rate,
                    example.annotations[task.name],
                    example.group,
                    example.group,
                ).crop(start, start + n_samples / example.rate)
                cut = labelled.waveform
                targets[task.name] = segment_target(task, labelled, n_samples)
        change = varied(len(cut), example.gain, example.rate, rng if augment else None)
        return change(with_length(cut, n_samples)), targets

    def _stacked(self, task: Task, targets: Sequence[Target | None], seconds: float) -> Target:
        """Stack the targets of one task; where there is none, nothing is known."""
        known = next((target for target in targets if target is not None), None)
        # Only the shape of it counts: targets that are there need not be encoded for it once more.
        like = known or self._any_target(task, seconds)
        filled = [unknown(like) if target is None else target for target in targets]
        values, masks = zip(*filled, strict=True)
        return Target(np.stack(values), np.stack(masks))

    def _any_target(self, task: Task, seconds: float) -> Target:
        example = next(e for e in self.examples if task.name in e.annotations)
        n_samples = round(seconds * example.rate)
        annotation = example.annotations[task.name].crop(0.0, seconds)
        return task.encode(annotation, n_samples, example.rate)


def unknown(target: Target) -> Target:
    """Return a target of the same shapes of which nothing is known."""
    return Target(np.zeros_like(target.values), np.zeros_like(target.mask))


@dataclass(frozen=True)
class JointObjective:
    """`loss(params, batch, key) -> scalar`: the mean of the losses of several tasks on one body.

    `params["head"]` holds one head per task name.

    Attributes:
        config: sizes of the body.
        parts: name, head and `loss(output, target) -> (batch,)` of each task.
    """

    config: WaveUNetConfig
    parts: tuple[tuple[str, HeadSpec, Callable[[Any, Target], Any]], ...]

    @classmethod
    def of(cls, config: WaveUNetConfig, tasks: Sequence[Task]) -> "JointObjective":
        """Return the joint objective of tasks with different names."""
        return cls(config, tuple((task.name, task.head, type(task).loss) for task in tasks))

    def losses(self, params: Any, batch: JointBatch) -> dict[str, Scalar]:
        """Return the mean loss of each task over a batch; a segment without labels counts 0."""
        heads = {name: head for name, head, _ in self.parts}
        outputs = joint_outputs(self.config, heads, params, batch.waveform)
        return {
            name: jnp.mean(loss(outputs[name], batch.targets[name])) for name, _, loss in self.parts
        }

    def __call__(self, params: Any, batch: JointBatch, key: PRNGKeyArray) -> Scalar:
        """Return the mean loss over the tasks."""
        del key  # The networks so far draw nothing.
        losses = self.losses(params, batch)
        return jnp.mean(jnp.stack(list(losses.values())))
