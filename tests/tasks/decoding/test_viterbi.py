"""The most likely path against all paths, and against the textbook's transition matrix."""

from itertools import product

import numpy as np
import pytest

from umir.tasks.decoding.viterbi import cheapest_paths, most_likely_paths


def _score(logits, path, penalty):
    gained = sum(logits[frame, c] for frame, c in enumerate(path))
    return gained - penalty * sum(a != b for a, b in zip(path, path[1:], strict=False))


def test_no_path_is_better(rng):
    penalties = [0.0, 0.5, 2.0, 50.0]
    for _ in range(5):
        logits = rng.normal(size=(6, 3))
        for penalty, path in zip(penalties, most_likely_paths(logits, penalties), strict=True):
            best = max(_score(logits, p, penalty) for p in product(range(3), repeat=6))
            assert _score(logits, path.tolist(), penalty) == pytest.approx(best)


def test_it_is_the_path_of_the_hidden_markov_model(rng):
    """Dense Viterbi with log transition probabilities, stay 0.9 and the rest shared by three."""
    logits, stay = 2 * rng.normal(size=(80, 4)), 0.9
    transition = np.log(np.where(np.eye(4) > 0, stay, (1 - stay) / 3))
    emission = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    score, back = emission[0], []
    for frame in emission[1:]:
        ways = score[:, None] + transition
        back.append(ways.argmax(axis=0))
        score = ways.max(axis=0) + frame
    expected = [int(score.argmax())]
    for previous in reversed(back):
        expected.append(int(previous[expected[-1]]))
    (path,) = most_likely_paths(logits, [np.log(stay * 3 / (1 - stay))])
    np.testing.assert_array_equal(path, expected[::-1])
    assert len(np.unique(path)) > 1


def test_the_extremes(rng):
    logits = rng.normal(size=(50, 5)).astype(np.float32)
    free, fixed = most_likely_paths(logits, [0.0, 1e6])
    np.testing.assert_array_equal(free, logits.argmax(axis=1))
    assert set(fixed) == {logits.sum(axis=0).argmax()}
    np.testing.assert_array_equal(most_likely_paths(logits[:1], [3.0]), [[logits[0].argmax()]])


def test_with_costs_no_path_is_better(rng):
    costs = np.array([[0.0, 1, 3], [2, 0, 1], [4, 1, 0]])
    prices = [0.0, 0.7, 50.0]
    for _ in range(5):
        logits = rng.normal(size=(5, 3))

        def score(path, price, logits=logits):
            changes = sum(costs[a, b] for a, b in zip(path, path[1:], strict=False))
            return sum(logits[frame, c] for frame, c in enumerate(path)) - price * changes

        for price, path in zip(prices, cheapest_paths(logits, costs, prices), strict=True):
            best = max(score(p, price) for p in product(range(3), repeat=5))
            assert score(path.tolist(), price) == pytest.approx(best)


def test_equal_costs_are_a_penalty(rng):
    logits, prices = rng.normal(size=(60, 4)), [0.0, 0.5, 2.0]
    found = cheapest_paths(logits, 1 - np.eye(4), prices)
    np.testing.assert_array_equal(found, most_likely_paths(logits, prices))
    assert cheapest_paths(logits[:0], 1 - np.eye(4), prices).shape == (3, 0)
