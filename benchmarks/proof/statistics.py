"""How curves are compared: steps to a score, paired bootstrap over songs, and what can be learnt.

A curve is an array `(group, step)` of scores, one row per group of test songs, the mean over seeds.
Resampling takes whole groups, the same for all that is compared, so that a song that is hard for
everybody makes nobody look good (paired bootstrap, percentile intervals).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.stats import bootstrap

Curve = Float[np.ndarray, "group step"]
# Steps of a curve that never gets there; finite, so that quantiles of it can be taken.
NEVER = 1e6
RESAMPLES = 2000
DECIMALS, ROUNDING = 6, 1e-9  # of floats: 100 steps are not more than 100
HALF_WAY = 0.5  # from chance to the ceiling, where a task begins to count


def steps_to(steps: Sequence[int], scores: Sequence[float], target: float) -> float:
    """Return the number of steps after which a mean curve first reaches a score.

    Between two looks the score is taken to grow in a straight line over log(1 + steps).

    Args:
        steps: at which there are scores, increasing.
        scores: higher is better.
        target: the score to reach.

    Returns:
        Steps; 0 if it is reached before the first step, `NEVER` if it is not reached at all.
    """
    reached = [index for index, score in enumerate(scores) if score >= target]
    if not reached:
        return NEVER
    after = reached[0]
    if after == 0:
        return float(steps[0])
    low, high = np.log1p(steps[after - 1]), np.log1p(steps[after])
    share = (target - scores[after - 1]) / (scores[after] - scores[after - 1])
    return round(float(np.expm1(low + share * (high - low))), DECIMALS)


def steps_interval(
    steps: Sequence[int], curve: Curve, target: Float[np.ndarray, " group"]
) -> tuple[float, float, float]:
    """Return the steps that the mean curve needs to the mean target, and their 95% interval.

    Args:
        steps: of the curve's columns.
        curve: scores of the start.
        target: for each group the score to reach: that of scratch after its last step.
    """

    def needed(*columns: np.ndarray) -> float:
        *scores, wanted = (float(np.mean(column)) for column in columns)
        return steps_to(steps, scores, wanted)

    columns = (*curve.T, target)
    found = needed(*columns)
    if len(target) < 2:
        return found, found, found
    low, high = _interval(columns, needed)
    return found, low, high


def difference(
    curve: Float[np.ndarray, " group"], other: Float[np.ndarray, " group"]
) -> tuple[float, float, float]:
    """Return how far one score is ahead of another, and the 95% interval of that."""

    def ahead(one: np.ndarray, two: np.ndarray) -> float:
        return float(np.mean(one) - np.mean(two))

    found = ahead(curve, other)
    if len(curve) < 2:
        return found, found, found
    return found, *_interval((curve, other), ahead)


def counts(chance: float, scratch: float, ceiling: float) -> bool:
    """Return whether a task can be learnt at this size, so that it counts.

    Args:
        chance: score of the best answer that does not listen.
        scratch: score of scratch after its last step.
        ceiling: score of the long training on all labelled audio.
    """
    half_way = HALF_WAY * (ceiling - chance)
    return ceiling > chance and scratch - chance >= half_way * (1 - ROUNDING)


def _interval(columns: Sequence[np.ndarray], statistic) -> tuple[float, float]:
    """Return the 95% percentile interval of a statistic of paired columns."""
    found = bootstrap(
        tuple(columns),
        statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(0),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
