"""Lossy coding, as MP3 and AAC do it: the mixture's MDCT, quantised in bands.

A coder is not linear, but what it does to *one* mixture can be: each coefficient of the mixture is
multiplied with a gain, its quantised over its true value, and every part gets the same gains. So
the sum of the parts is exactly the decoded mixture.

Reference:
    J. Princen, A. Johnson and A. Bradley, "Subband/Transform Coding Using Filter Bank Designs Based
    on Time Domain Aliasing Cancellation", ICASSP 1987.
"""

import numpy as np
from jaxtyping import Float
from scipy.fft import dct

_HOP = 0.012  # seconds; coders switch between 3 and 23 ms
# Edges of the bands with one step of quantisation each, in Hz.
_EDGES = np.array(
    [0, 100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000]
    + [2320, 2700, 3150, 3700, 4400, 5300, 6400, 7700, 9500, 12000, 15500]
)

Wave = Float[np.ndarray, " time"]
Spectrum = Float[np.ndarray, "frame bin"]


def mdct(wave: Wave, hop: int) -> Spectrum:
    """Return the modified discrete cosine transform with a sine window of `2 hop` samples.

    The transform is orthogonal; `hop` must be even. Frames begin `hop` samples before the sound.
    """
    count = -(-len(wave) // hop) + 1
    padded = np.zeros((count + 1) * hop, np.float32)
    padded[hop : hop + len(wave)] = wave
    blocks = padded.reshape(count + 1, hop)
    rising, half = _window(hop), hop // 2
    first, second = blocks[:-1] * rising, blocks[1:] * rising[::-1]
    folded = np.empty((count, hop), np.float32)
    folded[:, :half] = -second[:, half - 1 :: -1] - second[:, half:]
    folded[:, half:] = first[:, :half] - first[:, : half - 1 : -1]
    return dct(folded, 4, axis=1, norm="ortho", overwrite_x=True)


def inverse_mdct(spectrum: Spectrum, length: int) -> Wave:
    """Return the `length` samples that a spectrum of `mdct` belongs to."""
    count, hop = spectrum.shape
    rising, half = _window(hop), hop // 2
    folded = dct(spectrum, 4, axis=1, norm="ortho")
    blocks = np.zeros((count + 1, hop), np.float32)
    late = folded[:, half:]
    blocks[:-1, :half] += late * rising[:half]
    blocks[:-1, half:] -= late[:, ::-1] * rising[half:]
    early = folded[:, :half]
    blocks[1:, :half] -= early[:, ::-1] * rising[::-1][:half]
    blocks[1:, half:] -= early * rising[::-1][half:]
    return blocks.ravel()[hop : hop + length]


def coding_gains(
    spectrum: Spectrum,
    rate: int,
    coarseness: float,
    cutoff: float,
    care: Float[np.ndarray, " frame"] | None = None,
) -> Spectrum:
    """Return what a coder does to each coefficient of a mixture: its quantised over its value.

    Args:
        spectrum: of the mixture.
        rate: sampling rate in Hz.
        coarseness: steps of quantisation over the RMS of their band: 0.2 is transparent, 2 leaves
            only the peaks. They are twice as wide at the top of the band as at its bottom.
        cutoff: Hz from which on nothing is coded.
        care: factor on the steps of each frame; None: 1.

    Returns:
        Gains between 0 and 2.
    """
    bins = spectrum.shape[1]
    frequency = (np.arange(bins) + 0.5) * rate / 2 / bins
    band = np.searchsorted(_EDGES, frequency, "right") - 1
    starts = np.flatnonzero(np.diff(band, prepend=-1))
    widths = np.diff(np.append(starts, bins))
    power = np.add.reduceat(spectrum**2, starts, axis=1) / widths
    step = coarseness * (1 + frequency[starts] / (rate / 2)) * np.sqrt(power)
    if care is not None:
        step = step * care[:, None]
    scaled = spectrum / np.repeat(np.maximum(step, 1e-9), widths, axis=1)
    whole = np.round(scaled)
    gains = np.divide(whole, scaled, out=np.zeros_like(scaled), where=whole != 0)
    gains[:, frequency >= cutoff] = 0
    return gains.astype(np.float32)


def attack_care(wave: Wave, hop: int) -> Float[np.ndarray, " frame"]:
    """Return how much finer a coder must be in the frames of `mdct` in which a sound starts.

    The error of a frame is spread over all of it: before an attack one would hear it. So it has to
    be as much softer as what was there before the attack is softer than the attack.
    """
    pieces = 8  # in each frame of two hops
    size = max(hop // (pieces // 2), 1)
    count = -(-len(wave) // hop) + 1
    padded = np.zeros((count + 1) * hop, np.float32)
    padded[hop : hop + len(wave)] = wave
    starts = np.arange(count)[:, None] * hop + np.arange(pieces) * size
    energy = np.concatenate([[0.0], np.cumsum(padded.astype(np.float64) ** 2)])
    power = energy[np.minimum(starts + size, len(padded))] - energy[starts]
    floor = 1e-5 * power.max(axis=1, keepdims=True) + 1e-15
    loudest_so_far = np.maximum.accumulate(power[:, :-1] + floor, axis=1)
    rise = ((power[:, 1:] + floor) / loudest_so_far).max(axis=1)
    return np.clip(2 / np.sqrt(rise), 0.003, 1).astype(np.float32)


def code(
    waves: list[Float[np.ndarray, "time channel"]], rate: int, coarseness: float, cutoff: float
) -> list[Float[np.ndarray, "time channel"]]:
    """Code a mix: the parts as a coder leaves them in the mixture (see `coding_gains`)."""
    hop = 2 * round(_HOP * rate / 2)
    mixture = np.sum(waves, axis=0)
    coded = [np.empty_like(wave) for wave in waves]
    for channel in range(mixture.shape[1]):
        # No part may have an echo before its attacks, be they hidden in the mixture or not.
        care = np.min([attack_care(wave[:, channel], hop) for wave in waves], axis=0)
        gains = coding_gains(mdct(mixture[:, channel], hop), rate, coarseness, cutoff, care)
        for wave, result in zip(waves, coded, strict=True):
            spectrum = mdct(wave[:, channel], hop) * gains
            result[:, channel] = inverse_mdct(spectrum, len(wave))
    return coded


def _window(hop: int) -> np.ndarray:
    """Return the rising half of the sine window."""
    return np.sin(np.pi / 4 * (2 * np.arange(hop) + 1) / hop).astype(np.float32)
