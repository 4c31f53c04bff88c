"""The most likely sequence of classes, when changing from one to another has its price.

A hidden Markov model in which a class stays with probability p and changes to each of the n - 1
others with probability (1 - p) / (n - 1): the most likely path is the one with the highest

    sum of the logits along it  -  penalty * number of its changes,
    penalty = log(p (n - 1) / (1 - p)).

A temperature of the logits would only divide the penalty: this number is all there is to fit.
Where classes are pitches, a small step costs less than a leap: `cheapest_paths` takes a cost for
every pair of classes, times a price to fit.

Reference: A. Viterbi, "Error bounds for convolutional codes and an asymptotically optimum decoding
algorithm", IEEE Transactions on Information Theory 13(2), 1967.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int


def most_likely_paths(
    logits: Float[np.ndarray, "frame class"], penalties: Sequence[float]
) -> Int[np.ndarray, "penalty frame"]:
    """Return the best sequence of classes for each of several penalties.

    As every change costs the same, the best way to change into any class is from the best one:
    a frame takes n steps, not n squared.

    Args:
        logits: of each class and frame; at least one frame.
        penalties: what a change costs, in the unit of the logits.
    """
    n_frames, n_classes = logits.shape
    price, rows = np.array(penalties, float), np.arange(len(penalties))
    score = np.repeat(logits[:1].astype(float), len(price), axis=0)  # (penalty, class)
    previous = np.zeros((n_frames, len(price), n_classes), np.int32)
    for frame in range(1, n_frames):
        best = score.argmax(axis=1)[:, None]
        changed = np.take_along_axis(score, best, axis=1) - price[:, None]
        stays = score >= changed
        previous[frame] = np.where(stays, np.arange(n_classes), best)
        score = np.where(stays, score, changed) + logits[frame]
    paths = np.zeros((len(price), n_frames), int)
    paths[:, -1] = score.argmax(axis=1)
    for frame in range(n_frames - 1, 0, -1):
        paths[:, frame - 1] = previous[frame, rows, paths[:, frame]]
    return paths


def cheapest_paths(
    logits: Float[np.ndarray, "frame class"],
    costs: Float[np.ndarray, "class class"],
    prices: Sequence[float],
) -> Int[np.ndarray, "price frame"]:
    """Return the best sequence of classes for each of several prices.

    It has the highest sum of logits less price times the costs of its changes.

    Args:
        logits: of each class and frame; without a frame, paths are empty.
        costs: what it costs to go from one class (first axis) to another; 0 for staying.
        prices: what a unit of cost is worth, in the unit of the logits.
    """
    n_frames, n_classes = logits.shape
    # The class that is come from lies on the last axis: maxima along it are fast.
    toll = np.multiply.outer(np.array(prices, float), costs.T)  # (price, to, from)
    score = np.zeros((len(prices), n_classes))
    previous = np.zeros((n_frames, len(prices), n_classes), np.int16)
    for frame in range(n_frames):
        ways = score[:, None, :] - toll
        previous[frame] = ways.argmax(axis=2)
        score = ways.max(axis=2) + logits[frame]
    paths, rows = np.zeros((len(prices), n_frames), int), np.arange(len(prices))
    best = score.argmax(axis=1)
    for frame in range(n_frames - 1, -1, -1):
        paths[:, frame] = best
        best = previous[frame, rows, best]
    return paths
