"""Medley-solos-DB: 21,571 clips of 3 s, each of one of eight instruments playing alone.

Splits are the published ones: training and validation from MedleyDB, test from solosDB. Groups are
the songs that the clips were cut from. In umir's families all eight instruments stay distinct.

Reference: V. Lostanlen and C.-E. Cella, "Deep Convolutional Networks on the Pitch Spiral for Music
Instrument Recognition", ISMIR 2016.
"""

from umir.data_sets.adapters import mirdata_set
from umir.data_sets.data_set import labelling
from umir.data_sets.instrument_names import FAMILIES
from umir.data_sets.mirdata_annotations import label_of

MEDLEY_SOLOS_DB = mirdata_set(
    "medley_solos_db",
    {
        "instrument_recognition": labelling(
            "label", lambda track: label_of(track.instrument), label_map=FAMILIES
        )
    },
    licence="CC BY 4.0",
    size="about 6 GB, 21571 x 3 s (18 h)",
    splits="published training, validation, test; group = song",
    group_of=lambda track: f"song {track.song_id}",
    split_of=lambda track: track.subset,
)
