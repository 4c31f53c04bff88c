"""Drum transcription: which drum is hit when.

Conventions
-----------
As `umir.tasks.event_detection`. The default vocabulary is the field's three classes: kick, snare,
hi-hat. There are three vocabularies, of 3, 5 and 8 classes; `DRUM_MAPS` says which labels count as
each class. They read the names of single drums (in the last column; those of the studio are among
them) and the codes of MDB Drums (`KD SD HH TT CY OT`), of which `HH` and `CY` are coarser than
single drums; data sets with other names translate them to these (`umir.data_sets`). What a map does
not hold is not transcribed: `shaker`, `OT`.

| 3 | 5 | 8 | drums |
|---|---|---|---|
| kick | kick | kick | kick |
| snare | snare | snare | snare, rimshot (side stick), clap |
| hihat | hihat | hihat | closed_hihat, open_hihat, pedal_hihat, tambourine |
| | tom | tom | tom |
| | cymbal | cymbal | crash, splash, china |
| | cymbal | ride | ride |
| | cymbal | bell | ride_bell, cowbell |
| | | sticks | sticks (claves) |

With 3 and 5 classes, rim shots, claps, tambourines, cowbells and sticks are left out: they are
other instruments to those who annotate so few classes.

Metrics
-------
`F-measure` within 50 ms, hits summed over songs (see `umir.tasks.event_detection`).

Reference: C.-W. Wu et al., "A Review of Automatic Drum Transcription", IEEE/ACM TASLP 26(9), 2018,
section II (classes and tolerance). The eight classes: R. Vogl, G. Widmer and P. Knees, "Towards
Multi-Instrument Drum Transcription", DAFx 2018, table 1.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from umir.tasks.event_detection import EventDetection

_HIHAT = ("hihat", "closed_hihat", "open_hihat", "pedal_hihat", "HH")
_RIDE, _BELL = "ride", "ride_bell"
_CRASH = ("crash", "splash", "china")

# Number of classes -> class -> labels that count as it.
_CLASSES: dict[int, dict[str, tuple[str, ...]]] = {
    3: {"kick": ("kick", "KD"), "snare": ("snare", "SD"), "hihat": _HIHAT},
    5: {
        "kick": ("kick", "KD"),
        "snare": ("snare", "SD"),
        "hihat": _HIHAT,
        "tom": ("tom", "TT"),
        "cymbal": ("cymbal", *_CRASH, _RIDE, _BELL, "CY"),
    },
    8: {
        "kick": ("kick", "KD"),
        "snare": ("snare", "rimshot", "clap", "SD"),
        "hihat": (*_HIHAT, "tambourine"),
        "tom": ("tom", "TT"),
        "cymbal": ("cymbal", *_CRASH),
        "ride": (_RIDE,),
        "bell": ("bell", _BELL, "cowbell"),
        "sticks": ("sticks",),
    },
}

# Number of classes -> pairs of label and class, as `EventDetection.label_map` wants them.
DRUM_MAPS: dict[int, tuple[tuple[str, str], ...]] = {
    size: tuple((label, name) for name, labels in classes.items() for label in labels)
    for size, classes in _CLASSES.items()
}

# What variants are made of when it is not known what the data holds.
DRUM_LABELS = (*("kick", "snare", "closed_hihat", "open_hihat", "tom", "crash", "ride", "clap"),)


@dataclass(frozen=True)
class DrumTranscription(EventDetection):
    """Transcribe drums; by default kick, snare and hi-hat."""

    name: str = "drum_transcription"
    vocabulary: tuple[str, ...] = tuple(_CLASSES[3])
    label_map: tuple[tuple[str, str], ...] = DRUM_MAPS[3]

    @classmethod
    def with_classes(cls, n_classes: int) -> "DrumTranscription":
        """Return the task with 3, 5 or 8 classes; with 5 and 8 it is named so.

        Raises:
            ValueError: another number.
        """
        if n_classes not in DRUM_MAPS:
            raise ValueError(f"no drum map for {n_classes} classes: choose 3, 5 or 8")
        name = "drum_transcription" if n_classes == 3 else f"drum_transcription_{n_classes}"
        return cls(name, tuple(_CLASSES[n_classes]), DRUM_MAPS[n_classes])

    def variant(
        self, rng: np.random.Generator, labels: Collection[str] | None = None
    ) -> "DrumTranscription":
        """Draw other classes, as many as now, from the labels or the eight single drums."""
        return super().variant(rng, DRUM_LABELS if labels is None else labels)
