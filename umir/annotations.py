"""Annotation types: what is known about a piece of audio, in the units of the field.

Times are in seconds from the start of the audio, frequencies in Hz, waveforms `(time, channel)`.
Every type is immutable and has `crop(start, end)`, which keeps what lies in that stretch and moves
it to start at 0: one way to cut a song, whatever is known about it. Reading and writing annotation
files is in `umir.data.annotation_files`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Labels:
    """Names that hold for the whole of a clip (genre, instruments).

    Attributes:
        names: the labels, in any order.
        scores: how sure an estimate is of every class, in [0, 1]; None in a reference.
        unknown: names that may hold or not: nobody has said (partial labels). What is in neither
            does not hold.
    """

    names: tuple[str, ...]
    scores: Mapping[str, float] | None = None
    unknown: tuple[str, ...] = ()

    def crop(self, start: float, end: float) -> "Labels":
        """Return the same labels: they hold for every part of the clip."""
        del start, end
        return self


@dataclass(frozen=True)
class Events:
    """Points in time, each with a label (onsets, beats, drum hits).

    Attributes:
        times: seconds, shape `(event,)`, not decreasing.
        labels: one label per event; `""` where events have no names.
    """

    times: Float[np.ndarray, " event"]
    labels: tuple[str, ...]

    def __post_init__(self):
        if len(self.times) != len(self.labels):
            raise ValueError(f"{len(self.times)} times but {len(self.labels)} labels")

    def crop(self, start: float, end: float) -> "Events":
        """Keep the events with `start <= time < end`, in seconds after `start`."""
        keep = (self.times >= start) & (self.times < end)
        labels = tuple(label for label, kept in zip(self.labels, keep, strict=True) if kept)
        return Events(self.times[keep] - start, labels)

    def of(self, label: str) -> Float[np.ndarray, " event"]:
        """Return the times, in seconds, of the events called `label`."""
        return self.times[[name == label for name in self.labels]] if self.labels else self.times


@dataclass(frozen=True)
class Intervals:
    """Stretches of time, each with a label (voice activity, chords, sections).

    Attributes:
        intervals: start and end in seconds, shape `(interval, 2)`, sorted by start.
        labels: one label per interval.
        duration: length of the audio in seconds, where known: what follows the last interval is
            then known to have no label.
    """

    intervals: Float[np.ndarray, "interval 2"]
    labels: tuple[str, ...]
    duration: float | None = None

    def __post_init__(self):
        if len(self.intervals) != len(self.labels):
            raise ValueError(f"{len(self.intervals)} intervals but {len(self.labels)} labels")

    def crop(self, start: float, end: float) -> "Intervals":
        """Keep what overlaps `[start, end)`, cut at its borders, in seconds after `start`."""
        cut, keep = _cut(self.intervals, start, end)
        labels = tuple(label for label, kept in zip(self.labels, keep, strict=True) if kept)
        known = None if self.duration is None else max(0.0, min(end, self.duration) - start)
        return Intervals(cut, labels, known)


@dataclass(frozen=True)
class F0:
    """A fundamental-frequency curve.

    Attributes:
        times: seconds, shape `(frame,)`, increasing.
        frequencies: Hz, shape `(frame,)`; 0 or negative means unvoiced.
    """

    times: Float[np.ndarray, " frame"]
    frequencies: Float[np.ndarray, " frame"]

    def crop(self, start: float, end: float) -> "F0":
        """Keep the frames with `start <= time < end`, in seconds after `start`."""
        keep = (self.times >= start) & (self.times < end)
        return F0(self.times[keep] - start, self.frequencies[keep])


@dataclass(frozen=True)
class Notes:
    """Notes with pitch.

    Attributes:
        intervals: onset and offset in seconds, shape `(note, 2)`, sorted by onset.
        frequencies: Hz, shape `(note,)`.
        labels: who plays each note, `""` where that is not known; empty if it is of none.
    """

    intervals: Float[np.ndarray, "note 2"]
    frequencies: Float[np.ndarray, " note"]
    labels: tuple[str, ...] = ()

    def __post_init__(self):
        if len(self.labels) not in (0, len(self.frequencies)):
            raise ValueError(f"{len(self.frequencies)} notes but {len(self.labels)} labels")

    def crop(self, start: float, end: float) -> "Notes":
        """Keep what sounds in `[start, end)`, cut at its borders, in seconds after `start`."""
        cut, keep = _cut(self.intervals, start, end)
        labels = self.labels and tuple(np.array(self.labels, object)[keep])
        return Notes(cut, self.frequencies[keep], labels)


@dataclass(frozen=True)
class Stems:
    """The parts whose sum is the mixture.

    Attributes:
        waveforms: stem name -> waveform of shape `(time, channel)`, all of one shape.
        rate: sampling rate in Hz.
    """

    waveforms: Mapping[str, Float[np.ndarray, "time channel"]] = field(repr=False)
    rate: int

    def __post_init__(self):
        shapes = {name: waveform.shape for name, waveform in self.waveforms.items()}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"stems differ in shape: {shapes}")

    def crop(self, start: float, end: float) -> "Stems":
        """Keep the samples from `start` to `end` (seconds)."""
        first, last = round(start * self.rate), round(end * self.rate)
        cut = {name: waveform[first:last] for name, waveform in self.waveforms.items()}
        return Stems(cut, self.rate)


Annotation = Labels | Events | Intervals | F0 | Notes | Stems


def renamed(annotation: Annotation, names: Mapping[str, str]) -> Annotation:
    """Return an annotation with other names for its labels, stems or players.

    Args:
        annotation: of any type; f0 curves have no names.
        names: name in the annotation -> the name instead; others stay. Labels of a clip that get
            the same name become one; of two stems that do, the last one counts.
    """
    if isinstance(annotation, Labels):
        found = dict.fromkeys(names.get(name, name) for name in annotation.names)
        unknown = dict.fromkeys(names.get(name, name) for name in annotation.unknown)
        return replace(annotation, names=tuple(found), unknown=tuple(unknown))
    if isinstance(annotation, Events | Intervals | Notes):
        return replace(annotation, labels=tuple(names.get(n, n) for n in annotation.labels))
    if isinstance(annotation, Stems):
        waveforms = {names.get(name, name): part for name, part in annotation.waveforms.items()}
        return replace(annotation, waveforms=waveforms)
    return annotation


def _cut(intervals: np.ndarray, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the intervals cut to `[start, end)`, relative to `start`, and which ones are left."""
    keep = (intervals[:, 1] > start) & (intervals[:, 0] < end)
    return np.clip(intervals[keep], start, end) - start, keep
