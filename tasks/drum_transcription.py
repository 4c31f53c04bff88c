"""Drum transcription: which drum is hit when.

Conventions
-----------
As `umir.tasks.event_detection`. The default vocabulary is the field's three classes: kick, snare,
hi-hat. `DRUM_MAPS` holds the maps for 3, 5 and 8 classes; they read the names of the studio
(`kick`, `closed_hihat`, ...) and those of MDB Drums (`KD SD HH TT CY OT`), of which `HH` and `CY`
are too coarse for 8 classes. What a map does not hold is not transcribed: rim shots, shakers and
the like, `OT` in MDB Drums.

Metrics
-------
`F-measure` within 50 ms, hits summed over songs (see `umir.tasks.event_detection`).

Reference: C.-W. Wu et al., "A Review of Automatic Drum Transcription", IEEE/ACM TASLP 26(9), 2018,
section II (classes and tolerance).
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from umir.tasks.event_detection import EventDetection

# Number of classes -> class -> labels that count as it.
_CLASSES: dict[int, dict[str, tuple[str, ...]]] = {
    3: {
        "kick": ("kick", "KD"),
        "snare": ("snare", "SD"),
        "hihat": ("closed_hihat", "open_hihat", "HH"),
    },
    5: {
        "kick": ("kick", "KD"),
        "snare": ("snare", "SD"),
        "hihat": ("closed_hihat", "open_hihat", "HH"),
        "tom": ("tom", "TT"),
        "cymbal": ("crash", "ride", "CY"),
    },
    8: {
        "kick": ("kick", "KD"),
        "snare": ("snare", "SD"),
        "closed_hihat": ("closed_hihat",),
        "open_hihat": ("open_hihat",),
        "tom": ("tom", "TT"),
        "crash": ("crash",),
        "ride": ("ride",),
        "clap": ("clap",),
    },
}

# Number of classes -> pairs of label and class, as `EventDetection.label_map` wants them.
DRUM_MAPS: dict[int, tuple[tuple[str, str], ...]] = {
    size: tuple((label, name) for name, labels in classes.items() for label in labels)
    for size, classes in _CLASSES.items()
}

# What variants are made of when it is not known what the data holds.
DRUM_LABELS = tuple(_CLASSES[8])


@dataclass(frozen=True)
class DrumTranscription(EventDetection):
    """Transcribe drums; by default kick, snare and hi-hat."""

    name: str = "drum_transcription"
    vocabulary: tuple[str, ...] = tuple(_CLASSES[3])
    label_map: tuple[tuple[str, str], ...] = DRUM_MAPS[3]

    @classmethod
    def with_classes(cls, n_classes: int) -> "DrumTranscription":
        """Return the task with 3, 5 or 8 classes."""
        if n_classes not in DRUM_MAPS:
            raise ValueError(f"no drum map for {n_classes} classes: choose 3, 5 or 8")
        return cls(vocabulary=tuple(_CLASSES[n_classes]), label_map=DRUM_MAPS[n_classes])

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "DrumTranscription":
        """Draw other classes, as many as now, from the labels or the eight single drums."""
        return super().variant(rng, DRUM_LABELS if labels is None else labels)
