"""Pitches, live: the melody and notes.

The melody's pitch is the last of the cheapest path up to each frame (the forward pass of the
Viterbi algorithm), where the decoder of whole songs looks back from the end; it sounds from the
frame on at which its probability reaches the threshold, not from where it rose above the lower one.
Voicing is smoothed by a mean around the frame, half of which is waited for.

Notes are those that `umir.tasks.decoding.note_decoding` finds in the whole song: an onset is known
a frame later, an end when it comes.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import expit, log_softmax

from umir.tasks.base import Settings
from umir.tasks.decoding.melody_decoding import change_costs
from umir.tasks.event_detection import FRAME_RATE
from umir.tasks.live.base import Finding, LiveDecoder
from umir.tasks.live.peaks import Peaks
from umir.tasks.pitch_axis import PitchAxis
from umir.tasks.pitch_curves import refined

_NONE = -1  # the onset of a pitch that does not sound
_ROUNDING = 1e-6  # frames


class LiveMelody(LiveDecoder):
    """The melody of every frame: its frequency, or 0 where there is none.

    Args:
        axis: what the pitches are.
        settings: of `umir.tasks.decoding.melody_decoding`.
    """

    def __init__(self, axis: PitchAxis, settings: Settings):
        self._axis, self._settings = axis, settings
        self._half = int(settings["smoothing"]) // 2
        self._toll = settings["price"] * change_costs(axis)
        self._score = np.zeros(axis.bins)
        self._voicing: list[float] = []  # log-odds that the mean still needs
        self._pitches: list[float] = []  # Hz, of frames whose voicing is not known yet
        self._frame, self._on = 0, False

    @property
    def delay(self) -> float:
        """Half of the running mean."""
        return self._half / FRAME_RATE

    def push(self, output: Float[np.ndarray, "_ class"]) -> list[Finding]:
        """Return the melody of the frames that are known; see `LiveDecoder`."""
        found = []
        for frame in output.astype(np.float64):
            self._pitches.append(self._pitch(frame))
            voicing = float(frame[0])
            if not self._voicing:
                self._voicing = [voicing] * self._half
            self._voicing.append(voicing)
            found += self._known()
        return found

    def finish(self) -> list[Finding]:
        """Return the melody of the last frames."""
        found = []
        for _ in range(self._half if self._voicing else 0):
            self._voicing.append(self._voicing[-1])
            found += self._known()
        return found

    def _pitch(self, frame: np.ndarray) -> float:
        """Return the frequency of the best path up to this frame."""
        logs = log_softmax(frame[None, 1:], axis=1)
        ways = self._score[:, None] - self._toll  # (from, to)
        score = ways.max(axis=0) + expit(frame[0]) * logs[0]
        self._score = score - score.max()
        path = np.array([int(score.argmax())])
        return float(self._axis.frequencies(refined(logs, path, self._axis.folded))[0])

    def _known(self) -> list[Finding]:
        if len(self._voicing) <= 2 * self._half:
            return []
        voiced = float(expit(np.mean(self._voicing)))
        self._voicing.pop(0)
        self._on = voiced >= self._settings["low" if self._on else "threshold"]
        frequency = self._pitches.pop(0)
        frequency = frequency if self._on else 0.0
        time, self._frame = self._frame / FRAME_RATE, self._frame + 1
        return [Finding(time, "", (("frequency", frequency),))]


class LiveNotes(LiveDecoder):
    """Notes: when each starts and ends.

    Args:
        names: of the pitches.
        frequencies: of the pitches, in Hz.
        settings: of `umir.tasks.decoding.note_decoding`.
    """

    def __init__(
        self, names: Sequence[str], frequencies: Float[np.ndarray, " pitch"], settings: Settings
    ):
        self._names, self._frequencies, self._settings = names, frequencies, settings
        self._onsets, self._offsets = Peaks(len(names)), Peaks(len(names))
        self._began = np.full(len(names), _NONE)
        self._said = np.zeros(len(names), bool)
        self._silent = np.full(len(names), _NONE)  # the last frame in which a pitch was silent
        self._shortest = settings["shortest"] * FRAME_RATE - _ROUNDING
        self._frame = 0

    @property
    def delay(self) -> float:
        """A frame, and the least length of a note."""
        return max(1.0, self._settings["shortest"] * FRAME_RATE) / FRAME_RATE

    def push(self, output: Float[np.ndarray, "_ class"]) -> list[Finding]:
        """Return the notes that start and end; see `LiveDecoder`."""
        found = []
        for values in expit(output.astype(np.float64)):
            onset, active, offset = np.split(values, 3)
            found += self._next(self._onsets.push(onset), self._offsets.push(offset), active)
        return found

    def finish(self) -> list[Finding]:
        """Return the last onset, and the ends of all notes."""
        silence = np.full(len(self._names), -1.0)
        return self._next(self._onsets.finish(), self._offsets.finish(), silence)

    def _next(self, onsets: list, offsets: list, active: np.ndarray) -> list[Finding]:
        """Return what the peaks of both kinds and the activity of the next frame change."""
        found = []
        for pitch, frame, height in onsets:
            if height >= self._settings["onset"]:
                found += self._end(pitch, frame)
                self._began[pitch], self._said[pitch] = frame, False
                if self._silent[pitch] > frame:  # after a plateau
                    found += self._end(pitch, int(self._silent[pitch]))
        for pitch, frame, height in offsets:
            # An onset's own frames say nothing of its end.
            late_enough = frame >= self._began[pitch] + 2 and self._began[pitch] != _NONE
            if height >= self._settings["offset"] and late_enough:
                found += self._end(pitch, frame)
        silent = active < self._settings["active"]
        self._silent[silent] = self._frame
        for pitch in np.flatnonzero(self._began != _NONE).tolist():
            if silent[pitch]:
                found += self._end(pitch, self._frame)
            elif not self._said[pitch] and self._frame - self._began[pitch] >= self._shortest:
                found += self._start(pitch)
        self._frame += 1
        return found

    def _start(self, pitch: int) -> list[Finding]:
        self._said[pitch] = True
        return [self._finding(pitch, int(self._began[pitch]), "on")]

    def _end(self, pitch: int, frame: int) -> list[Finding]:
        """End the note of a pitch, if it sounds; one that is too short has never been.

        Unless it has been said: an end in the middle of a plateau is known late.
        """
        began, said = int(self._began[pitch]), self._said[pitch]
        self._began[pitch] = _NONE
        if began == _NONE:
            return []
        if said:
            end = max(frame, began + math.ceil(self._shortest))
            return [self._finding(pitch, end, "off")]
        if frame - began < self._shortest:
            return []
        return [self._finding(pitch, began, "on"), self._finding(pitch, frame, "off")]

    def _finding(self, pitch: int, frame: int, change: str) -> Finding:
        frequency = ("frequency", float(self._frequencies[pitch]))
        return Finding(frame / FRAME_RATE, self._names[pitch], (("change", change), frequency))
