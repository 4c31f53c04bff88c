"""Our MAML and ANIL against learn2learn 0.2.0: the same weights and data, float64.

`benchmarks/learn2learn_values.py` recorded its numbers.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from umir.meta import ANIL, MAML, Episode, FirstOrderMAML
from umir.wave_unet.convolution import convolution

RECORDED = json.loads((Path(__file__).parent / "learn2learn.json").read_text())
STEPS, RATE = RECORDED["inner_steps"], RECORDED["inner_rate"]
ALGORITHMS = {
    "maml": MAML(optax.sgd(1.0), STEPS, RATE, RATE),
    "fomaml": FirstOrderMAML(optax.sgd(1.0), STEPS, RATE, RATE),
    "anil": ANIL(optax.sgd(1.0), STEPS, head_rate=RATE),
    "first_order_anil": ANIL(optax.sgd(1.0), STEPS, head_rate=RATE, first_order=True),
}


def loss(params, batch, key):
    """Two convolutions with tanh in between: the mean squared error of the second's output."""
    del key
    body, head = params["body"], params["head"]
    x = convolution(batch["x"], body["kernel"], stride=RECORDED["stride"], padding="valid")
    x = jnp.tanh(x + body["bias"][None, None])
    x = convolution(x, head["kernel"], padding="valid") + head["bias"][None, None]
    return jnp.mean((x - batch["y"]) ** 2)


def arrays(tree):
    """Return a tree of (nested lists of) numbers as float64 arrays."""
    if isinstance(tree, dict):
        return {name: arrays(value) for name, value in tree.items()}
    return jnp.asarray(np.array(tree))


def assert_close(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10), found, expected)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_loss_gradient_and_adapted_weights_are_learn2learns(name):
    with jax.enable_x64(True):
        recorded, weights = arrays(RECORDED["cases"][name]), arrays(RECORDED["weights"])
        support, query = arrays(RECORDED["support"]), arrays(RECORDED["query"])
        algorithm, key = ALGORITHMS[name], jax.random.key(0)
        assert_close(algorithm.adapt(weights, loss, support, key), recorded["adapted"])
        episode = Episode("recorded", loss, weights["head"], support, query, key)
        value, gradient = algorithm.gradient(weights["body"], episode)
        assert_close(value, recorded["loss"])
        assert_close(gradient, recorded["gradient"]["body"])


def test_the_cases_differ():
    """What is recorded tells the algorithms apart."""
    gradients = [
        np.ravel(case["gradient"]["body"]["kernel"]) for case in RECORDED["cases"].values()
    ]
    for index, one in enumerate(gradients):
        assert all(np.abs(one - other).max() > 1e-3 for other in gradients[:index])
