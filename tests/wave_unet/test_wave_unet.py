import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from umir.wave_unet import PRESETS, WaveUNet, WaveUNetConfig

TINY = WaveUNetConfig(
    rate=8000,
    strides=(4, 5, 2, 2),
    kernels=(7, 15, 7, 5),
    widths=(4, 6, 8, 8),
    decoder_kernels=(5, 5, 3),
    dilations=(1, 2),
)


def features_of(config, waveform, rate, change=lambda path, leaf: leaf):
    @jax.jit
    def run(waveform):
        graph, state = nnx.split(WaveUNet(config, rngs=nnx.Rngs(params=0)))
        params = jax.tree_util.tree_map_with_path(change, nnx.to_pure_dict(state))
        return nnx.merge(graph, params)(waveform, rate)

    return run(jnp.asarray(waveform, jnp.float32))


def random_biases(path, leaf):
    keys = jax.random.key(len(str(path)))
    return jax.random.normal(keys, leaf.shape) if "bias" in str(path[-1]) else leaf


def smooth_kernels(path, leaf):
    """Make every kernel a positive bump around its middle, the same for all channels."""
    if "kernel" not in str(path[-1]):
        return leaf
    bump = np.hanning(leaf.shape[0] + 2)[1:-1].astype(np.float32)
    return jnp.broadcast_to(bump[:, None, None] / bump.sum() / leaf.shape[1], leaf.shape)


def test_every_scale_has_a_feature_of_its_rate_and_width():
    features = features_of(TINY, np.zeros((2, 800, 1)), 400.0)
    shapes = {name: value.shape[1:] for name, value in features.items()}
    assert shapes == {
        "encoder_2000": (200, 4),
        "encoder_400": (40, 6),
        "encoder_200": (20, 8),
        "encoder_100": (10, 8),
        "decoder_100": (10, 8),
        "decoder_200": (20, 8),
        "decoder_400": (40, 6),
    }


@pytest.mark.parametrize("preset", ["nano", "base"])  # small has the strides of nano
def test_an_impulse_excites_the_frame_at_its_time(preset):
    # The real strides and kernels, with two channels each; an impulse under a frame of the slowest
    # level lies under a frame of every level.
    named = PRESETS[preset]
    config = dataclasses.replace(named, widths=(2,) * len(named.widths))
    frame = 40
    waveform = np.zeros((1, 80 * config.total_stride, config.channels))
    sample = frame * config.total_stride
    waveform[0, sample] = 1
    features = features_of(config, waveform, config.rates[1], smooth_kernels)
    # The constant-Q layer answers silence, too: what counts is what the impulse changes.
    silence = features_of(config, 0 * waveform, config.rates[1], smooth_kernels)
    for name, feature in features.items():
        rate, change = float(name.split("_")[1]), np.abs(feature[0] - silence[name][0])
        assert np.argmax(change.sum(axis=1)) == round(sample / config.rate * rate), name


def test_a_delay_by_one_slow_frame_delays_every_feature_by_as_much(rng):
    hop, length = TINY.total_stride, 60 * TINY.total_stride
    waveform = 0.1 * rng.standard_normal((1, length, 1))
    delayed = np.pad(waveform, ((0, 0), (hop, 0), (0, 0)))[:, :length]
    before = features_of(TINY, waveform, 2000.0, random_biases)
    after = features_of(TINY, delayed, 2000.0, random_biases)
    for name, feature in before.items():
        step = feature.shape[1] // 60
        inside = slice(15 * step, 45 * step)  # away from the zeros beyond the ends
        moved = np.roll(feature, step, axis=1)
        np.testing.assert_allclose(moved[:, inside], after[name][:, inside], atol=1e-4)


def test_a_frame_does_not_depend_on_what_is_far_away(rng):
    waveform = 0.1 * rng.standard_normal((1, 60 * TINY.total_stride, 1))
    louder = waveform.copy()
    louder[:, : 10 * TINY.total_stride] *= 30
    before, after = (features_of(TINY, x, 2000.0) for x in (waveform, louder))
    for name, feature in before.items():
        half = feature.shape[1] // 2
        np.testing.assert_allclose(feature[:, half:], after[name][:, half:], atol=1e-5)


def test_silence_and_clipping_have_finite_gradients():
    @jax.jit
    def gradient(x):
        graph, state = nnx.split(WaveUNet(TINY, rngs=nnx.Rngs(params=0)))

        def total(params):
            features = nnx.merge(graph, params)(x, 2000.0)
            return sum(jnp.sum(feature**2) for feature in features.values())

        return jax.grad(total)(nnx.to_pure_dict(state))

    for level in (0.0, 1e6):
        leaves = jax.tree.leaves(gradient(jnp.full((1, 800, 1), level)))
        assert all(np.isfinite(leaf).all() for leaf in leaves)


@pytest.mark.parametrize(
    ("shape", "rate", "message"),
    [
        ((1, 801, 1), 100.0, "no multiple of 80"),
        ((1, 0, 1), 100.0, "no multiple of 80"),
        ((1, 800, 2), 100.0, r"takes 1 channel\(s\), not 2"),
        ((1, 800, 1), 123.0, "choose of 8000, 2000, 400, 200, 100"),
        ((1, 800, 1), 8000.0, "rate of the waveform"),
    ],
)
def test_what_does_not_fit_raises(shape, rate, message):
    body = WaveUNet(TINY, rngs=nnx.Rngs(params=0))
    with pytest.raises(ValueError, match=message):
        body(jnp.zeros(shape), rate)
