import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jax import lax
from jax.test_util import check_grads

from umir.wave_unet.convolution import convolution, transposed_convolution

# (space, window, stride, dilation, padding): one axis, then two.
GEOMETRIES = [
    ((9,), (3,), 1, 1, "same"),
    ((9,), (4,), 1, 3, ((5, 2),)),
    ((12,), (8,), 4, 1, ((4, 3),)),
    ((11,), (3,), 2, 2, "valid"),
    ((11,), (2,), 3, 1, "same"),
    ((16,), (5,), 1, 1, "same"),
    ((24,), (7,), 3, 1, "same"),
    ((6, 5), (3, 2), (2, 1), (1, 2), ((1, 0), (0, 2))),
    ((5, 6), (3, 2), 1, 1, "same"),
    ((8, 7), (4, 3), 2, 1, "same"),
    ((9, 4), (4, 2), (3, 1), 1, ((1, 2), (0, 1))),
]


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def by_taps(x, kernel, stride, dilation, padding):
    """Sum one matrix product per tap: the definition, in numpy."""
    rank, window = x.ndim - 2, kernel.shape[:-2]
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    axes = zip(x.shape[1:-1], window, stride, dilation, strict=True)
    frames = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in axes]
    y = np.zeros((x.shape[0], *frames, kernel.shape[-1]))
    for tap in itertools.product(*map(range, window)):
        cut = tuple(
            slice(k * dilation[a], k * dilation[a] + (frames[a] - 1) * stride[a] + 1, stride[a])
            for a, k in zip(range(rank), tap, strict=True)
        )
        y += x[(slice(None), *cut)] @ kernel[tap]
    return y


def draw_arrays(rng, space, window, batch=2, channels=(3, 2)):
    x = jnp.asarray(rng.standard_normal((batch, *space, channels[0])))
    return x, jnp.asarray(rng.standard_normal((*window, *channels)))


def test_a_tiny_case_by_hand():
    x = jnp.asarray([1.0, 2.0, 3.0]).reshape(1, 3, 1)
    kernel = jnp.asarray([10.0, 1.0]).reshape(2, 1, 1)
    y = convolution(x, kernel, padding="valid")
    np.testing.assert_array_equal(y.ravel(), [12.0, 23.0])


