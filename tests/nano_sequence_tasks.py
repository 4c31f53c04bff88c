"""Sequence tasks small enough to train in a test, and data for them."""

import numpy as np
import scipy.io

from umir.sequence_tasks.copy_memory import CopyMemory
from umir.sequence_tasks.language import Characters, Words
from umir.sequence_tasks.piano_rolls import PianoRolls
from umir.sequence_tasks.polyphonic_music import KEYS, PolyphonicMusic
from umir.sequence_tasks.raw_audio import RawAudio
from umir.sequence_tasks.recipes import Recipe, SequencePreset
from umir.wave_unet.sequences import TCN, ResidualSeqUNet, SeqUNet, WaveNet

UNET = SeqUNet(KEYS, (5, 6, 7), KEYS, 3, 0.3)
TEMPORAL = TCN(KEYS, (5, 6), KEYS, 3, 0.3)
MUSIC = PolyphonicMusic(UNET)
COPY = CopyMemory(SeqUNet(1, (3, 4), 10, 3), blanks=12, digits=3)
CHARACTERS = Characters(SeqUNet(4, (5, 4), 4, 3, 0.1), symbols=7, targets=9)
WORDS = Words(TCN(4, (5, 4), 4, 3), symbols=7, targets=9)
AUDIO = RawAudio(ResidualSeqUNet(256, 256, levels=3, width=4, taps=3, depth=1), targets=20)
RECIPE = Recipe(1e-2, 1.0, patience=2, warm_epochs=2, epochs=3, batch=2)

# As `umir.sequence_tasks.recipes.PRESETS`, for the program.
PRESETS = {
    "music": {
        "jsb": {
            "seq_unet": SequencePreset(MUSIC, Recipe(1e-2, 1.0, epochs=2, batch=1)),
            "tcn": SequencePreset(PolyphonicMusic(TEMPORAL), Recipe(1e-2, epochs=2, batch=1)),
        }
    },
    "copy": {"copy": {"seq_unet": SequencePreset(COPY, RECIPE)}},
    "characters": {"ptb": {"seq_unet": SequencePreset(CHARACTERS, RECIPE)}},
    "words": {"ptb": {"tcn": SequencePreset(WORDS, RECIPE)}},
    "audio": {
        "piano": {
            "residual_seq_unet": SequencePreset(AUDIO, RECIPE),
            "wavenet": SequencePreset(RawAudio(WaveNet(256, 256, 1, 3, 4, 5), targets=20), RECIPE),
        }
    },
}


def rolls(lengths, seed=0):
    """Return piano rolls of these lengths."""
    rng = np.random.default_rng(seed)
    return [(rng.random((length, KEYS)) < 0.05).astype(np.uint8) for length in lengths]


def piano_rolls(cycle=UNET.cycle):
    """Return pieces as data."""
    pieces = {"train": rolls([20, 33, 9]), "valid": rolls([12, 30], 1), "test": rolls([25], 2)}
    return PianoRolls(pieces, cycle)


def write_mat(path, **parts):
    """Write pieces as the published files have them."""
    cells = {}
    for name, pieces in parts.items():
        row = np.empty((1, len(pieces)), object)
        row[0, :] = pieces
        cells[name] = row
    scipy.io.savemat(path, cells)
    return path
