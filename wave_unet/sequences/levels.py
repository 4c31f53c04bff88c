"""The order in which the stages of a causal U-Net run."""

from collections.abc import Callable
from typing import Any

from jax import Array
from jaxtyping import Float

from umir.wave_unet.sequences.signal import Signal

# `run(stage, level, *signals)`, the fastest signal first; `level` is empty where there is only one.
Run = Callable[..., Any]


def traverse(
    levels: int, x: Signal, run: Run
) -> tuple[Signal, dict[str, Float[Array, "batch frame _"]]]:
    """Run the stages down to the last level and up again.

    Levels in which there is no new frame are left out, which happens in short blocks of a stream.

    Args:
        levels: rates of the network.
        x: the input.
        run: runs a stage.

    Returns:
        The output, and the features by name.
    """
    features, skips = {}, []
    x = run("enter", "", x)
    for level in range(levels - 1):
        skip, x = run("down", str(level), x)
        features[f"encoder_{2**level}"] = skip.values
        skips.append(skip)
        if x.values.shape[1] == 0:
            break
    else:
        x = run("bottom", "", x)
        features[f"decoder_{2 ** (levels - 1)}"] = x.values
    for level in reversed(range(len(skips))):
        x = run("up", str(level), skips[level], x)
        features[f"decoder_{2**level}"] = x.values
    return run("leave", "", x), features
