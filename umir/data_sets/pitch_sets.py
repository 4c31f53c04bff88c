"""Sets with the pitch of a voice or of a lead instrument: what they call melody is not the same.

* MedleyDB Melody: the predominant line of the mix, whoever plays it (its second definition).
* Orchset: the line that most listeners sing along with, of a symphony.
* Saraga: the lead of a Carnatic or Hindustani concert, as an algorithm (Melodia) found it.
* MedleyDB Pitch, Vocadito: a single stem or singer, alone.
* Dagstuhl ChoirSet: a single singer of a choir (the larynx microphone's f0, corrected by hand,
  with the audio of the dynamic microphone), and the score of the choir aligned to the room's.

References: R. Bittner et al., "MedleyDB: A Multitrack Dataset for Annotation-Intensive MIR
Research", ISMIR 2014; J. J. Bosch, R. Marxer and E. Gómez, "Evaluation and combination of pitch
estimation methods for melody extraction in symphonic classical music", JNMR 45(2), 2016;
A. Srinivasamurthy et al., "Saraga: Open Datasets for Research on Indian Art Music", Empirical
Musicology Review 16(1), 2021; R. Bittner et al., "vocadito: A dataset of solo vocals with f0, note,
and lyric annotations", ISMIR 2021 late-breaking; S. Rosenzweig et al., "Dagstuhl ChoirSet", TISMIR
3(1), 2020.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from umir.data.annotation_files import read_f0
from umir.data_sets.adapters import files_there, mirdata_set
from umir.data_sets.data_set import labelling
from umir.data_sets.instrument_names import FAMILIES
from umir.data_sets.mirdata_annotations import events_of, f0_of, label_of, notes_of
from umir.data_sets.mirdata_tracks import MirdataLoader

_VOICE = "voice"

MEDLEYDB_MELODY = mirdata_set(
    "medleydb_melody",
    {
        "melody_extraction": labelling(
            "f0", lambda track: f0_of(track.melody2), needs=["melody2_path"], by_line=read_f0
        )
    },
    licence="CC BY-NC-SA 4.0",
    size="about 5 GB, 108 songs (7 h)",
    access="ask for access at https://zenodo.org/records/2628782 and unpack",
    splits="no published split; group = artist",
    group_of=lambda track: track.artist,
)

MEDLEYDB_PITCH = mirdata_set(
    "medleydb_pitch",
    {
        "melody_extraction": labelling(
            "f0", lambda track: f0_of(track.pitch), needs=["pitch_path"], by_line=read_f0
        ),
        "instrument_recognition": labelling(
            "label", lambda track: label_of(track.instrument), label_map=FAMILIES
        ),
    },
    licence="CC BY-NC-SA 4.0",
    size="about 3 GB, 103 stems",
    access="ask for access at https://zenodo.org/records/2620624 and unpack",
    splits="no published split; group = artist",
    group_of=lambda track: track.artist,
)

ORCHSET = mirdata_set(
    "orchset",
    {
        "melody_extraction": labelling(
            "f0",
            lambda track: f0_of(track.melody),
            audio="audio_path_mono",
            needs=["melody_path"],
            by_line=read_f0,
        )
    },
    licence="CC BY-NC-SA 4.0",
    size="64 excerpts (23 min)",
    splits="no published split; group = work",
    group_of=lambda track: f"{track.composer}-{track.work}",
)

VOCADITO = mirdata_set(
    "vocadito",
    {
        "melody_extraction": labelling(
            "f0", lambda track: f0_of(track.f0), needs=["f0_path"], by_line=read_f0
        ),
        "note_transcription": labelling(
            "notes", lambda track: notes_of(track.notes_a1, _VOICE), needs=["notes_a1_path"]
        ),
    },
    licence="CC BY 4.0",
    size="40 excerpts of solo singing (14 min)",
    splits="no published split; group = singer (29)",
    group_of=lambda track: f"singer {track.singer_id}",
)


def _artist(track: Any) -> str:
    """Return who gave a concert: the folder that its pieces are in is `CONCERT by ARTIST`."""
    return Path(track.audio_path).parent.parent.name.rpartition(" by ")[2]


_SARAGA_MELODY = labelling(
    "f0",
    lambda track: f0_of(track.pitch),
    needs=["pitch_path"],
    by_line=read_f0,
    has=files_there("audio_path", "pitch_path"),
)

SARAGA_CARNATIC = mirdata_set(
    "saraga_carnatic",
    {
        "melody_extraction": _SARAGA_MELODY,
        "tempo_estimation": labelling(
            "label",
            lambda track: track.tempo and label_of(float(track.tempo["tempo_bpm"])),
            needs=["tempo_path"],
            has=files_there("audio_path", "tempo_path"),
        ),
    },
    licence="CC BY-NC-SA 4.0",
    size="249 pieces (52 h), many with multitracks",
    splits="no published split; group = artist",
    group_of=_artist,
)

# Its tempi are those of sections: none holds for a whole piece.
SARAGA_HINDUSTANI = mirdata_set(
    "saraga_hindustani",
    {"melody_extraction": _SARAGA_MELODY},
    licence="CC BY-NC-SA 4.0",
    size="108 pieces (43 h)",
    splits="no published split; group = artist",
    group_of=_artist,
)

_CHOIRSET = MirdataLoader("dagstuhl_choirset")
_TAKES = MirdataLoader("dagstuhl_choirset", multitracks=True)
_ROOM = "audio_stm_path"
_LABELLED_ALONE = files_there("audio_dyn_path", "f0_manual_lrx_path")


def _takes_and_singers(home: Path, index: Path | None = None) -> Sequence[Any]:
    return [*_TAKES.tracks(home, index), *_CHOIRSET.tracks(home, index)]


def _is_take(track: Any) -> bool:
    return hasattr(track, "audio_stm_path")


def _choir_name(track: Any) -> str:
    return track.mtrack_id if _is_take(track) else track.track_id


DAGSTUHL_CHOIRSET = mirdata_set(
    "dagstuhl_choirset",
    {
        "melody_extraction": labelling(
            "f0",
            lambda track: f0_of(track.f0_manual_lrx),
            audio="audio_dyn_path",
            needs=["f0_manual_lrx_path"],
            by_line=read_f0,
            has=lambda track: not _is_take(track) and _LABELLED_ALONE(track),
        ),
        "note_transcription": labelling(
            "notes",
            lambda track: notes_of(track.notes, _VOICE),
            audio=_ROOM,
            has=_is_take,
        ),
        "beat_tracking": labelling(
            "events",
            lambda track: events_of(track.beat),
            audio=_ROOM,
            needs=["beat_path"],
            has=lambda track: _is_take(track) and track.beat_path is not None,
        ),
    },
    loader=_CHOIRSET,
    tracks=_takes_and_singers,
    licence="CC BY 4.0",
    size="5 GB, 81 takes of choir, quartets and exercises (56 min)",
    splits="no published split; group = choir or quartet (singers of the choir sing in quartets)",
    name_of=_choir_name,
    # DCS_LI_QuartetB_Take04_S1: set, piece, singers, take, voice.
    group_of=lambda track: _choir_name(track).split("_")[2],
)
