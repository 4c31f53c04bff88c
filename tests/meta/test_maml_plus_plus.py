"""MAML++ and Meta-SGD: gradients of rates, weights of losses, what they share with MAML."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from quartic import RATES, descended, gradient, start, value

from umir.meta import MAML, FirstOrderMAML, MAMLPlusPlus, MetaSGD
from umir.resuming import Checkpoints
from umir.training import train

GIVEN = (0.1, 0.2)
KEPT = optax.partition(
    {"body": optax.sgd(1.0), "rates": optax.set_to_zero()}, {"body": "body", "rates": "rates"}
)


def plus_plus(**options):
    return MAMLPlusPlus(optax.sgd(1.0), 3, *GIVEN, **options)


def outer(body, rates, episode, weights):
    """The multi-step loss in numpy; `rates` holds a row (body, head) for each step."""
    params, total = start(body, episode), 0.0
    for row, weight in zip(rates, weights, strict=True):
        params = descended(params, [episode.support], row)
        total += weight * value(params, episode.query)
    return total


def table(rates):
    """A tree of rates as rows (body, head)."""
    return np.stack([rates["body"]["w"], rates["head"]["bias"]], axis=1)


@pytest.mark.parametrize(
    ("step", "until", "weights"),
    [(0, 0, [0, 0, 1]), (0, 10, [1 / 3] * 3), (5, 10, [1 / 6, 1 / 6, 2 / 3]), (10, 10, [0, 0, 1])],
)
def test_the_gradient_is_the_finite_difference(problem, rng, step, until, weights):
    """In the body and in the rate of each step, with rates that differ and one that is negative."""
    episode, body = problem
    algorithm = plus_plus(multi_step_until=until)
    np.testing.assert_allclose(algorithm.loss_weights(step), weights)
    rows = np.array([[0.1, 0.25], [-0.02, 0.15], [0.05, 0.3]])
    rates = {
        "body": {"w": jnp.asarray(rows[:, 0])},
        "head": {"bias": jnp.asarray(rows[:, 1]), "weight": jnp.ones(3)},
    }
    loss, found = algorithm.gradient(body, episode, rates, step)
    np.testing.assert_allclose(loss, outer(body, rows, episode, weights), rtol=1e-12)
    shift = 1e-5
    ends = [outer({"w": body["w"] + s}, rows, episode, weights) for s in (shift, -shift)]
    np.testing.assert_allclose(found["body"]["w"], (ends[0] - ends[1]) / (2 * shift), rtol=1e-7)
    slopes = np.empty((3, 2))
    for index in np.ndindex(3, 2):
        moved = np.zeros((3, 2))
        moved[index] = shift
        ends = [outer(body, rows + s * moved, episode, weights) for s in (1, -1)]
        slopes[index] = (ends[0] - ends[1]) / (2 * shift)
    np.testing.assert_allclose(table(found["rates"]), slopes, rtol=1e-6, atol=1e-9)
    assert not np.any(found["rates"]["head"]["weight"])  # this head has none


def test_of_first_order_a_rates_gradient_is_a_product_of_two_gradients(problem):
    """-<inner gradient, outer gradient>, the outer one summed over the losses that follow."""
    episode, body = problem
    algorithm = plus_plus(second_order_from=None, multi_step_until=10)
    params, expected, outer_slope, points = start(body, episode), [], np.zeros(2), []
    for _ in range(3):
        points.append(params)
        params = descended(params, [episode.support], GIVEN)
    for before in reversed(points):
        after = descended(before, [episode.support], GIVEN)
        outer_slope = outer_slope + gradient(after, episode.query) / 3
        expected.insert(0, -gradient(before, episode.support) * outer_slope)
    _, found = algorithm.gradient(body, episode)
    np.testing.assert_allclose(found["body"]["w"], outer_slope[0], rtol=1e-12)
    np.testing.assert_allclose(table(found["rates"]), expected, rtol=1e-12)


def test_with_the_last_loss_and_fixed_rates_it_is_maml(problem, other):
    episodes, body = [problem[0], other], problem[1]
    maml = MAML(optax.sgd(1.0), 3, *GIVEN)
    algorithm = MAMLPlusPlus(KEPT, 3, *GIVEN)
    meta, expected = algorithm.init(body), maml.init(body)
    for _ in range(2):
        meta, metrics = algorithm.step(meta, episodes)
        expected, values = maml.step(expected, episodes)
        np.testing.assert_allclose(metrics["loss/other"], values["loss/other"], rtol=1e-12)
    np.testing.assert_allclose(meta.body["w"], expected.body["w"], rtol=1e-12)
    assert np.all(table(algorithm.learnt_rates(meta)) == GIVEN)


@pytest.mark.parametrize("order", [0, None])
def test_meta_sgd_with_equal_rates_is_maml(problem, order):
    episode, body = problem
    algorithm = MetaSGD(optax.sgd(1.0), 3, *GIVEN, second_order_from=order)
    kind = MAML if order == 0 else FirstOrderMAML
    loss, expected = kind(optax.sgd(1.0), 3, *GIVEN).gradient(body, episode)
    found = algorithm.gradient(body, episode)
    np.testing.assert_allclose(found[0], loss, rtol=1e-12)
    np.testing.assert_allclose(found[1]["body"]["w"], expected["w"], rtol=1e-12)
    # One rate for all steps: its gradient is the sum of those of the steps.
    _, apart = plus_plus(second_order_from=order).gradient(body, episode)
    summed = table(apart["rates"]).sum(axis=0, keepdims=True)
    np.testing.assert_allclose(table(found[1]["rates"]), summed, rtol=1e-12)


def test_second_order_begins_at_its_step(problem):
    episode, body = problem
    annealed = plus_plus(second_order_from=4)
    first, second = plus_plus(second_order_from=None), plus_plus()
    for step, like in ((3, first), (4, second)):
        found = annealed.gradient(body, episode, step=step)[1]
        assert found["body"] == like.gradient(body, episode)[1]["body"]
    assert (
        annealed.gradient(body, episode, step=3)[1]["body"]
        != second.gradient(body, episode)[1]["body"]
    )


def test_adaptation_takes_the_learnt_rates(problem):
    episode, body = problem
    algorithm, params = plus_plus(), {"body": body, "head": episode.head}
    rates = algorithm.fresh_rates(body)
    rates["body"]["w"] = jnp.asarray([0.1, 0.2, -0.1])
    found = algorithm.adapt(params, episode.loss, episode.support, episode.key, rates)
    expected = start(body, episode)
    for row in table(rates):
        expected = descended(expected, [episode.support], row)
    np.testing.assert_allclose([found["body"]["w"], found["head"]["b"]], expected, rtol=1e-12)
    given = algorithm.fresh_rates(params["body"])
    fresh = algorithm.adapt(params, episode.loss, episode.support, episode.key, given)
    expected = descended(start(body, episode), [episode.support] * 3, tuple(RATES.values()))
    np.testing.assert_allclose([fresh["body"]["w"], fresh["head"]["b"]], expected, rtol=1e-12)


def test_learnt_rates_make_the_loss_smaller(problem):
    """With the body held, so that it is the rates that do it."""
    episode, body = problem
    kept = optax.partition(
        {"body": optax.set_to_zero(), "rates": optax.adam(3e-3)}, {"body": "body", "rates": "rates"}
    )
    algorithm = MAMLPlusPlus(kept, 2, 0.02, 0.02)
    meta, losses = algorithm.init(body), []
    for _ in range(15):
        meta, metrics = algorithm.step(meta, [episode])
        losses.append(float(metrics["loss/quartic"]))
    assert meta.body["w"] == body["w"]
    assert np.all(np.diff(losses) < 0)


def test_resumed_equals_uninterrupted(problem, tmp_path):
    """Rates, Adam's state and the count that anneals the weights all come back from disk."""
    episode, body = problem
    algorithm = MAMLPlusPlus(optax.adam(0.01), 2, *GIVEN, multi_step_until=4, second_order_from=3)

    def run(steps, checkpoints=None, first=0, state=None):
        callbacks = [checkpoints] if checkpoints else []
        stream = lambda step: [episode]  # noqa: E731
        state = algorithm.init(body) if state is None else state
        return train(
            algorithm.step, state, stream, steps=steps, first_step=first, callbacks=callbacks
        )

    run(2, Checkpoints(tmp_path, every=2, last=2))
    checkpoints = Checkpoints(tmp_path, every=2, last=5)
    state, first = checkpoints.latest(algorithm.init(body))
    assert first == 2
    assert np.any(table(algorithm.learnt_rates(state)) != GIVEN)
    jax.tree.map(np.testing.assert_array_equal, run(5, checkpoints, first, state), run(5))


def test_adaptation_without_rates_is_refused(problem):
    episode, body = problem
    with pytest.raises(ValueError, match="give those that were learnt"):
        plus_plus().adapt(
            {"body": body, "head": episode.head}, episode.loss, episode.support, episode.key
        )
