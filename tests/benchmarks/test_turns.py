"""Contenders in processes of their own take turns, and one that ends is named."""

import pytest
from benchmark_scripts import BENCHMARKS, benchmark_module

TURNS = benchmark_module("turns")
COUNT = f"""
import itertools, sys, time
sys.path.insert(0, {str(BENCHMARKS)!r})
from turns import answer
numbers = itertools.count()
def step():
    begun = time.monotonic()
    time.sleep(0.01)
    return dict(number=next(numbers), begun=begun, ended=time.monotonic(), name=sys.argv[1])
answer(step)
"""


def test_one_at_a_time():
    found = TURNS.in_turns({name: ["-c", COUNT, name] for name in "ab"}, 2)
    assert [step["number"] for step in found["a"]] == [0, 2, 4]  # one before each but the first
    assert {step["name"] for step in found["b"]} == {"b"}
    steps = [step for pair in zip(found["a"], found["b"], strict=True) for step in pair]
    assert all(one["ended"] <= two["begun"] for one, two in zip(steps, steps[1:], strict=False))


@pytest.mark.parametrize("code", ["", "input(); 1 / 0"])
def test_a_contender_that_ends_is_named(code, capfd):
    with pytest.raises(RuntimeError, match="b ended: see above"):
        TURNS.in_turns({"a": ["-c", COUNT, "a"], "b": ["-c", code]}, 1)
    assert ("ZeroDivisionError" in capfd.readouterr().err) == bool(code)
