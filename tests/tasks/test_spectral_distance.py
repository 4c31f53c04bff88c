"""The multi-resolution STFT distance: against frames cut one by one, and against PyTorch's STFT."""

import math

import numpy as np
import pytest

from umir.tasks.metrics import spectral_distance
from umir.tasks.metrics.spectral_distance import RESOLUTIONS, stft_distance


def sounds(rng, length=3000, channels=2):
    reference = rng.normal(size=(length, channels)) * np.linspace(0, 1, length)[:, None]
    return reference.astype(np.float32), rng.normal(size=(length, channels)).astype(np.float32)


def magnitudes(x, points, window, hop):
    """Of every frame by itself, its window in the middle of a transform, the ends mirrored."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    last, found = len(x) - 1, []
    for centre in range(0, len(x) + 1, hop):
        places = np.abs(centre - window // 2 + np.arange(window))
        places = last - np.abs(last - places)
        frame = np.zeros(points)
        frame[(points - window) // 2 :][:window] = x[places] * hann
        found.append(np.abs(np.fft.fft(frame)[: points // 2 + 1]))
    return np.maximum(found, 1e-4)


def test_distance_by_numpy(rng, monkeypatch):
    monkeypatch.setattr(spectral_distance, "BLOCK", 7)
    reference, estimate = sounds(rng)
    estimate[1000:1500] = 0  # where the logarithm needs its floor
    expected = []
    for sizes in RESOLUTIONS:
        true, found = (
            np.stack([magnitudes(x[:, c].astype(float), *sizes) for c in range(2)])
            for x in (reference, estimate)
        )
        expected.append(np.linalg.norm(true - found) / np.linalg.norm(true))
        expected[-1] += np.abs(np.log(true) - np.log(found)).mean()
    assert stft_distance(reference, estimate) == pytest.approx(np.mean(expected), rel=1e-9)


def test_distance_by_torch(rng):
    torch = pytest.importorskip("torch")
    reference, estimate = sounds(rng, channels=1)
    expected = []
    for points, window, hop in RESOLUTIONS:
        spectra = [
            torch.stft(
                torch.from_numpy(x[:, 0].astype(float)),
                points,
                hop,
                window,
                torch.hann_window(window, dtype=torch.float64),
                return_complex=True,
            )
            for x in (reference, estimate)
        ]
        true, found = (torch.sqrt(torch.clamp(s.abs() ** 2, min=1e-8)) for s in spectra)
        expected.append(torch.linalg.norm(true - found) / torch.linalg.norm(true))
        expected[-1] += torch.mean(torch.abs(torch.log(true) - torch.log(found)))
    assert stft_distance(reference, estimate) == pytest.approx(float(np.mean(expected)), rel=1e-9)


def test_distance_of_what_is_known(rng):
    reference, estimate = sounds(rng)
    assert stft_distance(reference, reference) == 0
    # Half as loud: half of the norm is missing, and log 2 in every bin that is above the floor.
    assert stft_distance(estimate, 0.5 * estimate) == pytest.approx(0.5 + math.log(2), rel=1e-4)
    assert stft_distance(estimate, -estimate) == pytest.approx(0, abs=1e-12)
    assert math.isnan(stft_distance(0 * reference, estimate))
    assert math.isfinite(stft_distance(reference, 0 * estimate))
    assert math.isfinite(stft_distance(reference[-1:], estimate[-1:]))
