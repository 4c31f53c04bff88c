"""Networks on pictures: published sizes, and second implementations in PyTorch."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from umir.priors.networks import (
    ConvolutionalCritic,
    ConvolutionalGenerator,
    DenseCritic,
    DenseGenerator,
    ImageUNet,
    SeparationCritic,
    SeparationUNet,
    WaveformCritic,
)
from umir.priors.networks.layers import cropped, doubled, halved, spread
from umir.wave_unet import n_parameters

PAIR = (("upper", 1), ("lower", 1))


def size(network):
    """The number of parameters that are learnt."""
    params = jax.eval_shape(network.init, jax.random.key(0))
    leaves = jax.tree.leaves_with_path(params)
    kept = [leaf.size for path, leaf in leaves if path[-1].key in ("mean", "variance")]
    return n_parameters(params) - sum(kept)


@pytest.mark.parametrize(
    ("network", "published"),
    [
        (DenseCritic(784), 117_121),
        (DenseCritic(1568), 217_473),
        (DenseGenerator((28, 28), PAIR), 225_312),
        (SeparationUNet(("accompaniment", "vocals")), 958_596),
        (SeparationCritic(), 1_869_344),
        (WaveformCritic(), 17_427_969),  # WaveGAN's discriminator
    ],
    ids=str,
)
def test_published_numbers_of_parameters(network, published):
    assert size(network) == published


@pytest.mark.parametrize(
    ("network", "millions"),
    [
        (ConvolutionalCritic((64, 64), 3), 0.69),
        (ConvolutionalCritic((128, 128), 3), 2.80),
        (ConvolutionalCritic((256, 128), 1), 2.80),
        (ConvolutionalGenerator(64, (("photo", 3), ("map", 3))), 3.17),
        (ImageUNet(("photo", 3), (("map", 3),), (128, 128)), 3.36),
    ],
    ids=str,
)
def test_published_numbers_of_parameters_in_millions(network, millions):
    assert size(network) / 1e6 == pytest.approx(millions, abs=0.005)


def test_published_sizes_of_the_separation():
    net = SeparationUNet(("accompaniment", "vocals"))
    assert net.output_space((350, 158)) == (258, 66)
    params = jax.eval_shape(net.init, jax.random.key(0))
    mixture = jax.ShapeDtypeStruct((2, 350, 158, 1), jnp.float32)
    made, _ = jax.eval_shape(net.apply, params, {"mixture": mixture})
    assert {name: part.shape for name, part in made.items()} == {
        "accompaniment": (2, 258, 66, 1),
        "vocals": (2, 258, 66, 1),
    }
    with pytest.raises(ValueError, match="351 bins or frames cannot be halved 4 times"):
        net.output_space((351, 158))
    critic = SeparationCritic()
    params = jax.eval_shape(critic.init, jax.random.key(0))
    shape = jax.ShapeDtypeStruct((3, 256, 64, 1), jnp.float32)
    assert jax.eval_shape(critic.apply, params, shape).shape == (3,)
    assert params["dense"]["kernel"].shape == (4 * 4 * 256, 32)


torch = pytest.importorskip("torch")


def tensor(x):
    """Channels first, as PyTorch wants pictures."""
    return torch.tensor(np.moveaxis(np.asarray(x), -1, 1).copy())


def array(x):
    return np.moveaxis(x.detach().numpy(), 1, -1)


def convolved(layer, x, **options):
    kernel = torch.tensor(np.transpose(np.asarray(layer["kernel"]), (3, 2, 0, 1)).copy())
    bias = torch.tensor(np.asarray(layer["bias"]))
    return torch.nn.functional.conv2d(x, kernel, bias, **options)


def transposed(layer, x, **options):
    kernel = torch.tensor(np.transpose(np.asarray(layer["kernel"]), (3, 2, 0, 1)).copy())
    bias = torch.tensor(np.asarray(layer["bias"]))
    return torch.nn.functional.conv_transpose2d(x, kernel, bias, **options)


def leaky(x, slope):
    return torch.nn.functional.leaky_relu(x, slope)


def drawn(network, rng):
    """Parameters whose biases and statistics are not those of the beginning."""
    params = jax.jit(network.init)(jax.random.key(0))

    def moved(path, leaf):
        if path[-1].key == "kernel":
            return leaf
        return jnp.asarray(leaf + rng.uniform(0.1, 0.4, leaf.shape), jnp.float32)

    return jax.tree.map_with_path(moved, params)


def run(network):
    return jax.jit(network.apply, static_argnames="training")


def picture(rng, *shape):
    return jnp.asarray(rng.normal(size=shape), jnp.float32)


def test_a_convolutional_critic_by_torch(rng):
    critic = ConvolutionalCritic((16, 32), 2, filters=3)
    params = drawn(critic, rng)
    x = picture(rng, 3, 16, 32, 2)
    y = tensor(x)
    for n in (1, 2):
        y = leaky(convolved(params[f"level{n}"], y, stride=2, padding=1), 0.01)
    expected = array(y).reshape(3, -1) @ np.asarray(params["output"]["kernel"])
    np.testing.assert_allclose(
        jax.jit(critic.apply)(params, x), expected[:, 0], rtol=1e-4, atol=1e-5
    )


def test_a_convolutional_generator_by_torch(rng):
    generator = ConvolutionalGenerator(16, PAIR, noise=5, filters=4)
    params = drawn(generator, rng)
    noise = picture(rng, 3, 5)
    y = transposed(params["level1"], tensor(noise[:, None, None]))
    y = transposed(params["level2"], torch.relu(y), stride=2, padding=1)
    y = transposed(params["level3"], torch.relu(y), stride=2, padding=1)
    made, _ = run(generator)(params, {"noise": noise})
    expected = array(torch.sigmoid(y))
    np.testing.assert_allclose(made["upper"], expected[..., :1], atol=1e-5)
    np.testing.assert_allclose(made["lower"], expected[..., 1:], atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_the_u_net_by_torch(rng, training):
    net = ImageUNet(("photo", 3), (("map", 2),), (8, 16), width=4, levels=2, noise=5)
    params = drawn(net, rng)
    photo, noise = picture(rng, 3, 8, 16, 3), picture(rng, 3, 5)

    def block(layers, x):
        for name in ("first", "second"):
            own = {k: torch.tensor(np.asarray(v)) for k, v in layers[name].items()}
            x = convolved(layers[name], x, padding=1)
            x = torch.nn.functional.batch_norm(
                x,
                own["mean"].clone(),
                own["variance"].clone(),
                own["scale"],
                own["shift"],
                training,
            )
            x = torch.relu(x)
        return x

    pool = torch.nn.functional.max_pool2d
    first = block(params["encoder"]["level0"], tensor(photo))
    second = block(params["encoder"]["level1"], pool(first, 2))
    x = block(params["encoder"]["level2"], pool(second, 2))
    ends = params["ends"]
    low = np.asarray(noise) @ np.asarray(ends["noise"]["kernel"]) + np.asarray(
        ends["noise"]["bias"]
    )
    x = torch.cat([x, tensor(low.reshape(3, 2, 4, 2))], 1)
    for level, skip in (("level1", second), ("level0", first)):
        up = torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        x = block(params["decoder"][level], torch.cat([skip, up], 1))
    expected = array(torch.sigmoid(convolved(ends["output"], x)))
    inputs = {"photo": photo, "noise": noise}
    made, features = run(net)(params, inputs, training=training)
    np.testing.assert_allclose(made["map"], expected, atol=2e-5)
    if training:
        kept = net.remembered(params, features)["encoder"]["level0"]["first"]
        old = params["encoder"]["level0"]["first"]
        batch = array(convolved(old, tensor(photo), padding=1)).reshape(-1, 4)
        mean = 0.9 * np.asarray(old["mean"]) + 0.1 * batch.mean(0)
        variance = 0.9 * np.asarray(old["variance"]) + 0.1 * batch.var(0, ddof=1)
        np.testing.assert_allclose(kept["mean"], mean, rtol=1e-4)
        np.testing.assert_allclose(kept["variance"], variance, rtol=1e-4)
    shares, _ = run(replace(net, whole=True))(params, inputs)
    np.testing.assert_allclose(jnp.sum(shares["map"], axis=3), 1, atol=1e-6)


def test_the_separation_u_net_by_torch(rng):
    net = SeparationUNet(("a", "b"), filters=3, levels=2)
    params = drawn(net, rng)
    mixture = picture(rng, 2, 30, 42, 1)
    pool = torch.nn.functional.max_pool2d
    first = torch.relu(convolved(params["down0"], tensor(mixture)))
    second = torch.relu(convolved(params["down1"], pool(first, 2)))
    x = torch.relu(convolved(params["down2"], pool(second, 2)))
    for n, skip in ((1, second), (0, first)):
        x = transposed(params[f"up{n}"], x, stride=2)
        skip = tensor(cropped(jnp.asarray(array(skip)), tuple(x.shape[2:])))
        x = torch.relu(convolved(params[f"joined{n}"], torch.cat([skip, x], 1)))
    made, _ = run(net)(params, {"mixture": mixture})
    middle = np.asarray(mixture)[:, 10:20, 10:32]
    assert made["a"].shape == (2, 10, 22, 1) == (2, *net.output_space((30, 42)), 1)
    x = torch.cat([tensor(middle), x], 1)
    for name in net.sources:
        expected = array(torch.relu(convolved(params[f"source_{name}"], x)))
        np.testing.assert_allclose(made[name], expected, rtol=1e-4, atol=1e-5)


def test_the_separation_critic_by_torch(rng):
    critic = SeparationCritic((32, 8), 2, filters=3)
    params = drawn(critic, rng)
    assert [layer[:2] for layer in critic.layers] == [((4, 4), (2, 2)), *[((4, 2), (2, 1))] * 2]
    x = picture(rng, 3, 32, 8, 2)
    y = leaky(convolved(params["level1"], tensor(x), stride=2, padding=1), 0.2)
    for n in (2, 3):
        y = torch.nn.functional.pad(y, (0, 1, 1, 1))  # what is odd at the end, as TensorFlow has it
        y = leaky(convolved(params[f"level{n}"], y, stride=(2, 1)), 0.2)
    layer = params["dense"]
    hidden = array(y).reshape(3, -1) @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"])
    hidden = np.where(hidden > 0, hidden, 0.2 * hidden)
    expected = (hidden @ np.asarray(params["output"]["kernel"]))[:, 0]
    np.testing.assert_allclose(jax.jit(critic.apply)(params, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [70, 1001])
def test_the_critic_of_waveforms_by_torch(length, rng):
    """Any length; zeros at both ends such that a quarter comes out, the odd one at the end."""
    critic = WaveformCritic(length, 2, filters=2)
    params = drawn(critic, rng)
    x = picture(rng, 3, length, 2)
    y = tensor(x)
    for n, frames in enumerate(critic.lengths[1:], 1):
        layer = params[f"level{n}"]
        kernel = torch.tensor(np.transpose(np.asarray(layer["kernel"]), (2, 1, 0)).copy())
        zeros = (frames - 1) * 4 + 25 - y.shape[2]
        y = torch.nn.functional.pad(y, (zeros // 2, zeros - zeros // 2))
        y = torch.nn.functional.conv1d(y, kernel, torch.tensor(np.asarray(layer["bias"])), stride=4)
        y = leaky(y, 0.2)
    assert 16 <= y.shape[2] < 64 and y.shape[1] == 2 ** (len(critic.lengths) - 1)
    output = params["output"]
    expected = array(y).reshape(3, -1) @ np.asarray(output["kernel"]) + np.asarray(output["bias"])
    np.testing.assert_allclose(
        jax.jit(critic.apply)(params, x), expected[:, 0], rtol=1e-4, atol=1e-5
    )


def test_pictures_are_halved_and_doubled(rng):
    x = picture(rng, 2, 5, 6, 3)
    np.testing.assert_array_equal(halved(x), array(torch.nn.functional.max_pool2d(tensor(x), 2)))
    weights = picture(rng, 2, 2, 3, 3)
    gradient = jax.grad(lambda x: jnp.sum(weights * halved(x)))(x)
    theirs = tensor(x).requires_grad_()
    (tensor(weights) * torch.nn.functional.max_pool2d(theirs, 2)).sum().backward()
    np.testing.assert_array_equal(gradient, array(theirs.grad))
    up = torch.nn.functional.interpolate(
        tensor(x), scale_factor=2, mode="bilinear", align_corners=True
    )
    np.testing.assert_allclose(doubled(x), array(up), atol=1e-6)
    single = picture(rng, 1, 1, 1, 2)
    np.testing.assert_allclose(doubled(single), np.tile(single, (1, 2, 2, 1)))


def test_spreading_is_what_a_convolution_undoes(rng):
    layer = {"kernel": picture(rng, 4, 4, 3, 2), "bias": picture(rng, 3)}
    y = picture(rng, 2, 5, 6, 2)
    expected = transposed(layer, tensor(y), stride=2, padding=1)
    np.testing.assert_allclose(spread(layer, y, 2, 1), array(expected), rtol=1e-4, atol=1e-5)
