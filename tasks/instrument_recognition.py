"""Instrument recognition: which instrument plays in a clip of a solo part.

Conventions
-----------
As `umir.tasks.classification`, one label per clip. The default vocabulary is eight instruments of
the studio (`umir.studio.INSTRUMENTS`) that differ in how they sound and are made; variants draw
eight of all that the data has, or four where there are fewer.

Metrics
-------
`accuracy` and `macro_f1` over clips (scikit-learn).
"""

from dataclasses import dataclass

from umir.tasks.classification import Classification


@dataclass(frozen=True)
class InstrumentRecognition(Classification):
    """Name the instrument of a solo clip."""

    name: str = "instrument_recognition"
    vocabulary: tuple[str, ...] = (
        "acoustic_guitar",
        "bass",
        "electric_guitar",
        "flute",
        "organ",
        "piano",
        "strings",
        "voice",
    )
