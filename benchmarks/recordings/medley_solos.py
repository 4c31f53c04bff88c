"""Medley-solos-DB: one instrument per three-second clip."""

from pathlib import Path

from recordings.folder import write_manifest

CLASSES = (
    "clarinet",
    "distorted electric guitar",
    "female singer",
    "flute",
    "piano",
    "tenor saxophone",
    "trumpet",
    "violin",
)


def medley_solos(source: Path, out: Path) -> Path:
    """Build the folder for instrument recognition.

    The data set has no song ids, so that each clip is its own group and two clips of one song may
    fall on both sides of a split.
    """
    rows = []
    for audio in sorted((source / "medley-solos-db-small").glob("*.flac")):
        label = CLASSES[int(audio.stem.split("training-")[1].split("_")[0])]
        rows.append({"audio": str(audio), "group": audio.stem, "label": label})
    return write_manifest(out / "medley_solos", rows)
