import jax
import jax.numpy as jnp
import numpy as np
import pytest

from umir.wave_unet import HeadSpec, Network, WaveUNetConfig
from umir.wave_unet.heads import highest

CONFIG = WaveUNetConfig(
    rate=8000,
    strides=(4, 5, 2),
    kernels=(7, 15, 5),
    widths=(4, 6, 8),
    decoder_kernels=(5, 3),
    dilations=(1,),
)
HEADS = {
    "frames": HeadSpec("frames", 3, 400.0, "sigmoid"),
    "slow frames": HeadSpec("frames", 2, 200.0, "softmax"),
    "clip": HeadSpec("clip", 5),
    "stems": HeadSpec("waveform", 3),
    "one stem": HeadSpec("waveform", 1, 8000.0),
    "masks": HeadSpec("masks", 3, 400.0),
}
SHAPES = {
    "frames": (2, 40, 3),
    "slow frames": (2, 20, 2),
    "clip": (2, 5),
    "stems": (2, 800, 3, 1),
    "one stem": (2, 800, 1, 1),
    "masks": (2, 800, 3, 1),
}


def run(head, config=CONFIG, seed=0):
    network = Network(config, head)
    params = network.init(jax.random.key(seed))
    shape = (2, 800, config.channels)
    waveform = 0.1 * jax.random.normal(jax.random.key(1), shape)
    return network, params, waveform, jax.jit(network.apply)(params, waveform)[0]


@pytest.mark.parametrize("name", list(HEADS))
def test_outputs_have_the_shape_of_the_task_and_start_small(name):
    _, _, waveform, output = run(HEADS[name])
    assert output.shape == SHAPES[name]
    if not HEADS[name].gives_waveforms:
        assert 0 < np.abs(output).max() < 1


@pytest.mark.parametrize("name", list(HEADS))
def test_a_fresh_head_sends_a_gradient_into_the_body(name):
    network, params, waveform, output = run(HEADS[name])

    @jax.jit
    def gradient(params):
        return jax.grad(lambda p: jnp.sum((network.apply(p, waveform)[0] - 0.3) ** 2))(params)

    leaves = jax.tree.leaves(gradient(params)["body"]["encoder"])
    assert all(np.abs(leaf).max() > 0 for leaf in leaves)


@pytest.mark.parametrize("channels", [1, 2])
def test_stems_sum_to_the_mixture_and_start_as_equal_shares(channels):
    config = WaveUNetConfig(**{**CONFIG.__dict__, "channels": channels})
    network, params, waveform, output = run(HEADS["stems"], config)
    np.testing.assert_allclose(output.sum(axis=2), waveform, atol=1e-6)
    difference = output - waveform[:, :, None] / 3
    assert 0 < np.sqrt(np.mean(difference**2)) < 0.2 * np.sqrt(np.mean(waveform**2))
    # Without the body's perturbation the shares are exact, by sample and channel.
    width = config.widths[0]
    params["head"]["kernel"] = params["head"]["kernel"].at[:, :width].set(0)
    shares = network.apply(params, waveform)[0]
    np.testing.assert_allclose(shares, np.repeat(waveform[:, :, None] / 3, 3, 2), atol=1e-6)


def test_a_single_stem_starts_as_the_mixture():
    _, _, waveform, output = run(HEADS["one stem"])
    assert np.corrcoef(output.ravel(), waveform.ravel())[0, 1] > 0.95


def test_frames_read_the_decoder_and_clips_pool_over_time():
    network, params, waveform, output = run(HEADS["clip"])
    features = network.apply(params, waveform)[1]
    x = np.asarray(features["decoder_200"], np.float64)
    pooled = np.concatenate([x.mean(axis=1), x.max(axis=1)], axis=1)
    pooled /= np.sqrt(1 + np.mean(pooled**2, axis=1, keepdims=True))
    expected = pooled * np.sqrt(30 / pooled.shape[1]) @ np.asarray(params["head"]["kernel"])
    np.testing.assert_allclose(output, expected, rtol=1e-3, atol=1e-6)


def test_the_gradient_of_a_maximum_is_that_of_its_first_frame(rng):
    x = jnp.asarray(rng.integers(-2, 3, (3, 9, 4)), jnp.float32)  # several frames have it
    weights = jnp.asarray(rng.normal(size=(3, 4)), jnp.float32)
    np.testing.assert_array_equal(highest(x), np.asarray(x).max(axis=1))
    gradient = jax.grad(lambda x: jnp.sum(weights * highest(x)))(x)
    expected = np.zeros(x.shape, np.float32)
    np.put_along_axis(expected, np.argmax(x, axis=1)[:, None], weights[:, None], axis=1)
    np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize("name", ["frames", "clip"])
def test_the_prior_is_the_bias(name):
    network, params, waveform, output = run(HEADS[name])
    prior = np.linspace(-4, 1, HEADS[name].channels)
    head = network.init_head(jax.random.key(0), prior)
    assert head["bias"].shape == prior.shape
    np.testing.assert_allclose(head["bias"], prior, rtol=1e-6)
    logits = network.apply({"body": params["body"], "head": head}, waveform)[0]
    np.testing.assert_allclose(logits.reshape(-1, len(prior)).mean(axis=0), prior, atol=0.5)


def test_priors_that_do_not_fit_raise():
    with pytest.raises(ValueError, match="prior"):
        Network(CONFIG, HEADS["clip"]).init_head(jax.random.key(0), np.zeros(4))
    with pytest.raises(ValueError, match="prior"):
        Network(CONFIG, HEADS["stems"]).init_head(jax.random.key(0), np.zeros(3))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("spectrum", 3), "head kind 'spectrum'"),
        (("clip", 0), "at least one channel"),
        (("frames", 3), "rate above 0 Hz"),
        (("masks", 3), "a head of masks needs a rate above 0 Hz"),
        (("clip", 3, 0.0, "gelu"), "activation 'gelu'"),
    ],
)
def test_specs_that_make_no_sense_raise(fields, message):
    with pytest.raises(ValueError, match=message):
        HeadSpec(*fields)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (HeadSpec("frames", 3, 123.0), "123 Hz: choose of 8000, 2000, 400, 200"),
        (HeadSpec("frames", 3, 8000.0), "the waveform's own rate"),
        (HeadSpec("waveform", 3, 2000.0), "8000 Hz is all it gives"),
    ],
)
def test_rates_that_the_body_lacks_raise(head, message):
    with pytest.raises(ValueError, match=message):
        Network(CONFIG, head)
