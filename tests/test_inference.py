"""Whole songs in windows: the grid, the stitching, and what a window must not change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TINY

from umir.inference import Windows, _stitch, whole_song
from umir.wave_unet import HeadSpec, Network

STRIDE = TINY.total_stride


@given(st.integers(0, 40_000), st.integers(2, 12), st.floats(0.0, 0.9, allow_nan=False))
def test_windows_cover_every_sample_on_the_grid(n_samples, blocks, overlap):
    network = Network(TINY, HeadSpec("clip", 2))
    windows = Windows.of(network, blocks * STRIDE / TINY.rate, overlap)
    starts = windows.starts(n_samples)
    assert windows.length == blocks * STRIDE
    assert all(start % STRIDE == 0 for start in starts)
    assert windows.hop <= windows.length
    assert starts[0] == 0
    assert starts[-1] + windows.length >= n_samples
    assert len(starts) == 1 or starts[-2] + windows.length < n_samples


def test_stitching_windows_of_one_signal_gives_the_signal(rng):
    """Windows that agree where they overlap are put together without a seam."""
    signal = rng.normal(size=(11, 3)).astype(np.float32)
    windows, starts = Windows(length=40, hop=20), [0, 20, 40, 60]
    outputs = [signal[s // 10 : s // 10 + 4] for s in starts]
    np.testing.assert_allclose(_stitch(outputs, windows, starts, 100), signal[:10], rtol=1e-6)


def test_stitching_is_the_weighted_mean_by_hand():
    windows, outputs = Windows(length=4, hop=2), [np.zeros((4, 1)), np.ones((4, 1))]
    expected = [0, 0, 1 / 3, 2 / 3, 1, 1]
    stitched = _stitch([o.astype(np.float32) for o in outputs], windows, [0, 2], 6)
    np.testing.assert_allclose(stitched[:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("spec", [HeadSpec("frames", 3, 100.0), HeadSpec("waveform", 2)])
def test_a_song_of_one_window_is_the_network_itself(rng, spec):
    network = Network(TINY, spec)
    params = network.init(jax.random.key(0))
    waveform = (0.1 * rng.normal(size=(8 * STRIDE, 1))).astype(np.float32)
    windows = Windows(8 * STRIDE, 4 * STRIDE)
    expected = network.apply(params, jnp.asarray(waveform)[None])[0][0]
    found = whole_song(network, params, waveform, windows, batch=2)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("n_samples", [1, 319, 5000, 8 * STRIDE + 1, 30_001])
def test_lengths_of_outputs(rng, n_samples):
    waveform = (0.1 * rng.normal(size=(n_samples, 1))).astype(np.float32)
    windows = Windows(8 * STRIDE, 4 * STRIDE)
    lengths = {}
    for spec in (HeadSpec("frames", 3, 100.0), HeadSpec("waveform", 2), HeadSpec("clip", 4)):
        network = Network(TINY, spec)
        output = whole_song(network, network.init(jax.random.key(0)), waveform, windows)
        assert np.all(np.isfinite(output))
        lengths[spec.kind] = output.shape
    assert lengths["frames"] == (-(-n_samples // 160), 3)
    assert lengths["waveform"] == (n_samples, 2, 1)
    assert lengths["clip"] == (4,)


def test_separated_stems_add_up_to_the_song(rng):
    network = Network(TINY, HeadSpec("waveform", 3))
    waveform = (0.1 * rng.normal(size=(10_000, 1))).astype(np.float32)
    windows = Windows(8 * STRIDE, 4 * STRIDE)
    output = whole_song(network, network.init(jax.random.key(1)), waveform, windows)
    np.testing.assert_allclose(output.sum(axis=1), waveform, atol=1e-5)


def test_frames_of_a_late_window_stay_on_the_grid():
    """Far from all borders, delaying a song by one hop delays its frames by as much."""
    network = Network(TINY, HeadSpec("frames", 2, 100.0))
    params = network.init(jax.random.key(2))
    rng = np.random.default_rng(3)
    waveform = (0.1 * rng.normal(size=(40 * STRIDE, 1))).astype(np.float32)
    windows = Windows(16 * STRIDE, 8 * STRIDE)
    frames_per_hop = windows.hop // 160
    output = whole_song(network, params, waveform, windows)
    delayed = np.concatenate([np.zeros((windows.hop, 1), np.float32), waveform])
    later = whole_song(network, params, delayed, windows)
    middle = slice(2 * frames_per_hop, 3 * frames_per_hop)
    shifted = slice(3 * frames_per_hop, 4 * frames_per_hop)
    np.testing.assert_allclose(later[shifted], output[middle], atol=1e-5)
