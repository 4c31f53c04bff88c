from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nano_nets import PLAIN, RESIDUAL, UNETS, draw, noise, run
from numpy.testing import assert_allclose, assert_array_equal

from umir.wave_unet.sequences import SeqUNet, generate, with_rows
from umir.wave_unet.sequences.generation import _generate, run_sample


@partial(jax.jit, static_argnums=0)
def one_by_one(net, params, state, x):
    """Return the outputs of a stream run sample by sample in one loop."""

    def body(buffers, now):
        clock, sample = now
        buffers, y = run_sample(net, params, buffers, clock, sample[:, None])
        return buffers, y[:, 0]

    clocks = state.phase + jnp.arange(x.shape[1])
    _, y = lax.scan(body, state.buffers, (clocks, jnp.swapaxes(x, 0, 1)))
    return jnp.swapaxes(y, 0, 1)


@pytest.mark.parametrize("net", UNETS)
def test_samples_are_those_of_the_whole_pass(net):
    params, x = draw(net), noise(2, 5 * net.cycle)
    whole, _ = run(net, params, x)
    y = one_by_one(net, params, net.init_state(params, 2), x)
    assert_allclose(y, whole, atol=1e-5)


@pytest.mark.parametrize("net", UNETS)
def test_a_cycle_after_a_full_context_is_that_without_padding(net):
    params, length = draw(net), net.input_length(1)
    x = noise(1, length + (1 - length) % net.cycle)
    start = x.shape[1] - net.cycle
    state, _ = net.step(params, net.init_state(params), x[:, :start])
    y = one_by_one(net, params, state, x[:, start:])
    expected, _ = run(net, params, x[:, x.shape[1] - length :], padding="valid")
    assert_allclose(y, expected[:, -net.cycle :], atol=1e-5)


@pytest.mark.parametrize("net", UNETS)
def test_outputs_of_a_constant_repeat_with_the_cycle(net):
    params = draw(net)
    steady = -(-net.receptive_field // net.cycle) * net.cycle
    x = jnp.ones((1, steady + 2 * net.cycle, 2))
    y = one_by_one(net, params, net.init_state(params), x)[0, steady:]
    assert_allclose(y[net.cycle :], y[: net.cycle], atol=1e-5)
    assert np.ptp(y, axis=0).max() > 1e-3  # with the cycle, and no faster


def test_one_program_generates_at_every_phase():
    net = UNETS[0]
    params, state = draw(net), net.init_state(draw(net))
    assert net.cycle > 3
    last, before = jnp.zeros(1, jnp.int32), _generate._cache_size()
    for _ in range(3):
        state, classes = generate(net, params, state, last, 3, key=jax.random.key(0))
        last = classes[:, -1]
    assert _generate._cache_size() == before + 1


@pytest.mark.parametrize("net", UNETS)
def test_the_most_probable_classes_are_those_of_running_everything_anew(net):
    params, count = draw(net), 3 * net.cycle
    state, last = net.init_state(params, 2), jnp.asarray([0, 1])
    _, classes = generate(net, params, state, last, count, key=jax.random.key(0), temperature=0.0)
    fed = np.asarray(jnp.concatenate([last[:, None], classes[:, :-1]], axis=1))
    logits, _ = run(net, params, jax.nn.one_hot(fed, 2))
    assert_array_equal(classes, np.argmax(logits, axis=-1))


def test_generation_goes_on_where_it_stopped():
    params, key = draw(RESIDUAL), jax.random.key(3)
    state, last = RESIDUAL.init_state(params), jnp.asarray([1])
    _, whole = generate(RESIDUAL, params, state, last, 10, key=key, temperature=0.0)
    parts, prepared = [], with_rows(params)
    for count in (5, 5):
        state, part = generate(RESIDUAL, prepared, state, last, count, key=key, temperature=0.0)
        last = part[:, -1]
        parts.append(part)
    assert_array_equal(jnp.concatenate(parts, axis=1), whole)


def test_draws_follow_the_key_and_the_temperature():
    params = draw(PLAIN)
    state, last = PLAIN.init_state(params, 64), jnp.zeros(64, jnp.int32)

    def sample(seed, temperature):
        key = jax.random.key(seed)
        return generate(PLAIN, params, state, last, 1, key=key, temperature=temperature)[1]

    assert_array_equal(sample(0, 1.0), sample(0, 1.0))
    assert (sample(0, 1.0) != sample(1, 1.0)).any()
    assert_array_equal(sample(0, 1e-6), sample(0, 0.0))
    assert 0.25 < jnp.mean(sample(0, 1e6).astype(jnp.float32)) < 0.75


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 0}, "count 0"),
        ({"temperature": -1.0}, "temperature"),
        ({"last": jnp.zeros(3, jnp.int32)}, "3 last"),
        ({"net": SeqUNet(2, (3, 4, 5), 3, 3)}, "fed back"),
    ],
)
def test_what_cannot_be_generated_raises(changes, message):
    params = draw(PLAIN)
    good = {"net": PLAIN, "last": jnp.zeros(1, jnp.int32), "count": 1, "temperature": 1.0}
    options = good | changes
    with pytest.raises(ValueError, match=message):
        generate(params=params, state=PLAIN.init_state(params), key=jax.random.key(0), **options)
