import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nano_nets import STACKS, draw, noise, run
from numpy.testing import assert_allclose, assert_array_equal


@pytest.mark.parametrize("net", STACKS)
def test_later_samples_change_nothing_before_them(net):
    params, x = draw(net), noise(1, 12)
    before, _ = run(net, params, x)
    for time in (1, 6, 11):
        after, _ = run(net, params, x.at[:, time:].add(1.0))
        assert_array_equal(after[:, :time], before[:, :time])
    shorter, _ = run(net, params, x[:, :11])
    assert_allclose(shorter, before[:, :11], atol=1e-6)


@pytest.mark.parametrize("net", STACKS)
def test_without_padding_outputs_are_the_last_with_it(net):
    params, x = draw(net), noise(2, net.input_length(4))
    y, _ = run(net, params, x, padding="valid")
    assert y.shape[1] == net.output_length(x.shape[1]) == 4
    padded, _ = run(net, params, x)
    assert_allclose(y, padded[:, -4:], atol=1e-6)


@pytest.mark.parametrize("net", STACKS)
def test_the_receptive_field_is_what_the_gradient_reaches(net):
    params, x = draw(net), noise(1, net.receptive_field + 5)
    slope = jax.grad(lambda x: jnp.sum(run(net, params, x)[0][:, -1]))(x)
    (seen,) = np.nonzero(np.abs(slope[0]).sum(axis=1))
    assert seen[-1] - seen[0] + 1 == net.receptive_field


@pytest.mark.parametrize("net", STACKS)
def test_a_batch_is_its_signals_one_by_one(net):
    params, x = draw(net), noise(2, 12)
    together, _ = run(net, params, x)
    for n in range(2):
        alone, _ = run(net, params, x[n : n + 1])
        assert_allclose(together[n : n + 1], alone, atol=1e-6)


@pytest.mark.parametrize("net", STACKS)
def test_gradients_are_finite(net):
    params, x = draw(net), noise(1, 12)
    gradient = jax.jit(jax.grad(lambda params: jnp.sum(net.apply(params, x)[0])))(params)
    assert all(jnp.isfinite(slope).all() for slope in jax.tree.leaves(gradient))


@pytest.mark.parametrize("net", STACKS)
@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((1, 8, 3), {}, "takes 2 channel"),
        ((1, 0, 2), {}, "no samples"),
        ((1, 3, 2), {"padding": "valid"}, "context takes"),
        ((1, 8, 2), {"padding": "same"}, "padding 'same'"),
    ],
)
def test_input_that_does_not_fit_raises(net, shape, options, message):
    with pytest.raises(ValueError, match=message):
        net.apply(draw(net), jnp.zeros(shape), **options)


@pytest.mark.parametrize("net", STACKS)
def test_no_outputs_raise(net):
    with pytest.raises(ValueError, match="output_length 0"):
        net.input_length(0)
