"""The quartic problem as an episode, in float64."""

import jax
import jax.numpy as jnp
import pytest
from quartic import quartic

from umir.meta import Episode


@pytest.fixture
def problem(rng):
    """An episode and the body to start from."""
    with jax.enable_x64(True):
        draw = lambda: jnp.asarray(rng.normal(size=5))  # noqa: E731
        support, query = {"x": draw(), "y": draw()}, {"x": draw(), "y": draw()}
        body, head = {"w": jnp.asarray(0.3)}, {"b": jnp.asarray(-0.2)}
        yield Episode("quartic", quartic, head, support, query, jax.random.key(0)), body


@pytest.fixture
def other(problem):
    """A second task for the same body."""
    episode, _ = problem
    return episode._replace(name="other", support=episode.query, query=episode.support)
