"""Windows: what goes in, what is to come out, and that every target counts once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nano_sequence_tasks import AUDIO, COPY

from umir.sequence_tasks.batches import WindowSizes, windows, windows_in_turn
from umir.sequence_tasks.copy_memory import MARK, CopySequences, copy_batch
from umir.sequence_tasks.recordings import Recordings
from umir.sequence_tasks.texts import Text

SIZES = WindowSizes(7, 3)


def counted(batches, size):
    """Count how often each position of `np.arange(size)` is a target that counts."""
    counts = np.zeros(size, int)
    for batch in batches:
        targets = batch["targets"][batch["mask"] > 0]
        np.add.at(counts, targets, 1)
    return counts


def test_a_window_by_hand():
    batch = windows(np.arange(10), np.array([0, 6, 9]), SIZES, fill=77)
    assert batch["inputs"].tolist() == [
        [77, 77, 77, 77, 77, 0, 1],
        [1, 2, 3, 4, 5, 6, 7],
        [4, 5, 6, 7, 8, 9, 77],
    ]
    assert batch["targets"].tolist() == [[0, 1, 2], [6, 7, 8], [9, 77, 77]]
    assert batch["mask"].tolist() == [[1, 1, 1], [1, 1, 1], [1, 0, 0]]


@given(st.integers(1, 50), st.integers(1, 5), st.integers(0, 8), st.integers(1, 4))
def test_every_target_counts_once(length, outputs, context, batch):
    sizes = WindowSizes(outputs + context, outputs)
    found = list(windows_in_turn(np.arange(length), sizes, batch))
    assert (counted(found, length) == 1).all()
    assert all(b["inputs"].shape == (batch, sizes.inputs) for b in found)
    for b in found:  # the input before a target is the symbol before it
        before = b["inputs"][:, context:]
        inside = (b["mask"] > 0) & (b["targets"] > 0)
        assert (before[inside] == b["targets"][inside] - 1).all()


def text(length, batch=2):
    symbols = {"train": np.arange(length), "valid": np.arange(30), "test": np.arange(9)}
    return Text(symbols, SIZES, batch, {name: f"{name}.txt" for name in symbols})


@given(st.integers(16, 60), st.integers(1, 2), st.integers(0, 5))
def test_an_epoch_of_text_takes_every_stretch_of_every_column_once(length, batch, seed):
    data = text(length, batch)
    steps = range(data.epoch_steps, 2 * data.epoch_steps)
    counts = counted([data.batch(step, seed) for step in steps], length)
    column = length // batch
    expected = np.zeros(length, int)
    for n in range(batch):  # the context of a column is no target, nor what fills no stretch
        first = n * column + SIZES.earliest
        expected[first : first + data.epoch_steps * SIZES.outputs] = 1
    assert (counts == expected).all()
    assert column - SIZES.earliest - data.epoch_steps * SIZES.outputs < SIZES.outputs


def test_epochs_of_text_have_orders_of_their_own():
    data = text(90)
    order = [[data.batch(e * data.epoch_steps + n, s)["targets"][0, 0] for n in range(13)]
             for e, s in ((0, 0), (1, 0), (0, 1), (0, 0))]  # fmt: skip
    assert order[0] == order[3] and order[0] != order[1] != order[2] != order[0]
    assert sorted(order[0]) == sorted(order[1])


def test_a_text_in_turn():
    counts = counted(text(90).in_turn("valid"), 30)
    assert (counts == (np.arange(30) >= SIZES.earliest)).all()


def test_a_text_shorter_than_a_window():
    with pytest.raises(ValueError, match=r"train.txt: 15 symbols in 2 column.*smaller --batch"):
        text(15)


def test_recordings_are_heard_all_and_in_turn():
    sizes = AUDIO.sizes
    recordings = [np.arange(120, dtype=np.uint8), np.arange(120, 125, dtype=np.uint8)]
    data = Recordings({"train": recordings, "valid": recordings}, sizes, 4)
    samples = sum(map(len, recordings))
    assert data.epoch_steps == max(1, samples // (4 * sizes.outputs))
    assert Recordings({"train": recordings}, sizes, 1, hop=samples // 3).epoch_steps == 3
    assert (counted(data.in_turn("valid"), 125) == 1).all()
    drawn = counted([data.batch(step, 0) for step in range(60)], 125)
    assert drawn.min() > 0 and data.splits == ("train", "valid")
    one, again, other = (data.batch(5, seed)["inputs"] for seed in (3, 3, 4))
    assert (one == again).all() and (one != other).any()
    assert one.shape == (4, sizes.inputs)


def test_copy_sequences_by_hand():
    batch = copy_batch(np.array([[3, 1, 4]]), 4, size=2)
    assert batch["inputs"][0].tolist() == [3, 1, 4, 0, 0, 0, MARK, MARK, MARK, MARK]
    assert batch["targets"][0].tolist() == [3, 1, 4]
    assert batch["mask"].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert batch["inputs"].shape[1] == 4 + 2 * 3  # blanks and twice the digits, as published


def test_copy_sequences_are_all_taken():
    counts = {"train": 9, "valid": 5, "test": 4}
    data = CopySequences(COPY, 2, 0, counts)
    assert data.epoch_steps == 4
    seen = np.concatenate([data.batch(step, 0)["targets"] for step in range(4)])
    whole = np.concatenate([b["targets"][b["mask"].any(1)] for b in data.in_turn("train")])
    assert len(whole) == 9 and {*map(tuple, seen)} <= {*map(tuple, whole)}
    assert sum(b["mask"].sum() for b in data.in_turn("valid")) == 5 * COPY.digits
    assert 1 <= whole.min() and whole.max() == MARK - 1
