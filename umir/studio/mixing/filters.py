"""Filters as second-order sections: bells, shelves and passes, all causal.

The formulas are those of R. Bristow-Johnson's audio EQ cookbook; passes are scipy's Butterworth
filters. Corners above 0.45 of the rate are moved there.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.signal import butter, sosfilt

Section = list[float]
Wave = Float[np.ndarray, "time *channel"]

_HIGHEST = 0.45  # of the rate


def filter_wave(wave: Wave, sections: Sequence[Section]) -> Wave:
    """Apply sections, one after the other, along time; the result is float32.

    Poles of low corners lie next to 1, where single precision would be heard: the filter runs in
    double precision.
    """
    if not sections:
        return wave
    # Contiguous rows are four times as fast as the columns of (time, channel).
    rows = np.ascontiguousarray(wave.T, np.float64)
    return np.ascontiguousarray(sosfilt(np.asarray(sections), rows).T, np.float32)


def bell(centre: float, decibels: float, octaves: float, rate: int) -> Section:
    """Return a peaking filter: a gain at `centre` Hz, `octaves` wide."""
    angle = _angle(centre, rate)
    gain = 10 ** (decibels / 40)
    alpha = np.sin(angle) * np.sinh(np.log(2) / 2 * octaves * angle / np.sin(angle))
    b = (1 + alpha * gain, -2 * np.cos(angle), 1 - alpha * gain)
    a = (1 + alpha / gain, -2 * np.cos(angle), 1 - alpha / gain)
    return _section(b, a)


def low_shelf(corner: float, decibels: float, rate: int) -> Section:
    """Return a filter that raises what is below `corner` Hz, with the slope S = 1."""
    return _shelf(corner, decibels, rate, 1.0)


def high_shelf(corner: float, decibels: float, rate: int) -> Section:
    """Return a filter that raises what is above `corner` Hz, with the slope S = 1."""
    return _shelf(corner, decibels, rate, -1.0)


def low_pass(corner: float, rate: int, order: int = 2) -> list[Section]:
    """Return a Butterworth low-pass of an even order; nothing if the corner is out of the band."""
    if corner >= _HIGHEST * rate:
        return []
    return butter(order, corner, "lowpass", fs=rate, output="sos").tolist()


def high_pass(corner: float, rate: int, order: int = 2) -> list[Section]:
    """Return a Butterworth high-pass of an even order."""
    return butter(order, min(corner, _HIGHEST * rate), "highpass", fs=rate, output="sos").tolist()


def _angle(frequency: float, rate: int) -> float:
    return float(2 * np.pi * min(frequency, _HIGHEST * rate) / rate)


def _shelf(corner: float, decibels: float, rate: int, side: float) -> Section:
    """Return a shelf; the high one is the low one with the sign of its cosines turned."""
    angle = _angle(corner, rate)
    gain = 10 ** (decibels / 40)
    cosine = side * np.cos(angle)
    root = 2 * np.sqrt(gain) * np.sin(angle) / np.sqrt(2)
    b = (
        gain * (gain + 1 - (gain - 1) * cosine + root),
        2 * side * gain * (gain - 1 - (gain + 1) * cosine),
        gain * (gain + 1 - (gain - 1) * cosine - root),
    )
    a = (
        gain + 1 + (gain - 1) * cosine + root,
        -2 * side * (gain - 1 + (gain + 1) * cosine),
        gain + 1 + (gain - 1) * cosine - root,
    )
    return _section(b, a)


def _section(b: Sequence[float], a: Sequence[float]) -> Section:
    return [float(value / a[0]) for value in (*b, *a)]
