"""Free spoken digits: ten words, said by six people. No music at all."""

from pathlib import Path

from recordings.folder import write_manifest


def spoken_digits(source: Path, out: Path) -> Path:
    """Build the folder for telling digits apart; group = speaker."""
    rows = []
    for audio in sorted((source / "free-spoken-digit" / "recordings").glob("*.wav")):
        digit, speaker, _ = audio.stem.split("_")
        rows.append({"audio": str(audio), "group": speaker, "label": digit})
    return write_manifest(out / "spoken_digits", rows)
