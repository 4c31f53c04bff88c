"""The Wave-U-Nets of 2018: published sizes, and a second implementation in float64 NumPy."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from umir.wave_unet import n_parameters
from umir.wave_unet.separators import VARIANTS, OriginalWaveUNet, Sizes
from umir.wave_unet.separators.original import interpolated

TINY = OriginalWaveUNet(sources=("a", "b"), levels=2, filters=3, kernel=5, decoder_kernel=3)
FORMS = [
    replace(TINY, context=context, difference=difference, learned_upsampling=learned, channels=n)
    for context in (False, True)
    for difference, learned, n in [(False, False, 1), (True, False, 2), (False, True, 2)]
]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("M1", 10_263_028),
        ("M2", 10_263_002),
        ("M3", 10_263_002),
        ("M4", 10_263_390),
        ("M5", 10_265_550),
        ("M6", 10_263_498),
        ("M7", 20_594_652),
        ("M5-HighSR", 10_265_550),
    ],
)
def test_published_numbers_of_parameters(name, parameters):
    params = jax.eval_shape(VARIANTS[name].init, jax.random.key(0))
    assert n_parameters(params) == parameters


def test_published_sizes():
    assert VARIANTS["M1"].sizes == Sizes(16_384, 16_384, 4)
    assert VARIANTS["M4"].sizes == Sizes(147_443, 16_389, 9)
    assert VARIANTS["M4"].sizes.margin == 65_527
    assert VARIANTS["M7"].sizes == Sizes(233_459, 102_405, 30)


def test_published_lengths_on_the_way():
    m4 = VARIANTS["M4"]
    params = jax.eval_shape(m4.init, jax.random.key(0))
    mixture = jax.ShapeDtypeStruct((1, m4.sizes.input, 2), jnp.float32)
    output, features = jax.eval_shape(m4.apply, params, mixture)
    lengths = [features[f"encoder_{n}"].shape[1] for n in range(1, 13)]
    assert lengths == [147429, 73701, 36837, 18405, 9189, 4581, 2277, 1125, 549, 261, 117, 45]
    lengths = [features[f"decoder_{n}"].shape[1] for n in range(12, 0, -1)]
    assert lengths == [13, 21, 37, 69, 133, 261, 517, 1029, 2053, 4101, 8197, 16389]
    assert output.shape == (1, 16_389, 2, 2)


@pytest.mark.parametrize("wanted", [1, 7, 100, 101])
def test_the_bottleneck_is_the_shortest_that_will_do(wanted):
    sizes = replace(TINY, context=True, wanted=wanted).sizes
    assert sizes.output >= wanted
    assert sizes.bottleneck == 2 or sizes.output - 4 < wanted  # 4: of two levels


def numpy_convolution(layer, x, same):
    kernel, bias = (np.asarray(layer[name], float) for name in ("kernel", "bias"))
    if same:
        x = np.pad(x, ((len(kernel) // 2, len(kernel) // 2), (0, 0)))
    windows = [x[n : n + len(kernel)] for n in range(len(x) - len(kernel) + 1)]
    return np.einsum("nki,kio->no", np.array(windows), kernel) + bias


def middle(x, length):
    return x[(len(x) - length) // 2 :][:length]


def numpy_separated(net, params, x):
    """The network once more, a window at a time, from the paper's description."""

    def leaky(y):
        return np.where(y > 0, y, 0.2 * y)

    same, mixture, skips = not net.context, x, []
    for n in range(1, net.levels + 1):
        x = leaky(numpy_convolution(params["encoder"][f"level{n}"], x, same))
        skips.append(x)
        x = x[::2]
    x = leaky(numpy_convolution(params["bottleneck"], x, same))
    for n in range(net.levels, 0, -1):
        layer = params["decoder"][f"level{n}"]
        share = np.full(x.shape[1], 0.5)
        if net.learned_upsampling:
            share = 1 / (1 + np.exp(-np.asarray(layer["upsampling"], float)))
        longer = []
        for now, then in zip(x, [*x[1:], None], strict=True):
            if then is None:
                if net.context:
                    longer.append(now)
                    continue
                then = np.zeros_like(now) if net.learned_upsampling else now
            longer += [now, share * now + (1 - share) * then]
        x = np.array(longer)
        x = np.concatenate([middle(skips[n - 1], len(x)), x], axis=1)
        x = leaky(numpy_convolution(layer, x, same))
    rest = middle(mixture, len(x))
    x = np.concatenate([rest, x], axis=1)
    found = []
    for name in net.sources[: len(net.sources) - net.difference]:
        found.append(np.tanh(numpy_convolution(params["output"][name], x, False)))
    if net.difference:
        found.append(np.clip(rest - sum(found), -1, 1))
    return np.stack(found, axis=1)


