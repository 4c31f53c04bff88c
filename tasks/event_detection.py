"""Event detection: when does something happen, and what? Drum hits, onsets, claps, any point.

Conventions
-----------
Annotations are `Events`: times in seconds, one label each. The network says, 100 times per second
and per class, how likely an event is; frame n is at n / 100 seconds. Targets are 1 at the frame
nearest to an event, 1/2 and 1/4 on the frames one and two further (the larger value where events
overlap), so that being 10 ms off is not as bad as missing it. Labels that the task does not
read are ignored; an event without a name is of class `event`.

Metrics
-------
An estimate is a hit if it can be paired with a reference event of its class within 50 ms, one to
one (`mir_eval.onset`). F = 2 hits / (references + estimates).

* `F-measure/CLASS`: F of one class.
* `F-measure`: mean over the classes that occur in references or estimates.
* `F-measure_micro`: F of all events, paired within classes.

Over several songs, hits and events are first summed over the songs, as in the MIREX drum
transcription task: a song with three events does not weigh as much as one with three hundred.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import mir_eval
import numpy as np
from jaxtyping import Float
from scipy.special import expit

from umir.annotations import Events
from umir.data.example import Example
from umir.tasks.base import Settings, Target, nan_mean, ratio
from umir.tasks.decoding.peak_picking import fit_peak_picking, pick_peaks
from umir.tasks.frame_task import FrameTask
from umir.wave_unet.heads import HeadSpec

FRAME_RATE = 100.0  # Hz
WINDOW = 0.05  # seconds: mir_eval's default for onsets, MIREX's for drums
REACH = 2  # frames that a target is widened by, before and after
WIDENING = np.array([0.25, 0.5, 1.0, 0.5, 0.25], np.float32)


@dataclass(frozen=True)
class EventDetection(FrameTask):
    """Detect points in time, each of one of the classes of `vocabulary`."""

    kind: ClassVar[str] = "events"
    headline: ClassVar[str] = "F-measure"
    unnamed: ClassVar[str] = "event"

    @property
    def head(self) -> HeadSpec:
        """Logits at 100 Hz, one channel per class."""
        return HeadSpec("frames", len(self.vocabulary), FRAME_RATE, "sigmoid")

    def moment(self, rng: np.random.Generator, example: Example, label: str) -> float:
        """Return the time of a random event called `label`, in seconds."""
        assert isinstance(example.annotation, Events)
        return float(rng.choice(example.annotation.times[self.called(example.annotation, label)]))

    def class_times(self, annotation: Events) -> dict[str, Float[np.ndarray, " _"]]:
        """Return the sorted times, in seconds, of the events of each class.

        Events of one class at one time, such as a clap over a snare, are one.
        """
        chosen = self.of_class(annotation)
        return {name: np.unique(annotation.times[on]) for name, on in chosen.items()}

    def encode(self, annotation: Events, n_samples: int, rate: int) -> Target:
        """Return values of shape `(frame, class)` and a mask of shape `(frame, 1)`.

        An event within two frames beyond the segment would widen into it; it is not known, and the
        target there is 0. (Masking those frames would leave the very start of songs unlearnt.)

        Args:
            annotation: events, in seconds from the start of the segment.
            n_samples: length of the segment; its frames are those at n / 100 < n_samples / rate.
            rate: sampling rate in Hz.
        """
        n_frames = math.ceil(n_samples * FRAME_RATE / rate)
        values = np.zeros((n_frames, len(self.vocabulary)), np.float32)
        for column, times in enumerate(self.class_times(annotation).values()):
            centres = np.rint(times * FRAME_RATE).astype(int)
            frames = centres[:, None] + np.arange(-REACH, REACH + 1)  # (event, 5)
            heights = np.broadcast_to(WIDENING, frames.shape)
            inside = (frames >= 0) & (frames < n_frames)
            np.maximum.at(values[:, column], frames[inside], heights[inside])
        return Target(values, np.ones((n_frames, 1), np.float32))

    def default_settings(self, rate: int) -> Settings:
        """Return a threshold of 0.5 and a distance of 20 ms for every class."""
        del rate
        return {"peaks": {name: [0.5, 0.02] for name in self.vocabulary}}

    def fit_decoder(self, outputs: Sequence[np.ndarray], references: Sequence[Events]) -> Settings:
        """Return `[threshold, distance]` of each class: the best F over the songs given.

        A class that has no reference in them keeps the default.
        """
        peaks = dict(self.default_settings(0)["peaks"])
        times = [self.class_times(reference) for reference in references]
        for column, name in enumerate(self.vocabulary):
            of_class = [song[name] for song in times]
            if any(len(song) for song in of_class):
                curves = [expit(output[:, column].astype(np.float64)) for output in outputs]
                fitted = fit_peak_picking(curves, of_class, rate=FRAME_RATE, window=WINDOW)
                peaks[name] = list(fitted)
        return {"peaks": peaks}

    def decode(self, output: np.ndarray, settings: Settings) -> Events:
        """Return the peaks of every class, sorted by time.

        Args:
            output: logits of a song, shape `(frame, class)`.
            settings: from `fit_decoder` or `default_settings`.
        """
        found = []
        for column, name in enumerate(self.vocabulary):
            threshold, distance = settings["peaks"][name]
            times = pick_peaks(
                expit(output[:, column].astype(np.float64)),
                rate=FRAME_RATE,
                threshold=threshold,
                distance=distance,
            )
            found += [(time, name) for time in times.tolist()]
        found.sort()
        times = np.array([time for time, _ in found], np.float64)
        return Events(times, tuple(name for _, name in found))

    def _counts(self, reference: Events, estimate: Events) -> Counter:
        """Count hits and events (references and estimates together) of every class."""
        counts: Counter = Counter()
        estimated = self.class_times(estimate)
        for name, times in self.class_times(reference).items():
            pairs = mir_eval.util.match_events(times, estimated[name], WINDOW)
            counts["hits", name] = len(pairs)
            counts["events", name] = len(times) + len(estimated[name])
        return counts

    def _scores(self, counts: Counter) -> dict[str, float]:
        hits = [counts["hits", name] for name in self.vocabulary]
        events = [counts["events", name] for name in self.vocabulary]
        of_class = [ratio(2 * h, e) for h, e in zip(hits, events, strict=True)]
        scores = {f"F-measure/{name}": f for name, f in zip(self.vocabulary, of_class, strict=True)}
        return {
            "F-measure": nan_mean(of_class),
            "F-measure_micro": ratio(2 * sum(hits), sum(events)),
            **scores,
        }
