"""Short recordings from the test files of other libraries: onsets and notes.

A drum loop (libnmfd), madmom's samples, and a chorale of Bach10 as libsoni has it. Each is a group
of its own. (The excerpts that mirdata brings are of no use here: of half a minute of a waltz, its
fixture has three beats.)
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from recordings.folder import write_cut, write_manifest
from umir.annotations import Events, Notes
from umir.data.annotation_files import read_notes
from umir.tasks.onset_detection import merge_onsets

SHORTEST = 0.1  # seconds: what is shorter in a pitch curve is a glide, no note


def onset_excerpts(source: Path, out: Path) -> Path:
    """Build the folder for onset detection: a drum loop, a band and a piano."""
    folder = out / "onset_excerpts"
    madmom, loop = source / "madmom" / "tests" / "data", source / "libnmfd" / "data"
    found = {
        loop / "runningExample_808Mixture.wav": loop / "runningExample_808Drums.txt",
        madmom / "audio" / "sample.wav": madmom / "annotations" / "sample.onsets",
        madmom / "audio" / "stereo_sample.wav": madmom / "annotations" / "stereo_sample.notes",
    }
    rows = []
    for audio, labels in found.items():
        if audio.is_file():
            times = merge_onsets(np.unique(np.loadtxt(labels, ndmin=2)[:, 0]))
            rows.append(_row(folder, audio, "events", Events(times, ("",) * len(times))))
    return write_manifest(folder, rows)


def notes_recorded(source: Path, out: Path) -> Path:
    """Build the folder for note transcription: a piano (madmom), and a chorale of four players."""
    folder = out / "notes_recorded"
    rows = []
    piano = source / "madmom" / "tests" / "data"
    if piano.is_dir():
        notes, _ = read_notes(piano / "annotations" / "stereo_sample.mid")
        rows.append(_row(folder, piano / "audio" / "stereo_sample.wav", "notes", notes))
    chorale = source / "libsoni"
    if chorale.is_dir():
        audio = chorale / "data_audio" / "demo_f0" / "01-AchGottundHerr.wav"
        curves = sorted((chorale / "data_csv" / "demo_f0").glob("*.csv"))
        tables = [np.loadtxt(path, delimiter=";", skiprows=1) for path in curves]
        parts = [notes_of_curve(table[:, 0], table[:, 1]) for table in tables]
        rows.append(_row(folder, audio, "notes", _together(parts)))
    return write_manifest(folder, rows)


def notes_of_curve(
    times: Float[np.ndarray, " frame"], frequencies: Float[np.ndarray, " frame"]
) -> Notes:
    """Return the stretches of a pitch curve that stay on one semitone.

    Args:
        times: seconds, at even distances.
        frequencies: Hz; 0 where nothing sounds.
    """
    semitones = 69 + 12 * np.log2(np.maximum(frequencies, 1e-9) / 440)
    steps = np.where(frequencies > 0, np.rint(semitones), 0).astype(int)
    first = np.flatnonzero(np.diff(steps, prepend=-1))
    ends = np.append(times[first[1:]], times[-1])
    bounds = np.stack([times[first], ends], axis=1)
    kept = (steps[first] > 0) & (bounds[:, 1] - bounds[:, 0] >= SHORTEST)
    return Notes(bounds[kept], 440 * 2 ** ((steps[first][kept] - 69) / 12))


def _together(parts: list[Notes]) -> Notes:
    intervals = np.concatenate([part.intervals for part in parts])
    frequencies = np.concatenate([part.frequencies for part in parts])
    order = np.argsort(intervals[:, 0], kind="stable")
    return Notes(intervals[order], frequencies[order])


def _row(folder: Path, audio: Path, kind: str, annotation: Events | Notes) -> dict:
    path = write_cut(folder, audio.stem, annotation, audio)
    return {"audio": str(audio), "group": audio.stem, kind: path}
