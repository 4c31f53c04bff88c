"""Which files of numbers have decimal commas, as spreadsheets of half of Europe write them.

A comma may also separate the columns, so it is decided over the file as a whole. `0,523 kick` is a
kick at 0.523 s, as no label begins with such a number; `0,5 kick` may be half a second, or time 0
and a label of two words. What no line of the file decides is not guessed: those lines are reported.
"""

import re
from collections.abc import Sequence

# What `foreign_separator` returns where a comma may be decimal or separate the columns.
DOUBTFUL = ","

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")  # with a decimal point or comma
# A number with a comma (or a time and a number) and, where there are any, words after a blank.
_WITH_COMMA = re.compile(r'"?[+-]?\d+,(\d+)"?(?:\s+(.*))?')
_WHOLE = re.compile(r'"?[+-]?\d+"?')
_BEFORE_BLANK = re.compile(r"[+-]?\d+(\.\d+)?\s+[^\s,]")
_BEFORE_COMMA = re.compile(r'"?[+-]?(\d*\.?\d+(?:[eE][+-]?\d+)?)"?\s*,')
# Labels may begin with a place in a bar or a small count, but hardly with more.
_HIGHEST_COUNT = 16


def foreign_separator(texts: Sequence[str], n_numbers: int) -> str | None:
    """Return what separates the columns of a file with semicolons or decimal commas.

    Most lines must begin with numbers so separated, some of them with a comma and none with a
    point. A lone number with a comma stays two columns, as `12,3` may be the third beat of a bar,
    at 12 s, unless all lines are numbers and what follows the comma of one of them is no place in a
    bar: above 16, or a zero first. Where others have no comma, as `2`, it is doubtful.

    Args:
        texts: the lines of a file, without comments and header.
        n_numbers: how many columns of numbers there should be.

    Returns:
        A semicolon, a tab or a blank; `DOUBTFUL`; None for the usual separators.
    """
    if n_numbers == 1 and (found := _of_lone_numbers(texts)):
        return found
    for separator in ";\t" if n_numbers == 1 else ";\t ":
        rows = [text.split(separator, n_numbers) for text in texts if separator in text]
        numbers = [row[:n_numbers] for row in rows if _are_numbers(row[:n_numbers], n_numbers)]
        cells = "".join(cell for row in numbers for cell in row)
        commas = "," in cells and "." not in cells
        if len(numbers) > len(texts) / 2 and (separator == ";" or commas):
            return separator
    return _before_words(texts) if n_numbers == 1 else None


def is_doubtful(text: str) -> bool:
    """Return whether a line of a file with `DOUBTFUL` commas has such a comma."""
    return _WITH_COMMA.fullmatch(text) is not None


def _of_lone_numbers(texts: Sequence[str]) -> str | None:
    """Return what separates the columns where all lines are numbers, some of them with a comma.

    None if they may be times with places in a bar: then all of them have one.
    """
    others = [text for text in texts if not is_doubtful(text)]
    found = [match for text in texts if (match := _WITH_COMMA.fullmatch(text))]
    if not found or any(match[2] for match in found) or not all(map(_WHOLE.fullmatch, others)):
        return None
    if any(match[1][0] == "0" or _is_high(match[1]) for match in found):
        return "\t"
    return DOUBTFUL if others else None  # spreadsheets write two seconds as `2`, beside `1,5`


def _are_numbers(cells: Sequence[str], wanted: int) -> bool:
    return len(cells) == wanted and all(map(_NUMBER.fullmatch, cells))


def _before_words(texts: Sequence[str]) -> str | None:
    """Return what separates one number from a label where some lines are as `0,523 kick`."""
    matches = [match for text in texts if (match := _WITH_COMMA.fullmatch(text))]
    found = [(match[1], match[2] or "") for match in matches]
    if not any(words for _, words in found):
        return None
    others = [text for text in texts if not is_doubtful(text)]
    blanks = [match for text in others if (match := _BEFORE_BLANK.match(text))]
    commas = [match for text in others if (match := _BEFORE_COMMA.match(text))]
    decimal = _decimals(found) + len(blanks)
    if any(not match[1].isdigit() for match in commas) or len(commas) >= max(1, decimal):
        return None  # a time with a point before a comma settles it
    pointed = any(match[1] for match in blanks)
    return " " if decimal and not commas and not pointed else DOUBTFUL


def _decimals(found: Sequence[tuple[str, str]]) -> int:
    """Return how many of the numbers after commas are decimals, and cannot begin a label.

    Those that a name always comes with can (`808 kick`), unless they begin with a zero.

    Args:
        found: the number and the words after it, of each line.
    """
    padded = sum(len(number) > 1 and number[0] == "0" for number, _ in found)
    high = sum(number[0] != "0" and _is_high(number) for number, _ in found)
    names = {words for _, words in found}
    belong = len(set(found)) == len(names) < len(found)
    return padded if belong else padded + high


def _is_high(number: str) -> bool:
    return len(number) > 2 or int(number) > _HIGHEST_COUNT  # int() refuses thousands of digits
