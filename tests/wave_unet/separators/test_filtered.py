"""The PyTorch lineage of Wave-U-Nets: published sizes, and the same network in PyTorch."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from benchmark_scripts import benchmark_module

from umir.wave_unet import n_parameters
from umir.wave_unet.separators import FilteredWaveUNet, Sizes
from umir.wave_unet.separators.filtered_resampling import filtered_down, filtered_up, low_pass
from umir.wave_unet.separators.torch_names import network_of, params_of

TINY = FilteredWaveUNet(sources=("a", "b"), channels=2, wanted=90, widths=(8, 16, 24), kernel=3)
FORMS = {
    "fixed": TINY,
    "stride 2": replace(TINY, stride=2),
    "deep": replace(TINY, depth=2),
    "learned": replace(TINY, resampling="learned"),
    "learned, deep": replace(TINY, resampling="learned", depth=2, stride=3),
    "batch": replace(TINY, normalisation="batch"),
    "none": replace(TINY, normalisation="none"),
    "together": replace(TINY, separate=False),
    "wide": replace(TINY, widths=(128, 136), kernel=5, wanted=300, sources=("a",)),
}


def test_published_sizes_and_number_of_parameters():
    net = FilteredWaveUNet()
    assert net.sizes == Sizes(97_961, 88_409, 90)
    params = jax.eval_shape(net.init, jax.random.key(0))
    # The published number holds 238,080 taps of filters that are never trained.
    assert n_parameters(params) == 70_148_232 - 238_080


def test_lengths_that_lose_samples_are_refused(rng):
    """Shortcuts would be joined with what was made of other samples."""
    net = FORMS["learned"]
    params, size = net.init(jax.random.key(0)), net.sizes.input
    whole = jnp.asarray(rng.uniform(-1, 1, (1, size + net.stride**2, 2)), jnp.float32)
    assert net.apply(params, whole)[0].shape[1] > net.sizes.output
    for more in (1, 2, 3):
        with pytest.raises(ValueError, match="more than a multiple of the stride 4"):
            net.apply(params, whole[:, : size + more])


def test_the_published_filter():
    half = [0, -0.00261, -0.00843, 0, 0.0456, 0.12845, 0.21271, 0.24856]
    np.testing.assert_allclose(low_pass(4), half + half[-2::-1], atol=5e-6)
    assert low_pass(4).sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_resampling_against_explicit_sums(stride, rng):
    x = rng.normal(size=(2, 4 * stride + 1, 3)).astype(np.float32)
    mirrored = np.pad(x, ((0, 0), (7, 7), (0, 0)), mode="reflect")
    taps = low_pass(stride)
    down = [
        np.einsum("k,bkc->bc", taps, mirrored[:, n : n + 15]) for n in range(0, x.shape[1], stride)
    ]
    np.testing.assert_allclose(filtered_down(jnp.asarray(x), stride), np.stack(down, 1), atol=1e-6)
    spread = np.zeros((2, (mirrored.shape[1] - 1) * stride + 1, 3))
    spread[:, ::stride] = mirrored
    full = np.stack([np.convolve(s, taps) for s in spread.transpose(0, 2, 1).reshape(6, -1)])
    start = 7 * stride + 7
    up = full[:, start : start + (x.shape[1] - 1) * stride + 1].reshape(2, 3, -1)
    np.testing.assert_allclose(
        filtered_up(jnp.asarray(x), stride), up.transpose(0, 2, 1), atol=1e-6
    )


def test_a_constant_keeps_its_level_downwards_and_loses_the_stride_upwards():
    x = jnp.ones((1, 17, 1))
    np.testing.assert_allclose(filtered_down(x, 4), 1, atol=1e-6)
    np.testing.assert_allclose(filtered_up(x, 4).mean(), 0.25, atol=0.01)


def torch_and_ours(net, rng, *, training):
    """The outputs of both for the same weights, and ours of what was read off them."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    peer = benchmark_module("torch_wave_unet").FilteredPeer(net).train(training)
    with torch.no_grad():
        for name, value in peer.state_dict().items():
            if ".norm." in name and value.ndim:  # as if they had been trained
                value.copy_(1 + 0.3 * torch.rand(value.shape))
    state = {name: value.numpy().copy() for name, value in peer.state_dict().items()}
    mixture = rng.uniform(-1, 1, (3, net.sizes.input, net.channels)).astype(np.float32)
    with torch.no_grad():
        expected = peer(torch.from_numpy(mixture.transpose(0, 2, 1).copy())).numpy()
    read = network_of(state, stride=net.stride, sources=net.sources, seconds=net.wanted / 44_100)
    assert read == net
    params = params_of(read, state)
    found, features = jax.jit(read.apply, static_argnames="training")(
        params, jnp.asarray(mixture), training=training
    )
    shape = (3, len(net.sources), net.channels, net.sizes.output)
    return found, expected.reshape(shape).transpose(0, 3, 1, 2), features, peer