@pytest.mark.parametrize("net", FORMS)
def test_against_a_second_implementation(net, rng):
    net = replace(net, wanted=24)
    params = net.init(jax.random.key(1))
    mixture = rng.uniform(-1, 1, (2, net.sizes.input, net.channels)).astype(np.float32)
    found, _ = jax.jit(net.apply)(params, mixture)
    expected = [numpy_separated(net, params, x.astype(float)) for x in mixture]
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_sources_add_up_where_the_last_is_the_difference(rng):
    net = replace(TINY, context=True, difference=True, sources=("a", "b", "c"), wanted=20)
    mixture = jnp.asarray(rng.uniform(-1, 1, (1, net.sizes.input, 1)), jnp.float32)
    params = net.init(jax.random.key(0))
    found, _ = jax.jit(net.apply, static_argnames="training")(params, mixture, training=True)
    margin, length = net.sizes.margin, net.sizes.output
    np.testing.assert_allclose(
        found.sum(axis=2), mixture[:, margin : margin + length], rtol=0, atol=1e-6
    )


def test_linear_outputs_are_clipped_only_when_not_training(rng):
    net = replace(TINY, activation="linear", wanted=8)
    params = jax.tree.map(lambda p: 9 * p, net.init(jax.random.key(0)))
    mixture = jnp.asarray(rng.uniform(-1, 1, (1, net.sizes.input, 1)), jnp.float32)
    run = jax.jit(net.apply, static_argnames="training")
    free, held = (run(params, mixture, training=training)[0] for training in (True, False))
    assert np.abs(free).max() > 1
    np.testing.assert_array_equal(held, np.clip(free, -1, 1))


def test_a_shift_by_whole_frames_of_the_bottleneck_shifts_the_output(rng):
    net = replace(TINY, context=True, wanted=40)
    params = net.init(jax.random.key(2))
    song = jnp.asarray(rng.uniform(-1, 1, (1, net.sizes.input + 4, 1)), jnp.float32)
    run = jax.jit(net.apply)
    early, late = (run(params, song[:, n : n + net.sizes.input])[0] for n in (0, 4))
    np.testing.assert_allclose(early[:, 4:], late[:, :-4], atol=1e-6)


def test_interpolation_by_hand():
    x = jnp.asarray([[[0.0], [2.0], [4.0]]])
    assert interpolated(x, ends=True)[0, :, 0].tolist() == [0, 1, 2, 3, 4]
    assert interpolated(x, ends=False)[0, :, 0].tolist() == [0, 1, 2, 3, 4, 4]
    even = jnp.zeros(1)
    assert interpolated(x, even, ends=True)[0, :, 0].tolist() == [0, 1, 2, 3, 4]
    assert interpolated(x, even, ends=False)[0, :, 0].tolist() == [0, 1, 2, 3, 4, 2]
    later = jnp.full(1, -100.0)
    assert interpolated(x, later, ends=True)[0, :, 0].tolist() == [0, 2, 2, 4, 4]


def test_weights_of_interpolation_begin_near_a_half():
    params = replace(TINY, learned_upsampling=True).init(jax.random.key(0))
    weights = params["decoder"]["level2"]["upsampling"]
    assert weights.shape == (9,)
    limit = (3 / 9) ** 0.5
    assert np.abs(weights).max() <= limit and weights.min() < -limit / 2 < limit / 2 < weights.max()


def test_context_beyond_a_window_gives_more_of_the_same(rng):
    net = replace(TINY, context=True)
    params, size = net.init(jax.random.key(0)), net.sizes
    x = rng.uniform(-0.5, 0.5, (1, size.input + 8, 1)).astype(np.float32)
    run = jax.jit(lambda x: net.apply(params, x)[0])
    whole, parts = run(x), [run(x[:, first : first + size.input]) for first in (0, 8)]
    assert whole.shape[1] == size.output + 8
    np.testing.assert_allclose(whole[:, : size.output], parts[0], atol=1e-6)
    np.testing.assert_allclose(whole[:, 8:], parts[1], atol=1e-6)


def test_bad_input():
    params = TINY.init(jax.random.key(0))
    with pytest.raises(ValueError, match="2 channel"):
        TINY.apply(params, jnp.zeros((1, 16, 2)))
    with pytest.raises(ValueError, match="15 samples do not halve 2 times"):
        TINY.apply(params, jnp.zeros((1, 15, 1)))
    net = replace(TINY, context=True)
    with pytest.raises(ValueError, match="10 samples are less than the"):
        net.apply(params, jnp.zeros((1, 10, 1)))
    length = net.sizes.input
    with pytest.raises(
        ValueError, match=f"{length + 2} samples are not {length} and a multiple of 4"
    ):
        net.apply(params, jnp.zeros((1, length + 2, 1)))
    with pytest.raises(ValueError, match="activation 'relu'"):
        replace(TINY, activation="relu")
    with pytest.raises(ValueError, match="too few"):
        replace(TINY, sources=("a",), difference=True)
