import jax
import jax.numpy as jnp
import numpy as np
import pytest
from by_hand import as_float64, convolve, transposed
from nano_nets import noise
from numpy.testing import assert_allclose, assert_array_equal

from umir.wave_unet.parameters import init_uniform
from umir.wave_unet.sequences.causal_convolution import (
    causal_convolution,
    causal_upsampling,
    upsampling_reach,
    windows,
    with_rows,
)
from umir.wave_unet.sequences.history import Buffers, Nothing, Zeros
from umir.wave_unet.sequences.signal import Signal


def draw_layer(taps, seed=0):
    layer = init_uniform(jax.random.key(seed), taps, 2, 3)
    return layer | {"bias": jnp.asarray([1.0, -1.0, 0.5])}


def test_a_tiny_case_by_hand():
    layer = {"kernel": jnp.asarray([10.0, 1.0]).reshape(2, 1, 1), "bias": jnp.asarray([100.0])}
    x = Signal(jnp.asarray([1.0, 2.0, 3.0]).reshape(1, 3, 1), 0)
    assert_array_equal(causal_convolution(layer, x, Zeros()).values.ravel(), [101, 112, 123])
    y = causal_convolution(layer, x, Nothing())
    assert y.first == 1
    assert_array_equal(y.values.ravel(), [112, 123])


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("taps", [1, 2, 3])
def test_values_are_those_of_the_definition(taps, dilation):
    layer, x = draw_layer(taps), noise(1, 7)
    for history, zeros in ((Zeros(), True), (Nothing(), False)):
        y = causal_convolution(layer, Signal(x, 0), history, dilation=dilation)
        expected = convolve(as_float64(layer), np.float64(x[0]), zeros, 1, dilation)
        assert_allclose(y.values[0], expected, atol=1e-5)
        assert y.end == 7


@pytest.mark.parametrize("first", [-3, -2, 0, 1, 4])
def test_a_strided_one_keeps_even_positions(first):
    layer, x = draw_layer(3), Signal(noise(1, 9), first)
    dense, strided = windows(layer, x), windows(layer, x, stride=2)
    even = [n for n in range(dense.first, dense.end) if n % 2 == 0]
    assert [2 * n for n in range(strided.first, strided.end)] == even
    assert_allclose(strided.values, dense.values[:, even[0] - dense.first :: 2], atol=1e-6)


def test_nothing_new_gives_nothing():
    y = windows(draw_layer(3), Signal(noise(1, 2), 0))
    assert y.values.shape == (1, 0, 3)


@pytest.mark.parametrize("taps", [3, 5])
@pytest.mark.parametrize("time", [3, 4])
def test_upsampling_is_the_definition(taps, time):
    layer, x = draw_layer(taps), noise(1, time)
    y = causal_upsampling(layer, Signal(x, 5), 0, 100)
    assert (y.first, y.end) == (10 + taps - 2, 10 + 2 * time)
    expected = transposed(as_float64(layer), np.float64(x[0]), False, taps - 2)
    assert_allclose(y.values[0, : len(expected)], expected, atol=1e-5)
    for position in range(y.first, y.end):
        for params in (layer, with_rows({"transposed": layer})["transposed"]):
            alone = causal_upsampling(params, Signal(x, 5), position, position + 1)
            assert_allclose(alone.values[:, 0], y.values[:, position - y.first], atol=1e-5)


@pytest.mark.parametrize("stride", [2, 3, 5])
@pytest.mark.parametrize("more", [0, 1, 5])
def test_upsampling_by_any_factor_is_the_definition(stride, more):
    """Zeros after every frame, then a convolution that looks back; one frame at a time, too."""
    taps = stride + more
    layer, x = draw_layer(taps), noise(1, 4)
    spread = np.zeros((stride * 4, 2))
    spread[::stride] = np.float64(x[0])
    y = causal_upsampling(layer, Signal(x, 5), 0, 1000, stride=stride)
    expected = convolve(as_float64(layer), spread, True)[taps - stride :]
    assert (y.first, y.end) == (stride * 5 + taps - stride, stride * 9)
    assert_allclose(y.values[0], expected, atol=1e-5)
    for position in range(y.first, y.end):
        reach = upsampling_reach(taps, stride)
        seen = Signal(x, 5).within(position // stride - reach, position // stride + 1)
        alone = causal_upsampling(layer, seen, position, position + 1, stride=stride)
        assert_allclose(alone.values[:, 0], y.values[:, position - y.first], atol=1e-5)


def test_rows_give_what_the_kernel_gives():
    layer, x = draw_layer(4), Signal(noise(2, 4), 0)
    prepared = with_rows({"inside": layer})["inside"]
    assert prepared["rows"].shape == (3, 8)
    assert_allclose(windows(prepared, x).values, windows(layer, x).values, atol=1e-6)


def test_buffers_go_on_where_zeros_stopped():
    layer, x = draw_layer(4), noise(1, 9)
    whole = causal_convolution(layer, Signal(x, 0), Zeros(), "name")
    history = Zeros()
    parts = [causal_convolution(layer, Signal(x[:, :2], 0), history, "name")]
    history = Buffers(history.arrays)
    for start, end in ((2, 3), (3, 9)):
        part = causal_convolution(layer, Signal(x[:, start:end], start), history, "name")
        assert (part.first, part.end) == (start, end)
        parts.append(part)
    joined = jnp.concatenate([part.values for part in parts], axis=1)
    assert_allclose(joined, whole.values, atol=1e-6)


def test_fresh_layers_are_pytorchs(rng):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Conv1d(40, 50, 5)
    ours = init_uniform(jax.random.key(0), 5, 40, 50)
    for mine, yours in ((ours["kernel"], theirs.weight), (ours["bias"], theirs.bias)):
        assert mine.size == yours.numel()
        assert_allclose(np.std(mine), yours.std().item(), rtol=0.25)
        assert_allclose(np.abs(mine).max(), yours.abs().max().item(), rtol=0.1)
    # PyTorch counts a transposed kernel's outputs, which are as many as its inputs here.
    same = torch.nn.ConvTranspose1d(40, 40, 5).weight.abs().max().item()
    assert_allclose(np.abs(ours["kernel"]).max(), same, rtol=0.01)
