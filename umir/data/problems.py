"""What is wrong with a line of a user's file, collected while the run goes on without it.

A line that cannot be used is left out; one whose meaning is plain in spite of what is wrong with it
is repaired. Both are problems, and each says which of the two was done.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """A line that could not be used, or not as it stands.

    Attributes:
        path: the file.
        line: its line number, from 1; 0 if the file as a whole is meant.
        reason: what is wrong and, where that helps, how it was repaired or what to do.
        recording: audio that can be used all the same, without its annotation.
    """

    path: Path
    line: int
    reason: str
    recording: Path | None = None

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{place}: {self.reason}"


def gathered(problems: Iterable[Problem]) -> list[Problem]:
    """Return one problem for all lines of a file with the same reason, at the first of them.

    They come in the order of files and lines, those about a file as a whole first.
    """
    alike: dict[tuple[Path, str], list[Problem]] = {}
    for problem in problems:
        alike.setdefault((problem.path, problem.reason), []).append(problem)
    first = []
    for (_, reason), same in alike.items():
        more = f" (and {len(same) - 1} more like it)" if len(same) > 1 else ""
        first.append(replace(min(same, key=lambda p: p.line), reason=reason + more))
    return sorted(first, key=lambda p: (p.path, p.line))


def describe(problems: Sequence[Problem], limit: int = 10) -> str:
    """Return the first problems, one per line, and how many there are in all."""
    if not problems:
        return "no problems"
    lines = [str(problem) for problem in problems[:limit]]
    if len(problems) > limit:
        lines.append(f"... and {len(problems) - limit} more")
    return "\n".join([*lines, f"{len(problems)} problem{'s'[: len(problems) > 1]} in all"])
