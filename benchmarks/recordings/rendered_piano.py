"""ASAP and POP909: real performances and arrangements as MIDI, *rendered* with a sampled piano.

No recordings, and never called so: one instrument, one set of samples, one room. Each piece is its
first 40 seconds; labels go on after that and are cut.
"""

from collections.abc import Iterator
from pathlib import Path

from recordings.folder import RATE, read_start, transposed, write_cut, write_manifest, write_mono
from umir.data.annotation_files import read_intervals, read_notes
from umir.tasks.key_recognition import KEYS, read_key

# Transpositions, and seconds of each song, for keys.
TRANSPOSITIONS = range(-6, 6)
KEY_SECONDS = 15.0


def asap(source: Path, out: Path) -> Path:
    """Build the folder for note transcription: ten classical performances; group = composer."""
    folder = out / "asap_rendered"
    rows = []
    for audio in sorted((source / "ASAP").glob("*/**/*.ogg")):
        composer = audio.relative_to(source / "ASAP").parts[0]
        path = _notes(folder, composer, audio)
        rows.append({"audio": str(audio), "group": composer, "notes": path})
    return write_manifest(folder, rows)


def pop909(source: Path, out: Path) -> Path:
    """Build the folder for note transcription: ten pop arrangements; group = song."""
    folder = out / "pop909_rendered"
    rows = [
        {"audio": str(audio), "group": song, "notes": _notes(folder, song, audio)}
        for song, audio in _songs(source)
    ]
    return write_manifest(folder, rows)


def chords(source: Path, out: Path) -> Path:
    """Build the folder for chord recognition: ten pop arrangements; group = song."""
    folder = out / "chords_rendered"
    rows = []
    for song, audio in _songs(source):
        labels, _ = read_intervals(audio.with_name("chord_midi.txt"))
        path = write_cut(folder, song, labels, audio)
        rows.append({"audio": str(audio), "group": song, "intervals": path})
    return write_manifest(folder, rows)


def keys(source: Path, out: Path) -> Path:
    """Build the folder for key recognition: ten pop arrangements in twelve keys; group = song.

    All ten are in major. Each is played at twelve speeds, a semitone from one to the next:
    otherwise the keys of the test songs would not even occur in the training songs.
    """
    folder = out / "keys_rendered"
    rows = []
    for song, audio in _songs(source):
        key = _first_key(audio.with_name("key_audio.txt"))
        waveform, rate = read_start(audio, KEY_SECONDS)
        for semitones in TRANSPOSITIONS:
            played = transposed(waveform, rate, semitones)
            path = write_mono(folder, f"{song}_{semitones:+d}", played, RATE)
            rows.append({"audio": path, "group": song, "label": higher_key(key, semitones)})
    return write_manifest(folder, rows)


def higher_key(key: str, semitones: int) -> str:
    """Return the key that is `semitones` higher, of the same mode."""
    mode, tonic = divmod(KEYS.index(key), 12)
    return KEYS[12 * mode + (tonic + semitones) % 12]


def _first_key(path: Path) -> str:
    """Return the key that a song begins in."""
    found, _ = read_intervals(path)
    key = read_key(found.labels[0])
    if key is None:
        raise ValueError(f"{path}: no key: {found.labels[0]!r}")
    return key


def _notes(folder: Path, name: str, audio: Path) -> str:
    notes, _ = read_notes(audio.with_name(f"{audio.stem}.notes.txt"))
    return write_cut(folder, name, notes, audio)


def _songs(source: Path) -> Iterator[tuple[str, Path]]:
    """Yield number and audio of every song of POP909."""
    for audio in sorted((source / "POP909" / "POP909").glob("*/*.ogg")):
        yield audio.stem, audio
