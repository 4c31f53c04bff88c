"""Spectral normalisation against NumPy's singular values, and its gradient in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from umir.priors.spectral_norm import init_vectors, normalised


@pytest.fixture
def params(rng):
    def draw(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    return {
        "level1": {"kernel": draw(4, 4, 2, 5), "bias": draw(5)},
        "output": {"kernel": draw(30, 1)},
        "middle": {"deep": {"kernel": draw(6, 7), "scale": draw(7)}},
    }


def largest(kernel):
    return np.linalg.svd(np.asarray(kernel, float).reshape(-1, kernel.shape[-1]))[1][0]


def test_the_norm_is_numpys_after_some_rounds(params):
    vectors = init_vectors(params, jax.random.key(0))
    assert set(vectors) == {"level1/kernel", "output/kernel", "middle/deep/kernel"}
    run = jax.jit(normalised)
    for _ in range(60):
        found, vectors = run(params, vectors)
    for path in (("level1",), ("output",), ("middle", "deep")):
        own, before = found, params
        for name in path:
            own, before = own[name], before[name]
        assert largest(own["kernel"]) == pytest.approx(1, abs=1e-4)
        np.testing.assert_allclose(
            own["kernel"], before["kernel"] / largest(before["kernel"]), rtol=1e-3, atol=1e-5
        )
    np.testing.assert_array_equal(found["level1"]["bias"], params["level1"]["bias"])
    np.testing.assert_array_equal(
        found["middle"]["deep"]["scale"], params["middle"]["deep"]["scale"]
    )


def test_a_run_is_one_round_of_power_iteration(params):
    vectors = init_vectors(params, jax.random.key(1))
    found, after = normalised(params, vectors)
    matrix = np.asarray(params["level1"]["kernel"], float).reshape(-1, 5)
    v = matrix @ np.asarray(vectors["level1/kernel"], float)
    v /= np.linalg.norm(v)
    u = matrix.T @ v
    u /= np.linalg.norm(u)
    np.testing.assert_allclose(after["level1/kernel"], u, atol=1e-5)
    expected = np.asarray(params["level1"]["kernel"]) / (v @ matrix @ u)
    np.testing.assert_allclose(found["level1"]["kernel"], expected, rtol=1e-4)


def test_the_gradient_goes_through_the_singular_value(rng):
    """d/dW sum(A W / s) with s = v'Wu:  A / s - v u' <A, W> / s^2, and u, v constant."""
    kernel, weight = (jnp.asarray(rng.normal(size=(6, 4)), jnp.float32) for _ in range(2))
    vectors = init_vectors({"kernel": kernel}, jax.random.key(0))

    def loss(kernel):
        return jnp.sum(weight * normalised({"kernel": kernel}, vectors)[0]["kernel"])

    w, a, u = (np.asarray(x, float) for x in (kernel, weight, vectors["kernel"]))
    v = w @ u / np.linalg.norm(w @ u)
    u = w.T @ v / np.linalg.norm(w.T @ v)
    s = v @ w @ u
    expected = a / s - np.outer(v, u) * np.sum(a * w) / s**2
    np.testing.assert_allclose(jax.grad(loss)(kernel), expected, rtol=1e-4, atol=1e-5)


def test_a_kernel_of_zeros_gives_no_infinite_gradient_state():
    params = {"kernel": jnp.zeros((3, 2))}
    _, vectors = normalised(params, init_vectors(params, jax.random.key(0)))
    assert np.isfinite(vectors["kernel"]).all()


def test_networks_without_kernels_have_no_vectors():
    assert init_vectors({"logits": jnp.zeros(3)}, jax.random.key(0)) == {}
