"""Sets of clips with labels that hold throughout: instruments, genres, moods.

`instrument_recognition` and `genre_recognition` take one label per clip, `tagging` any number: its
classes are those of the data, and what one set does not ask is unknown of its clips beside another.

* IRMAS: one predominant instrument per training clip; one or more per test clip.
* OpenMIC-2018: listeners were asked about few of 20 instruments per clip: of the others it is
  not known whether they are there. They are neither learnt from nor scored.
* TinySOL: single notes; its five folds are read as three to train, one to validate, one to test.
* GTZAN: ten genres. Its clips repeat artists and records, and some are mislabelled: what is scored
  on it is too good (B. L. Sturm, arXiv:1306.1461). With the three lists of C. Kereliuk, B. L. Sturm
  and J. Larsen (arXiv:1507.04761) in its folder, splits are theirs, by artist, and what they leave
  out is left out.
* MTG-Jamendo, mood and theme: the first of its published splits, by artist.

References: J. J. Bosch et al., "A Comparison of Sound Segregation Techniques for Predominant
Instrument Recognition in Musical Audio Signals", ISMIR 2012; E. Humphrey, S. Durand and B. McFee,
"OpenMIC-2018: An Open Data-set for Multiple Instrument Recognition", ISMIR 2018; C. E. Cella et
al., "OrchideaSOL", ICMC 2020; G. Tzanetakis and P. Cook, "Musical genre classification of audio
signals", IEEE TSAP 10(5), 2002; D. Bogdanov et al., "The MTG-Jamendo Dataset for Automatic Music
Tagging", ICML 2019 workshop.
"""

import csv
from functools import lru_cache
from pathlib import Path
from typing import Any

from umir.annotations import Labels
from umir.data_sets.adapters import mirdata_set, tempo_in
from umir.data_sets.data_set import DataSetError, labelling
from umir.data_sets.instrument_names import FAMILIES
from umir.data_sets.mirdata_annotations import beats_by_line, events_of, label_of

OPENMIC_INSTRUMENTS = (
    *("accordion", "banjo", "bass", "cello", "clarinet", "cymbals", "drums", "flute", "guitar"),
    *("mallet_percussion", "mandolin", "organ", "piano", "saxophone", "synthesizer", "trombone"),
    *("trumpet", "ukulele", "violin", "voice"),
)
JAMENDO_TAGS = (
    *("action", "adventure", "advertising", "ambiental", "background", "ballad", "calm"),
    *("children", "christmas", "commercial", "cool", "corporate", "dark", "deep", "documentary"),
    *("drama", "dramatic", "dream", "emotional", "energetic", "epic", "fast", "film", "fun"),
    *("funny", "game", "groovy", "happy", "heavy", "holiday", "hopeful", "horror", "inspiring"),
    *("love", "meditative", "melancholic", "mellow", "melodic", "motivational", "movie", "nature"),
    *("party", "positive", "powerful", "relaxing", "retro", "romantic", "sad", "sexy", "slow"),
    *("soft", "soundscape", "space", "sport", "summer", "trailer", "travel", "upbeat", "uplifting"),
)
# The instruments of IRMAS, as OpenMIC-2018 calls those that both know.
IRMAS_INSTRUMENTS = {
    "cel": "cello",
    "cla": "clarinet",
    "flu": "flute",
    "gac": "acoustic_guitar",
    "gel": "electric_guitar",
    "org": "organ",
    "pia": "piano",
    "sax": "saxophone",
    "tru": "trumpet",
    "vio": "violin",
    "voi": "voice",
}
PRESENT = 0.5  # of OpenMIC's relevance: above, most of the listeners' trust says that it is there


def _irmas_song(track: Any) -> str:
    """Return the recording that a clip was cut from.

    Names are `[cla][cla]0189__2`, `008__[cel][nod][cla]0058__1`, and to test with `02 - A Song-8`.
    """
    name = Path(track.audio_path).stem
    if "]" in name:
        return name.rpartition("__")[0].rpartition("]")[2]
    return name.rpartition("-")[0]


IRMAS = mirdata_set(
    "irmas",
    {
        "instrument_recognition": labelling(
            "label",
            lambda track: Labels(tuple(track.instrument)) if len(track.instrument) == 1 else None,
            needs=["annotation_path"],
            label_map=FAMILIES,
        ),
        "tagging": labelling(
            "labels",
            lambda track: Labels(tuple(track.instrument)),
            needs=["annotation_path"],
            label_map=IRMAS_INSTRUMENTS,
            classes=IRMAS_INSTRUMENTS.values(),
        ),
    },
    licence="CC BY-NC-SA 3.0",
    size="about 10 GB, 6705 training clips of 3 s and 2874 test clips (11 h)",
    splits="published train, test; group = recording",
    group_of=_irmas_song,
    split_of=lambda track: track.split,
)


