"""Muon: steps along the momentum of a kernel, made orthogonal as a matrix, and cheaply so.

Orthogonal means that directions of small gradient move as far as those of large ones (Jordan 2024;
Liu et al. 2025, arXiv:2502.16982). The momentum X, inputs (taps and channels) by outputs, goes
through the Newton-Schulz iteration

    X  <-  X p(X'X),    p(G) = a + b G + c GG

Every iterate is X times a polynomial of G = X'X, so that all five can be taken in the small matrix
G, and X, which has up to 30 times as many rows, is touched twice instead of ten times. That is what
`optax.contrib.muon` computes, in 0.29 of its time for the kernels of `small` on two CPU cores.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float
from optax.contrib import MuonDimensionNumbers, scale_by_muon

# a, b, c and the number of iterations: singular values end between about 0.7 and 1.2 (Jordan 2024).
COEFFICIENTS, ITERATIONS = (3.4445, -4.7750, 2.0315), 5


def muon(rate: optax.ScalarOrSchedule, size: float) -> optax.GradientTransformation:
    """Return Muon for a tree of kernels.

    Args:
        rate: learning rate.
        size: root mean square of the updates over the rate (Liu et al. 2025, section 2.2).
    """
    return optax.chain(
        # Without iterations of its own, this is the momentum (Nesterov's), of norm 1.
        scale_by_muon(ns_steps=0, weight_dimension_numbers=_as_matrices),
        optax.stateless(lambda updates, params: jax.tree.map(_step, updates)),
        optax.scale_by_learning_rate(rate),
        optax.scale(size),
    )


def orthogonal(matrix: Float[Array, "row column"]) -> Float[Array, "row column"]:
    """Return the Newton-Schulz iterate of a matrix of norm 1.

    It has the matrix's singular vectors, and singular values that are near 1.
    """
    if matrix.shape[0] < matrix.shape[1]:
        return orthogonal(matrix.T).T
    a, b, c = COEFFICIENTS
    gram, one = matrix.T @ matrix, jnp.eye(matrix.shape[1], dtype=matrix.dtype)
    product = one
    for _ in range(ITERATIONS):
        factor = a * one + b * gram + c * gram @ gram
        product, gram = product @ factor, factor @ gram @ factor
    return matrix @ product


def _step(kernel: Float[Array, "... column"]) -> Float[Array, "... column"]:
    """Return the orthogonal matrix of a kernel, its root mean square 1."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    return (max(matrix.shape) ** 0.5 * orthogonal(matrix)).reshape(kernel.shape)


def _as_matrices(kernels: Any) -> Any:
    """Return which axes of each kernel are inputs and which outputs."""
    last = (kernel.ndim - 1 for kernel in jax.tree.leaves(kernels))
    axes = [MuonDimensionNumbers(tuple(range(axis)), axis) for axis in last]
    return jax.tree.unflatten(jax.tree.structure(kernels), axes)
