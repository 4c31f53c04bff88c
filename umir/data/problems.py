"""What is wrong with a line of a user's file, collected while the run goes on without it.

A line that cannot be used is left out; one whose meaning is plain in spite of what is wrong with it
is repaired. Both are problems, and each says which of the two was done.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

_NUMBERS = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@dataclass(frozen=True)
class Problem:
    """A line that could not be used, or not as it stands.

    Attributes:
        path: the file.
        line: its line number, from 1; 0 if the file as a whole is meant.
        reason: what is wrong and, where that helps, how it was repaired or what to do.
        recording: audio that can be used all the same, without its annotation.
        whole: whether it is about recordings as a whole: as a rule, they are left out.
    """

    path: Path
    line: int
    reason: str
    recording: Path | None = None
    whole: bool = False

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{place}: {self.reason}"


def gathered(problems: Iterable[Problem], *, whatever_numbers: bool = False) -> list[Problem]:
    """Return one problem for all lines of a file with the same reason, at the first of them.

    They come in the order of files and lines, those about a file as a whole first.

    Args:
        problems: in any order.
        whatever_numbers: whether reasons that differ in nothing but numbers are the same: no two
            rows past the end of the audio begin at one time.
    """
    alike: dict[tuple[Path, str], list[Problem]] = {}
    for problem in problems:
        same = _NUMBERS.sub("", problem.reason) if whatever_numbers else problem.reason
        alike.setdefault((problem.path, same), []).append(problem)
    return sorted(map(_at_the_first, alike.values()), key=lambda p: (p.path, p.line))


def _at_the_first(alike: Sequence[Problem]) -> Problem:
    """Return the first of problems with how many there are."""
    first = min(alike, key=lambda p: p.line)
    more = f" (and {len(alike) - 1} more like it)" if len(alike) > 1 else ""
    return replace(first, reason=first.reason + more)


def describe(problems: Sequence[Problem], limit: int = 10) -> str:
    """Return some of the problems, one per line, and how many there are in all.

    Those about recordings as a whole come first: without them it looks as if all had been used.
    """
    if not problems:
        return "no problems"
    ordered = sorted(problems, key=lambda problem: not problem.whole)
    lines = [str(problem) for problem in ordered[:limit]]
    if len(problems) > limit:
        lines.append(f"... and {len(problems) - limit} more")
    return "\n".join([*lines, f"{len(problems)} problem{'s'[: len(problems) > 1]} in all"])
