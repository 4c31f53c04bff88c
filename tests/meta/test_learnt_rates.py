"""Trees of rates: what they start as, and what they mean for a step and a head."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from umir.meta import fresh_rates, rates_of_steps

BODY = {"level1": {"kernel": jnp.zeros((3, 1, 2)), "bias": jnp.zeros(2)}}
RATES = {"body": 0.1, "head": 0.3}


@pytest.mark.parametrize(
    ("granularity", "kernel", "bias"), [("layer", (), ()), ("parameter", (3, 1, 2), (2,))]
)
def test_fresh_rates_are_those_given(granularity, kernel, bias):
    rates = fresh_rates(BODY, RATES, granularity=granularity, steps=4)
    level = rates["body"]["level1"]
    assert level["kernel"].shape == (4, *kernel) and level["bias"].shape == (4, *bias)
    assert all(np.all(leaf == np.float32(0.1)) for leaf in jax.tree.leaves(rates["body"]))
    np.testing.assert_array_equal(rates["head"]["weight"], np.full(4, 0.3, np.float32))
    assert set(rates["head"]) == {"weight", "bias"}


def test_another_granularity_is_an_error():
    with pytest.raises(ValueError, match="granularity 'channel': choose from layer, parameter"):
        fresh_rates(BODY, RATES, granularity="channel")


def test_each_step_and_each_kind_of_the_head_has_its_own():
    rates = fresh_rates(BODY, RATES, steps=2)
    rates["body"]["level1"]["kernel"] = jnp.asarray([1.0, 2.0])
    rates["head"] = {"weight": jnp.asarray([3.0, 4.0]), "bias": jnp.asarray([5.0, 6.0])}
    head = {"kernel": jnp.zeros((8, 5)), "bias": jnp.zeros(5)}
    steps = rates_of_steps(rates, {"body": BODY, "head": head}, 3)
    kernels = [float(step["body"]["level1"]["kernel"]) for step in steps]
    assert kernels == [1, 2, 2]  # beyond the last step its rates stay
    assert [float(step["head"]["kernel"]) for step in steps] == [3, 4, 4]
    assert [float(step["head"]["bias"]) for step in steps] == [5, 6, 6]
