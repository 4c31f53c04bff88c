"""Splits depend on the groups' names and on nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from umir.data.splits import (
    SPLITS,
    assign_splits,
    dealt_again,
    has_learnt,
    hash_fraction,
    of_both,
    undecided,
)

_groups = st.lists(st.text(max_size=6), unique=True, min_size=1, max_size=30)


def _undecided(names):
    return dict.fromkeys(names)


def test_hash_is_the_same_on_every_machine():
    # The first six bytes that `printf song | sha256sum` prints.
    assert hash_fraction("song") == 0x63F75C890B05 / 2**48


def test_many_groups_are_shared_as_documented():
    splits = list(assign_splits(_undecided(f"song {n}" for n in range(3000))).values())
    for split, share in zip(SPLITS, (0.70, 0.15, 0.15), strict=True):
        assert abs(splits.count(split) / 3000 - share) < 0.02


@given(_groups)
def test_no_split_is_empty_from_three_groups_on_and_order_does_not_matter(names):
    found = assign_splits(_undecided(names))
    assert list(found) == names
    assert len(set(found.values())) == min(3, len(names))
    assert found == assign_splits(_undecided(reversed(names)))


def test_what_a_start_has_learnt_from_does_not_validate():
    stored = {"11.wav": "train"}
    for split in (None, "train"):
        found = assign_splits({"11.wav": split, "17.wav": split}, stored)
        assert found == {"11.wav": "train", "17.wav": "valid"}
    assert assign_splits({"11.wav": "train"}, stored) == {"11.wav": "train"}


def test_what_has_taught_stays_what_it_was_whatever_is_written():
    stored = {"taught": "train", "chose": "valid", "scored": "test"}
    allowed = {
        group: [split for split in SPLITS if not has_learnt(stored, group, split)]
        for group in (*stored, "new")
    }
    every = ["train", "valid", "test"]
    assert allowed == {"taught": every[:1], "chose": every[:2], "scored": every, "new": every}
    for split in SPLITS:
        found = of_both(stored, dict.fromkeys(("new", *stored), split))
        assert found["taught"] == "train" and found["new"] == found["scored"] == split
        assert found["chose"] == ("train" if split == "train" else "valid")


_choice = st.sampled_from([None, *SPLITS])
_decided = st.dictionaries(st.text(max_size=6), st.tuples(_choice, _choice, st.booleans()))


@given(_groups, st.data())
def test_no_split_lacks_groups_that_can_be_used(names, data):
    usable = data.draw(st.sets(st.sampled_from(names), min_size=1))
    first, choices = assign_splits(_undecided(names)), undecided(_undecided(names))
    found = dealt_again(first, choices, usable)
    filled = {found[group] for group in usable}
    assert filled == set(SPLITS[: min(len(usable), len(names), 3)])
    moved = [group for group in names if found[group] != first[group]]
    assert usable.issuperset(moved) and len(moved) <= 2
    assert not moved or {first[group] for group in usable} != filled
    assert found == dealt_again(dict(reversed(first.items())), choices, sorted(usable))


@given(_decided)
def test_what_somebody_decided_is_not_dealt_again(groups):
    explicit = {group: written for group, (written, _, _) in groups.items()}
    stored = {group: split for group, (_, split, _) in groups.items() if split}
    first = assign_splits(explicit, stored)
    usable = {group for group, (_, _, use) in groups.items() if use}
    found = dealt_again(first, undecided(explicit, stored), usable)
    moved = {group for group in found if found[group] != first[group]}
    assert not moved & stored.keys() and moved <= usable
    for group in moved:
        assert explicit[group] is None or "valid" not in explicit.values()
        assert explicit[group] is None or {first[group], found[group]} == {"train", "valid"}


def test_one_and_two_groups():
    assert assign_splits({"a": None}) == {"a": "train"}
    assert sorted(assign_splits({"a": None, "b": None}).values()) == ["train", "valid"]


def test_a_song_keeps_its_split_when_others_are_added():
    few = assign_splits(_undecided(f"song {n}" for n in range(60)))
    many = assign_splits(_undecided(f"song {n}" for n in range(200)))
    assert all(many[group] == split for group, split in few.items())


@given(st.integers(1, 40))
def test_a_fifth_of_train_becomes_valid_where_there_is_none(n_train):
    explicit = {f"{n}": "train" for n in range(n_train)} | {"t": "test"}
    found = assign_splits(explicit)
    n_valid = list(found.values()).count("valid")
    assert n_valid == (max(1, round(0.2 * n_train)) if n_train > 1 else 0)
    assert found["t"] == "test"
    valid = [g for g in found if found[g] == "valid"]
    train = [g for g in found if found[g] == "train"]
    assert all(hash_fraction(v) <= hash_fraction(t) for v in valid for t in train)


def test_what_the_user_wrote_holds():
    explicit = {"a": "valid", "b": "train", "c": "train", "d": "test"}
    assert assign_splits(explicit) == explicit
    assert assign_splits({"a": "test", "b": "test"}) == {"a": "test", "b": "test"}


def test_stored_assignment_keeps_groups_where_they_were():
    first = assign_splits(_undecided(f"song {n}" for n in range(4)))
    again = assign_splits(_undecided(f"song {n}" for n in range(12)), first)
    assert all(again[group] == split for group, split in first.items())
    explicit = {f"{n}": "train" for n in range(5)} | {"t": "test"}
    first = assign_splits(explicit)
    more = assign_splits(explicit | {"new": "train"}, first)
    assert all(more[group] == split for group, split in first.items())
    assert more["new"] == "train"
    # The user's own decision still comes first.
    assert assign_splits({"a": "test", "b": "train"}, {"a": "train", "b": "train"})["a"] == "test"


def test_there_is_something_to_train_on_where_the_user_marked_only_test_songs():
    for index in range(40):
        found = assign_splits({"marked": "test", f"a{index}": None, f"b{index}": None})
        assert found["marked"] == "test"
        assert "train" in found.values()
