"""Text files as annotation rows: one row per line, its columns separated by comma, tab or blanks.

So mir_eval reads them. Blank lines and lines that start with `#` are skipped. The label is the last
column and may contain blanks; in comma-separated files a label with commas stands in double quotes
or has them in parentheses (`C:maj(9,11)`).

What files of real data sets have besides is read and reported as a repair: further columns of
numbers (a confidence), points with an end (as Audacity exports labels), columns separated by
semicolons, decimal commas (`umir.data.decimal_commas`), UTF-16. A first line of words is a header
and left out.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from umir.data.decimal_commas import DOUBTFUL, foreign_separator, is_doubtful
from umir.data.problems import Problem
from umir.data.rows import AnnotationError, Row, read_bytes, unquoted
from umir.data.text_coding import as_utf_8

_SEPARATOR = re.compile(r"\s*,\s*|\s+")
# A comma that is neither in parentheses nor in double quotes.
_BARE_COMMA = re.compile(r""",(?![^(]*\))(?=(?:[^"]*"[^"]*")*[^"]*$)""")
_EITHER = (
    "its comma is decimal or separates the columns: write a decimal point, or put the label in "
    "double quotes"
)


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


def text_rows(path: Path, columns: Columns) -> Iterator[Row | Problem]:
    """Yield the rows of a text file, and a problem for each line that is none.

    Raises:
        AnnotationError: the file is missing, a folder, not text, or has nothing in it. A recording
            in which nothing happens has a file with a comment line, so that a failed export is not
            taken for one.
    """
    lines = _content(path, columns).splitlines()
    if not any(line.strip() for line in lines):
        raise AnnotationError(
            f"{path}: is empty; if nothing happens in the recording, write the line `# none`"
        )
    texts: dict[int, str] = {}
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8").lstrip().rstrip(" ")
        except UnicodeDecodeError:
            yield Problem(path, number, "is not UTF-8 text; save the file as UTF-8")
        else:
            if text and not text.startswith("#"):
                texts[number] = text
    first = min(texts, default=0)
    if texts and _is_header(texts[first], columns):
        yield Problem(path, first, f"{texts.pop(first)!r} is taken for a header; left out")
    separator = foreign_separator(list(texts.values()), len(columns.numbers))
    for number, text in texts.items():
        try:
            yield _parsed(number, text, columns, separator)
        except ValueError as error:
            yield Problem(path, number, str(error))


def _content(path: Path, columns: Columns) -> bytes:
    """Return the content of a text file as UTF-8 (or what is taken for it)."""
    content = read_bytes(path)
    try:
        return as_utf_8(content)
    except ValueError as error:
        told = f"{path}: {error}; save it as UTF-8 with lines `{columns}`"
        raise AnnotationError(told) from error


def _is_header(text: str, columns: Columns) -> bool:
    """Return whether a first line has words where the numbers should be."""
    cells = _SEPARATOR.split(text.replace(";", ","))[: len(columns.numbers)]
    return all(re.match(r'"?[^\W\d]', cell) and not _is_float(cell) for cell in cells)


def _is_float(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parsed(line: int, text: str, columns: Columns, separator: str | None) -> Row:
    """Return the row of one line; raises ValueError with the reason if it is none."""
    if separator == DOUBTFUL and is_doubtful(text):
        raise ValueError(_EITHER)
    if separator is None or separator == DOUBTFUL:
        return _parsed_cells(line, text, columns)
    *numbers, rest = [*text.split(separator, len(columns.numbers)), ""][: len(columns.numbers) + 1]
    between = "\t" if separator == ";" else separator
    usual = between.join([*(cell.replace(",", ".") for cell in numbers), rest.rstrip(" ;")])
    commas = "decimal commas are read as points"
    how = f"semicolons separate its columns; {commas}" if separator == ";" else commas
    row = _parsed_cells(line, usual, columns)
    return replace(row, repair=", ".join(filter(None, (how, row.repair))))


def _parsed_cells(line: int, text: str, columns: Columns) -> Row:
    """Return the row of a line with the usual separators."""
    n_numbers = len(columns.numbers)
    cells = _SEPARATOR.split(text, maxsplit=n_numbers)
    if len(cells) < n_numbers:
        raise ValueError(f"{len(cells)} of {n_numbers} columns ({columns})")
    numbers = tuple(map(_number, cells[:n_numbers], columns.numbers))
    rest = cells[n_numbers].rstrip(" ,") if len(cells) > n_numbers else ""
    if columns.label == "no":
        return Row(line, numbers, repair=f"columns after {columns} are ignored" if rest else "")
    if not rest and columns.label == "required":
        raise ValueError(f"no label ({columns})")
    comma = "," in text[: len(text) - len(cells[-1])]
    if n_numbers == 1 and not comma and "\t" not in text and _begins_with_number(rest):
        raise ValueError(f"more columns than {columns}; put a label with blanks in double quotes")
    label, *others = (part.strip() for part in _labels(rest, comma))
    if n_numbers == 1 and len(others) == 1 and _is_float(label) and float(label) == numbers[0]:
        return Row(line, numbers, unquoted(others[0]), "has an end at its time, which is ignored")
    if not any(others):
        return Row(line, numbers, unquoted(label))
    # `0,523,1` may be half a second, and the first beat of a bar.
    decimal = comma and _is_float(label) and cells[0].strip('"').isdigit()
    if decimal or not all(_is_float(cell) for cell in others if cell):
        raise ValueError(f"more columns than {columns}; put a label with commas in double quotes")
    return Row(line, numbers, unquoted(label), f"columns of numbers after {columns} are ignored")


def _begins_with_number(rest: str) -> bool:
    first, _, more = rest.partition(" ")
    return bool(more.strip()) and _is_float(first.replace(",", "."))


def _labels(rest: str, comma: bool) -> list[str]:
    """Return the cells after the numbers: the label and what should not be there."""
    return _BARE_COMMA.split(rest) if comma else rest.split("\t")


def _number(cell: str, name: str) -> float:
    unvoiced = ", or write 0 for unvoiced" if name == "frequency" else ""
    if not cell.strip('"'):
        raise ValueError(f"has no {name}; leave the line out{unvoiced}")
    try:
        number = float(cell.strip('"'))
    except ValueError:
        raise ValueError(f"{cell!r} is not a number ({name})") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}; leave the line out{unvoiced}")
    return number
