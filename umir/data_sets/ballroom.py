"""Ballroom: 698 excerpts of 30 s of ballroom dance music with beats and bars.

Groups are the excerpts: the set says nothing about artists or records. It has no published split.

Reference: F. Krebs, S. Böck and G. Widmer, "Rhythmic Pattern Modeling for Beat and Downbeat
Tracking in Musical Audio", ISMIR 2013 (beats); F. Gouyon et al., "An experimental comparison of
audio tempo induction algorithms", IEEE TASLP 14(5), 2006 (audio, tempo).
"""

from umir.data_sets.data_set import DataSet, labelling
from umir.data_sets.mirdata_annotations import events_of, label_of
from umir.data_sets.mirdata_tracks import MirdataLoader

_LOADER = MirdataLoader("ballroom")

BALLROOM = DataSet(
    name="ballroom",
    licence="annotations CC BY-NC-SA 4.0; audio: excerpts of published records",
    size="about 1.4 GB, 698 x 30 s (5.8 h)",
    access="umir data get ballroom",
    splits="no published split; group = excerpt",
    tracks=_LOADER.tracks,
    download=_LOADER.download,
    fetch_index=_LOADER.fetch_index,
    tasks={
        "beat_tracking": labelling("events", lambda t: events_of(t.beats), needs=["beats_path"]),
        "tempo_estimation": labelling("label", lambda t: label_of(t.tempo), needs=["tempo_path"]),
        "genre_recognition": labelling("label", lambda t: label_of(t.genre)),
    },
)
