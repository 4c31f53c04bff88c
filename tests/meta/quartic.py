"""A problem of two parameters whose gradients are written out by hand in numpy."""

import jax.numpy as jnp
import numpy as np

RATES = {"body": 0.1, "head": 0.2}


def quartic(params, batch, key):
    """A loss with a curvature that changes, so that first and second order differ."""
    del key
    error = params["body"]["w"] * batch["x"] + params["head"]["b"] - batch["y"]
    return jnp.mean(error**4 + error**2)


def value(params, batch):
    """The same in numpy; `params` is (w, b)."""
    error = params[0] * np.asarray(batch["x"]) + params[1] - np.asarray(batch["y"])
    return np.mean(error**4 + error**2)


def gradient(params, batch):
    """Its gradient in (w, b)."""
    x, y = np.asarray(batch["x"]), np.asarray(batch["y"])
    error = params[0] * x + params[1] - y
    slope = 4 * error**3 + 2 * error
    return np.array([np.mean(slope * x), np.mean(slope)])


def descended(params, batches, rates=(0.1, 0.2)):
    """Return (w, b) after one step of gradient descent on each of `batches`."""
    for batch in batches:
        params = params - np.array(rates) * gradient(params, batch)
    return params


def start(body, episode):
    return np.array([float(body["w"]), float(episode.head["b"])])


def difference(function, w, step=1e-5):
    """Return the central difference of `function` of the body at `w`."""
    return (function({"w": w + step}) - function({"w": w - step})) / (2 * step)
