"""Named sources of data, drawn afresh for every step of the critics and of the generator.

What a step gets is a function of its number alone (as `umir.training.train` wants it), so that a
training that goes on sees what it would have seen.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

INPUTS = "inputs"  # the stream of what the generator is given, noise included

Batch = dict[str, np.ndarray]  # part -> (batch, *space, channel)
Batches = dict[str, Batch]  # stream -> batch


@runtime_checkable
class Source(Protocol):
    """Where batches of one kind come from."""

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return a batch of so many samples."""


@dataclass(frozen=True)
class Rows:
    """Samples that are in memory, drawn one by one with replacement.

    Attributes:
        parts: name -> `(sample, *space, channel)`; row n of all parts belongs together.
    """

    parts: Mapping[str, np.ndarray]

    def __post_init__(self):
        counts = {name: len(rows) for name, rows in self.parts.items()}
        if len({*counts.values()}) != 1 or not min(counts.values()):
            raise ValueError(f"rows {counts}: as many of each part, and at least one")

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return random rows."""
        rows = rng.integers(len(next(iter(self.parts.values()))), size=batch)
        return {name: values[rows] for name, values in self.parts.items()}


@dataclass(frozen=True)
class Noise:
    """Uniform noise in [-1, 1].

    Attributes:
        size: numbers per sample.
        name: of the part.
    """

    size: int = 50
    name: str = "noise"

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return noise, shape `(batch, size)`."""
        return {self.name: rng.uniform(-1, 1, (batch, self.size)).astype(np.float32)}


@dataclass(frozen=True)
class Both:
    """Parts of several sources side by side, drawn independently of each other.

    Attributes:
        sources: whose parts have different names.
    """

    sources: tuple[Source, ...]

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """Return the parts of all of them."""
        found: Batch = {}
        for source in self.sources:
            found |= source.draw(rng, batch)
        return found


@runtime_checkable
class Needs(Protocol):
    """What says which streams its networks learn from: an objective."""

    @property
    def critic_streams(self) -> tuple[str, ...]:
        """Names of the streams of a round of the critics."""

    @property
    def generator_streams(self) -> tuple[str, ...]:
        """Names of the streams of a step of the generator."""


@dataclass(frozen=True)
class Streams:
    """Step number -> the batches of several rounds of the critics, and of one of the generator.

    Attributes:
        objective: what says which streams it needs.
        sources: stream -> where its batches come from.
        batch: samples per batch.
        rounds: steps of the critics for one of the generator.
        seed: of what is drawn.

    Raises:
        ValueError: the objective needs a stream that there is no source for.
    """

    objective: Needs
    sources: Mapping[str, Source]
    batch: int = 25
    rounds: int = 2
    seed: int = 0

    def __post_init__(self):
        needed = {*self.objective.critic_streams, *self.objective.generator_streams}
        if missing := sorted(needed - {*self.sources}):
            raise ValueError(f"no source for {', '.join(missing)}; there are {[*self.sources]}")

    def __call__(self, step: int) -> dict[str, Any]:
        """Return what `Adversarial.step` takes."""
        rng = np.random.default_rng([self.seed, step])
        return {
            "rounds": [self._drawn(self.objective.critic_streams, rng) for _ in range(self.rounds)],
            "generator": self._drawn(self.objective.generator_streams, rng),
            # As bare numbers: making keys takes JAX longer than a step of a small critic.
            "keys": rng.integers(2**32, size=(self.rounds, 2), dtype=np.uint32),
        }

    def inputs(self, number: int) -> Iterator[Batch]:
        """Yield so many batches of what the generator is given, others than those of any step."""
        for n in range(number):
            rng = np.random.default_rng([self.seed, n, 1])
            yield self.sources[INPUTS].draw(rng, self.batch)

    def _drawn(self, names: Iterable[str], rng: np.random.Generator) -> Batches:
        return {name: self.sources[name].draw(rng, self.batch) for name in names}
