"""Annotation files as rows of numbers with a label, whatever their format.

Text files hold one row per line, its columns separated by comma, tab or blanks (as mir_eval reads
them). Blank lines and lines that start with `#` are skipped. The label is the last column and may
contain blanks; in comma-separated files a label with commas stands in double quotes or has them in
parentheses (`C:maj(9,11)`). JAMS and MIDI files give the same rows (`umir.data.jams`,
`umir.data.midi`).
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from umir.data.problems import Problem

_SEPARATOR = re.compile(r"\s*,\s*|\s+")
# A comma that is neither in parentheses nor in double quotes.
_BARE_COMMA = re.compile(r""",(?![^(]*\))(?=(?:[^"]*"[^"]*")*[^"]*$)""")


class AnnotationError(ValueError):
    """An annotation file that cannot be used at all; the message names it and says why."""


@dataclass(frozen=True)
class Row:
    """One observation.

    Attributes:
        line: its line number, or its place in a file without lines, from 1.
        numbers: times in seconds, frequencies in Hz, in the order of the columns.
        label: the last column; `""` where there is none.
    """

    line: int
    numbers: tuple[float, ...]
    label: str = ""


@dataclass(frozen=True)
class Columns:
    """What the columns of a file mean.

    Attributes:
        numbers: the names of the numeric columns.
        label: `no`, `optional` or `required`.
    """

    numbers: tuple[str, ...]
    label: str = "no"

    def __str__(self) -> str:
        label = {"no": (), "optional": ("[label]",), "required": ("label",)}[self.label]
        return ", ".join((*self.numbers, *label))


def usable_rows(
    path: Path, items: Iterable[Row | Problem], reason_against: Callable[[Row], str | None]
) -> tuple[list[Row], list[Problem]]:
    """Separate what can be used from what cannot.

    Args:
        path: the file, for messages.
        items: its rows and the problems met while reading it.
        reason_against: row -> why it cannot be used, or None.

    Returns:
        The usable rows sorted by their numbers, and the problems.

    Raises:
        AnnotationError: there are problems and nothing else.
    """
    rows, problems = [], []
    for item in items:
        if isinstance(item, Problem):
            problems.append(item)
        elif reason := reason_against(item):
            problems.append(Problem(path, item.line, reason))
        else:
            rows.append(item)
    if problems and not rows:
        first = problems[0]
        raise AnnotationError(
            f"{path}: none of its {len(problems)} lines can be used; line {first.line}: "
            f"{first.reason}"
        )
    return sorted(rows, key=lambda row: row.numbers), problems


def text_rows(path: Path, columns: Columns) -> Iterator[Row | Problem]:
    """Yield the rows of a text file, and a problem for each line that is none.

    Raises:
        AnnotationError: the file is missing, a folder, not text, or has nothing in it. A recording
            in which nothing happens has a file with a comment line, so that a failed export is not
            taken for one.
    """
    content = read_bytes(path)
    if b"\0" in content:
        raise AnnotationError(f"{path}: is not a text file; give one with lines `{columns}`")
    lines = content.removeprefix(b"\xef\xbb\xbf").splitlines()
    if not any(line.strip() for line in lines):
        raise AnnotationError(
            f"{path}: is empty; if nothing happens in the recording, write the line `# none`"
        )
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8").strip()
            if text and not text.startswith("#"):
                yield _parsed(number, text, columns)
        except UnicodeDecodeError:
            yield Problem(path, number, "is not UTF-8 text; save the file as UTF-8")
        except ValueError as error:
            yield Problem(path, number, str(error))


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
    """Return the line of one row, which `text_rows` reads back.

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
        cells.append(label if plain else '"' + label.replace('"', '""') + '"')
    return separator.join(cells)


def _parsed(line: int, text: str, columns: Columns) -> Row:
    """Return the row of one line; raises ValueError with the reason if it is none."""
    n_numbers = len(columns.numbers)
    text = text.rstrip(" ,")  # trailing blank cells
    cells = _SEPARATOR.split(text, maxsplit=n_numbers)
    if len(cells) < n_numbers:
        raise ValueError(f"{len(cells)} of {n_numbers} columns ({columns})")
    numbers = tuple(map(_number, cells[:n_numbers], columns.numbers))
    rest = cells[n_numbers] if len(cells) > n_numbers else ""
    if rest and columns.label == "no":
        raise ValueError(f"more than {n_numbers} columns ({columns})")
    if not rest and columns.label == "required":
        raise ValueError(f"no label ({columns})")
    comma = "," in text[: len(text) - len(rest)]
    parts = _BARE_COMMA.split(rest) if comma else rest.split("\t")
    if any(part.strip() for part in parts[1:]):
        raise ValueError(f"more columns than {columns}; put a label with commas in double quotes")
    return Row(line, numbers, _unquoted(parts[0].strip()))


def _number(cell: str, name: str) -> float:
    try:
        number = float(cell.strip('"'))
    except ValueError:
        raise ValueError(f"{cell!r} is not a number ({name})") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}; leave the line out, or write 0 for unvoiced")
    return number


def _unquoted(label: str) -> str:
    if len(label) >= 2 and label[0] == label[-1] == '"':
        return label[1:-1].replace('""', '"')
    return label
