"""Spectral normalisation: every kernel divided by its largest singular value.

    Miyato et al.: Spectral normalization for generative adversarial networks, ICLR 2018.

A kernel `(*window, in, out)` counts as the matrix W of `window * in` rows. The singular value comes
from power iteration, one round whenever the network runs, whose vectors are kept from one run to
the next: since kernels move slowly, they stay near. They are a state of their own beside the
parameters, so that nothing is hidden and a checkpoint has them.

    v <- W u / |W u|,   u <- W'v / |W'v|,   sigma = v'W u

The gradient goes through sigma, with u and v as constants.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from umir.wave_unet.parameters import Key, Params

KERNEL = "kernel"
TINY = 1e-12  # what the norm of a vector is at least

Vectors = dict[str, Float[Array, " out"]]  # path of a kernel -> u


def init_vectors(params: Params, key: Key) -> Vectors:
    """Draw the vectors that power iteration starts from.

    Args:
        params: nested; what is called `kernel` in it is meant.
        key: what to draw from.

    Returns:
        Path of each kernel -> a vector of norm 1 with an entry per output channel.
    """
    kernels = _kernels(params)
    keys = jax.random.split(key, max(len(kernels), 1))
    return {
        path: _normal(jax.random.normal(own, (kernel.shape[-1],), kernel.dtype))
        for (path, kernel), own in zip(kernels.items(), keys, strict=False)
    }


def normalised(params: Params, vectors: Vectors) -> tuple[Params, Vectors]:
    """Return parameters with normalised kernels, and the vectors after one round of iteration.

    Args:
        params: as in `init_vectors`.
        vectors: as `init_vectors` or the last run returned them.
    """
    found: Vectors = {}

    def divided(path: Any, leaf: Array) -> Array:
        name = _spelled(path)
        if name not in vectors:
            return leaf
        matrix = leaf.reshape(-1, leaf.shape[-1])
        fixed = lax.stop_gradient(matrix)
        left = _normal(fixed @ vectors[name])
        found[name] = _normal(fixed.T @ left)
        return leaf / (left @ (matrix @ found[name]))

    return jax.tree.map_with_path(divided, params), found


def _kernels(params: Params) -> dict[str, Array]:
    leaves = jax.tree.leaves_with_path(params)
    return {_spelled(path): leaf for path, leaf in leaves if path[-1].key == KERNEL}


def _spelled(path: Any) -> str:
    return "/".join(str(entry.key) for entry in path)


def _normal(vector: Array) -> Array:
    return vector / jnp.maximum(jnp.linalg.norm(vector), TINY)
