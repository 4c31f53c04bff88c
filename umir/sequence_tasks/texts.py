"""Text files: symbols, vocabularies, and windows of as many columns as a step has.

The training text is cut into columns of one length, as many as there are windows in a batch; a step
takes the same stretch of each, and an epoch all stretches in an order of its own. The first symbols
of a column, for which there is no whole context, are never a target.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from umir.sequence_tasks.batches import (
    Batch,
    SequenceData,
    WindowSizes,
    shuffled_place,
    windows,
    windows_in_turn,
)

END_OF_LINE = "<eos>"
UNKNOWN = "<unk>"
SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}  # of a text that comes in one file
Symbols = Int[np.ndarray, "_"]  # `_`: texts are of several lengths


class Text(SequenceData):
    """Symbols in windows.

    Args:
        symbols: split -> numbers of the symbols.
        sizes: of the windows.
        batch: windows per step.
        names: split -> what to call it in an error.

    Raises:
        ValueError: a text is shorter than a window.
    """

    def __init__(
        self,
        symbols: Mapping[str, Symbols],
        sizes: WindowSizes,
        batch: int,
        names: Mapping[str, str],
    ):
        self._symbols, self._sizes, self._size = symbols, sizes, batch
        self.splits = tuple(symbols)
        self.description = {
            name: hashlib.sha256(text.astype(np.int32).tobytes()).hexdigest()
            for name, text in symbols.items()
        }
        for split, text in symbols.items():
            columns = batch if split == "train" else 1
            if len(text) // columns < sizes.inputs + 1:
                raise ValueError(
                    f"{names[split]}: {len(text)} symbols in {columns} column(s); a window takes "
                    f"{sizes.inputs + 1} of each, so give a longer text, a smaller --batch or "
                    "smaller --targets"
                )

    @property
    def epoch_steps(self) -> int:
        """Stretches of the training text."""
        column = len(self._symbols["train"]) // self._size
        return (column - self._sizes.earliest) // self._sizes.outputs

    def batch(self, step: int, seed: int) -> Batch:
        """Return one stretch of every column."""
        (place,) = shuffled_place(step, seed, self.epoch_steps)
        column = len(self._symbols["train"]) // self._size
        first = self._sizes.earliest + place * self._sizes.outputs
        firsts = first + column * np.arange(self._size)
        return windows(self._symbols["train"], firsts, self._sizes)

    def in_turn(self, split: str) -> Iterator[Batch]:
        """Yield windows over a text; its first symbols, the context, are not scored."""
        text, first = self._symbols[split], self._sizes.earliest
        yield from windows_in_turn(text, self._sizes, self._size, first=first)


def read_text(path: Path) -> str:
    """Read a text in UTF-8.

    Raises:
        ValueError: the file is missing, empty or no text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file; give a text file") from None
    except IsADirectoryError:
        raise ValueError(f"{path}: is a folder; give a text file") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no text in UTF-8 ({error}); convert it first") from None
    if not text.strip():
        raise ValueError(f"{path}: is empty; give a text file with something in it")
    return text


def characters_of(text: str, spell_newlines: bool = False) -> list[str]:
    """Return the characters of a text.

    Args:
        text: any.
        spell_newlines: write `<eos>` in place of every newline, character by character, as in the
            published figures on the Penn Treebank.
    """
    return list(text.replace("\n", END_OF_LINE) if spell_newlines else text)


def words_of(text: str) -> list[str]:
    """Return the words of a text, and `<eos>` at the end of every line."""
    return [word for line in text.splitlines() for word in (*line.split(), END_OF_LINE)]


def read_symbols(kind: str, text: str, spell_newlines: bool = False) -> list[str]:
    """Return the symbols of a text for the task `characters` or `words`."""
    return words_of(text) if kind == "words" else characters_of(text, spell_newlines)


def begun(kind: str, text: str, spell_newlines: bool = False) -> list[str]:
    """Return the symbols of a text that goes on: a last line without a newline has no end yet."""
    symbols = read_symbols(kind, text, spell_newlines)
    return symbols[:-1] if kind == "words" and not text.endswith("\n") else symbols


def spelled(kind: str, symbols: Sequence[str], spell_newlines: bool = False) -> str:
    """Return the text that `read_symbols` gives such symbols for."""
    if kind == "words":
        lines = " ".join(symbols).split(END_OF_LINE)
        return "\n".join(line.strip(" ") for line in lines)
    text = "".join(symbols)
    return text.replace(END_OF_LINE, "\n") if spell_newlines else text


def line_end(vocabulary: Sequence[str]) -> list[str]:
    """Return symbols after which a line begins, as far as a vocabulary has any."""
    if END_OF_LINE in vocabulary:
        return [END_OF_LINE]
    if "\n" in vocabulary:
        return ["\n"]
    return list(END_OF_LINE) if set(END_OF_LINE) <= {*vocabulary} else [vocabulary[0]]


def split_by_position(symbols: Sequence[str]) -> dict[str, list[str]]:
    """Return the parts of a text: the first 80% train, the next 10% validate, the last 10% test."""
    parts, start, share = {}, 0, 0.0
    for split, part in SHARES.items():
        share += part
        end = round(share * len(symbols))
        parts[split], start = list(symbols[start:end]), end
    return parts


def limited(texts: Mapping[str, Sequence[str]], size: int) -> dict[str, list[str]]:
    """Return texts with `<unk>` in place of all symbols but the most frequent ones.

    Args:
        texts: split -> symbols; frequencies are those of `train`.
        size: of the vocabulary, `<unk>` included.

    Raises:
        ValueError: a size below 2.
    """
    if size < 2:
        raise ValueError(f"a vocabulary of {size}: give 2 or more, one of them is {UNKNOWN}")
    counts = Counter(symbol for symbol in texts["train"] if symbol != UNKNOWN)
    kept = {symbol for symbol, _ in counts.most_common(size - 1)}
    return {
        split: [symbol if symbol in kept else UNKNOWN for symbol in text]
        for split, text in texts.items()
    }


def vocabulary_of(texts: Mapping[str, Sequence[str]]) -> list[str]:
    """Return all symbols of all texts, sorted."""
    return sorted(set().union(*texts.values()))


def numbered(symbols: Sequence[str], vocabulary: Sequence[str], name: str) -> Symbols:
    """Return the numbers of symbols in a vocabulary; `<unk>` takes those that are not in it.

    Raises:
        ValueError: a symbol that is not in a vocabulary without `<unk>`.
    """
    numbers = {symbol: number for number, symbol in enumerate(vocabulary)}
    other = numbers.get(UNKNOWN, -1)
    found = np.array([numbers.get(symbol, other) for symbol in symbols], np.int32)
    if (found < 0).any():
        unknown = symbols[int(np.argmax(found < 0))]
        raise ValueError(f"{name}: {unknown!r} is not in the vocabulary of the model")
    return found
