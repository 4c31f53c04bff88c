import jax
import jax.numpy as jnp
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from umir.wave_unet.sequences.dropout import check_rate, dropout, split_or_none


def test_the_share_of_zeros_and_the_mean():
    y = dropout(jnp.ones((200, 500)), 0.3, jax.random.key(0))
    assert_allclose(jnp.mean(y == 0), 0.3, atol=0.005)
    assert_allclose(jnp.mean(y), 1.0, atol=0.01)
    assert_allclose(y[y != 0], 1 / 0.7, rtol=1e-6)


def test_one_key_gives_one_draw():
    x = jnp.ones(100)
    assert_array_equal(dropout(x, 0.5, jax.random.key(1)), dropout(x, 0.5, jax.random.key(1)))
    assert (dropout(x, 0.5, jax.random.key(1)) != dropout(x, 0.5, jax.random.key(2))).any()


def test_without_a_key_or_a_rate_nothing_is_dropped():
    x = jnp.ones(100)
    assert dropout(x, 0.5, None) is x
    assert dropout(x, 0.0, jax.random.key(0)) is x
    assert split_or_none(None, 2) == [None, None]


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates_outside_raise(rate):
    with pytest.raises(ValueError, match="dropout"):
        check_rate(rate)
