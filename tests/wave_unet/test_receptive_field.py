"""How far a network sees: by hand, by gradient, and by changing what lies beyond."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import TINY

from umir.wave_unet import PRESETS, HeadSpec, Network, WaveUNetConfig
from umir.wave_unet.presets import with_body
from umir.wave_unet.receptive_field import receptive_field

ODD = replace(TINY, strides=(3, 2, 4), kernels=(6, 5, 4), widths=(4, 4, 4), decoder_kernels=(3, 5))
CAUSAL = replace(ODD, body="seq_unet", lookahead=10)
HEADS = {
    "frames": (TINY, HeadSpec("frames", 2, 100.0)),
    "slowest frames": (TINY, HeadSpec("frames", 2, 25.0)),
    "waveform": (TINY, HeadSpec("waveform", 2)),
    "constant Q": (replace(TINY, bins_per_octave=2), HeadSpec("frames", 2, 100.0)),
    # Whose triangles reach further than the encoder's last kernel.
    "constant Q at two rates": (
        WaveUNetConfig(
            rate=8000,
            strides=(80, 4),
            kernels=(9, 4),
            widths=(4, 4),
            decoder_kernels=(1,),
            dilations=(),
            bins_per_octave=2,
        ),
        HeadSpec("frames", 2, 25.0),
    ),
    "masks": (TINY, HeadSpec("masks", 2, 100.0)),
    "causal frames": (CAUSAL, HeadSpec("frames", 1, 16_000 / 6)),
    "causal waveform": (CAUSAL, HeadSpec("waveform", 3)),
    "causal constant Q": (
        replace(with_body(TINY, "seq_unet"), bins_per_octave=2),
        HeadSpec("frames", 2, 100.0),
    ),
    "odd frames": (ODD, HeadSpec("frames", 1, 16_000 / 6)),
    "odd waveform": (ODD, HeadSpec("waveform", 3)),
    # Its convolution skips samples, which the head reads.
    "short kernel": (
        WaveUNetConfig(strides=(4,), kernels=(1,), widths=(4,), decoder_kernels=(), dilations=()),
        HeadSpec("waveform", 2),
    ),
}


def test_one_level_by_hand():
    """Stride 2, 5 taps (2 before, 2 after), one residual convolution of 3 taps (1 frame)."""
    config = WaveUNetConfig(
        strides=(2,), kernels=(5,), widths=(4,), decoder_kernels=(), dilations=(1,)
    )
    frames = HeadSpec("frames", 1, config.rates[1])
    assert receptive_field(Network(config, frames)) == (2 * 1 + 2, 2 * 1 + 2)
    # Five taps of the head: two more frames; a frame's second sample sees one further back.
    waveform = HeadSpec("waveform", 2)
    assert receptive_field(Network(config, waveform)) == (2 * 3 + 2 + 1, 2 * 3 + 2)


@pytest.mark.parametrize("name", HEADS)
def test_it_is_what_the_gradient_reaches(name):
    """Over all outputs between two frames of the last level, to the sample."""
    config, head = HEADS[name]
    network, stride = Network(config, head), config.total_stride
    # A fresh head has weights of zero, a trained one has none.
    params = jax.tree.map(lambda x: x + 0.01, network.init(jax.random.key(0)))
    frames = 2 * (max(receptive_field(network)) // stride + 3)
    waveform = 0.1 * jax.random.normal(jax.random.key(1), (1, frames * stride, 1))
    hop = 1 if head.gives_waveforms else round(config.rate / head.rate)

    @jax.jit
    def gradient(step):

        def of_step(x):
            return network.apply(params, x)[0][0, step].ravel()[0]

        return jax.grad(of_step)(waveform)[0, :, 0]

    before = after = 0
    middle = frames // 2 * stride
    steps = range(middle // hop, (middle + stride) // hop)
    for step in steps:
        reached = np.flatnonzero(gradient(step))
        before = max(before, step * hop - reached[0])
        after = max(after, reached[-1] - step * hop)
    assert (before, after) == receptive_field(network)


@pytest.mark.parametrize("name", HEADS)
def test_beyond_it_nothing_changes(name):
    config, head = HEADS[name]
    network = Network(config, head)
    params, stride = network.init(jax.random.key(0)), config.total_stride
    before, after = receptive_field(network)
    middle = (before // stride + 2) * stride
    length = -(-(middle + stride + after) // stride + 2) * stride
    waveform = np.random.default_rng(0).normal(size=(length, 1)).astype(np.float32)
    changed = waveform.copy()
    changed[: middle - before] += 1
    changed[middle + stride + after :] += 1
    apply = jax.jit(lambda waveform: network.apply(params, waveform)[0][0])
    outputs = [np.asarray(apply(jnp.asarray(w)[None])) for w in (waveform, changed)]
    per_step = length // len(outputs[0])
    same = slice(middle // per_step, (middle + stride) // per_step)
    np.testing.assert_array_equal(outputs[0][same], outputs[1][same])
    assert np.abs(outputs[0] - outputs[1]).max() > 0


def test_presets_see_about_ten_seconds():
    for config in PRESETS.values():
        before, after = receptive_field(Network(config, HeadSpec("waveform", 2)))
        assert 10 < (before + after) / config.rate < 12


def test_a_clip_has_none():
    with pytest.raises(ValueError, match="depends on the whole clip"):
        receptive_field(Network(TINY, HeadSpec("clip", 2)))
