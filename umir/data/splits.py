"""Which groups train, which validate and which test, the same on every machine.

A group (song, artist, singer) lies in one split as a whole. What the user did not decide is decided
by a hash of the group's name: no seed changes it, and a song keeps its split when others are added.
`test` is for scores only: nothing is ever fitted on it.
"""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from umir.audio_folders import AUDIO_SUFFIXES

SPLITS = ("train", "valid", "test")

# Where the hash, as a number in [0, 1), crosses from train to valid and from valid to test.
_VALID_FROM, _TEST_FROM = 0.70, 0.85
# How much of train becomes valid where the user named no valid.
_VALID_SHARE = 0.2


def hash_fraction(group: str) -> float:
    """Return a number in [0, 1) that depends on the group's name only."""
    digest = hashlib.sha256(group.encode("utf-8")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def assign_splits(
    explicit: Mapping[str, str | None], stored: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return the split of every group.

    A split that the user wrote holds. A group without one has the split it has in `stored`, else
    the one of its hash (about 70% train, 15% valid, 15% test). Then:

    - If the user wrote no split at all, every split gets a group if there are three or more; two
      groups are train and valid; one group is train, with nothing to validate or test on.
    - If no group is train, the first of those without a split of their own becomes train.
    - If there is train but no valid, the first 20% of the train groups by hash (at least one, if
      there are two) become valid, but none that are train in `stored`.

    Args:
        explicit: group -> the split the user wrote, or None.
        stored: an earlier result, for example from a model directory: it keeps what was trained on
            out of validation and test. An empty mapping counts as none.

    Returns:
        group -> `train`, `valid` or `test`, in the order of `explicit`.
    """
    stored = stored or {}
    assignment = {
        group: split or stored.get(group) or _split_of_hash(group)
        for group, split in explicit.items()
    }
    for group, split in assignment.items():
        # An earlier run made `valid` from the user's `train`.
        if split == "train" and stored.get(group) == "valid":
            assignment[group] = "valid"
    if not any(explicit.values()) and not stored.keys() & assignment.keys():
        _fill_empty(assignment, dict.fromkeys(assignment, SPLITS), SPLITS)
    free = [group for group, split in explicit.items() if not (split or stored.get(group))]
    if free and "train" not in assignment.values():
        assignment[min(free, key=hash_fraction)] = "train"
    _make_valid(assignment, [group for group in assignment if stored.get(group) == "train"])
    return assignment


def undecided(
    explicit: Mapping[str, str | None], stored: Mapping[str, Any] | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the splits that groups may be in, of those that neither user nor `stored` decides.

    Arguments are those of `assign_splits`. Where the user wrote no valid, groups that are to train
    may become valid.
    """
    to_train = ("train", "valid") if "valid" not in explicit.values() else ()
    choices = {None: SPLITS, "train": to_train}
    return {
        group: choices[split]
        for group, split in explicit.items()
        if choices.get(split) and group not in (stored or {})
    }


def dealt_again(
    assignment: Mapping[str, str],
    choices: Mapping[str, Collection[str]],
    usable: Collection[str],
) -> dict[str, str]:
    """Return the splits once it is known which groups can be used, so that no split lacks any.

    As few groups move as are needed; those that cannot be used keep their splits.

    Args:
        assignment: group -> split.
        choices: group -> the splits that it may be in, from `undecided`.
        usable: the groups of which anything can be used.
    """
    found = {group: split for group, split in assignment.items() if group in usable}
    _fill_empty(found, choices, set(assignment.values()))
    return {**assignment, **found}


def has_learnt(stored: Mapping[str, str], group: str, split: str) -> bool:
    """Return whether a group has taught more than a split allows, in an earlier run.

    Args:
        stored: group -> split of that run.
        group: one that it may have had.
        split: what the group is to be used as.
    """
    return SPLITS.index(stored.get(group, SPLITS[-1])) < SPLITS.index(split)


def of_both(stored: Mapping[str, str], assignment: Mapping[str, str]) -> dict[str, str]:
    """Return the splits of `assignment`, those of groups that taught more in `stored` as there."""
    return {
        group: stored[group] if has_learnt(stored, group, split) else split
        for group, split in assignment.items()
    }


def splits_together(own: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Return the splits of one kind of recordings, with what the other kind says of their groups.

    Pairs and activity teach one network: a group that either learns from judges neither. One that
    is only the name of its file says nothing of a file of that name elsewhere, unless the one kind
    has no recordings of its own.
    """
    named = {g: split for g, split in other.items() if not own or not _is_file_name(g)}
    return {**named, **of_both(named, own)}


def _is_file_name(group: str) -> bool:
    return Path(group).suffix.lower() in AUDIO_SUFFIXES


def _split_of_hash(group: str) -> str:
    fraction = hash_fraction(group)
    return "train" if fraction < _VALID_FROM else "valid" if fraction < _TEST_FROM else "test"


def _fill_empty(
    assignment: dict[str, str], choices: Mapping[str, Collection[str]], wanted: Collection[str]
) -> None:
    """Move groups, in place, so that no split that is wanted is empty as far as there are groups.

    Each comes from the split with the most groups. One that is last of its split goes only to an
    earlier one: two groups are train and valid.

    Args:
        assignment: group -> split.
        choices: group -> the splits that it may be in; others stay where they are.
        wanted: the splits that should not be empty.
    """
    ranked = sorted(assignment, key=lambda group: (hash_fraction(group), group))
    for index, split in enumerate(SPLITS):
        if split not in wanted or split in assignment.values():
            continue
        members = {name: [g for g in ranked if assignment[g] == name] for name in SPLITS}
        givers = [
            [group for group in members[name] if split in choices.get(group, ())]
            for name in sorted(SPLITS, key=lambda name: -len(members[name]))
            if len(members[name]) > 1 or name in SPLITS[index:]
        ]
        if movable := next(filter(None, givers), None):
            # The neighbour in hash order: the lowest for train, the highest for the others.
            assignment[movable[0 if split == "train" else -1]] = split


def _make_valid(assignment: dict[str, str], learnt: Collection[str]) -> None:
    """Turn a fifth of the train groups into valid, in place, if there is no valid."""
    train = sorted(
        (group for group, split in assignment.items() if split == "train"),
        key=lambda group: (hash_fraction(group), group),
    )
    if "valid" in assignment.values() or len(train) < 2:
        return
    fresh = [group for group in train if group not in learnt]
    for group in fresh[: max(1, round(_VALID_SHARE * len(train)))]:
        assignment[group] = "valid"
