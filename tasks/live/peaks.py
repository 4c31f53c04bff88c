"""Points in time, live: events of any class, and beats.

A frame is a peak once the next one is lower, so a decoder of peaks waits for one frame. What is
found is what `umir.tasks.decoding.peak_picking` finds in the whole song, but for one thing: of two
peaks closer than the least distance the first one stays, not the higher one.

Beats are peaks of the smoothed evidence, no closer than beats of the fastest tempo. The decoder of
whole songs finds the tempo from both sides; here there is none, and a beat that is not heard is
not filled in. A beat with evidence of a downbeat is counted as 1, those after it go on from there;
before the first downbeat they have no number.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from umir.tasks.base import Settings
from umir.tasks.decoding.beat_decoding import NEAR
from umir.tasks.decoding.peak_picking import parabolic_offset
from umir.tasks.event_detection import FRAME_RATE, REACH, WIDENING
from umir.tasks.live.base import Finding, LiveDecoder

_OUTSIDE = -np.inf
_REMEMBERED = 1000  # frames, of which a beat that waits for its downbeat needs the latest few


class Peaks:
    """Local maxima of curves that grow: of a plateau the middle, as `scipy.signal.find_peaks`."""

    def __init__(self, curves: int):
        self._last = np.full(curves, _OUTSIDE)  # value of the last frame
        self._risen = np.full(curves, -1)  # frame at which it was reached from below; -1: it fell
        self._frame = 0

    def push(self, values: Float[np.ndarray, " curve"]) -> list[tuple[int, int, float]]:
        """Return curve, frame and height of the peaks that end before this next frame."""
        ended = (values < self._last) & (self._risen >= 0)
        found = [
            (int(curve), int(self._risen[curve] + self._frame - 1) // 2, float(self._last[curve]))
            for curve in np.flatnonzero(ended)
        ]
        self._risen = np.where(values > self._last, self._frame, self._risen)
        self._risen[values < self._last] = -1
        self._last, self._frame = values, self._frame + 1
        return found

    def finish(self) -> list[tuple[int, int, float]]:
        """Return the peaks that the end of the curves makes."""
        return self.push(np.full_like(self._last, _OUTSIDE))


class LiveEvents(LiveDecoder):
    """Events of several classes.

    Args:
        peaks: threshold and least distance in seconds of each class, as settings have them.
    """

    def __init__(self, peaks: Mapping[str, Sequence[float]]):
        self._names = tuple(peaks)
        self._thresholds = [peaks[name][0] for name in peaks]
        self._distances = [max(1.0, peaks[name][1] * FRAME_RATE) for name in peaks]
        self._peaks, self._before = Peaks(len(peaks)), np.zeros((2, len(peaks)))
        self._last = np.full(len(peaks), -np.inf)  # frame of the last event
        self._frames = 0

    @property
    def delay(self) -> float:
        """One frame."""
        return 1 / FRAME_RATE

    def push(self, output: Float[np.ndarray, "_ class"]) -> list[Finding]:
        """Return the events that the next frames show; see `LiveDecoder`."""
        found = []
        for values in expit(output.astype(np.float64)):
            found += self._kept(self._peaks.push(values), values)
            self._before = np.stack([self._before[1], values])
            self._frames += 1
        return found

    def finish(self) -> list[Finding]:
        """Return the events in the very last frame."""
        return self._kept(self._peaks.finish(), np.full(len(self._names), -1.0))

    def _kept(self, peaks: list[tuple[int, int, float]], now: np.ndarray) -> list[Finding]:
        """Return the peaks that are events, in the order of their times."""
        found = []
        for column, frame, height in peaks:
            if height < self._thresholds[column]:
                continue
            if frame - self._last[column] < np.ceil(self._distances[column]):
                continue
            self._last[column] = frame
            around = np.array([*self._before[:, column], now[column]])
            if self._frames < 2:  # nothing lies before the first frame
                around[0] = -1.0
            # Of a plateau the frames around are not those around its middle: it stays there.
            offset = parabolic_offset(around, np.array([1]))[0] if frame == self._frames - 1 else 0
            time = max(frame + float(offset), 0.0) / FRAME_RATE
            found.append(Finding(time, self._names[column], (("probability", height),)))
        return sorted(found, key=lambda finding: finding.time)


class LiveBeats(LiveDecoder):
    """Beats and their place in the bar.

    Args:
        settings: of `umir.tasks.decoding.beat_decoding`.
    """

    def __init__(self, settings: Settings):
        self._settings = settings
        self._peaks, self._last, self._place = Peaks(1), -np.inf, 0
        self._shortest = 60 * FRAME_RATE / settings["bpm"][1]
        self._raw: list[np.ndarray] = []  # frames that smoothing still needs
        self._downbeats: list[float] = []  # smoothed logits of the latest frames
        self._frames = 0  # how many there were in all
        self._pending: list[tuple[int, float]] = []  # beats whose bar is not known yet

    @property
    def delay(self) -> float:
        """Half a widened target for smoothing, and what lies around a beat for its downbeat."""
        return (REACH + NEAR) / FRAME_RATE

    def push(self, output: Float[np.ndarray, "_ class"]) -> list[Finding]:
        """Return the beats that the next frames show; see `LiveDecoder`."""
        found = []
        for frame in output.astype(np.float64):
            if not self._raw:
                self._raw = [frame] * REACH
            self._raw.append(frame)
            found += self._smoothed()
        return found

    def finish(self) -> list[Finding]:
        """Return the beats that only the end of the stream shows."""
        found = []
        for _ in range(REACH if self._raw else 0):
            self._raw.append(self._raw[-1])
            found += self._smoothed()
        self._pending += self._beats(self._peaks.finish())
        return found + self._counted(self._frames + NEAR)

    def _smoothed(self) -> list[Finding]:
        if len(self._raw) < len(WIDENING):
            return []
        weights = WIDENING.astype(np.float64) / WIDENING.sum()
        beat, downbeat = weights @ np.stack(self._raw[: len(WIDENING)])
        self._raw.pop(0)
        self._pending += self._beats(self._peaks.push(np.array([beat])))
        self._downbeats.append(float(downbeat))
        del self._downbeats[:-_REMEMBERED]
        self._frames += 1
        return self._counted(self._frames)

    def _beats(self, peaks: list[tuple[int, int, float]]) -> list[tuple[int, float]]:
        kept = []
        for _, frame, height in peaks:
            if height >= self._settings["threshold"] and frame - self._last >= self._shortest:
                self._last = frame
                kept.append((frame, height))
        return kept

    def _counted(self, n_frames: int) -> list[Finding]:
        """Return the beats around which all frames are there, with their place in the bar."""
        found = []
        while self._pending and self._pending[0][0] + NEAR < n_frames:
            frame, height = self._pending.pop(0)
            first = self._frames - len(self._downbeats)
            near = frame - NEAR - first, frame + NEAR + 1 - first
            highest = max(self._downbeats[max(near[0], 0) : max(near[1], 0)], default=_OUTSIDE)
            if self._settings["metres"] and highest > self._settings["downbeat_threshold"]:
                self._place = 1
            elif self._place:
                self._place += 1
            place = str(self._place or "beat")
            probability = ("probability", float(expit(height)))
            found.append(Finding(frame / FRAME_RATE, place, (probability,)))
        return found
