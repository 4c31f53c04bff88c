"""What starts and models are called in files of results: by size and weights, so that none is old.

A model that was trained again keeps its folder, and scratch is a network of another size beside
another start: rows that are kept under a name alone would be taken for theirs.
"""

import hashlib
import os
from collections.abc import Iterable

from umir.checkpoint import WEIGHTS_NAME
from umir.released_models import SCRATCH, find_model


def model_name(model: str | os.PathLike) -> str:
    """Return the name of a model's folder, and a hash of its weights: `umir-small c86526a1`.

    Args:
        model: a model directory, or the name of a released model.
    """
    directory = find_model(model)
    weights = hashlib.sha256((directory / WEIGHTS_NAME).read_bytes()).hexdigest()
    return f"{directory.name} {weights[:8]}"


def named_starts(starts: Iterable[str], preset: str) -> dict[str, str]:
    """Return the name of each start -> the start itself.

    Args:
        starts: models, or `scratch`.
        preset: size of a network from scratch, which is in its name: `scratch nano`.
    """
    return {f"{SCRATCH} {preset}" if s == SCRATCH else model_name(s): s for s in starts}
