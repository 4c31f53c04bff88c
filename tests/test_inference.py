"""Whole songs in windows: the grid, the stitching, and what a window must not change."""

from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TINY

from umir.inference import Windows, run_window, stream, whole_song
from umir.wave_unet import HeadSpec, Network

STRIDE = TINY.total_stride
WINDOWS = Windows(8 * STRIDE, 4 * STRIDE)
HEADS = [
    HeadSpec("frames", 3, 100.0),
    HeadSpec("frames", 2, 25.0),
    HeadSpec("waveform", 3),
    HeadSpec("masks", 3, 100.0),
]
CLIP = HeadSpec("clip", 4)
SAMPLES = np.arange(1, 40_001, dtype=np.float32)[:, None]


def _blocks(waveform, length):
    return [waveform[first : first + length] for first in range(0, len(waveform), length)]


def _song(n_samples):
    rng = np.random.default_rng(n_samples)
    return (0.1 * rng.normal(size=(n_samples, 1))).astype(np.float32)


@given(st.integers(1, 40_000), st.integers(2, 12), st.floats(0.0, 0.9), st.integers(100, 50_000))
def test_overlapping_windows_cover_every_sample_on_the_grid(n_samples, frames, overlap, length):
    network = Network(TINY, CLIP)
    windows = Windows.overlapping(network, frames * STRIDE / TINY.rate, overlap)
    assert (windows.length, windows.context) == (frames * STRIDE, 0)
    assert windows.hop % STRIDE == 0 and windows.hop <= windows.length
    cuts = list(windows.cut(_blocks(SAMPLES[:n_samples], length)))
    for index, (window, _) in enumerate(cuts):
        rest = SAMPLES[:n_samples][index * windows.hop :][: windows.length]
        assert window.shape == (windows.length, 1)
        np.testing.assert_array_equal(window[: len(rest)], rest)
        assert not window[len(rest) :].any()
    covered = (len(cuts) - 1) * windows.hop + windows.length
    assert covered - windows.length < n_samples <= covered
    assert len(cuts) == 1 or covered - windows.hop < n_samples  # the last one is needed
    assert sum(complete for _, complete in cuts) == n_samples


@given(st.integers(1, 40_000), st.sampled_from(HEADS), st.integers(100, 50_000))
def test_exact_windows_keep_every_sample_once(n_samples, head, length):
    windows = Windows.exact(Network(TINY, head), 10 * STRIDE / TINY.rate)
    cuts = list(windows.cut(_blocks(SAMPLES[:n_samples], length)))
    assert windows.context % STRIDE == 0 and windows.hop == windows.kept == 10 * STRIDE
    kept = [window[windows.context :][:complete] for window, complete in cuts]
    np.testing.assert_array_equal(np.concatenate(kept), SAMPLES[:n_samples])
    silence = np.zeros((windows.context, 1), np.float32)
    around = np.concatenate([silence, SAMPLES[:n_samples], silence])
    for index, (window, complete) in enumerate(cuts):
        expected = around[index * windows.hop :][: complete + 2 * windows.context]
        np.testing.assert_array_equal(window[: len(expected)], expected)


def test_stitching_windows_of_one_signal_gives_the_signal():
    """Windows that agree where they overlap are put together without a seam."""
    signal = np.random.default_rng(0).normal(size=(110, 3)).astype(np.float32)
    found = np.concatenate(list(stream(lambda w: w[::10], _blocks(signal, 7), Windows(40, 20))))
    np.testing.assert_allclose(found, signal[::10], rtol=1e-6)


def test_stitching_is_the_weighted_mean_by_hand():
    outputs = iter([np.zeros((4, 1), np.float32), np.ones((4, 1), np.float32)])
    song = np.zeros((6, 1), np.float32)
    found = np.concatenate(list(stream(lambda w: next(outputs), [song], Windows(4, 2))))
    # Weights 1 2 2 1 of the first window, from its third step on over those of the second.
    np.testing.assert_allclose(found[:, 0], [0, 0, 1 / 3, 2 / 3, 1, 1], rtol=1e-6)