@settings(max_examples=30)
@given(
    rank=st.integers(1, 2),
    data=st.data(),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    channels=st.sampled_from([(1, 2), (2, 3), (16, 17)]),
)
def test_values_are_those_of_the_definition(rank, data, stride, dilation, channels):
    window = tuple(data.draw(st.integers(1, 6 // rank)) for _ in range(rank))
    space = tuple(data.draw(st.integers(1, 14 // rank)) for _ in range(rank))
    padding = tuple((data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))) for _ in space)
    sizes = zip(space, padding, window, strict=True)
    assume(all(n + sum(p) > (k - 1) * dilation for n, p, k in sizes))
    x, kernel = draw_arrays(np.random.default_rng(0), space, window, 2, channels)
    y = convolution(x, kernel, stride=stride, dilation=dilation, padding=padding)
    expected = by_taps(x, kernel, (stride,) * rank, (dilation,) * rank, padding)
    np.testing.assert_allclose(y, expected, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("taps", [1, 2, 17])
def test_mono_signals_give_several_frames_at_once(rng, stride, taps):
    x, kernel = draw_arrays(rng, (16 * stride + taps - 1,), (taps,), channels=(1, 1))
    y = convolution(x, kernel, stride=stride, padding="valid")
    expected = by_taps(x, kernel, (stride,), (1,), ((0, 0),))
    np.testing.assert_allclose(y, expected, atol=1e-12)


@pytest.mark.parametrize("name", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_named_paddings_are_those_of_xla(rng, name, stride, dilation):
    x, kernel = draw_arrays(rng, (10,), (4,))
    y = convolution(x, kernel, stride=stride, dilation=dilation, padding=name)
    numbers = ("NWC", "WIO", "NWC")
    expected = lax.conv_general_dilated(
        x, kernel, (stride,), name.upper(), rhs_dilation=(dilation,), dimension_numbers=numbers
    )
    np.testing.assert_allclose(y, expected, atol=1e-12)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_transpose_is_the_adjoint(rng, geometry):
    space, window, stride, dilation, padding = geometry
    options = {"stride": stride, "dilation": dilation, "padding": padding}
    x, kernel = draw_arrays(rng, space, window)
    y = convolution(x, kernel, **options)
    other = jnp.asarray(rng.standard_normal(y.shape))
    back = transposed_convolution(other, kernel, space=space, **options)
    assert back.shape == x.shape
    np.testing.assert_allclose(jnp.sum(y * other), jnp.sum(x * back), rtol=1e-10)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_derivatives_are_finite_differences(rng, geometry):
    space, window, stride, dilation, padding = geometry
    x, kernel = draw_arrays(rng, space, window, batch=1, channels=(1, 2))

    @jax.jit
    def loss(x, kernel):
        y = convolution(x, kernel, stride=stride, dilation=dilation, padding=padding)
        return jnp.sum(jnp.sin(y))

    check_grads(loss, (x, kernel), order=1, modes=["rev"])
    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    check_grads(gradient, (x, kernel), order=1, modes=["rev"])


def test_derivatives_of_many_channels_are_finite_differences(rng):
    x, kernel = draw_arrays(rng, (4, 5), (3, 2), batch=1, channels=(16, 16))

    @jax.jit
    def loss(x, kernel):
        return jnp.sum(jnp.sin(convolution(x, kernel, padding="valid")))

    check_grads(jax.jit(jax.grad(loss, argnums=(0, 1))), (x, kernel), order=1, modes=["rev"])


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_second_and_third_derivatives_are_those_of_jax(rng, geometry):
    space, window, stride, dilation, padding = geometry
    x, kernel = draw_arrays(rng, space, window)
    rank = len(space)
    spread = (stride,) * rank if isinstance(stride, int) else stride
    gap = (dilation,) * rank if isinstance(dilation, int) else dilation
    numbers = [("NWC", "WIO", "NWC"), ("NHWC", "HWIO", "NHWC")][rank - 1]
    names = padding.upper() if isinstance(padding, str) else padding

    def ours(x, kernel):
        return convolution(x, kernel, stride=stride, dilation=dilation, padding=padding)

    def theirs(x, kernel):
        return lax.conv_general_dilated(
            x, kernel, spread, names, rhs_dilation=gap, dimension_numbers=numbers
        )

    def third(function):
        def norm_of_gradient(loss):
            gradient = jax.grad(loss, argnums=(0, 1))
            return lambda *a: sum(jnp.sum(g**2) for g in gradient(*a))

        loss = norm_of_gradient(lambda *a: jnp.sum(jnp.tanh(function(*a))))
        second = jax.grad(loss, argnums=(0, 1))
        return jax.jit(lambda *a: (second(*a), jax.grad(norm_of_gradient(loss))(*a)))(x, kernel)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8), third(ours), third(theirs)
    )


@pytest.mark.parametrize(
    ("shapes", "options", "message"),
    [
        (((1, 4, 2), (3, 3, 2, 1)), {}, "does not fit"),
        (((1, 4, 2), (5, 2, 1)), {"padding": "valid"}, "longer than the padded signal"),
        (((1, 4, 2), (3, 2, 1)), {"padding": "full"}, "padding 'full'"),
        (((1, 4, 2), (3, 2, 1)), {"padding": ((1, 1), (1, 1))}, "padding"),
        (((1, 4, 2), (3, 2, 1)), {"stride": 0}, "stride 0"),
        (((1, 4, 2), (3, 2, 1)), {"dilation": (1, 1)}, "dilation"),
    ],
)
def test_options_that_do_not_fit_raise(shapes, options, message):
    with pytest.raises(ValueError, match=message):
        convolution(jnp.zeros(shapes[0]), jnp.zeros(shapes[1]), **options)


def test_a_transpose_of_another_length_raises():
    with pytest.raises(ValueError, match="frames"):
        transposed_convolution(jnp.zeros((1, 3, 1)), jnp.zeros((3, 2, 1)), space=(8,), stride=2)
