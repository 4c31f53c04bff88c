"""Random draws that the patches of all instruments share."""

import numpy as np


def draw_log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw_pair(rng: np.random.Generator, cents: float) -> tuple[float, ...]:
    """Draw the detuning of a pair of strings or reeds: centred, so that the pitch stays."""
    half = float(rng.uniform(0, cents)) / 2
    return (-half, half)


def draw_resonances(
    rng: np.random.Generator, low: float, high: float, count: int, gain: float
) -> tuple[tuple[float, float, float], ...]:
    """Draw resonances (Hz, width in octaves, gain): of a wooden body, of a bell."""
    return tuple(
        (
            draw_log_uniform(rng, low, high),
            float(rng.uniform(0.15, 0.6)),
            float(rng.uniform(0, gain)),
        )
        for _ in range(count)
    )


def draw_seed(rng: np.random.Generator) -> int:
    """Draw a seed for the phases."""
    return int(rng.integers(2**31))