def _openmic_labels(track: Any) -> Labels:
    heard = track.instruments
    return Labels(
        tuple(name for name, relevance in heard.items() if relevance > PRESENT),
        unknown=tuple(name for name in OPENMIC_INSTRUMENTS if name not in heard),
    )


OPENMIC2018 = mirdata_set(
    "openmic2018",
    {"tagging": labelling("labels", _openmic_labels, classes=OPENMIC_INSTRUMENTS)},
    licence="CC BY 4.0",
    size="about 2.6 GB, 20000 clips of 10 s (55 h)",
    splits="published train, test; group = artist",
    group_of=lambda track: str(track.artist),
    split_of=lambda track: track.split.rpartition("_")[2] or None,
)

TINYSOL = mirdata_set(
    "tinysol",
    {
        "instrument_recognition": labelling(
            "label", lambda track: label_of(track.instrument_full), label_map=FAMILIES
        )
    },
    licence="CC BY 4.0",
    size="about 1.5 GB, 2913 notes",
    splits="published folds: 0 to 2 train, 3 valid, 4 test; group = note",
    split_of=lambda track: {3: "valid", 4: "test"}.get(track.split, "train"),
)


@lru_cache(maxsize=8)
def _filtered_splits(home: Path) -> dict[str, str]:
    """Return excerpt (`jazz.00001`) -> split, of the lists in a folder; empty if it has none."""
    lists = {split: home / f"{split}_filtered.txt" for split in ("train", "valid", "test")}
    missing = [path.name for path in lists.values() if not path.is_file()]
    if len(missing) == len(lists):
        return {}
    if missing:
        raise DataSetError(f"{home}: {', '.join(missing)} missing beside the other filtered lists")
    lines = {split: path.read_text(encoding="utf-8").split() for split, path in lists.items()}
    return {Path(line).stem: split for split, found in lines.items() for line in found}


def _filtered_split(track: Any) -> str | None:
    return _filtered_splits(_gtzan_home(track)).get(Path(track.audio_path).stem)


def _gtzan_home(track: Any) -> Path:
    return Path(track.audio_path).parents[3]  # HOME/gtzan_genre/genres/jazz/jazz.00001.wav


def _in_filtered_lists(track: Any) -> bool:
    return not _filtered_splits(_gtzan_home(track)) or _filtered_split(track) is not None


GTZAN_GENRE = mirdata_set(
    "gtzan_genre",
    {
        "genre_recognition": labelling(
            "label",
            lambda track: label_of(track.genre),
            label_map={"hip-hop": "hip_hop"},
            has=_in_filtered_lists,
        ),
        "beat_tracking": labelling(
            "events",
            lambda track: events_of(track.beats),
            needs=["beats_path"],
            has=_in_filtered_lists,
            by_line=beats_by_line,
        ),
        "tempo_estimation": labelling(
            "label",
            lambda track: tempo_in(Path(track.tempo_path)),
            needs=["tempo_path"],
            has=_in_filtered_lists,
        ),
    },
    licence="none stated; excerpts of published records",
    size="1.2 GB, 1000 x 30 s (8 h)",
    splits="by artist, with the lists SPLIT_filtered.txt (arXiv:1507.04761) in the folder; without "
    "them none; group = excerpt",
    split_of=_filtered_split,
)


@lru_cache(maxsize=8)
def _jamendo_splits(home: Path) -> dict[str, str]:
    """Return track -> split, of the first of the published splits."""
    found = {}
    for split in ("train", "validation", "test"):
        path = home / "data" / "splits" / "split-0" / f"autotagging_moodtheme-{split}.tsv"
        with path.open(encoding="utf-8", newline="") as lines:
            _, *rows = csv.reader(lines, delimiter="\t")
        found.update({row[0]: split for row in rows if row})
    return found


MTG_JAMENDO = mirdata_set(
    "mtg_jamendo_autotagging_moodtheme",
    {"tagging": labelling("labels", lambda track: Labels(tuple(track.tags)), classes=JAMENDO_TAGS)},
    licence="tags CC BY-NC-SA 4.0; audio: Creative Commons, per song",
    size="152 GB, 18486 songs",
    access="unpack https://zenodo.org/records/3826813 (data.zip) there; audio into 'audios' by "
    "the script of github.com/MTG/mtg-jamendo-dataset",
    splits="published split 0: train, validation, test, by artist; group = artist",
    group_of=lambda track: track.artist_id,
    # HOME/audios/48/948.mp3
    split_of=lambda track: _jamendo_splits(Path(track.audio_path).parents[2]).get(track.track_id),
)
