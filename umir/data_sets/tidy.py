"""Annotations as data sets give them, made fit for use: sorted, within the audio, numbers only."""

import numpy as np

from umir.annotations import F0, Annotation, Events, Intervals, Notes

_SLACK = 1.0  # seconds: annotations often end a little after the audio; only more is worth a word


def tidy(annotation: Annotation, duration: float) -> tuple[Annotation, list[str]]:
    """Sort an annotation, cut it at the ends of its audio, and leave out what is no number.

    Args:
        annotation: of any type; labels and stems are returned as they are.
        duration: of the audio in seconds.

    Returns:
        The usable part, and in words what was left out.
    """
    if isinstance(annotation, Events):
        return _tidy_events(annotation, duration)
    if isinstance(annotation, Intervals):
        keep, reasons = _usable(annotation.intervals, duration, "interval")
        bounds = np.clip(annotation.intervals[keep], 0, duration)
        return Intervals(bounds, _picked(annotation.labels, keep), duration), reasons
    if isinstance(annotation, Notes):
        return _tidy_notes(annotation, duration)
    if isinstance(annotation, F0):
        return _tidy_f0(annotation, duration)
    return annotation, []


def _tidy_events(events: Events, duration: float) -> tuple[Events, list[str]]:
    inside = np.isfinite(events.times) & (events.times >= 0) & (events.times < duration)
    keep = np.flatnonzero(inside)
    keep = keep[np.argsort(events.times[keep], kind="stable")]
    late = np.isfinite(events.times) & (events.times >= 0) & (events.times < duration + _SLACK)
    reasons = _told(_count(~late), "event", f"outside the audio of {duration:.2f} s")
    return Events(events.times[keep], _picked(events.labels, keep)), reasons


def _tidy_notes(notes: Notes, duration: float) -> tuple[Notes, list[str]]:
    keep, reasons = _usable(notes.intervals, duration, "note")
    pitched = np.isfinite(notes.frequencies[keep]) & (notes.frequencies[keep] > 0)
    reasons += _told(_count(~pitched), "note", "without a frequency above 0 Hz")
    keep = keep[pitched]
    bounds = np.clip(notes.intervals[keep], 0, duration)
    labels = _picked(notes.labels, keep) if notes.labels else ()
    return Notes(bounds, notes.frequencies[keep], labels), reasons


def _tidy_f0(f0: F0, duration: float) -> tuple[F0, list[str]]:
    """Return the curve at increasing times; a frequency that is no number is unvoiced."""
    known = np.isfinite(f0.times) & (f0.times >= 0)
    reasons = _told(_count(~known), "frame", "before the start of the audio, or at no time")
    times, first = np.unique(f0.times[known], return_index=True)
    reasons += _told(_count(known) - len(times), "frame", "at the time of another one")
    frequencies = f0.frequencies[known][first]
    blank = ~np.isfinite(frequencies)
    reasons += _told(_count(blank), "frame", "without a frequency (taken as unvoiced)", "")
    late = times >= duration
    if len(times) and times[-1] > duration + _SLACK:
        reasons += _told(_count(late), "frame", f"past the end of the audio ({duration:.2f} s)")
    frequencies = np.where(blank, 0.0, frequencies)
    return F0(times[~late].astype(float), frequencies[~late].astype(float)), reasons


def _usable(intervals: np.ndarray, duration: float, noun: str) -> tuple[np.ndarray, list[str]]:
    """Return which stretches of time can be used, in order of their start, and why not all."""
    starts, ends = intervals[:, 0], intervals[:, 1]
    numbers = np.isfinite(intervals).all(axis=1)
    long = numbers & (ends > starts)
    inside = long & (starts < duration) & (ends > 0)
    far = long & ~inside & (starts < duration + _SLACK) & (ends > 0)
    reasons = [
        *_told(_count(~numbers), noun, "with a time that is no number"),
        *_told(_count(numbers & ~long), noun, "that ends before it has begun"),
        *_told(_count(long & ~inside & ~far), noun, f"outside the audio of {duration:.2f} s"),
    ]
    keep = np.flatnonzero(inside)
    return keep[np.argsort(starts[keep], kind="stable")], reasons


def _told(number: int, noun: str, what: str, done: str = ", left out") -> list[str]:
    return [f"{number} {noun}{'s'[: number > 1]} {what}{done}"] if number else []


def _count(which: np.ndarray) -> int:
    return int(np.count_nonzero(which))


def _picked(labels: tuple[str, ...], keep: np.ndarray) -> tuple[str, ...]:
    return tuple(labels[index] for index in keep)
