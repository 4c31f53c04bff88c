"""Fréchet distance between two sets of features, as of normal distributions.

    Heusel et al.: GANs trained by a two time-scale update rule, NeurIPS 2017 (FID).

    |m_1 - m_2|^2 + trace(C_1 + C_2 - 2 (C_1 C_2)^(1/2))

The trace of the root is the sum of the roots of the eigenvalues of C_1^(1/2) C_2 C_1^(1/2), which
is symmetric, so that nothing complex or negative comes of rounding.
"""

import numpy as np
from jaxtyping import Float


def frechet_distance(
    one: Float[np.ndarray, "sample feature"], two: Float[np.ndarray, "other feature"]
) -> float:
    """Return the distance of two sets of features; 0 for the same set.

    Raises:
        ValueError: fewer than two samples on a side.
    """
    if min(len(one), len(two)) < 2:
        raise ValueError(f"{len(one)} and {len(two)} samples: at least two on each side")
    apart = np.sum((one.mean(axis=0) - two.mean(axis=0)) ** 2)
    first, second = (np.atleast_2d(np.cov(x.astype(float), rowvar=False)) for x in (one, two))
    root = _root(first)
    both = np.linalg.eigvalsh(root @ second @ root)
    shared = np.sum(np.sqrt(np.maximum(both, 0)))
    return float(apart + np.trace(first) + np.trace(second) - 2 * shared)


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
