"""What is wrong with a line of a user's file, collected while the run goes on without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """A line that could not be used.

    Attributes:
        path: the file.
        line: its line number, from 1; 0 if the file as a whole is meant.
        reason: what is wrong and, where that helps, what to do.
    """

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{place}: {self.reason}"


def describe(problems: Sequence[Problem], limit: int = 10) -> str:
    """Return the first problems, one per line, and how many there are in all."""
    if not problems:
        return "no problems"
    lines = [str(problem) for problem in problems[:limit]]
    if len(problems) > limit:
        lines.append(f"... and {len(problems) - limit} more")
    return "\n".join([*lines, f"{len(problems)} problem{'s'[: len(problems) > 1]} in all"])
