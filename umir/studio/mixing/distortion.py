"""Distortions of one part: what amplifiers, tapes, transistors and converters do to a sound.

All are functions of the sample alone, so they move no onset, and map 0 to 0.
"""

import numpy as np
from jaxtyping import Float

Wave = Float[np.ndarray, " time"]

DISTORTIONS = ("tape", "tube", "transistor", "fuzz", "crusher")


def distort(wave: Wave, kind: str, amount: float, level: float) -> Wave:
    """Distort a sound.

    Args:
        wave: the sound.
        kind: one of `DISTORTIONS`.
        amount: 0.5 is hardly heard, 10 is a wall of sound.
        level: RMS of the sound; amounts are relative to it.

    Raises:
        ValueError: there is no such distortion.
    """
    if kind not in DISTORTIONS:
        raise ValueError(f"no distortion {kind!r}: choose of {', '.join(DISTORTIONS)}")
    x = wave * np.float32(amount / max(level, 1e-9))
    if kind == "tape":
        return x / (1 + np.abs(x))
    if kind == "tube":  # one side clips before the other: even harmonics
        bias = np.float32(0.6)
        return np.tanh(x + bias) - np.tanh(bias)
    if kind == "transistor":
        return np.clip(x, -1, 1)
    if kind == "fuzz":  # clipped and folded: 1.5 comes back as 0.5
        return np.clip(x - 2 * np.clip(x - 1, 0, 1) - 2 * np.clip(x + 1, -1, 0), -1, 1)
    # A converter of few bits: the coarser the more; what is softer than half a step is lost.
    step = np.float32(2.0 ** -round(max(8 - amount, 4)))
    scaled = wave * np.float32(0.2 / max(level, 1e-9))
    return step * np.round(np.clip(scaled, -1, 1) / step)
