"""How good separated stems are, in dB, the way the field's tables count.

SDR here is that of BSS Eval version 4, as `museval` computes it for images: in windows of one
second, 10 log10 of the power of the true stem over the power of the error. (museval splits the
error into spatial, interference and artefact parts by long least-squares filters, which takes
minutes and gigabytes per song; for the SDR it adds the three up again, and what is left of the
filters is nothing. The tests hold this module to museval's own figures.)

As in museval, a window in which any stem is digital silence, in the reference or in the estimate,
is NaN for all stems, and NaN windows are left out of every median. A stem that is silent throughout
is left out of the comparison: museval refuses such songs.

References: E. Vincent et al., "Performance measurement in blind audio source separation", IEEE
TASLP 14(4), 2006. F.-R. Stöter et al., "The 2018 Signal Separation Evaluation Campaign", 2018.
J. Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from umir.tasks.base import nan_mean

SILENCE_DB = -120.0  # what is said of a stem that really is silent


def sdr_frames(
    reference: Float[np.ndarray, "stem time channel"],
    estimate: Float[np.ndarray, "stem time channel"],
    window: int,
) -> Float[np.ndarray, "stem frame"]:
    """Return the SDR in dB of every stem in consecutive windows; NaN where it is not defined.

    Args:
        reference: true stems.
        estimate: separated stems, same shape.
        window: length of a window in samples; a shorter rest at the end is left out, unless it
            is all there is.
    """
    audible = np.any(reference, axis=(1, 2))  # (stem,)
    # A stem estimated as silence throughout gets its 0 dB, rather than emptying every window.
    estimated = audible & np.any(estimate, axis=(1, 2))
    true, guess = _windows(reference, window), _windows(estimate, window)
    defined = np.any(true[audible], axis=(2, 3)).all(axis=0)  # (frame,)
    defined &= np.any(guess[estimated], axis=(2, 3)).all(axis=0)
    signal, error = np.sum(true**2, axis=(2, 3)), np.sum((guess - true) ** 2, axis=(2, 3))
    return np.where(defined & audible[:, None], _decibels(signal, error), np.nan)


def si_sdr(
    reference: Float[np.ndarray, "time channel"], estimate: Float[np.ndarray, "time channel"]
) -> float:
    """Return the scale-invariant SDR of a whole stem in dB.

    NaN for a silent reference. Of a silent estimate the fraction is 0 / 0; 0 dB, as its SDR has.

    The reference is scaled to explain as much of the estimate as it can: with
    a = <x, s> / <s, s>, SI-SDR = 10 log10(|a s|^2 / |x - a s|^2). Channels share one scale.
    """
    true, guess = reference.astype(np.float64), estimate.astype(np.float64)
    power = np.sum(true**2)
    if power == 0:
        return math.nan
    if not guess.any():
        return 0.0
    target = np.sum(guess * true) / power * true
    return float(_decibels(np.sum(target**2), np.sum((guess - target) ** 2)))


def silence_rms_db(
    reference: Float[np.ndarray, "stem time channel"],
    estimate: Float[np.ndarray, "stem time channel"],
    window: int,
) -> float:
    """Return the RMS level in dBFS of what is heard where a stem should be silent.

    Over all windows of all stems whose reference is digital silence; NaN if there is none, and
    -120 at the least.
    """
    silent = ~np.any(_windows(reference, window), axis=(2, 3))  # (stem, frame)
    leakage = _windows(estimate, window)[silent]
    if not leakage.size:
        return math.nan
    return max(SILENCE_DB, float(_decibels(np.mean(leakage**2), 1.0)))


def nan_median(values: Sequence[float] | np.ndarray) -> float:
    """Return the median of what is not NaN; NaN, without a warning, if there is nothing."""
    known = np.asarray(values)[~np.isnan(values)]
    return float(np.median(known)) if known.size else math.nan


def track_scores(
    reference: Float[np.ndarray, "stem time channel"],
    estimate: Float[np.ndarray, "stem time channel"],
    stems: Sequence[str],
    window: int,
    mixture: Float[np.ndarray, "time channel"] | None = None,
) -> tuple[dict[str, float], Float[np.ndarray, "stem frame"]]:
    """Return the metrics of one song, and its SDR per stem and window.

    Args:
        reference: true stems.
        estimate: separated stems, same shape.
        stems: their names.
        window: length of a window in samples.
        mixture: what they were separated from, which SDRi is the gain over; default: their sum.
    """
    frames = sdr_frames(reference, estimate, window)
    heard = reference.sum(axis=0) if mixture is None else mixture
    unprocessed = sdr_frames(reference, np.broadcast_to(heard, reference.shape), window)
    medians = [nan_median(row) for row in frames]
    scale_free = [si_sdr(r, e) for r, e in zip(reference, estimate, strict=True)]
    # A stem that is all of the mixture has an infinite SDR from the start: nothing to gain.
    finite = np.where(np.isfinite(unprocessed), unprocessed, np.nan)
    gained = [nan_median(row) for row in frames - finite]
    scores = {
        "SDR": nan_mean(medians),
        "SDR_pooled": nan_mean(medians),
        "SI-SDR": nan_mean(scale_free),
        "SDRi": nan_mean(gained),
        "silence_rms_db": silence_rms_db(reference, estimate, window),
    }
    for stem, median, free in zip(stems, medians, scale_free, strict=True):
        scores |= {f"SDR/{stem}": median, f"SI-SDR/{stem}": free}
    return scores, frames


def aggregate(
    per_track: Sequence[dict[str, float]],
    frames: Sequence[Float[np.ndarray, "stem _"]],
    stems: Sequence[str],
) -> dict[str, float]:
    """Return the metrics of a set of songs.

    `SDR/STEM` is the median over songs of the median over windows (museval, SiSEC), `SDR` its mean
    over stems. `SDR_pooled/STEM` is the median over the windows of all songs together, as in the
    Wave-U-Net's paper, `SDR_pooled` its mean over stems. `SDRi` is the median over songs;
    every other metric is the mean.
    """
    names = [name for name in per_track[0] if not name.startswith("SDR")]
    scores = {name: nan_mean([track[name] for track in per_track]) for name in names}
    scores["SDRi"] = nan_median([track["SDRi"] for track in per_track])
    for stem in stems:
        scores[f"SDR/{stem}"] = nan_median([track[f"SDR/{stem}"] for track in per_track])
    pooled = dict(zip(stems, np.concatenate(frames, axis=1), strict=True))  # stem -> all frames
    scores |= {f"SDR_pooled/{stem}": nan_median(row) for stem, row in pooled.items()}
    scores["SDR_pooled"] = nan_mean([scores[f"SDR_pooled/{stem}"] for stem in stems])
    return {"SDR": nan_mean([scores[f"SDR/{stem}"] for stem in stems]), **scores}


def _windows(stems: np.ndarray, window: int) -> np.ndarray:
    """Cut `(stem, time, channel)` into `(stem, frame, window, channel)`, in float64."""
    n_stems, n_samples, n_channels = stems.shape
    length = min(window, n_samples)
    n_windows = n_samples // length
    cut = stems[:, : n_windows * length].astype(np.float64)
    return cut.reshape(n_stems, n_windows, length, n_channels)


def _decibels(
    numerator: np.ndarray | np.floating, denominator: np.ndarray | np.floating | float
) -> np.ndarray | np.floating:
    with np.errstate(divide="ignore", invalid="ignore"):
        return 10 * np.log10(numerator / denominator)
