"""What parameters and random keys are, for all networks."""

from typing import Any

import jax
from jax import Array
from jaxtyping import PRNGKeyArray, UInt32

# Nested dictionaries of arrays.
Params = dict[str, Any]
Key = PRNGKeyArray | UInt32[Array, "2"]


def n_parameters(params: Any) -> int:
    """Return how many numbers a tree of arrays holds."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
