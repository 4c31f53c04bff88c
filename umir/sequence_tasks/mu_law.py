"""Mu-law: audio as 256 classes that lie close where audio is soft (ITU-T G.711, continuous form).

class = floor((sign(x) * log(1 + 255 |x|) / log(256) + 1) / 2 * 255 + 0.5)
"""

import numpy as np
from jaxtyping import Float, Integer

CLASSES = 256
SILENCE = 128  # the class of 0
_MU = CLASSES - 1


def mu_law(waveform: Float[np.ndarray, "*axes"]) -> Integer[np.ndarray, "*axes"]:
    """Return the class of every sample, as a byte; what is beyond full scale is clipped."""
    x = np.clip(np.asarray(waveform, np.float64), -1, 1)
    compressed = np.sign(x) * np.log1p(_MU * np.abs(x)) / np.log1p(_MU)
    return np.floor((compressed + 1) / 2 * _MU + 0.5).astype(np.uint8)


def from_mu_law(classes: Integer[np.ndarray, "*axes"]) -> Float[np.ndarray, "*axes"]:
    """Return the sample in the middle of every class, float32."""
    compressed = 2 * np.asarray(classes, np.float64) / _MU - 1
    expanded = np.expm1(np.abs(compressed) * np.log1p(_MU)) / _MU
    return (np.sign(compressed) * expanded).astype(np.float32)