def test_context_is_thrown_away():
    song = np.arange(1.0, 8.0, dtype=np.float32)[:, None]
    windows = Windows(length=8, hop=4, context=2)
    seen = []

    def run(window):
        seen.append(window[:, 0].tolist())
        return np.concatenate([np.full((2, 1), 99.0), window[2:-2], np.full((2, 1), 99.0)])

    found = np.concatenate(list(stream(run, _blocks(song, 3), windows)))
    assert seen == [[0, 0, 1, 2, 3, 4, 5, 6], [3, 4, 5, 6, 7, 0, 0, 0]]
    np.testing.assert_array_equal(found, song)


@pytest.mark.parametrize("head", HEADS, ids=str)
@pytest.mark.parametrize("n_samples", [1, STRIDE - 1, 10 * STRIDE, 10 * STRIDE + 1, 30_001])
def test_exact_windows_equal_the_whole_song_in_one_go(head, n_samples):
    """Blocks of any length, windows of any number: the network between two silences."""
    network, waveform = Network(TINY, head), _song(n_samples)
    params = network.init(jax.random.key(0))
    windows = Windows.exact(network, 10 * STRIDE / TINY.rate)
    # More silence than the receptive field asks for, and another length: neither matters.
    before = 9 * STRIDE
    around = np.pad(waveform, ((before, 70 * STRIDE - before - n_samples), (0, 0)))
    whole = run_window(network, params, around)
    per_step = len(around) // len(whole)
    expected = whole[before // per_step :][: -(-n_samples // per_step)]
    for length in (n_samples, 997):
        run = partial(run_window, network, params)
        found = np.concatenate(list(stream(run, _blocks(waveform, length), windows)))
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(
        whole_song(network, params, [waveform], windows), expected, atol=1e-5
    )


@pytest.mark.parametrize("head", HEADS[::2], ids=str)
def test_a_song_of_one_window_is_the_network_itself(head):
    network, waveform = Network(TINY, head), _song(8 * STRIDE)
    params = network.init(jax.random.key(0))
    expected = run_window(network, params, waveform)
    found = whole_song(network, params, [waveform], WINDOWS)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_clip_is_the_mean_of_its_windows():
    network, waveform = Network(TINY, CLIP), _song(10 * STRIDE)
    params = network.init(jax.random.key(0))
    padded = np.pad(waveform, ((0, 2 * STRIDE), (0, 0)))
    windows = padded[: 8 * STRIDE], padded[4 * STRIDE :]
    expected = np.mean([run_window(network, params, window) for window in windows], axis=0)
    found = whole_song(network, params, [waveform], WINDOWS)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("n_samples", [1, 319, 8 * STRIDE + 1, 30_001])
@pytest.mark.parametrize("exact", [True, False])
def test_lengths_of_outputs(n_samples, exact):
    lengths = {}
    for head in (HEADS[0], HEADS[2], CLIP):
        network = Network(TINY, head)
        windows = Windows.exact(network, 0.4) if exact and head is not CLIP else WINDOWS
        params = network.init(jax.random.key(0))
        output = whole_song(network, params, [_song(n_samples)], windows)
        assert np.all(np.isfinite(output))
        lengths[head.kind] = output.shape
    assert lengths["frames"] == (-(-n_samples // 160), 3)
    assert lengths["waveform"] == (n_samples, 3, 1)
    assert lengths["clip"] == (4,)


def test_clips_get_overlapping_windows_and_the_others_exact_ones():
    assert Windows.of(Network(TINY, CLIP), 6.4) == Windows(160 * STRIDE, 80 * STRIDE)
    exact = Windows.of(Network(TINY, HEADS[2]), 6.4)
    assert exact == Windows.exact(Network(TINY, HEADS[2])) and exact.context > 0


def test_memory_does_not_depend_on_the_length_of_the_song():
    """A song of an hour that is made while it is read: only a window of it is ever held."""
    hour, held = 3600 * 100, []

    def song():
        for _ in range(0, hour, 1000):
            yield np.ones((1000, 1), np.float32)

    windows = Windows(length=4096, hop=2048, context=1024)
    for output in stream(lambda window: window, song(), windows):
        held.append(len(output))
    assert sum(held) == hour and max(held) == 2048
