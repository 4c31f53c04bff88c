"""Medley-solos-DB: 21,571 clips of 3 s, each of one of eight instruments playing alone.

Splits are the published ones: training and validation from MedleyDB, test from solosDB. Groups are
the songs that the clips were cut from.

Reference: V. Lostanlen and C.-E. Cella, "Deep Convolutional Networks on the Pitch Spiral for Music
Instrument Recognition", ISMIR 2016.
"""

from umir.data_sets.data_set import DataSet, labelling
from umir.data_sets.mirdata_annotations import label_of
from umir.data_sets.mirdata_tracks import MirdataLoader

_LOADER = MirdataLoader("medley_solos_db")

# The family, where umir's instruments are not as fine as the set's; all eight stay distinct.
INSTRUMENTS = {
    "distorted electric guitar": "distorted_guitar",
    "female singer": "voice",
    "tenor saxophone": "saxophone",
    "trumpet": "brass",
    "violin": "strings",
}

MEDLEY_SOLOS_DB = DataSet(
    name="medley_solos_db",
    licence="CC BY 4.0",
    size="about 6 GB, 21571 x 3 s (18 h)",
    access="umir data get medley_solos_db",
    splits="published training, validation, test; group = song",
    tracks=_LOADER.tracks,
    download=_LOADER.download,
    fetch_index=_LOADER.fetch_index,
    tasks={
        "instrument_recognition": labelling(
            "label", lambda track: label_of(track.instrument), label_map=INSTRUMENTS
        )
    },
    group_of=lambda track: f"song {track.song_id}",
    split_of=lambda track: track.subset,
)
