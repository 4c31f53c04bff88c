"""The best answers that do not listen: what every method must be better than.

Their one setting (which chord, how often an onset) is fitted as a threshold would be.
"""

from collections.abc import Sequence

import numpy as np

from classical.harmony import CHORDS
from classical.method import RATE, Predict, fitted
from umir.annotations import F0, Events, Intervals, Labels, Notes
from umir.data.example import Example
from umir.tasks.base import Task

GRIDS = (0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)  # seconds
BAR = 4  # beats
CURVE_HOP = 0.01  # seconds
PITCHES = (None, *range(45, 82, 3))  # MIDI numbers; None: no melody


def regular_events(task: Task, examples: Sequence[Example]) -> Predict:
    """Events of all classes at equal distances, the distance fitted."""

    def decide(seconds: float, distance: float) -> Events:
        times = np.arange(0.0, seconds, distance)
        names = tuple(task.vocabulary)
        return Events(np.repeat(times, len(names)), names * len(times))

    return fitted(task, examples, GRIDS, _seconds, decide)


def steady_beats(task: Task, examples: Sequence[Example]) -> Predict:
    """Beats of the median tempo of the songs, four to a bar, from a random moment on."""
    del task
    gaps = [np.diff(example.annotation.times) for example in examples]
    gap = float(np.median(np.concatenate(gaps))) if gaps else 0.5

    def beats(waveform: np.ndarray, rate: int) -> Events:
        first = float(np.random.default_rng(len(waveform)).uniform(0, gap))
        times = np.arange(first, len(waveform) / rate, gap)
        return Events(times, tuple(str(1 + number % BAR) for number in range(len(times))))

    return beats


def constant_pitch(task: Task, examples: Sequence[Example]) -> Predict:
    """One pitch throughout, or no melody at all: whichever is right more often."""

    def decide(seconds: float, pitch: int | None) -> F0:
        times = np.arange(0.0, seconds, CURVE_HOP)
        frequency = 0.0 if pitch is None else 440 * 2 ** ((pitch - 69) / 12)
        return F0(times, np.full(len(times), frequency))

    return fitted(task, examples, PITCHES, _seconds, decide)


def no_notes(task: Task, examples: Sequence[Example]) -> Predict:
    """Silence: a note at a random pitch and time is hardly ever right."""
    del task, examples
    return lambda waveform, rate: Notes(np.zeros((0, 2)), np.zeros(0))


def constant_chord(task: Task, examples: Sequence[Example]) -> Predict:
    """The same chord from beginning to end, fitted."""

    def decide(seconds: float, chord: str) -> Intervals:
        return Intervals(np.array([[0.0, seconds]]), (chord,), seconds)

    return fitted(task, examples, CHORDS, _seconds, decide)


def constant_label(task: Task, examples: Sequence[Example]) -> Predict:
    """The same class for every clip, fitted."""
    return fitted(task, examples, task.vocabulary, _seconds, lambda _, name: Labels((name,)))


def _seconds(waveform: np.ndarray) -> float:
    return len(waveform) / RATE
