"""Ballroom: 698 excerpts of 30 s of ballroom dance music with beats and bars.

Groups are the records, where the name of an excerpt says from which it is (`Albums-Latin_Jam2-05`),
and the excerpts elsewhere; 13 excerpts are others once more, and are in the groups of those. There
is no published split. Its three kinds of rumba are one genre.

References: F. Krebs, S. Böck and G. Widmer, "Rhythmic Pattern Modeling for Beat and Downbeat
Tracking in Musical Audio", ISMIR 2013 (beats); F. Gouyon et al., "An experimental comparison of
audio tempo induction algorithms", IEEE TASLP 14(5), 2006 (audio, tempo); the replicas were found by
B. L. Sturm (README of github.com/CPJKU/BallroomAnnotations).
"""

from pathlib import Path
from typing import Any

from umir.data_sets.adapters import mirdata_set
from umir.data_sets.data_set import labelling
from umir.data_sets.mirdata_annotations import beats_by_line, events_of, label_of

# Excerpt -> the one that it repeats, where that is of another record, or neither is of any.
REPLICAS = {
    "Albums-Chrisanne2-12": "Albums-AnaBelen_Veneo-11",
    "Media-103414": "Albums-Latin_Jam3-02",
    "Media-103415": "Media-103402",
    "Media-104705": "Albums-Secret_Garden-01",
}
GENRES = {
    "chachacha": "cha_cha",
    "rumba-american": "rumba",
    "rumba-international": "rumba",
    "rumba-misc": "rumba",
    "viennesewaltz": "viennese_waltz",
}


def _record(track: Any) -> str:
    """Return the record that an excerpt is from, or the excerpt itself."""
    name = Path(track.audio_path).stem
    name = REPLICAS.get(name, name)
    return name.rpartition("-")[0] if name.startswith("Albums-") else name


BALLROOM = mirdata_set(
    "ballroom",
    {
        "beat_tracking": labelling(
            "events", lambda t: events_of(t.beats), needs=["beats_path"], by_line=beats_by_line
        ),
        "tempo_estimation": labelling("label", lambda t: label_of(t.tempo), needs=["tempo_path"]),
        "genre_recognition": labelling("label", lambda t: label_of(t.genre), label_map=GENRES),
    },
    licence="annotations CC BY-NC-SA 4.0; audio: excerpts of published records",
    size="about 1.5 GB, 698 x 30 s (5.8 h)",
    splits="no published split; group = record, where it is known",
    group_of=_record,
)
