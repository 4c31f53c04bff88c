"""Single notes and strokes of the Philharmonia's players: how is it played, and how loudly?

A file is called `INSTRUMENT_PITCH_LENGTH_DYNAMIC_ARTICULATION`. Of the pitched instruments this
excerpt has one articulation each (`normal`, or `arco-normal` where there is a bow), so that the
technique is how the sound is made: bowed, plucked, blown or struck. What is shaken, scraped or
played as a rhythm is left out.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from recordings.folder import write_manifest, write_mono
from umir.audio import read_audio

PLUCKED = ("banjo", "guitar", "mandolin")
STROKES = frozenset(
    "body damped flam hand medium-sticks rimshot roll rute sticks struck-singly struck-together "
    "undamped".split()
)
SOFT = ("molto-pianissimo", "pianissimo", "piano")
LOUD = ("forte", "fortissimo")


def playing_technique(source: Path, out: Path) -> Path:
    """Build the folder for playing techniques; group = instrument and octave.

    Only two instruments are bowed, so that an instrument may teach in one octave and test in
    another.
    """
    folder, rows = out / "playing_technique", []
    for audio, instrument, pitch, _, articulation in _notes(source):
        technique = _technique(instrument, pitch, articulation)
        if technique:
            group = f"{instrument}_{pitch[-1:]}"
            rows.append({"audio": _decoded(folder, audio), "group": group, "label": technique})
    return write_manifest(folder, rows)


def dynamics(source: Path, out: Path) -> Path:
    """Build the folder for soft and loud notes, the level normalised; group = instrument.

    Instruments of which there are notes of one kind only are left out.
    """
    folder, found = out / "dynamics", []
    for audio, instrument, pitch, dynamic, _ in _notes(source):
        label = "soft" if dynamic in SOFT else "loud" if dynamic in LOUD else None
        if pitch and label:
            found.append((audio, instrument, label))
    kinds = Counter(instrument for instrument, _ in {row[1:] for row in found})
    rows = [
        {"audio": _decoded(folder, audio), "group": instrument, "label": label}
        for audio, instrument, label in found
        if kinds[instrument] == 2
    ]
    return write_manifest(folder, rows)


def _technique(instrument: str, pitch: str, articulation: str) -> str | None:
    if not pitch:
        return "struck" if articulation in STROKES else None
    if articulation.startswith("arco"):
        return "bowed"
    return "plucked" if instrument in PLUCKED else "blown"


def _decoded(folder: Path, audio: Path) -> str:
    """Write an MP3 file as WAV; return its path relative to the folder."""
    samples, rate = read_audio(audio, None, 1)
    return write_mono(folder, audio.stem, samples[:, 0], rate)


def _notes(source: Path) -> Iterator[tuple[Path, str, str, str, str]]:
    """Yield audio, instrument, pitch ("" of percussion), dynamic and articulation."""
    for audio in sorted((source / "philharmonia" / "audio").glob("**/*.mp3")):
        instrument, pitch, _, dynamic, articulation = audio.stem.split("_")
        yield audio, instrument, pitch, dynamic, articulation
