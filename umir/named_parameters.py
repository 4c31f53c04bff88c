"""Parameters by name: nested mappings of arrays, and one flat mapping, as files hold them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

_SEPARATOR = "/"


def halved(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with all that is float32 rounded to float16.

    Raises:
        ValueError: a value is beyond what float16 holds (65504).
    """
    tensors = flatten(params)
    for name, tensor in tensors.items():
        if tensor.dtype == np.float32:
            with np.errstate(over="ignore"):
                tensors[name] = tensor.astype(np.float16)
            if not np.array_equal(np.isfinite(tensors[name]), np.isfinite(tensor)):
                raise ValueError(f"parameter {name!r}: too large for half precision")
    return unflatten(tensors)


def flatten(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the arrays of a nested mapping under names joined by `/`.

    Raises:
        ValueError: a name is not a string, is empty or contains `/`.
    """
    return {name: np.asarray(leaf, order="C") for name, leaf in leaves(params)}


def unflatten(tensors: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the nested mapping that `flatten` flattened (without empty branches)."""
    tree: dict[str, Any] = {}
    for name, tensor in tensors.items():
        *branches, leaf = name.split(_SEPARATOR)
        node = tree
        for branch in branches:
            node = node.setdefault(branch, {})
        node[leaf] = tensor
    return tree


def leaves(params: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf with its joined name."""
    for key, value in params.items():
        if not isinstance(key, str) or not key or _SEPARATOR in key:
            raise ValueError(f"parameter name {key!r}: must be a string without {_SEPARATOR!r}")
        if isinstance(value, Mapping):
            yield from leaves(value, prefix + key + _SEPARATOR)
        else:
            yield prefix + key, value
