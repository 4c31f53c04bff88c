"""What critics minimise: closed forms; the penalty by finite differences and by PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from umir.priors import Logistic, Wasserstein
from umir.priors.criteria import between, gradient_penalty
from umir.priors.networks import SeparationCritic, WaveformCritic

KEY = jax.random.key(0)


def logits_of(x):
    return x[:, 0]


def test_the_logistic_loss_by_scipy(rng):
    real, fake = (jnp.asarray(3 * rng.normal(size=(7, 1)), jnp.float32) for _ in range(2))
    loss, logits = Logistic().critic_loss(logits_of, real, fake, KEY)
    sure = scipy.special.log_expit
    expected = -np.mean([sure(np.asarray(real, float)), sure(-np.asarray(fake, float))])
    assert loss == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(logits[0], real[:, 0])
    np.testing.assert_array_equal(logits[1], fake[:, 0])
    made = Logistic().generator_loss(fake[:, 0])
    assert made == pytest.approx(-np.mean(sure(np.asarray(fake, float))), rel=1e-5)
    assert Logistic("reverse-kl").generator_loss(fake[:, 0]) == pytest.approx(-np.mean(fake))
    with pytest.raises(ValueError, match="no loss 'hinge' of a generator"):
        Logistic("hinge")


def test_points_between_lie_on_lines_to_shuffled_samples(rng):
    real = jnp.asarray(np.arange(6.0).reshape(6, 1, 1) + 10, jnp.float32) * jnp.ones((6, 2, 3))
    fake = jnp.zeros((6, 2, 3))
    found = np.asarray(between(real, fake, KEY))
    assert (found >= 0).all() and (found <= 15).all()
    np.testing.assert_allclose(found, found[:, :1, :1] * np.ones((1, 2, 3)))  # one weight each
    assert len({*found[:, 0, 0].tolist()}) == 6
    np.testing.assert_array_equal(between(fake, fake, KEY), fake)


def test_the_penalty_is_one_sided(rng):
    x = jnp.asarray(rng.normal(size=(5, 3)), jnp.float32)
    for steepness in (0.0, 0.5, 1.0, 3.0):
        found = gradient_penalty(lambda y, s=steepness: s * y[:, 0], x)
        assert found == pytest.approx(max(steepness - 1, 0) ** 2)
        slope = jax.grad(lambda s: gradient_penalty(lambda y: s * y[:, 0], x))(steepness)
        assert slope == pytest.approx(2 * max(steepness - 1, 0))  # finite where it is flat


@pytest.mark.parametrize(
    ("critic", "shape"),
    [
        (SeparationCritic((16, 8), filters=2), (16, 8, 1)),
        (WaveformCritic(70, channels=2, filters=2), (70, 2)),
    ],
    ids=["bins and frames", "time"],
)
def test_the_penalty_by_finite_differences(critic, shape, rng):
    """In float64: of the logits for the gradient, and of the penalty for its own gradient."""
    with jax.enable_x64(True):
        params = jax.tree.map(
            lambda p: jnp.asarray(4 * np.asarray(p), jnp.float64), critic.init(jax.random.key(1))
        )
        x = jnp.asarray(rng.normal(size=(2, *shape)))

        @jax.jit
        def penalty(params):
            return gradient_penalty(lambda y: critic.apply(params, y), x)

        apply = jax.jit(lambda y: critic.apply(params, y))
        step, slopes = 1e-6, np.zeros(x.shape)
        for place in np.ndindex(x.shape[1:]):
            moved = np.zeros(x.shape)
            moved[(slice(None), *place)] = step
            slopes[(slice(None), *place)] = (apply(x + moved) - apply(x - moved)) / (2 * step)
        norms = np.sqrt((slopes**2).sum(axis=tuple(range(1, slopes.ndim))))
        assert norms.max() > 1
        expected = np.mean(np.maximum(norms - 1, 0) ** 2)
        assert penalty(params) == pytest.approx(expected, rel=1e-6)
        gradient = jax.grad(penalty)(params)
        direction = jax.tree.map(lambda p: jnp.asarray(rng.normal(size=p.shape)), params)
        along = [
            penalty(jax.tree.map(lambda p, d, s=sign: p + s * step * d, params, direction))
            for sign in (1, -1)
        ]
        slope = sum(
            jnp.vdot(g, d)
            for g, d in zip(*map(jax.tree.leaves, (gradient, direction)), strict=True)
        )
        assert slope == pytest.approx(float(along[0] - along[1]) / (2 * step), rel=1e-4)


def test_the_wasserstein_loss_by_torch(rng):
    torch = pytest.importorskip("torch")
    critic = SeparationCritic((8, 4), filters=2)  # one convolution
    params = jax.tree.map(lambda p: 3 * p, critic.init(jax.random.key(1)))
    real, fake = (jnp.asarray(rng.normal(size=(3, 8, 4, 1)), jnp.float32) for _ in range(2))
    judge = lambda p, y: critic.apply(p, y)  # noqa: E731

    @jax.jit
    def loss(params):
        return Wasserstein().critic_loss(lambda y: judge(params, y), real, fake, KEY)

    (found, (high, low)), gradient = jax.value_and_grad(loss, has_aux=True)(params)
    own = {
        f"{layer}/{name}": torch.tensor(np.asarray(value), requires_grad=True)
        for layer, leaves in params.items()
        for name, value in leaves.items()
    }

    def network(x):
        x = torch.nn.functional.pad(torch.movedim(x, 3, 1), (0, 1, 1, 1))
        kernel = own["level1/kernel"].permute(3, 2, 0, 1)
        x = torch.nn.functional.conv2d(x, kernel, own["level1/bias"], stride=(2, 1))
        x = torch.nn.functional.leaky_relu(x, 0.2)
        x = torch.movedim(x, 1, 3).reshape(len(x), -1)
        x = torch.nn.functional.leaky_relu(x @ own["dense/kernel"] + own["dense/bias"], 0.2)
        return (x @ own["output/kernel"])[:, 0]

    points = torch.tensor(np.asarray(between(real, fake, KEY)), requires_grad=True)
    (steep,) = torch.autograd.grad(network(points).sum(), points, create_graph=True)
    norms = steep.square().sum(dim=(1, 2, 3)).sqrt()
    assert float(norms.detach().max()) > 1
    above, below = (network(torch.tensor(np.asarray(x))) for x in (real, fake))
    expected = below.mean() - above.mean() + 10 * torch.relu(norms - 1).square().mean()
    assert found == pytest.approx(float(expected.detach()), rel=1e-4)
    np.testing.assert_allclose(high, above.detach(), rtol=1e-4, atol=1e-5)
    expected.backward()
    for layer, leaves in gradient.items():
        for name, value in leaves.items():
            theirs = own[f"{layer}/{name}"].grad
            theirs = np.zeros(value.shape) if theirs is None else theirs.numpy()
            np.testing.assert_allclose(value, theirs, rtol=1e-3, atol=1e-4)
    assert Wasserstein().generator_loss(low) == pytest.approx(
        -float(below.detach().mean()), rel=1e-4
    )
