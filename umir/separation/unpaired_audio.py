"""Recordings without an answer on disk: mixtures of unknown stems, solos of one source.

They are files (`umir.separation.unpaired_files`) of any rate, length and number of channels, and
are written once at the network's rate, each as a song of one source
(`umir.separation.stem_songs`).
What is also a song, or a stem, of the validation or test songs is left out: critics that know them
by heart would make the scores too good. It is recognised by its samples, whatever its name and
folder. A copy that was compressed with losses is not, nor is a sum of stems, as karaoke is, nor a
stem that goes on after its mixture has ended.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from umir.annotations import Stems
from umir.audio import read_audio
from umir.data.manifest_lines import ManifestError
from umir.data_sets import DataSetError
from umir.data_specification import LabelledData
from umir.files import version
from umir.separation.stem_songs import StemSong, begin_songs, note_songs, songs_there, stored_song

AUDIBLE = 1e-4  # of full scale, -80 dB
SHORTEST = 0.1  # seconds: all recordings are drawn alike, and the rest of a window is zeros
Fingerprints = Mapping[str, str]  # of what is held out -> what it is, in words


@dataclass(frozen=True)
class Recordings:
    """What a folder of recordings came to.

    Attributes:
        songs: what can be used, one source each.
        problems: what cannot, a line for each file.
    """

    songs: tuple[StemSong, ...]
    problems: tuple[str, ...]


def fingerprint(waveform: Float[np.ndarray, "time channel"]) -> str:
    """Return a number that only the same samples have; zeros before and after do not count."""
    loud = np.flatnonzero(np.any(waveform, axis=1))
    kept = waveform[loud[0] : loud[-1] + 1] if len(loud) else waveform[:0]
    return hashlib.sha256(np.ascontiguousarray(kept, np.float32).tobytes()).hexdigest()


def fingerprints(
    data: LabelledData, splits: Sequence[str], rate: int, channels: int
) -> Fingerprints:
    """Return the fingerprints of the songs of some splits, and of all their stems.

    Args:
        data: songs with stems.
        splits: which of them, for example `valid` and `test`.
        rate: that they are read at, in Hz.
        channels: that they are read with.

    What cannot be read has none: it is neither learnt from nor judged by.
    """
    found: dict[str, str] = {}
    for split in splits:
        with contextlib.suppress(ManifestError, DataSetError):  # not one of them can be read
            for example in data.stream(split, rate, channels):
                assert isinstance(example.annotation, Stems)
                words = f"of {example.name}, in the split {split!r} of the pairs"
                for name, waveform in example.annotation.waveforms.items():
                    found[fingerprint(waveform)] = f"the stem {name} {words}"
                found[fingerprint(example.waveform)] = f"the mixture {words}"
    return found


def stored_recordings(
    files: Sequence[Path],
    held_out: Fingerprints,
    rate: int,
    channels: int,
    folder: Path,
    progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> Recordings:
    """Write recordings to a folder, unless they are there, and return them.

    Files that cannot be read, are silent, are shorter than a tenth of a second or are held out
    become problems.

    Args:
        files: the recordings.
        held_out: what is not to be used.
        rate: of what is stored, in Hz.
        channels: of what is stored.
        folder: where it is to lie.
        progress: passes the files on as they are read.

    Raises:
        OSError: the disk is full.
    """
    facts = {
        "files": [[str(path.absolute()), *version(path)] for path in files],
        "held_out": sorted(held_out),
        "rate": rate,
        "channels": channels,
    }
    if (there := songs_there(folder, facts)) is not None:
        return Recordings(tuple(there), ())
    begin_songs(folder)
    songs: list[StemSong] = []
    problems: list[str] = []
    for path in progress(files):
        try:
            waveform = _usable(path, held_out, rate, channels)
        except ValueError as error:
            problems.append(str(error))
            continue
        songs.append(stored_song(folder / f"{len(songs):05}.npy", waveform[:, None]))
    note_songs(folder, facts, songs)
    return Recordings(tuple(songs), tuple(problems))


def _usable(
    path: Path, held_out: Fingerprints, rate: int, channels: int
) -> Float[np.ndarray, "time channel"]:
    """Return the waveform of a file.

    Raises:
        ValueError: it cannot be used.
    """
    waveform, _ = read_audio(path, rate, channels)
    if np.abs(waveform).max(initial=0) < AUDIBLE:
        raise ValueError(f"{path}: is silent; left out")
    if len(waveform) < SHORTEST * rate:
        raise ValueError(f"{path}: lasts {len(waveform) / rate:.3f} s; left out")
    if known := held_out.get(fingerprint(waveform)):
        raise ValueError(f"{path}: is {known}; left out")
    return waveform
