"""What a sequence task learns from: files opened as data, and the task made to fit them.

What a task takes from its data (the size of the vocabulary) is changed here; what a model needs to
be used later (the vocabulary itself) becomes its facts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from umir.audio_folders import audio_files
from umir.data.splits import SPLITS
from umir.sequence_tasks.batches import SequenceData
from umir.sequence_tasks.copy_memory import CopyMemory, CopySequences
from umir.sequence_tasks.language import Characters, Words
from umir.sequence_tasks.networks import cycle_of
from umir.sequence_tasks.piano_rolls import PianoRolls, fingerprint, read_piano_rolls
from umir.sequence_tasks.polyphonic_music import PolyphonicMusic
from umir.sequence_tasks.raw_audio import RawAudio
from umir.sequence_tasks.recordings import (
    Recordings,
    describe,
    read_recordings,
    split_recordings,
)
from umir.sequence_tasks.task import SequenceTask
from umir.sequence_tasks.texts import (
    Text,
    limited,
    numbered,
    read_symbols,
    read_text,
    split_by_position,
    vocabulary_of,
)

EPOCH_HOP = 40_000  # samples of a recording for each window of an epoch, as in the repository


@dataclass(frozen=True)
class Source:
    """A task and what it learns from.

    Attributes:
        task: made to fit the data.
        data: in batches.
        names: of the files, for the model's card.
        facts: what a model must know to be used: plain JSON.
    """

    task: SequenceTask
    data: SequenceData
    names: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def open_piano_rolls(task: PolyphonicMusic, path: Path) -> Source:
    """Open a MATLAB file of pieces.

    Raises:
        ValueError: the file cannot be used.
    """
    pieces = read_piano_rolls(path)
    data = PianoRolls(pieces, cycle_of(task.network), fingerprint(path))
    return Source(task, data, [path.name])


def open_copy(task: CopyMemory, batch: int, seed: int) -> Source:
    """Draw sequences to copy from."""
    return Source(task, CopySequences(task, batch, seed), ["drawn at random"])


def open_text(
    task: Characters | Words,
    paths: Sequence[Path],
    batch: int,
    *,
    spell_newlines: bool = False,
    vocabulary: int | None = None,
) -> Source:
    """Open a text in one file, which is split by position, or in three.

    Args:
        task: characters or words.
        paths: a text, or those to train on, to validate on and to test on.
        batch: windows per step.
        spell_newlines: of characters: newlines are written `<eos>`, as in the published figures.
        vocabulary: of words: how many are kept; others become `<unk>`. None: all.

    Raises:
        ValueError: a file cannot be used, or another number of files than one or three.
    """
    if len(paths) not in (1, len(SPLITS)):
        raise ValueError(f"{len(paths)} files: give one text, or three: train, valid, test")
    parts = [read_symbols(task.kind, read_text(path), spell_newlines) for path in paths]
    if len(paths) == 1:
        texts, names = split_by_position(parts[0]), dict.fromkeys(SPLITS, str(paths[0]))
    else:
        texts = dict(zip(SPLITS, parts, strict=True))
        names = dict(zip(SPLITS, map(str, paths), strict=True))
    if vocabulary is not None:
        texts = limited(texts, vocabulary)
    known = vocabulary_of(texts)
    task = replace(task, symbols=len(known))
    symbols = {split: numbered(text, known, names[split]) for split, text in texts.items()}
    facts = {"vocabulary": known, "spell_newlines": spell_newlines}
    return Source(task, Text(symbols, task.sizes, batch, names), [p.name for p in paths], facts)


def open_recordings(
    task: RawAudio,
    paths: Sequence[Path],
    batch: int,
    report: Callable[[str], None],
    progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> Source:
    """Open audio files and folders of them.

    Args:
        task: with the sampling rate.
        paths: files and folders.
        batch: windows per step.
        report: called with the reason for each file that is left out.
        progress: iterates over the files and shows how far it is.

    Raises:
        ValueError: there is nothing to train on or to validate on.
    """
    found = read_recordings(audio_files(paths), task.rate, report, progress)
    data = Recordings(split_recordings(found), task.sizes, batch, describe(found), EPOCH_HOP)
    return Source(task, data, [path.name for path in paths])
