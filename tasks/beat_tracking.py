"""Beat tracking: when does one tap one's foot, and which of the taps starts a bar?

Conventions
-----------
Annotations are `Events`; their labels are positions in the bar (`1` is the downbeat, other numbers
are beats), or `beat` and `downbeat`, or empty: a beat of unknown position. Others are ignored.
The network has two channels, `beat` (downbeats are beats too) and `downbeat`, with targets as
in `umir.tasks.event_detection`; where no event is a downbeat, that channel is masked.
Estimates are labelled with the position in the bar, by a decoder of their own (`bar_pointer`);
where no downbeats were there to fit it on, they have no labels.

Variants read other positions as beats and downbeats, every second beat, the bars alone or twice as
many beats, always on two channels. What they decode counts bars of its own.

Metrics
-------
By `mir_eval.beat`, mean over songs. The first 5 s are *not* left out (MIREX does): excerpts are
short.

* `F-measure`: beats paired one to one within 70 ms.
* `CMLt`: beats in correct continuity (phase and period within 17.5% of the beat) / all.
* `AMLt`: the same, where double, half and off-beat tempo are correct too.
* `Downbeat F-measure`: as `F-measure`, of downbeats; NaN where the reference knows none.

Reference: M. E. P. Davies, N. Degara and M. D. Plumbley, "Evaluation Methods for Musical Audio Beat
Tracking Algorithms", Queen Mary University of London, C4DM-TR-09-06, 2009.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import mir_eval
import numpy as np
from jaxtyping import Float

from umir.annotations import Events
from umir.data.example import Example
from umir.tasks.base import Settings, Target, Task
from umir.tasks.decoding.beat_decoding import DEFAULT_SETTINGS, decode_beats, fit_beats
from umir.tasks.event_detection import FRAME_RATE, EventDetection

BEAT, DOWNBEAT = "beat", "downbeat"
WINDOW = 0.07  # seconds: mir_eval's default for beats


@dataclass(frozen=True)
class BeatTracking(EventDetection):
    """Track beats and downbeats.

    Attributes:
        label_map: for variants: position in the bar -> `beat` or `downbeat`; positions that are not
            in it are ignored. Empty: all beats, as annotations have them.
        division: for variants: 2 puts one more beat between any two.
    """

    name: str = "beat_tracking"
    vocabulary: tuple[str, ...] = (BEAT, DOWNBEAT)
    division: int = 1

    segment_seconds: ClassVar[float] = 12.8

    @property
    def source_labels(self) -> frozenset[str]:
        """`beat` and `downbeat`, or the positions in the bar that a variant reads."""
        return frozenset(dict(self.label_map) or self.vocabulary)

    @property
    def wanted(self) -> str:
        """The labels of beats."""
        return "positions in the bar ('1' is the downbeat), 'beat' and 'downbeat'"

    def labels_in(self, annotation: Events) -> frozenset[str]:
        """Return the positions in the bar that occur, and `beat` if there is any."""
        found = frozenset(map(bar_position, annotation.labels)) - {""}
        return found | {BEAT} if found else found

    def unknown_labels(self, annotation: Events) -> frozenset[str]:
        """Return the labels that are neither positions in the bar nor `beat` or `downbeat`."""
        return frozenset(label for label in annotation.labels if not bar_position(label))

    def moment(self, rng: np.random.Generator, example: Example, label: str) -> float:
        """Return the time of a random beat at position `label`, in seconds; of any for `beat`."""
        assert isinstance(example.annotation, Events)
        places = map(bar_position, example.annotation.labels)
        called = [place == label or (label == BEAT and place != "") for place in places]
        return float(rng.choice(example.annotation.times[called]))

    def n_segments(self, wanted: int) -> int:
        """Return half of what is wanted, as segments are twice as long."""
        return max(1, wanted // 2)

    def class_times(self, annotation: Events) -> dict[str, Float[np.ndarray, " _"]]:
        """Return the sorted times, in seconds, of beats (downbeats are beats too) and downbeats."""
        read = dict(self.label_map).get if self.label_map else _as_annotated
        found = np.array([read(bar_position(label)) for label in annotation.labels], object)
        # Some write a downbeat twice, as a beat and as a downbeat.
        beats = np.unique(annotation.times[np.isin(found, (BEAT, DOWNBEAT))])
        downbeats = np.unique(annotation.times[found == DOWNBEAT])
        return {BEAT: _divided(beats, self.division), DOWNBEAT: downbeats}

    def encode(self, annotation: Events, n_samples: int, rate: int) -> Target:
        """Return values and a mask, both of shape `(frame, 2)`: beats, downbeats.

        Downbeats are masked where there is none: they may be unknown. Twice as many beats are only
        known between the first and the last beat.
        """
        values, mask = super().encode(annotation, n_samples, rate)
        times, mask = self.class_times(annotation), np.repeat(mask, 2, axis=1)
        mask[:, 1] = len(times[DOWNBEAT]) > 0
        if self.division > 1:
            frames = np.arange(len(mask)) / FRAME_RATE
            ends = times[BEAT][[0, -1]] if len(times[BEAT]) else np.zeros(2)
            mask[:, 0] = (frames >= ends[0]) & (frames <= ends[1])
        return Target(values, mask)

    def default_settings(self, rate: int) -> Settings:
        """Return `umir.tasks.decoding.beat_decoding.DEFAULT_SETTINGS`."""
        del rate
        return DEFAULT_SETTINGS

    def fit_decoder(self, outputs: Sequence[np.ndarray], references: Sequence[Events]) -> Settings:
        """Return the settings of the decoder (`umir.tasks.decoding.beat_decoding.fit_beats`)."""
        times = [self.class_times(reference) for reference in references]
        return fit_beats(outputs, [t[BEAT] for t in times], [t[DOWNBEAT] for t in times])

    def decode(self, output: np.ndarray, settings: Settings) -> Events:
        """Return beats labelled with their position in the bar, from logits `(frame, 2)`."""
        return decode_beats(output, settings)

    def evaluate(self, reference: Events, estimate: Events) -> dict[str, float]:
        """Return `F-measure`, `CMLt`, `AMLt` and `Downbeat F-measure` of one song.

        Args:
            reference: beats, read as the task reads them.
            estimate: beats as `decode` returns them, all of them read.
        """
        true, found = self.class_times(reference), BeatTracking().class_times(estimate)
        downbeats = math.nan
        if len(true[DOWNBEAT]):
            downbeats = beat_f_measure(true[DOWNBEAT], found[DOWNBEAT])
        return {
            "F-measure": beat_f_measure(true[BEAT], found[BEAT]),
            **_continuity(true[BEAT], found[BEAT]),
            "Downbeat F-measure": downbeats,
        }

    def evaluate_all(
        self, references: Sequence[Events], estimates: Sequence[Events]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Return the metrics' means over songs, and the metrics of each song."""
        return Task.evaluate_all(self, references, estimates)

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "BeatTracking":
        """Draw what counts as a beat and what as a downbeat, out of the positions in the bar.

        Another position as downbeat, the odd or the even positions of each bar, bars alone,
        all but the downbeats, or twice as many beats. Without positions only the last is possible.
        """
        places = sorted((name for name in labels or () if name.isdigit()), key=int)
        way = rng.choice(["moved", "odd", "even", "bars", "rest", "divided"])
        if way == "divided" or len(places) < 2:
            return replace(self, division=2)
        chosen = {
            "odd": places[::2], "even": places[1::2], "bars": places[:1], "rest": places[1:]
        }.get(way, places)  # fmt: skip
        mark = str(rng.choice(places[1:4])) if way == "moved" else chosen[0]
        label_map = tuple((name, DOWNBEAT if name == mark else BEAT) for name in chosen)
        return replace(self, label_map=label_map)


