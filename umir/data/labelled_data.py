"""Labelled audio in splits, as all that learns reads it; and what an earlier run knows of it.

A model that learns on must not be chosen or judged by songs that have taught it, whatever split a
user gives them later: `UnseenData` leaves them out there and says so.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from umir.data.example import Example
from umir.data.problems import Problem
from umir.data.splits import has_learnt, of_both


@runtime_checkable
class LabelledData(Protocol):
    """Labelled audio in splits: a manifest, a data set, or several of them."""

    @property
    def path(self) -> Path:
        """What to call it in messages."""

    @property
    def kind(self) -> str:
        """The manifest's kind of annotation."""

    @property
    def assignment(self) -> Mapping[str, str]:
        """The split of every group."""

    @property
    def undecided(self) -> Mapping[str, Collection[str]]:
        """Group -> the splits that it may be in, of those for which nobody has decided that."""

    @property
    def problems(self) -> list[Problem]:
        """What could not be used so far."""

    @property
    def classes(self) -> frozenset[str]:
        """Of the kind `labels`, all that clips were labelled for."""

    def versions(self, split: str | None) -> list[list[Any]]:
        """Return what the examples of a split depend on: plain JSON, another if they may be others.

        Of files that a user may change, it is their path, size and time.
        """

    def examples(self, split: str | None, rate: int, channels: int) -> list[Example]:
        """Load the examples of a split, or of all of them for None."""

    def stream(self, split: str | None, rate: int, channels: int) -> Iterator[Example]:
        """Load the same examples one after the other."""


class UnseenData:
    """Labelled audio without what an earlier run has learnt too much from.

    A group that taught is in no split but `train`, one that chose not in `test`; all splits
    together, which serve to judge a model, are as `test`.

    Args:
        data: the same with it.
        stored: group -> split of the earlier run.
    """

    def __init__(self, data: LabelledData, stored: Mapping[str, str]):
        self._data, self._stored = data, stored
        self.path, self.kind, self.problems = data.path, data.kind, data.problems
        self.assignment = of_both(stored, data.assignment)
        self.undecided = data.undecided
        self._told: set[tuple[str, str]] = set()

    @property
    def classes(self) -> frozenset[str]:
        """Of the kind `labels`, all that clips were labelled for."""
        return self._data.classes

    def versions(self, split: str | None) -> list[list[Any]]:
        """Return what the examples of a split depend on; some of them may be left out here."""
        return self._data.versions(split)

    def examples(self, split: str | None, rate: int, channels: int) -> list[Example]:
        """Load the examples of a split, or of all of them for None; the rest become problems."""
        return list(self.stream(split, rate, channels))

    def stream(self, split: str | None, rate: int, channels: int) -> Iterator[Example]:
        """Load the same examples one after the other."""
        use = split or "test"
        for example in self._data.stream(split, rate, channels):
            if has_learnt(self._stored, example.group, use):
                self._tell(example.group, use)
            else:
                yield example

    def _tell(self, group: str, use: str) -> None:
        if (group, use) in self._told:
            return
        self._told.add((group, use))
        reason = (
            f"{group}: in the split {self._stored[group]!r} when the model was made; not "
            f"{'scored' if use == 'test' else 'validated with'} (it goes by its name: another "
            "recording of that name needs a 'group' of its own)"
        )
        self.problems.append(Problem(self.path, 0, reason, whole=True))
