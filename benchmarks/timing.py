"""Times of functions that are to be compared: warm, in turns, in one process."""

import time
from collections.abc import Callable

import jax
import numpy as np


def median_seconds(functions: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median time of each function in seconds.

    The functions take turns, so that whatever else the machine does hits all of them alike; the
    first call of each (compilation, allocation) is not counted.
    """
    for function in functions.values():
        jax.block_until_ready(function())
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            jax.block_until_ready(function())  # leaves what PyTorch returns as it is
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in times.items()}