def bar_position(label: str) -> str:
    """Return a beat's label as a position in the bar, `beat` or `downbeat`; "" if it is no beat.

    A beat without a label is a `beat`; the position may be written as a number of any kind (`1.0`).
    """
    if label in ("", BEAT, DOWNBEAT):
        return label or BEAT
    try:
        number = float(label)
    except ValueError:
        return ""
    return str(int(number)) if number.is_integer() and number >= 0 else ""


def beat_f_measure(
    reference: Float[np.ndarray, " reference"], estimate: Float[np.ndarray, " estimate"]
) -> float:
    """Return the F-measure of sorted times within 70 ms; NaN where there is neither.

    `mir_eval.beat.f_measure`, which warns where either is empty.
    """
    if not len(reference) or not len(estimate):
        return 0.0 if len(reference) or len(estimate) else math.nan
    return float(mir_eval.beat.f_measure(reference, estimate, WINDOW))


def _continuity(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """Return `CMLt` and `AMLt`; NaN where the reference has no two beats: no tempo."""
    if len(reference) < 2:
        return {"CMLt": math.nan, "AMLt": math.nan}
    if len(estimate) < 2:
        return {"CMLt": 0.0, "AMLt": 0.0}
    _, correct, _, any_level = mir_eval.beat.continuity(reference, estimate)
    return {"CMLt": float(correct), "AMLt": float(any_level)}


def _as_annotated(position: str) -> str:
    return DOWNBEAT if position in ("1", DOWNBEAT) else BEAT if position else ""


def _divided(beats: np.ndarray, division: int) -> np.ndarray:
    """Put `division` - 1 times between any two, at even distances."""
    if len(beats) < 2:
        return beats
    places = np.arange(division * (len(beats) - 1) + 1) / division
    return np.interp(places, np.arange(len(beats)), beats)