@pytest.mark.parametrize("form", FORMS)
def test_against_pytorch(form, rng):
    found, expected, _, _ = torch_and_ours(FORMS[form], rng, training=False)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_batches_normalise_themselves_in_training_as_in_pytorch(rng):
    found, expected, features, peer = torch_and_ours(FORMS["batch"], rng, training=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # What PyTorch has after the batch is 0.99 of what it had (1 to 1.3) and 0.01 of the batch's.
    fresh = peer.waveunets["a"].bottlenecks[0].norm.running_var.numpy()
    batch = features["a/statistics"]["bottleneck/unit1"]["variance"]
    before = (fresh - 0.01 * batch) / 0.99
    assert (before > 1 - 1e-4).all() and (before < 1.3 + 1e-4).all()


def test_outputs_are_clipped_only_when_not_training(rng):
    net = replace(TINY, normalisation="none", separate=False)
    params = jax.tree.map(lambda p: 4 * p, net.init(jax.random.key(0)))
    mixture = jnp.asarray(rng.uniform(-1, 1, (1, net.sizes.input, 2)), jnp.float32)
    run = jax.jit(net.apply, static_argnames="training")
    free, held = (run(params, mixture, training=training)[0] for training in (True, False))
    assert np.abs(free).max() > 1
    np.testing.assert_array_equal(held, np.clip(free, -1, 1))


def test_sources_of_their_own_do_not_touch_each_other(rng):
    params = TINY.init(jax.random.key(0))
    mixture = jnp.asarray(rng.uniform(-1, 1, (1, TINY.sizes.input, 2)), jnp.float32)
    changed = {**params, "b": jax.tree.map(lambda p: 2 * p, params["b"])}
    run = jax.jit(TINY.apply)
    one, other = run(params, mixture)[0], run(changed, mixture)[0]
    np.testing.assert_array_equal(one[:, :, 0], other[:, :, 0])
    assert np.abs(one[:, :, 1] - other[:, :, 1]).max() > 0


def test_bad_input():
    params = TINY.init(jax.random.key(0))
    with pytest.raises(ValueError, match="1 channel"):
        TINY.apply(params, jnp.zeros((1, TINY.sizes.input, 1)))
    with pytest.raises(ValueError, match="not 1 more than a multiple of the stride 4"):
        jax.eval_shape(TINY.apply, params, jnp.zeros((1, TINY.sizes.input + 1, 2)))
    with pytest.raises(ValueError, match="too few to mirror"):
        filtered_down(jnp.zeros((1, 5, 1)), 4)
    for field, value in [("normalisation", "layer"), ("resampling", "cubic")]:
        with pytest.raises(ValueError, match=f"{field} '{value}'"):
            replace(TINY, **{field: value})
    with pytest.raises(ValueError, match="multiples of 8"):
        replace(TINY, widths=(8, 12))
    with pytest.raises(ValueError, match="odd kernel"):
        replace(TINY, kernel=4)
