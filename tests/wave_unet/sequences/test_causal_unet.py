import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nano_nets import RESIDUAL, UNETS, draw, noise, run
from numpy.testing import assert_allclose, assert_array_equal

from umir.wave_unet.sequences import SeqUNet

LENGTH = 22


@pytest.mark.parametrize("net", UNETS)
@pytest.mark.parametrize("anchor", ["start", "end"])
def test_later_samples_change_nothing_before_them(net, anchor):
    params, x = draw(net), noise(1, LENGTH)
    before, _ = run(net, params, x, anchor=anchor)
    for time in (1, 8, 11, LENGTH - 1):
        after, _ = run(net, params, x.at[:, time:].add(1.0), anchor=anchor)
        assert_array_equal(after[:, :time], before[:, :time])
        assert (after[:, time] != before[:, time]).any()


@pytest.mark.parametrize("net", UNETS)
def test_a_sample_more_changes_no_output_where_the_start_is_the_anchor(net):
    params, x = draw(net), noise(1, LENGTH)
    longer, _ = run(net, params, x)
    for time in range(LENGTH - net.cycle, LENGTH):
        y, _ = run(net, params, x[:, :time])
        assert_allclose(y, longer[:, :time], atol=1e-6)


@pytest.mark.parametrize("net", UNETS)
def test_a_cycle_more_but_no_sample_leaves_outputs_where_the_end_is_the_anchor(net):
    params, x = draw(net), noise(1, LENGTH)
    y, _ = run(net, params, x, anchor="end")
    assert y.shape == x.shape
    shorter, _ = run(net, params, x[:, : LENGTH - net.cycle], anchor="end")
    assert_allclose(y[:, : shorter.shape[1]], shorter, atol=1e-6)
    shifted, _ = run(net, params, x[:, : LENGTH - 1], anchor="end")
    assert np.abs(y[:, :-1] - shifted).max() > 0.01


@pytest.mark.parametrize("net", UNETS)
def test_without_padding_outputs_are_those_of_a_stream_at_the_same_phase(net):
    params = draw(net)
    length = net.input_length(1)
    x = noise(1, length + (1 - length) % net.cycle)  # its last sample begins a cycle
    y, _ = run(net, params, x[:, x.shape[1] - length :], padding="valid")
    stream, _ = run(net, params, x)
    assert_allclose(y, stream[:, x.shape[1] - y.shape[1] :], atol=1e-5)


@pytest.mark.parametrize("net", UNETS)
def test_a_batch_is_its_signals_one_by_one(net):
    params, x = draw(net), noise(3, LENGTH)
    together, features = run(net, params, x)
    for n in range(3):
        alone, own = run(net, params, x[n : n + 1])
        assert_allclose(together[n : n + 1], alone, atol=1e-6)
        for name, value in own.items():
            assert_allclose(features[name][n : n + 1], value, atol=1e-6)


@pytest.mark.parametrize("net", UNETS)
def test_features_have_a_frame_at_every_multiple_of_their_number(net):
    _, features = run(net, draw(net), noise(1, LENGTH))
    for name, value in features.items():
        step = int(name.split("_")[1])
        assert value.shape[1] == len(range(0, LENGTH, step))


@pytest.mark.parametrize("net", UNETS)
def test_the_context_is_what_the_gradient_reaches(net):
    params, x = draw(net), noise(1, 2 * net.receptive_field // net.cycle * net.cycle)
    last = x.shape[1] - net.cycle
    y, pull = jax.vjp(lambda x: run(net, params, x)[0], x)
    reached = []
    for phase in range(net.cycle):
        (slope,) = pull(jnp.zeros_like(y).at[:, last + phase].set(1.0))
        (seen,) = np.nonzero(np.abs(slope[0]).sum(axis=1))
        assert seen[-1] == last + phase
        reached.append(last + phase - seen[0] + 1)
    assert reached == [net.context(phase) for phase in range(net.cycle)]
    assert max(reached) == net.receptive_field


@pytest.mark.parametrize("net", UNETS)
def test_every_parameter_gets_a_finite_gradient(net):
    params, x = draw(net), noise(1, net.input_length(net.cycle))

    @jax.jit
    def gradient(params, x):
        def loss(params):
            y, _ = net.apply(params, x, padding="valid", key=jax.random.key(0))
            return jnp.mean(jnp.square(y))

        return jax.grad(loss)(params)

    for slope in jax.tree.leaves(gradient(params, x)):
        assert jnp.isfinite(slope).all()
        assert (slope != 0).any()


def test_fresh_parameters_keep_signals_at_their_size():
    net = SeqUNet(channels=8, widths=(16, 16), outputs=8, taps=3)
    y, _ = run(net, net.init(jax.random.key(0)), noise(1, 64, 8))
    assert 0.1 < jnp.std(y) < 10


def test_silence_is_finite():
    y, _ = run(RESIDUAL, draw(RESIDUAL), jnp.zeros((1, LENGTH, 2)))
    assert jnp.isfinite(y).all()


@pytest.mark.parametrize("net", UNETS)
@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((1, 8, 3), {}, "takes 2 channel"),
        ((1, 0, 2), {}, "no samples"),
        ((0, 8, 2), {}, "no samples"),
        ((1, 8, 2), {"padding": "valid"}, "context takes"),
        ((1, 8, 2), {"padding": "same"}, "padding 'same'"),
        ((1, 8, 2), {"anchor": "middle"}, "anchor 'middle'"),
    ],
)
def test_input_that_does_not_fit_raises(net, shape, options, message):
    with pytest.raises(ValueError, match=message):
        net.apply(draw(net), jnp.zeros(shape), **options)
