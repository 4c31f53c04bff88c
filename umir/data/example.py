"""One labelled piece of audio: what every source of data hands to the tasks."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from umir.annotations import Annotation


@dataclass(frozen=True)
class Example:
    """A waveform and what is known about it.

    Attributes:
        waveform: samples in [-1, 1], shape `(time, channel)`, float32.
        rate: sampling rate in Hz.
        annotation: labels, events, stems, ...: times in seconds from the start of `waveform`.
        group: the song, artist, singer or session it comes from; groups never cross a split.
        name: what to call it in messages and result files.
    """

    waveform: Float[np.ndarray, "time channel"] = field(repr=False)
    rate: int
    annotation: Annotation = field(repr=False)
    group: str
    name: str

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.waveform) / self.rate

    def crop(self, start: float, end: float) -> "Example":
        """Return the stretch from `start` to `end` (seconds), with its annotation."""
        first, last = round(start * self.rate), round(end * self.rate)
        annotation = self.annotation.crop(first / self.rate, last / self.rate)
        return Example(self.waveform[first:last], self.rate, annotation, self.group, self.name)
