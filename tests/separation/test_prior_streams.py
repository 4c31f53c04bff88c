"""Separation with critics: what the networks hear, and their losses, by NumPy."""

import jax
import numpy as np
import pytest
from small_prior import APPLY, DOMAIN, NET, VOICE

from umir.separation.priors import Presence, SeparatedParts, SeparationLoss
from umir.separation.training_streams import LabelledWindows, MixtureWindows, SourceWindows


def spectra(x):
    """log(1 + magnitude) by NumPy, `(bin, frame)`."""
    frames = np.lib.stride_tricks.sliding_window_view(x.astype(float), 32)[::16]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)
    return np.log1p(np.abs(np.fft.rfft(frames * hann))).T


def test_streams_by_numpy(data, rng):
    """Every window is a stretch of a song, at the place where the network looks."""
    stems = np.load(data.train[0].path)[:, :, 0]
    mixture = stems.sum(1)
    found = LabelledWindows(DOMAIN, data.train).draw(rng, 2)
    whole = np.pad(mixture, NET.sizes.margin + 16)
    stretches = np.lib.stride_tricks.sliding_window_view(whole, 32)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)
    frames = np.log1p(np.abs(np.fft.rfft(stretches * hann)))  # at every sample
    for n in range(2):
        seen = found["mixture"][n, :, :, 0].T
        off = [
            np.abs(frames[place:][: 16 * len(seen) : 16] - seen).max()
            for place in range(len(whole) - NET.sizes.input + 1)
        ]
        place = int(np.argmin(off))
        assert off[place] < 1e-4
        # From the first of the frames that come out, ten of them.
        first = place - NET.sizes.margin - 16 + 16 * NET.context[1]
        padded = np.pad(stems, ((500, 500), (0, 0)))[500 + first :][: 32 + 9 * 16]
        for k, name in enumerate(VOICE):
            np.testing.assert_allclose(found[name][n, :, :, 0], spectra(padded[:, k]), atol=1e-4)


def test_what_critics_hear_by_numpy(data, rng):
    """Solos, louder and softer, without the lowest bin; sources of pairs belong together."""
    solo = np.load(data.solos["vocals"][0].path)[:, 0, 0]
    windows = SourceWindows(DOMAIN, data.solos["vocals"][:1], {"vocals": 0}, (0.5, 0.5))
    (found,) = windows.draw(rng, 1)["vocals"][..., 0]
    parts = np.lib.stride_tricks.sliding_window_view(0.5 * solo, NET.sizes.output)
    assert found.shape == (16, 8)
    assert min(np.abs(spectra(part)[1:] - found).max() for part in parts) < 1e-4
    both = SourceWindows(DOMAIN, data.train, {"accompaniment": 0, "vocals": 1}, (1.0, 1.0)).draw(
        rng, 1
    )
    stems = np.load(data.train[0].path)[:, :, 0]
    places = [
        [np.abs(spectra(part)[1:] - both[name][0, ..., 0]).max() for part in parts]
        for name, parts in zip(
            VOICE,
            np.lib.stride_tricks.sliding_window_view(stems, NET.sizes.output, 0).swapaxes(0, 1),
            strict=True,
        )
    ]
    assert np.argmin(places[0]) == np.argmin(places[1]) and np.min(places, axis=1).max() < 1e-4


def test_losses_by_numpy(data, rng):
    params = jax.jit(NET.init)(jax.random.key(1))
    batches = {
        "labelled": LabelledWindows(DOMAIN, data.train).draw(rng, 2),
        "inputs": MixtureWindows(DOMAIN, data.mixtures, (0.2, 1.2)).draw(rng, 2),
    }
    found = {s: APPLY(params, batches[s]["mixture"]) for s in batches}
    made, truth = (
        np.stack([x[n] for n in VOICE]) for x in (found["labelled"], batches["labelled"])
    )
    supervised = np.square(made - truth).mean(axis=(1, 2, 3, 4)).sum()
    made = np.stack([found["inputs"][n] for n in VOICE])
    mixture = batches["inputs"]["mixture"][:, :, NET.context[1] :][:, :, :10]
    rest = np.expm1(made.astype(float)).sum(0) - np.expm1(mixture.astype(float))
    loss = jax.jit(SeparationLoss(True, 0.5).loss, static_argnums=0)
    generator = SeparatedParts(DOMAIN)
    expected = supervised + 0.5 * np.square(rest).mean()
    parts, features = generator.apply(params, batches["inputs"])
    assert float(loss(generator, params, batches, features)) == pytest.approx(expected, rel=1e-4)
    assert SeparationLoss(True).streams == ("labelled",) and SeparationLoss(False).streams == ()
    # What critics see and what is measured.
    assert parts["vocals"].shape == (2, 16, 8, 1)
    np.testing.assert_allclose(parts["vocals"], found["inputs"]["vocals"][:, 1:, 1:9], atol=1e-6)
    measured = Presence(DOMAIN)({**batches["inputs"], **parts})
    inner = mixture[:, 1:, 1:9]
    assert float(measured["level/vocals"]) == pytest.approx(
        float(np.mean(parts["vocals"]) / inner.mean()), rel=1e-4
    )
    copied = Presence(DOMAIN)({**batches["inputs"], "vocals": inner, "accompaniment": 0 * inner})
    assert float(copied["distance/vocals"]) == float(copied["level/accompaniment"]) == 0
