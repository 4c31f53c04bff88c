"""The public data sets that umir has an adapter for."""

from umir.data_sets.ballroom import BALLROOM
from umir.data_sets.clip_sets import GTZAN_GENRE, IRMAS, MTG_JAMENDO, OPENMIC2018, TINYSOL
from umir.data_sets.data_set import DataSet, DataSetError
from umir.data_sets.guitarset import GUITARSET
from umir.data_sets.maestro import MAESTRO
from umir.data_sets.mdb_drums import MDB_DRUMS
from umir.data_sets.medley_solos_db import MEDLEY_SOLOS_DB
from umir.data_sets.mir_1k import MIR_1K
from umir.data_sets.musdb18 import MUSDB18, MUSDB18HQ
from umir.data_sets.piano_sets import ASAP, POP909
from umir.data_sets.pitch_sets import (
    DAGSTUHL_CHOIRSET,
    MEDLEYDB_MELODY,
    MEDLEYDB_PITCH,
    ORCHSET,
    SARAGA_CARNATIC,
    SARAGA_HINDUSTANI,
    VOCADITO,
)
from umir.data_sets.rhythm_sets import BEATLES, BRID, GROOVE_MIDI, SIMAC
from umir.data_sets.slakh import SLAKH

# Adding a data set is one line here.
_SETS: tuple[DataSet, ...] = (
    MUSDB18HQ,
    MUSDB18,
    MDB_DRUMS,
    GUITARSET,
    MAESTRO,
    MEDLEY_SOLOS_DB,
    BALLROOM,
    MIR_1K,
    MEDLEYDB_MELODY,
    MEDLEYDB_PITCH,
    ORCHSET,
    VOCADITO,
    SARAGA_CARNATIC,
    SARAGA_HINDUSTANI,
    DAGSTUHL_CHOIRSET,
    SLAKH,
    GROOVE_MIDI,
    BRID,
    SIMAC,
    BEATLES,
    POP909,
    ASAP,
    IRMAS,
    OPENMIC2018,
    TINYSOL,
    GTZAN_GENRE,
    MTG_JAMENDO,
)

DATA_SETS: dict[str, DataSet] = {data_set.name: data_set for data_set in _SETS}


def get_data_set(name: str) -> DataSet:
    """Return a data set.

    Raises:
        DataSetError: there is none of that name; lists those there are.
    """
    if name not in DATA_SETS:
        raise DataSetError(f"no data set {name!r}: choose from {', '.join(sorted(DATA_SETS))}")
    return DATA_SETS[name]
