"""Annotation files as rows of numbers with a label, whatever their format.

Text (`umir.data.text_rows`), JAMS (`umir.data.jams`) and MIDI files (`umir.data.midi`) give the
same rows. Here is what rows are, and how those that can be used are told from the others.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from umir.data.problems import Problem, gathered


class AnnotationError(ValueError):
    """An annotation file that cannot be used at all; the message names it and says why."""


@dataclass(frozen=True)
class Row:
    """One observation.

    Attributes:
        line: its line number, or its place in a file without lines, from 1.
        numbers: times in seconds, frequencies in Hz, in the order of the columns.
        label: the last column; `""` where there is none.
        repair: how what the file says had to be read to be usable; `""` if as it stands.
    """

    line: int
    numbers: tuple[float, ...]
    label: str = ""
    repair: str = ""


def usable_rows(
    path: Path, items: Iterable[Row | Problem], reason_against: Callable[[Row], str | None]
) -> tuple[list[Row], list[Problem]]:
    """Separate what can be used from what cannot.

    Args:
        path: the file, for messages.
        items: its rows and the problems met while reading it.
        reason_against: row -> why it cannot be used, or None.

    Returns:
        The usable rows sorted by their numbers, and the problems: lines that were left out, and how
        others were repaired. What is wrong with many lines is one problem.

    Raises:
        AnnotationError: there are rows or problems, but no row can be used.
    """
    rows, left_out, repaired = [], [], []
    for item in items:
        if isinstance(item, Problem):
            left_out.append(item)
        elif reason := reason_against(item):
            left_out.append(Problem(path, item.line, reason))
        else:
            rows.append(item)
            if item.repair:
                repaired.append(Problem(path, item.line, item.repair))
    if left_out and not rows:
        first = left_out[0]
        raise AnnotationError(
            f"{path}: none of its {len(left_out)} lines can be used; line {first.line}: "
            f"{first.reason}"
        )
    problems = gathered([*left_out, *repaired], whatever_numbers=True)
    return sorted(rows, key=lambda row: row.numbers), problems


def read_bytes(path: Path) -> bytes:
    """Return the content of an annotation file.

    Raises:
        AnnotationError: the file is missing, a folder or may not be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise AnnotationError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise AnnotationError(f"{path}: is a folder, not an annotation file") from None
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror})") from error


def row_text(numbers: Iterable[float], label: str | None, separator: str) -> str:
    """Return the line of one row, which `umir.data.text_rows` reads back.

    Args:
        numbers: written with six decimals: microseconds, and millionths of a Hz.
        label: None for no label column.
        separator: `,` or a tab.

    Raises:
        ValueError: the label contains a tab or a line break.
    """
    cells = [f"{number:.6f}" for number in numbers]
    if label is not None:
        if re.search(r"[\t\x00]", label) or len(label.splitlines()) > 1 or label.endswith("\n"):
            raise ValueError(f"label {label!r}: must not contain a tab or a line break")
        plain = label and label == label.strip() and not re.search('[",]', label)
        cells.append(label if plain else quoted(label))
    return separator.join(cells)


def quoted(label: str) -> str:
    """Return a label in double quotes, those in it doubled."""
    return '"' + label.replace('"', '""') + '"'


def unquoted(label: str) -> str:
    """Return what `quoted` was given; of what is not in quotes, the same."""
    if len(label) >= 2 and label[0] == label[-1] == '"':
        return label[1:-1].replace('""', '"')
    return label
