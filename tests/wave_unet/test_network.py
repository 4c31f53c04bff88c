import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from umir.wave_unet import PRESETS, HeadSpec, Network, WaveUNetConfig, n_parameters
from umir.wave_unet.bilinear import directly

TINY = WaveUNetConfig(
    rate=8000,
    strides=(4, 5, 4),
    kernels=(15, 15, 7),
    widths=(8, 16, 16),
    decoder_kernels=(5, 3),
    dilations=(1, 2),
)
CLICKS = Network(TINY, HeadSpec("frames", 1, 100.0))

# Millions of parameters; GFLOP per second of audio for frames at 100 Hz and for stems.
SIZES = {"nano": (1.11, 0.29, 0.57), "small": (4.0, 0.82, 2.0), "base": (18.0, 5.9, 15.3)}


@pytest.mark.parametrize("preset", list(SIZES))
def test_presets_are_as_large_as_they_say(preset):
    millions, frames, stems = SIZES[preset]
    config = PRESETS[preset]
    for head, gflop in ((HeadSpec("frames", 4, 100.0), frames), (HeadSpec("waveform", 4), stems)):
        network = Network(config, head)
        params = jax.eval_shape(network.init, jax.random.key(0))
        assert n_parameters(params) == pytest.approx(millions * 1e6, rel=0.12)
        seconds = 64 * config.total_stride / config.rate
        audio = jax.ShapeDtypeStruct((1, 64 * config.total_stride, config.channels), jnp.float32)
        with directly():  # each convolution as it is written
            counted = jax.jit(network.apply).lower(params, audio).cost_analysis()["flops"]
        assert counted / seconds / 1e9 == pytest.approx(gflop, rel=0.2)


def test_equal_networks_share_compiled_functions():
    traces = []

    @functools.partial(jax.jit, static_argnames="network")
    def run(network, params, waveform):
        traces.append(network)
        return network.apply(params, waveform)[0]

    params = CLICKS.init(jax.random.key(0))
    for _ in range(2):
        twin = Network(WaveUNetConfig(**TINY.__dict__), HeadSpec("frames", 1, 100.0))
        assert twin == CLICKS and hash(twin) == hash(CLICKS)
        run(twin, params, jnp.zeros((1, 800, 1)))
    assert len(traces) == 1


def test_parameters_are_plain_nested_dictionaries():
    params = CLICKS.init(jax.random.key(0))
    assert set(params) == {"body", "head"}

    def check(tree):
        if isinstance(tree, dict):
            assert type(tree) is dict and all(type(key) is str for key in tree)
            for value in tree.values():
                check(value)
        else:
            assert isinstance(tree, jax.Array) and tree.dtype == jnp.float32

    check(params)
    assert params["head"]["bias"].shape == (1,)


def test_the_body_does_not_depend_on_the_head():
    one = CLICKS.init(jax.random.key(3))["body"]
    other = Network(TINY, HeadSpec("waveform", 4)).init(jax.random.key(3))["body"]
    assert jax.tree.all(jax.tree.map(np.array_equal, one, other))


def test_the_same_key_gives_the_same_parameters():
    jitted = jax.jit(CLICKS.init)(jax.random.key(1))
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-7),
        CLICKS.init(jax.random.key(1)),
        jitted,
    )
    other = CLICKS.init(jax.random.key(2))
    assert not np.array_equal(jitted["head"]["kernel"], other["head"]["kernel"])


def test_a_batch_equals_its_parts(rng):
    waveform = jnp.asarray(0.1 * rng.standard_normal((3, 800, 1)), jnp.float32)
    params = CLICKS.init(jax.random.key(0))
    together = jax.jit(CLICKS.apply)(params, waveform)[0]
    alone = jnp.concatenate([CLICKS.apply(params, waveform[i : i + 1])[0] for i in range(3)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def clicks(rng, batch=4, frames=100):
    """Return noise with bursts, and at which frames (100 Hz) these start."""
    waveform = 0.05 * rng.standard_normal((batch, frames * 80))
    target = (rng.uniform(size=(batch, frames, 1)) < 0.05).astype(np.float32)
    burst = 0.5 * np.exp(-np.arange(160) / 30) * rng.standard_normal(160)
    for item, frame in np.argwhere(target[:-1, :-2, 0]):
        waveform[item, frame * 80 : frame * 80 + 160] += burst
    target[-1], target[:, -2:] = 0, 0
    return jnp.asarray(waveform[..., None], jnp.float32), jnp.asarray(target)


def click_loss(params, batch):
    logits = CLICKS.apply(params, batch[0])[0]
    losses = optax.sigmoid_binary_cross_entropy(logits, batch[1])
    return jnp.mean(losses * (1 + 19 * batch[1]))


def test_a_small_network_learns_to_see_clicks(rng):
    params = CLICKS.init(jax.random.key(0))
    optimizer = optax.adam(3e-3)
    state = optimizer.init(params)

    @jax.jit
    def step(params, state, batch):
        loss, gradient = jax.value_and_grad(click_loss)(params, batch)
        with jax.numpy_dtype_promotion("standard"):  # Adam counts its steps in integers
            updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, loss

    losses = []
    for _ in range(80):
        params, state, loss = step(params, state, clicks(rng))
        losses.append(float(loss))
    assert np.mean(losses[-10:]) < 0.25 * losses[0]


def test_inner_steps_of_gradient_descent_are_stable_to_second_order(rng):
    support, query = clicks(rng), clicks(rng)

    @jax.jit
    def outer(params):
        def adapted_loss(params):
            for _ in range(3):
                gradient = jax.grad(click_loss)(params, support)
                rates = {"body": 0.01, "head": 0.1}
                params = {
                    part: jax.tree.map(lambda p, g, r=rate: p - r * g, params[part], gradient[part])
                    for part, rate in rates.items()
                }
            return click_loss(params, query)

        return jax.value_and_grad(adapted_loss)(params)

    params = CLICKS.init(jax.random.key(0))
    loss, gradient = outer(params)
    assert loss < click_loss(params, query)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
