"""Stretches of time, live: where a class is on, and which chord sounds.

Of classes that are on and off, what is found is what `umir.tasks.decoding.activity` finds in the
whole song, said as soon as it is sure: a stretch has begun when its activation has reached the
threshold and lasted long enough, and is over when it has stayed away for the least gap. Times are
those of the borders themselves. One thing differs: the median is taken over half a second at most,
so that nobody waits for seconds.

Chords are the last of the most likely path up to each frame (the forward pass of the Viterbi
algorithm), where the decoder of whole songs looks back from the end.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from umir.tasks.base import Settings
from umir.tasks.decoding.activity import ROUNDING, median_width
from umir.tasks.live.base import Finding, LiveDecoder

LONGEST_MEDIAN = 0.5  # seconds


class LiveActivity(LiveDecoder):
    """Where each of several classes is on.

    Args:
        activity: settings of each class, as a task has them.
        rate: frames per second in Hz.
    """

    def __init__(self, activity: Mapping[str, Settings], rate: float):
        self._rate = rate
        self._classes = [_Switch(name, own, rate) for name, own in activity.items()]

    @property
    def delay(self) -> float:
        """Half the longest median, and the longest least stretch or gap."""
        return max(switch.delay for switch in self._classes) / self._rate

    def push(self, output: Float[np.ndarray, "_ class"]) -> list[Finding]:
        """Return what is switched on or off; see `LiveDecoder`."""
        found = []
        for values in expit(output.astype(np.float64)):
            for switch, value in zip(self._classes, values.tolist(), strict=True):
                found += switch.push(value)
        return found

    def finish(self) -> list[Finding]:
        """Return what the end of the stream decides."""
        return [finding for switch in self._classes for finding in switch.finish()]


class _Switch:
    """One class: median, hysteresis, gaps, least length, frame by frame."""

    def __init__(self, name: str, settings: Settings, rate: float):
        self.name, self._rate = name, rate
        self._threshold = settings["threshold"]
        self._low = min(settings["low"], settings["threshold"])
        self._gap, self._shortest = settings["gap"] * rate, settings["shortest"] * rate
        self._width = median_width(min(settings["smoothing"], LONGEST_MEDIAN), rate)
        self._window: list[float] = []
        self._frame = 0  # the next one to be decided
        self._held: int | None = None  # where the run above the lower threshold began
        self._sure = False  # whether it has reached the threshold
        self._start: int | None = None  # of the stretch, gaps bridged
        self._end: int | None = None  # of the last run of the stretch
        self._said = False  # whether the stretch has been said to be on

    @property
    def delay(self) -> float:
        """Frames that it waits for: an end is sure when the gap is too long to be bridged."""
        return self._width // 2 + max(self._shortest - 1, self._gap - 1, 0.0)

    def push(self, value: float) -> list[Finding]:
        if not self._window:
            self._window = [value] * (self._width // 2)
        self._window.append(value)
        return self._decided()

    def finish(self) -> list[Finding]:
        found = []
        for _ in range(self._width // 2 if self._window else 0):
            self._window.append(self._window[-1])
            found += self._decided()
        if self._held is not None and self._sure:  # what touches the end goes up to it
            return found + (self._off(float(self._frame)) if self._said else [])
        return found + self._over()

    def _decided(self) -> list[Finding]:
        if len(self._window) < self._width:
            return []
        value = float(np.median(self._window))
        self._window.pop(0)
        found, frame = [], self._frame
        if value >= self._low:
            self._held = frame if self._held is None else self._held
            self._sure |= value >= self._threshold
            if self._sure:
                found += self._begun(frame + 1)
        else:
            if self._sure:
                self._end = frame
            self._held, self._sure = None, False
            if self._end is not None and frame + 1 - self._end >= self._gap - ROUNDING:
                found += self._over()
        self._frame += 1
        return found

    def _begun(self, end: int) -> list[Finding]:
        """Say that the run that is sure is on, if it lasts long enough up to `end`."""
        found: list[Finding] = []
        assert self._held is not None
        if self._end is not None and self._held - self._end >= self._gap - ROUNDING:
            found += self._over()
        self._start = self._held if self._start is None else self._start
        self._end = None
        if not self._said and end - self._start >= self._shortest - ROUNDING:
            self._said = True
            found.append(self._finding(max(self._start - 0.5, 0.0), "on"))
        return found

    def _over(self) -> list[Finding]:
        """Say that the stretch is over, at the end of its last run."""
        found = []
        if self._said and self._end is not None:
            found = self._off(self._end - 0.5)
        self._start = self._end = None
        self._said = False
        return found

    def _off(self, frame: float) -> list[Finding]:
        return [self._finding(frame, "off")]

    def _finding(self, frame: float, change: str) -> Finding:
        return Finding(frame / self._rate, self.name, (("change", change),))


class LiveChords(LiveDecoder):
    """Which of several classes holds, one at a time.

    Args:
        vocabulary: the classes.
        change_penalty: what a change costs, in the unit of the logits.
        rate: frames per second in Hz.
    """

    def __init__(self, vocabulary: Sequence[str], change_penalty: float, rate: float):
        self._vocabulary, self._penalty, self._rate = vocabulary, change_penalty, rate
        self._score = np.zeros(len(vocabulary))
        self._frame, self._holds = 0, -1

    @property
    def delay(self) -> float:
        """Nothing: a frame decides at once, if not for ever."""
        return 0.0

    def push(self, output: Float[np.ndarray, "_ class"]) -> list[Finding]:
        """Return the changes; see `LiveDecoder`."""
        found = []
        for logits in output.astype(np.float64):
            score = np.maximum(self._score, self._score.max() - self._penalty) + logits
            self._score = score - score.max()  # of which nothing but differences counts
            best = int(self._score.argmax())
            if best != self._holds:
                time = max(self._frame - 0.5, 0.0) / self._rate
                found.append(Finding(time, self._vocabulary[best]))
            self._holds, self._frame = best, self._frame + 1
        return found
