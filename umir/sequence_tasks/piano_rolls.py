"""Piano rolls of whole pieces: JSB chorales, Nottingham, MuseData, Piano-midi.de, as MATLAB files.

A file has `traindata`, `validdata` and `testdata`, each a row of pieces, `(frame, 88)`, 1 where a
key sounds (Boulanger-Lewandowski et al. 2012; the files are those of the TCN and Seq-U-Net
repositories). Reading them runs no code of whoever wrote them.

XLA compiles a program for every length, and hardly two pieces are of one length. So pieces are
filled up at their end, to one of four lengths per octave, and a mask leaves out what was added. The
networks are causal: nothing that is appended changes an output before it.

The paper's Seq-U-Net anchors its frames at the last sample: it puts zeros in front until the length
is one more than a multiple of the cycle, and more than the cycle. Those zeros are put in front
here, the network's frames are anchored at the first sample (`anchor="start"`), and that is the same
network on the same samples. Anchored at the last sample, what is appended would move all frames.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from jaxtyping import UInt8

from umir.data.splits import SPLITS
from umir.sequence_tasks.batches import Batch, SequenceData, shuffled_place
from umir.sequence_tasks.polyphonic_music import KEYS

Roll = UInt8[np.ndarray, "_ key"]  # `_`: pieces are of several lengths
SHORTEST = 32  # padded frames of the shortest pieces


class PianoRolls(SequenceData):
    """Pieces, one in a batch.

    Args:
        pieces: split -> piano rolls of two frames or more.
        cycle: of the network (`umir.sequence_tasks.networks.cycle_of`).
        description: plain JSON that tells these pieces from others.
    """

    def __init__(
        self, pieces: Mapping[str, Sequence[Roll]], cycle: int, description: Mapping | None = None
    ):
        self._pieces, self._cycle = pieces, cycle
        self.description = dict(description or {})

    @property
    def epoch_steps(self) -> int:
        """Pieces to train on."""
        return len(self._pieces["train"])

    def batch(self, step: int, seed: int) -> Batch:
        """Return a piece; every epoch has its own order."""
        (place,) = shuffled_place(step, seed, self.epoch_steps)
        return piece_batch(self._pieces["train"][place], self._cycle)

    def in_turn(self, split: str) -> Iterator[Batch]:
        """Yield the pieces of a split."""
        for piece in self._pieces[split]:
            yield piece_batch(piece, self._cycle)


def padded_length(length: int) -> int:
    """Return the next length of four per octave: 32, 40, 48, 56, 64, 80, ..."""
    octave = max(length - 1, SHORTEST).bit_length() - 1
    step = 2**octave // 4
    return max(-(-length // step) * step, SHORTEST)


def piece_batch(piece: Roll, cycle: int) -> Batch:
    """Return a piece as a batch: zeros in front as in the paper, zeros behind as a bucket asks."""
    frames = len(piece) - 1
    front, first = 0, 0
    if cycle > 1:  # the first sample has a frame of its own in front of whole cycles
        front, first = max((1 - frames) % cycle, cycle + 1 - frames), 1
    length = first + padded_length(front + frames - first)
    inputs, targets = (np.zeros((1, length, KEYS), np.uint8) for _ in range(2))
    mask = np.zeros((1, length), np.float32)
    here = slice(front, front + frames)
    inputs[0, here], targets[0, here], mask[0, here] = piece[:-1], piece[1:], 1.0
    return {"inputs": inputs, "targets": targets, "mask": mask}


def read_piano_rolls(path: Path) -> dict[str, list[Roll]]:
    """Read the pieces of each split.

    Raises:
        ValueError: the file is missing, damaged or laid out otherwise; names what is wrong.
    """
    if not path.is_file():
        problem = "is a folder" if path.is_dir() else "no such file"
        raise ValueError(f"{path}: {problem}; give a .mat file of piano rolls")
    try:
        found = scipy.io.loadmat(path)
    except Exception as error:  # scipy and zlib raise whatever they like on damaged bytes
        raise ValueError(
            f"{path}: cannot be read as a MATLAB file ({error}); download it again"
        ) from None
    return {split: _pieces(path, f"{split}data", found) for split in SPLITS}


def fingerprint(path: Path) -> dict[str, str]:
    """Return what tells a file from another one: its name, and a hash of what it holds."""
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _pieces(path: Path, name: str, found: Mapping[str, Any]) -> list[Roll]:
    if name not in found:
        keys = [key for key in found if not key.startswith("__")]
        raise ValueError(f"{path}: has no {name!r}, but {', '.join(keys) or 'nothing'}")
    cells = found[name].ravel()
    if found[name].dtype != object or not len(cells):
        raise ValueError(f"{path}: {name!r} is no row of pieces")
    return [_roll(path, f"piece {number} of {name!r}", cell) for number, cell in enumerate(cells)]


def _roll(path: Path, what: str, cell: np.ndarray) -> Roll:
    roll = np.asarray(cell)
    if roll.dtype.kind not in "buif" or roll.ndim != 2 or roll.shape[1] != KEYS or len(roll) < 2:
        shape = " x ".join(map(str, roll.shape))
        raise ValueError(f"{path}: {what} is {shape}, not two frames or more of {KEYS} keys")
    if not np.isin(roll, (0, 1)).all():
        raise ValueError(f"{path}: {what} holds other numbers than 0 and 1")
    return roll.astype(np.uint8)
