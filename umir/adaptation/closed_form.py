"""Linear classifiers in closed form, from sums over rows, and their scores as log-odds.

Two fits, both written as weights of (1, x), one row per class:

* `prototypes`: what is closer to the mean of a class than to another's belongs to it. For classes
  that exclude each other, the score of class k is -|x - c_k|^2 less |x|^2, that is
  2 c_k x - |c_k|^2 (Snell et al. 2017, "Prototypical Networks for Few-shot Learning",
  arXiv:1703.05175, eq. 8; as a start for fine-tuning: Triantafillou et al. 2020, "Meta-Dataset",
  arXiv:1903.03096, section 3). A class that may be on beside others is told from its absence, with
  the means of the rows where it is on (c) and where it is not (d):
  |x - d|^2 - |x - c|^2 = 2 (c - d) x + |d|^2 - |c|^2.
* `ridge_path`: least squares of the targets with a penalty on the squared weights, but for the
  intercept (Bertinetto et al. 2019, "Meta-learning with differentiable closed-form solvers",
  arXiv:1805.08136, section 3.2, eq. 4). Up to its scale, the direction for two classes is that of
  linear discriminant analysis.

Bertinetto et al. learn a scale and an offset that make such scores logits (their eq. 6);
`calibrated` computes them. If a score is normal in either of two classes, with means a and b and
one variance v, the log-odds of the first are (a - b) / v times the score's distance from
(a + b) / 2, plus the log of the classes' odds. Means and variances are those of scores of segments
that the weights were not fitted on.

Channels before `first_exclusive` are each on or off, those from there on exclude each other.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from umir.adaptation.head_inputs import Moments
from umir.wave_unet.heads import FRESH_OUTPUT

# Penalties that are tried, in mean eigenvalues of the features' scatter.
PENALTIES = 10.0 ** np.arange(-4, 3.5, 0.5)
# The one without anything to choose it on.
PENALTY = 1.0
# Logits, beside the prior, of the mean member of a class: some segments cannot show more.
FURTHEST = 4.0
_LEAST = 1e-12  # instead of no rows, or no variance

Weights = Float[np.ndarray, "class term"]
Fit = Callable[[Moments], Weights]


def prototypes(moments: Moments, first_exclusive: int) -> Weights:
    """Return the weights of nearest class means; zeros for a class without members."""
    inside, outside = _class_means(moments)
    on = np.concatenate([np.sum(outside**2 - inside**2, 1)[:, None], 2 * (inside - outside)], 1)
    nearest = np.concatenate([-np.sum(inside**2, 1)[:, None], 2 * inside], 1)
    exclusive = np.arange(len(on)) >= first_exclusive
    weights = np.where(exclusive[:, None], nearest, on)
    return _centred(weights, fitted(moments, first_exclusive), first_exclusive)


def ridge_path(
    moments: Moments, penalties: Float[np.ndarray, " penalty"]
) -> Float[np.ndarray, "penalty class term"]:
    """Return the weights that minimise sum m (y - w (1, x))^2 + penalty |w|^2, w without intercept.

    Args:
        moments: the sums, without folds.
        penalties: each at least 0.
    """
    known = np.maximum(moments.gram[:, 0, 0], _LEAST)  # (mask,)
    mean = moments.gram[:, 0, 1:] / known[:, None]
    eigenvalues, vectors = np.linalg.eigh(_scatter(moments))
    together = moments.cross[:, 1:] - moments.members[:, None] * mean  # (class, input)
    turned = _times(vectors.swapaxes(1, 2), together)
    # Directions that no row has, of eigenvalue 0, get no weight even without a penalty.
    floor = 1e-10 * np.maximum(eigenvalues.max(axis=1, keepdims=True), _LEAST)
    shrunk = np.where(eigenvalues > floor, eigenvalues, np.inf)
    kernels = np.stack([_times(vectors, turned / (shrunk + penalty)) for penalty in penalties])
    bias = moments.members / known - np.sum(kernels * mean, axis=-1)
    return np.concatenate([bias[..., None], kernels], axis=-1)


def chosen_penalty(folds: Moments) -> float:
    """Return the penalty whose fits on all folds but one have the least error on that one.

    The error of a class is divided by its targets' variance; the mean over classes decides.
    """
    total = folds.total()
    unit = np.trace(_scatter(total), axis1=1, axis2=2).mean() / (total.gram.shape[-1] - 1)
    if len(folds.filled) < 2 or unit <= 0:
        return PENALTY * max(float(unit), _LEAST)
    error = np.zeros((len(PENALTIES), len(total.squares)))
    for number in folds.filled:
        own = folds.fold(number)
        weights = ridge_path(folds.without(number), unit * PENALTIES)
        products = np.sum(weights * own.cross, axis=-1)
        error += own.squares - 2 * products + np.sum(weights * _times(own.gram, weights), axis=-1)
    variance = total.squares - total.members**2 / np.maximum(total.known, _LEAST)
    varying = variance > _LEAST
    if not varying.any():
        return PENALTY * float(unit)
    means = np.mean(error[:, varying] / variance[varying], axis=1)
    return float(unit * PENALTIES[np.argmin(means)])


def fitted(moments: Moments, first_exclusive: int) -> np.ndarray:
    """Return for which classes there is something to fit: members, and others to tell them from."""
    seen = moments.members > 0
    exclusive = np.arange(len(seen)) >= first_exclusive
    others = np.where(exclusive, seen[first_exclusive:].sum() > 1, moments.known > moments.members)
    return seen & others


def calibrated(folds: Moments, fit: Fit, first_exclusive: int) -> Weights:
    """Return the weights fitted on all folds, scaled and shifted to log-odds at even odds.

    Classes without anything to fit have weights of 0.

    Args:
        folds: the sums, in folds; if only one has any rows, it is judged by itself.
        fit: sums without folds -> weights.
        first_exclusive: the first channel of those that exclude each other.
    """
    total = folds.total()
    weights = fit(total)
    parts = [(fit(folds.without(number)), folds.fold(number)) for number in folds.filled]
    judged = parts if len(parts) > 1 else [(weights, total)]
    on, there = slice(0, first_exclusive), fitted(total, first_exclusive)
    kept = first_exclusive + np.flatnonzero(there[first_exclusive:])
    scale, middle = np.zeros(len(weights)), np.zeros(len(weights))
    scale[on], middle[on] = _of_times(judged, total, on)
    if len(kept):
        scale[kept], middle[kept] = _of_exclusive(judged, total, kept)
    moved = scale[:, None] * weights
    moved[:, 0] -= scale * middle
    return np.where(there[:, None], _centred(moved, there, first_exclusive), 0.0)


class _Scores(NamedTuple):
    """Sums of scores: of each class' members, of all rows, and their products."""

    inside: np.ndarray
    all: np.ndarray
    products: np.ndarray


