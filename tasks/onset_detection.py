"""Onset detection: when does any sound start?

Conventions
-----------
As `umir.tasks.event_detection`, with one class, `onset`. Every event counts, whatever its label:
the hits of a drum transcription and the notes of players are onsets like those without a name.
Onsets closer than 30 ms are heard as one and are one target (Böck et al. 2012). References whose
labels tell several sources apart are merged so, too; those without are scored as they were
annotated. Variants read the onsets of some labels only, for example of one instrument.

Metrics
-------
An estimate is a hit if it can be paired with a reference within 50 ms, one to one
(`mir_eval.onset`). Hits are summed over songs.

* `F-measure`: 2 hits / (references + estimates).
* `Precision`: hits / estimates; `Recall`: hits / references.

Reference: S. Böck, F. Krebs and M. Schedl, "Evaluating the Online Capabilities of Onset Detection
Methods", ISMIR 2012.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

import mir_eval
import numpy as np
from jaxtyping import Float

from umir.annotations import Events
from umir.data.example import Example
from umir.tasks.base import ratio
from umir.tasks.event_detection import WINDOW, EventDetection

ONSET = "onset"
ONE_ONSET = 0.03  # seconds: what is closer is heard as one


@dataclass(frozen=True)
class OnsetDetection(EventDetection):
    """Detect onsets: of everything, or of the labels in `label_map`."""

    name: str = "onset_detection"
    vocabulary: tuple[str, ...] = (ONSET,)

    def labels_in(self, annotation: Events) -> frozenset[str]:
        """Return the labels of all events, and `onset` if there is any."""
        anything = (ONSET,) if annotation.labels else ()
        return frozenset(filter(None, (*annotation.labels, *anything)))

    def unknown_labels(self, annotation: Events) -> frozenset[str]:
        """Return none: every event is an onset."""
        del annotation
        return frozenset()

    def moment(self, rng: np.random.Generator, example: Example, label: str) -> float:
        """Return the time of a random event called `label`, in seconds; of any for `onset`."""
        assert isinstance(example.annotation, Events)
        times = example.annotation.times if label == ONSET else example.annotation.of(label)
        return float(rng.choice(times))

    def onset_times(self, annotation: Events) -> Float[np.ndarray, " onset"]:
        """Return the sorted times, in seconds, of the events that the task reads, as they are."""
        if not self.label_map:
            return np.sort(annotation.times)
        (times,) = super().class_times(annotation).values()
        return times

    def class_times(self, annotation: Events) -> dict[str, Float[np.ndarray, " _"]]:
        """Return the sorted times, in seconds, of onsets, those closer than 30 ms merged."""
        return {self.vocabulary[0]: merge_onsets(self.onset_times(annotation))}

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "OnsetDetection":
        """Draw the onsets of some labels only, of one label as often as of several.

        With fewer than two labels the task itself is returned.
        """
        known = sorted(set(labels or ()) - {ONSET})
        if len(known) < 2:
            return self
        size = 1 if rng.uniform() < 0.5 else int(rng.integers(2, len(known) + 1))
        chosen = sorted(known[index] for index in rng.permutation(len(known))[:size])
        name = "+".join(chosen)
        return replace(self, vocabulary=(name,), label_map=tuple((label, name) for label in chosen))

    def _counts(self, reference: Events, estimate: Events) -> Counter:
        """Count hits, references and estimates.

        Who plays may play a chord: what is named is heard as one within 30 ms.
        """
        true = self.onset_times(reference)
        if any(reference.labels):
            true = merge_onsets(true)
        found = self.onset_times(estimate)
        hits = len(mir_eval.util.match_events(true, found, WINDOW))
        return Counter(hits=hits, references=len(true), estimates=len(found))

    def _scores(self, counts: Counter) -> dict[str, float]:
        hits, true, found = counts["hits"], counts["references"], counts["estimates"]
        return {
            "F-measure": ratio(2 * hits, true + found),
            "Precision": ratio(hits, found),
            "Recall": ratio(hits, true),
        }


def merge_onsets(times: Float[np.ndarray, " onset"]) -> Float[np.ndarray, " merged"]:
    """Return sorted times, in seconds, without those within 30 ms of one that is kept."""
    kept: list[float] = []
    for time in times.tolist():
        if not kept or time - kept[-1] >= ONE_ONSET:
            kept.append(time)
    return np.array(kept, np.float64)
