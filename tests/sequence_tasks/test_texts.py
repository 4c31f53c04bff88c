"""Texts as symbols and back, and texts that cannot be used."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nano_sequence_tasks import CHARACTERS, WORDS

from umir.sequence_tasks.sources import open_text
from umir.sequence_tasks.texts import (
    begun,
    limited,
    line_end,
    numbered,
    read_symbols,
    read_text,
    spelled,
    split_by_position,
)

PTB = " aer banknote <unk> N \n mr. <unk> is \n"


def test_newlines_are_spelled_as_published():
    symbols = read_symbols("characters", PTB, True)
    assert "".join(symbols) == " aer banknote <unk> N <eos> mr. <unk> is <eos>"
    assert len(symbols) == len(PTB) + 2 * 4 and "\n" not in symbols
    assert spelled("characters", symbols, True) == PTB
    assert "".join(read_symbols("characters", PTB)) == PTB


def test_words_have_line_ends():
    symbols = read_symbols("words", PTB)
    assert symbols == "aer banknote <unk> N <eos> mr. <unk> is <eos>".split()
    assert spelled("words", symbols) == "aer banknote <unk> N\nmr. <unk> is\n"


def test_a_text_that_goes_on_ends_within_its_line():
    assert begun("words", "the cat\nsat on") == ["the", "cat", "<eos>", "sat", "on"]
    assert begun("words", "the cat\n") == ["the", "cat", "<eos>"]
    assert begun("characters", "on") == ["o", "n"]
    assert spelled("words", ["<eos>", "the", "cat", "<eos>", "<eos>", "sat"]) == "\nthe cat\n\nsat"


def test_parts_of_one_text():
    parts = split_by_position([*"abcdefghij"])
    assert {split: "".join(part) for split, part in parts.items()} == {
        "train": "abcdefgh",
        "valid": "i",
        "test": "j",
    }


@given(st.integers(0, 200))
def test_parts_are_the_text(length):
    symbols = list(map(str, range(length)))
    parts = split_by_position(symbols)
    assert [s for part in parts.values() for s in part] == symbols


def test_a_vocabulary_of_the_most_frequent_words():
    texts = {"train": "a a b b c <unk>".split(), "test": "c a d".split()}
    assert limited(texts, 3) == {
        "train": "a a b b <unk> <unk>".split(),
        "test": "<unk> a <unk>".split(),
    }
    with pytest.raises(ValueError, match="vocabulary of 1"):
        limited(texts, 1)


def test_numbers_of_symbols():
    assert numbered([*"cab"], [*"abc"], "x").tolist() == [2, 0, 1]
    assert numbered(["c", "z"], ["<unk>", "c"], "x").tolist() == [1, 0]
    with pytest.raises(ValueError, match="x: 'z' is not in the vocabulary"):
        numbered(["z"], ["a"], "x")


def test_where_a_line_begins():
    assert line_end(["<eos>", "a"]) == ["<eos>"] and line_end(["\n", "a"]) == ["\n"]
    assert line_end(sorted("<eos>ab")) == [*"<eos>"] and line_end(["b", "a"]) == ["b"]


def test_a_text_as_data(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("ab ba\n" * 100)
    source = open_text(CHARACTERS, [path], 2)
    assert source.facts["vocabulary"] == ["\n", " ", "a", "b"] and source.task.symbols == 4
    assert source.data.splits == ("train", "valid", "test")
    source = open_text(WORDS, [path], 2, vocabulary=2)
    assert source.facts["vocabulary"] == ["<eos>", "<unk>"] or source.task.symbols == 2
    three = open_text(CHARACTERS, [path, path, path], 2)
    assert len(set(three.data.description.values())) == 1
    shapes = {b["targets"].shape for s in three.data.splits for b in three.data.in_turn(s)}
    assert shapes == {(2, three.task.sizes.outputs)}
    assert all(np.max(b["inputs"]) < 4 for b in three.data.in_turn("test"))


def test_texts_that_cannot_be_used(tmp_path):
    empty, bytes_, short = (tmp_path / name for name in ("empty", "bytes", "short"))
    empty.write_text(" \n")
    bytes_.write_bytes(b"\xff\xfe\x00")
    short.write_text("abc")
    for path, message in {
        empty: "empty: is empty; give a text",
        bytes_: "bytes: is no text in UTF-8",
        tmp_path: "is a folder; give a text",
        tmp_path / "none": "none: no such file",
    }.items():
        with pytest.raises(ValueError, match=message):
            read_text(path)
    with pytest.raises(ValueError, match=r"short: 2 symbols in 2 column.*give a longer text"):
        open_text(CHARACTERS, [short], 2)
    with pytest.raises(ValueError, match="2 files: give one text, or three"):
        open_text(CHARACTERS, [short, short], 2)