def _of_times(
    judged: list[tuple[Weights, Moments]], total: Moments, on: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Return scale and middle of each class that is on or off."""
    scores = _Scores(*(np.zeros(len(total.squares[on])) for _ in _Scores._fields))
    for weights, own in judged:
        w, gram = weights[on], _rows(own.gram, len(weights))[on]
        scores.inside[:] += np.sum(w * own.cross[on], axis=1)
        scores.all[:] += np.sum(w * gram[:, 0], axis=1)
        scores.products[:] += np.sum(w * _times(gram, w), axis=1)
    members, known = total.members[on], np.maximum(total.known[on], _LEAST)
    first = scores.inside / np.maximum(members, _LEAST)
    second = (scores.all - scores.inside) / np.maximum(known - members, _LEAST)
    spread = scores.products / known
    within = spread - (members * first**2 + (known - members) * second**2) / known
    scale = _scale(first - second, within, spread - (scores.all / known) ** 2)
    return scale, (first + second) / 2


def _of_exclusive(
    judged: list[tuple[Weights, Moments]], total: Moments, kept: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the one scale of classes that exclude each other, and the middle of each.

    What counts is the difference of two scores, between the members of either class. The scale
    is that of all pairs together; the middles are those that fit all pairs best (least squares:
    the mean over the other classes).
    """
    size, members = len(kept), total.members[kept]
    scores = _Scores(np.zeros((size, size)), np.zeros(size), np.zeros((size, size)))
    for weights, own in judged:
        w, gram = weights[kept], _rows(own.gram, len(weights))[kept[0]]
        scores.inside[:] += own.cross[kept] @ w.T  # (class, score)
        scores.all[:] += w @ gram[0]
        scores.products[:] += w @ gram @ w.T
    mean, known = scores.inside / members[:, None], members.sum()
    gap = np.diag(mean)[:, None] - mean  # (class k, class j): k's score less j's, in k
    spread = _of_differences(scores.products / known - np.outer(scores.all, scores.all) / known**2)
    within = _of_differences((scores.products - (mean.T * members) @ mean) / known)
    pairs = ~np.eye(size, dtype=bool)
    found = (np.mean(part[pairs]) for part in (gap + gap.T, within, spread))
    return float(_scale(*map(np.asarray, found))), np.mean(gap - gap.T, axis=1) / 2


def _scale(gap: np.ndarray, within: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return what makes scores log-odds: within bounds, so that no direction is lost.

    Args:
        gap: difference of the two classes' mean scores.
        within: variance of the score in either class.
        spread: variance of the score over all rows.
    """
    most = 2 * FURTHEST / np.maximum(gap, _LEAST)
    least = FRESH_OUTPUT / np.sqrt(np.maximum(spread, _LEAST**2))
    scale = np.maximum(np.minimum(gap / np.maximum(within, _LEAST), most), least)
    return np.where(spread > _LEAST**2, scale, 0.0)


def _class_means(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the rows of each class, and of those that are not; 0 without any."""
    members, sums = moments.members[:, None], _rows(moments.gram, len(moments.cross))[:, 0, 1:]
    others = np.maximum(moments.known[:, None] - members, _LEAST)
    inside = moments.cross[:, 1:]
    return inside / np.maximum(members, _LEAST), (sums - inside) / others


def _centred(weights: Weights, there: np.ndarray, first_exclusive: int) -> Weights:
    """Return the weights with a mean of 0 over exclusive classes, and 0 where there is no fit."""
    chosen = there & (np.arange(len(weights)) >= first_exclusive)
    centre = weights[chosen].mean(axis=0) if chosen.any() else 0.0
    return np.where(there[:, None], weights - chosen[:, None] * centre, 0.0)


def _scatter(moments: Moments) -> Float[np.ndarray, "mask input input"]:
    """Return the sum of m (x - mean) (x - mean)^T."""
    sums, known = moments.gram[:, 0, 1:], np.maximum(moments.gram[:, 0, 0], _LEAST)
    outer = sums[:, :, None] * sums[:, None, :] / known[:, None, None]
    return moments.gram[:, 1:, 1:] - outer


def _of_differences(covariance: np.ndarray) -> np.ndarray:
    """Return the variance of the difference of any two scores."""
    variance = np.diag(covariance)
    return variance[:, None] + variance - 2 * covariance


def _rows(gram: np.ndarray, classes: int) -> np.ndarray:
    return np.broadcast_to(gram, (classes, *gram.shape[1:]))


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return each class' matrix times its vector, `(*penalty, class, term)`."""
    return (matrices @ vectors[..., None])[..., 0]
