"""The causal body: its sizes, its alignment, and that nothing later is seen, at real strides."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from umir.wave_unet import PRESETS, HeadSpec, Network, init_body, n_parameters
from umir.wave_unet.constant_q import ConstantQ, filters
from umir.wave_unet.presets import WaveUNetConfig, preset_config, with_body
from umir.wave_unet.sequences.history import Zeros
from umir.wave_unet.sequences.signal import Signal
from umir.wave_unet.universal_seq_unet import Average, Hear


@pytest.mark.parametrize("preset", PRESETS)
def test_it_is_about_as_large_as_the_other_body(preset):
    ahead, causal = (preset_config(preset, body) for body in ("wave_unet", "seq_unet"))
    key = jax.random.key(0)
    sizes = [
        n_parameters(jax.eval_shape(lambda key, c=c: init_body(c, key), key))
        for c in (ahead, causal)
    ]
    assert abs(sizes[1] / sizes[0] - 1) < 0.13  # taps of their own for each phase of a stride of 7
    assert causal.lookahead == 0.02 * causal.rate
    assert with_body(causal, "wave_unet") == ahead
    assert WaveUNetConfig.from_json({**vars(causal)}) == causal


def test_features_are_causal_at_real_strides_and_stand_at_their_time():
    """A frame at n / r seconds changes with no sample more than `lookahead` after it."""
    config = replace(preset_config("nano", "seq_unet"), widths=(2,) * 8)
    network = Network(config, HeadSpec("waveform", 1))
    params = network.init(jax.random.key(0))
    run = jax.jit(lambda x: network.features(params["body"], x))
    x = 0.1 * jax.random.normal(jax.random.key(1), (1, 20 * config.total_stride, 1))
    moment = 10 * config.total_stride + 777
    before, after = run(x), run(x.at[:, moment:].multiply(-2.0))
    for name, feature in before.items():
        hop = config.rate / float(name.split("_")[1])
        assert feature.shape[1] * hop == x.shape[1]
        changed = np.flatnonzero(np.any(np.asarray(feature != after[name])[0], axis=-1))
        first = -(-(moment - config.lookahead) // hop)
        # SiLU and few channels may hide one; none comes before.
        assert first <= changed[0] <= first + 1 + 640 // hop, name


def test_windows_of_the_constant_q_layer_end_with_the_frame():
    bank = ConstantQ(8000, 80, 3)
    for kernel in filters(bank, causal=True):
        weighs = kernel[:, 0] != 0
        bins = weighs.shape[1] // 2
        assert weighs[-2:, :bins].any(axis=0).all()
    centred, causal = filters(bank), filters(bank, causal=True)
    for one, other in zip(centred, causal, strict=True):
        assert_allclose(np.square(one).sum(axis=0)[0], np.square(other).sum(axis=0)[0], rtol=0.2)
    nearest = 11
    tone = 0.5 * np.sin(2 * np.pi * bank.frequencies[nearest] * np.arange(8000) / 8000)
    x = jnp.asarray(tone[None, :, None], jnp.float32)
    power = np.asarray(Hear(bank.hop, bank).run({}, Zeros(), Signal(x, 0)).values[0])
    assert power[-1].argmax() == nearest
    assert_allclose(power[-1, nearest], 0.5**2 / 4, rtol=0.01)
    assert power.shape == (100, len(bank.frequencies))


@pytest.mark.parametrize("first", [-3, 0, 2])
def test_slower_levels_hear_the_mean_since_their_last_frame(first):
    values = np.random.default_rng(0).normal(size=(1, 11, 2)).astype(np.float32)
    y = Average(4).run({}, Zeros(), Signal(jnp.asarray(values), first))
    for frame in range(y.first, y.end):
        stretch = [position - first for position in range(4 * frame - 3, 4 * frame + 1)]
        seen = [values[0, n] if n >= 0 else np.zeros(2) for n in stretch]
        assert_allclose(y.values[0, frame - y.first], np.mean(seen, axis=0), atol=1e-6)
    assert y.end == (first + 10) // 4 + 1
