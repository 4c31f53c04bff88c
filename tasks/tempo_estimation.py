"""Tempo estimation: how many beats per minute does a clip have?

Conventions
-----------
As `umir.tasks.classification`: one label per clip, which is the tempo in beats per minute, written
as a number (`120` or `120.5`). The classes are bins of the tempo's logarithm, named by their
centres, 40 to 240 BPM and 3% apart; the target falls off around the tempo as a bell curve, so that
the next bin is not as bad as the octave. An estimate is the centre of mass of the probabilities
around the best bin, finer than the bins. Tempi that lie outside the bins are not learnt from.
Variants count another metrical level: half, two thirds, ... of the tempo.

Metrics
-------
Means over clips.

* `Accuracy1`: within 4% of the reference.
* `Accuracy2`: within 4% of the reference, its double, triple, half or third.
* `relative_error`: |estimate - reference| / reference.

References may name two tempi that people tap to, the one that counts for the three metrics first,
with `scores` that say how many tap to each (alike, without). By `mir_eval.tempo`, as in MIREX:

* `P-score`: the part of the people whose tempo is within 8% of an estimated one; `One-correct`,
  `Both-correct`: whether one of the two tempi is, and whether both are. Of one reference, all three
  are whether it is.

Reference: F. Gouyon et al., "An Experimental Comparison of Audio Tempo Induction Algorithms", IEEE
TASLP 14(5), 2006, section IV. Tempo as classes: H. Schreiber and M. Müller, "A Single-Step Approach
to Musical Tempo Estimation Using a Convolutional Neural Network", ISMIR 2018.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import mir_eval
import numpy as np
from jaxtyping import Float

from umir.annotations import Labels
from umir.tasks.base import Settings, Target, Task
from umir.tasks.classification import Classification

SLOWEST, FASTEST, BINS = 40.0, 240.0, 60  # beats per minute
WIDTH = 0.7  # standard deviation of a target, in bins
AROUND = 2  # bins on either side of the best one that are averaged
TOLERANCE = 0.04
OCTAVES = (1.0, 2.0, 3.0, 1 / 2, 1 / 3)
FACTORS = (1 / 2, 2 / 3, 3 / 4, 4 / 3, 3 / 2, 2.0)  # of variants
TEMPO = "tempo"  # the label of all clips, for drawing segments
MOST_CLIPS = 4  # of a support or query set: 51 s
NAMES = tuple(f"{tempo:.1f}" for tempo in np.geomspace(SLOWEST, FASTEST, BINS))


@dataclass(frozen=True)
class TempoEstimation(Classification):
    """Estimate the tempo; `vocabulary` names the bins by their tempi, in even steps of ratio.

    Attributes:
        factor: for variants: what is counted per beat; octaves bring the result into the bins.
    """

    name: str = "tempo_estimation"
    vocabulary: tuple[str, ...] = NAMES
    factor: float = 1.0

    headline: ClassVar[str] = "Accuracy1"
    segment_seconds: ClassVar[float] = 12.8

    def __post_init__(self):
        super().__post_init__()
        if len(self.vocabulary) < 2 or not all(map(tempo_of, self.vocabulary)):
            raise ValueError(f"task {self.name!r}: its classes must be tempi, two at least")

    @property
    def wanted(self) -> str:
        """The range of tempi."""
        return f"tempi from {self.vocabulary[0]} to {self.vocabulary[-1]} beats per minute"

    @property
    def source_labels(self) -> frozenset[str]:
        """`tempo`: all tempi are one label, so that any two songs make an episode."""
        return frozenset({TEMPO})

    def labels_in(self, annotation: Labels) -> frozenset[str]:
        """Return `tempo` if the clip has one that the bins reach."""
        return frozenset({TEMPO} if any(map(self.read, annotation.names)) else ())

    def unknown_labels(self, annotation: Labels) -> frozenset[str]:
        """Return the labels that are no number, or a tempo outside the bins."""
        return frozenset(label for label in annotation.names if self.read(label) is None)

    def can_use(self, annotation: Labels) -> bool:
        """Return whether one of the tempi is in the bins."""
        return bool(self.labels_in(annotation))

    def read(self, label: str) -> float | None:
        """Return the tempo that a label means to the task, None if there is none.

        It lies in the bins: variants move it there by octaves.
        """
        tempo = tempo_of(label)
        if tempo is None:
            return None
        if self.factor != 1:
            tempo = _folded(self.factor * tempo, *np.exp(self._centres[[0, -1]]).tolist())
        places = self._places(tempo)
        return tempo if places[0] <= 0.5 and places[-1] >= -0.5 else None

    @property
    def _centres(self) -> Float[np.ndarray, " class"]:
        """The logarithms of the bins' tempi."""
        return np.log(np.array([float(name) for name in self.vocabulary]))

    def _places(self, tempo: float) -> Float[np.ndarray, " class"]:
        """Return how many bins each bin is above a tempo."""
        centres = self._centres
        return (centres - np.log(tempo)) * (len(centres) - 1) / (centres[-1] - centres[0])

    def n_segments(self, wanted: int) -> int:
        """Return what is wanted, four at most: clips are twice as long as segments elsewhere."""
        return min(wanted, MOST_CLIPS)

    def encode(self, annotation: Labels, n_samples: int, rate: int) -> Target:
        """Return a distribution `(class,)` around the tempo, and a mask `(1,)`: 0 if unknown."""
        del n_samples, rate
        read = map(self.read, annotation.names)
        tempo = next((tempo for tempo in read if tempo is not None), None)
        if tempo is None:
            return Target(np.zeros(len(self.vocabulary), np.float32), np.zeros(1, np.float32))
        heights = np.exp(-0.5 * (self._places(tempo) / WIDTH) ** 2)
        return Target((heights / heights.sum()).astype(np.float32), np.ones(1, np.float32))

    def decode(self, output: np.ndarray, settings: Settings) -> Labels:
        """Return the tempo in beats per minute, with two decimals, and the bins' probabilities.

        Args:
            output: logits of shape `(class,)`.
            settings: none.
        """
        scores = super().decode(output, settings).scores
        assert scores is not None
        weights = np.array(list(scores.values()))
        best = int(np.convolve(weights, np.ones(3), mode="same").argmax())
        near = slice(max(0, best - AROUND), best + AROUND + 1)
        tempo = np.exp(np.average(self._centres[near], weights=weights[near]))
        return Labels((f"{tempo:.2f}",), scores)

    def evaluate(self, reference: Labels, estimate: Labels) -> dict[str, float]:
        """Return the metrics of one clip.

        Args:
            reference: the tempo, as annotated (outside the bins it is judged as it is).
            estimate: what `decode` returns, or several tempi.

        Raises:
            ValueError: a label that is no tempo.
        """
        true, found = clip_tempo(reference), clip_tempo(estimate)
        tempi = [self.read(name) or tempo_of(name) for name in reference.names[:2]]
        true = tempi[0] or true
        right = [abs(found - octave * true) <= TOLERANCE * octave * true for octave in OCTAVES]
        return {
            "Accuracy1": float(right[0]),
            "Accuracy2": float(any(right)),
            "relative_error": abs(found - true) / true,
            **_two_tempi(tempi, reference, estimate),
        }

    def evaluate_all(
        self, references: Sequence[Labels], estimates: Sequence[Labels]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Return the metrics' means over clips, and the metrics of each clip."""
        return Task.evaluate_all(self, references, estimates)

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "TempoEstimation":
        """Draw a metrical level to count, for example two thirds of the tempo."""
        del labels
        return replace(self, factor=float(rng.choice(FACTORS)))


def tempo_of(label: str) -> float | None:
    """Return a label as a tempo in beats per minute; None if it is no number above 0."""
    try:
        tempo = float(label)
    except ValueError:
        return None
    return tempo if 0 < tempo < math.inf else None


def clip_tempo(annotation: Labels) -> float:
    """Return the tempo of a clip in beats per minute.

    Raises:
        ValueError: its label is no tempo.
    """
    tempo = tempo_of(annotation.names[0]) if annotation.names else None
    if tempo is None:
        raise ValueError(f"{annotation.names}: not a tempo in beats per minute, such as 120.5")
    return tempo


def _two_tempi(
    tempi: Sequence[float | None], reference: Labels, estimate: Labels
) -> dict[str, float]:
    """Return mir_eval's scores of one or two tempi.

    Args:
        tempi: of the reference, as the task reads them; a second one that is no number does not
            count.
        reference: its labels, which may have scores: how many people tapped each.
        estimate: its labels, two at most.
    """
    first, second = (*tempi, None)[:2]
    weight = 1.0
    if second is not None:
        people = [(reference.scores or {}).get(name, 1.0) for name in reference.names[:2]]
        weight = people[0] / sum(people) if sum(people) else 0.5
    found = [tempo for tempo in map(tempo_of, estimate.names) if tempo]
    # mir_eval wants two tempi on both sides, and leaves a reference of 0 out.
    score, one, both = mir_eval.tempo.detection(
        np.array([first, second or 0.0]),
        weight,
        np.array([found[0], found[1] if len(found) > 1 else found[0]]),
    )
    hits = {"One-correct": one, "Both-correct": both if second else one}
    return {"P-score": float(score), **{name: float(hit) for name, hit in hits.items()}}


def _folded(tempo: float, low: float, high: float) -> float:
    """Return a tempo halved until it is not above `high`, or doubled until not below `low`."""
    while tempo > high:
        tempo /= 2
    while tempo < low:
        tempo *= 2
    return tempo
