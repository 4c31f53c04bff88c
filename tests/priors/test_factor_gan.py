"""Factors: their sum is the log density ratio of the whole, exactly and when trained."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.priors import Adversarial, Critic, factor_gan, joint, log_density_ratio, marginals
from umir.priors.factor_gan import (
    GENERATED_DEPENDENCY,
    PAIRED,
    REAL_DEPENDENCY,
    Factor,
    shuffled,
    sides,
    together,
)
from umir.priors.streams import Both, Noise, Rows, Streams
from umir.training import train


def table(rng, shape):
    """A joint distribution of as many parts as the shape has axes."""
    found = rng.uniform(0.2, 1, shape)
    return found / found.sum()


def marginal(p, axes):
    return p.sum(axis=tuple(axis for axis in range(p.ndim) if axis not in axes))


def product(p):
    """The distribution of the parts, shuffled."""
    found = np.ones(())
    for axis in range(p.ndim):
        found = np.multiply.outer(found, marginal(p, (axis,)))
    return found


def best_logits(factors, names, p, q):
    """Optimal logits of every value of all parts, from what each factor says it tells apart."""
    found = {}
    for factor in factors:
        axes = [names.index(part) for part in factor.parts]
        of = {"real": marginal(p, axes), "generated": marginal(q, axes)}
        high = of[factor.contrast[0]]
        low = product(high) if factor.contrast[1] == "shuffled" else of[factor.contrast[1]]
        shape = [p.shape[axis] if axis in axes else 1 for axis in range(p.ndim)]
        logits = np.broadcast_to(np.log(high / low).reshape(shape), p.shape)
        found[factor.name] = jnp.asarray(logits.ravel(), jnp.float32)
    return found


@given(st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_the_best_logits_add_up_to_the_density_ratio(parts, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(2, 5, parts))
    p, q = table(rng, shape), table(rng, shape)
    names = [f"part{n}" for n in range(parts)]
    for factors in (factor_gan(names), joint(names)):
        logits = best_logits(factors, names, p, q)
        found = log_density_ratio(factors, logits)
        np.testing.assert_allclose(found, np.log(p / q).ravel(), rtol=1e-5, atol=1e-5)
    # What is independent in reality needs no critic of that.
    factors = factor_gan(names, independent=True)
    logits = best_logits(factors, names, product(p), q)
    np.testing.assert_allclose(
        log_density_ratio(factors, logits), np.log(product(p) / q).ravel(), rtol=1e-5, atol=1e-5
    )


def test_what_is_given_has_no_marginal(rng):
    p, q = table(rng, (3, 4)), table(rng, (3, 4))
    q *= (p.sum(axis=1) / q.sum(axis=1))[:, None]  # the generator is given real inputs
    factors = factor_gan(["map"], given=["photo"])
    assert [factor.name for factor in factors] == ["map", "real", "generated"]
    logits = best_logits(factors, ["photo", "map"], p, q)
    np.testing.assert_allclose(
        log_density_ratio(factors, logits), np.log(p / q).ravel(), rtol=1e-5, atol=1e-5
    )


def test_factors_of_four_stems():
    stems = ("bass", "drums", "other", "vocals")
    factors = factor_gan(stems)
    assert factors[:4] == marginals(stems)
    assert [factor.stream for factor in factors] == [*stems, PAIRED, None]
    assert [factor.sign for factor in factors] == [1, 1, 1, 1, 1, -1]
    assert [f.contrast for f in factors[4:]] == [REAL_DEPENDENCY, GENERATED_DEPENDENCY]
    assert all(factor.parts == stems for factor in factors[4:])
    assert [factor.name for factor in factor_gan(stems, independent=True)] == [*stems, "generated"]


@pytest.mark.parametrize(("parts", "fixed"), [(["a"], []), (["a", "b"], ["a"]), ([], ["a", "b"])])
def test_parts_that_make_no_whole(parts, fixed):
    with pytest.raises(ValueError, match="two or more are needed, each once"):
        factor_gan(parts, given=fixed)


@given(st.integers(1, 12), st.integers(2, 4), st.integers(0, 1000))
def test_shuffling_never_moves_the_first_part(batch, count, seed):
    names = [f"part{n}" for n in range(count)]
    rows = {n: jnp.arange(2 * batch, dtype=jnp.float32).reshape(batch, 2) for n in names}
    found = shuffled(rows, names, jax.random.key(seed))
    assert list(found) == names
    np.testing.assert_array_equal(found[names[0]], rows[names[0]])
    for name in names[1:]:
        np.testing.assert_array_equal(np.sort(found[name], axis=0), rows[name])


def test_parts_are_shuffled_independently():
    rows = {name: jnp.arange(64.0)[:, None] for name in "abc"}
    found = shuffled(rows, "abc", jax.random.key(0))
    moved = [np.asarray(found[name])[:, 0] for name in "bc"]
    assert not np.array_equal(*moved)
    assert abs(np.corrcoef(*moved)[0, 1]) < 0.4 and np.mean(moved[0] == np.arange(64)) < 0.1


def test_sides_of_a_factor(rng):
    real, made = (
        {part: jnp.asarray(rng.normal(size=(5, 2, size)), jnp.float32) for part, size in sizes}
        for sizes in ((("a", 1), ("b", 3)),) * 2
    )
    key = jax.random.key(0)
    density, dependency, own = (
        Factor("x", ("a", "b"), contrast)
        for contrast in (("real", "generated"), REAL_DEPENDENCY, GENERATED_DEPENDENCY)
    )
    high, low = sides(density, real, made, key)
    np.testing.assert_array_equal(high, together(real, "ab"))
    np.testing.assert_array_equal(low, together(made, "ab"))
    assert high.shape == (5, 2, 4)
    for factor, whole in ((dependency, real), (own, made)):
        high, low = sides(factor, real, made, key)
        np.testing.assert_array_equal(high, together(whole, "ab"))
        np.testing.assert_array_equal(low, together(shuffled(whole, "ab", key), "ab"))
    np.testing.assert_array_equal(sides(own, None, made, key)[0], together(made, "ab"))


@dataclass(frozen=True)
class Table:
    """A critic with a logit of its own for every value: it can be optimal."""

    shape: tuple[int, ...]

    def init(self, key):
        return {"logits": jnp.zeros(self.shape)}

    def apply(self, params, x):
        places = tuple(x[:, n].astype(jnp.int32) for n in range(len(self.shape)))
        return params["logits"][places]


@dataclass(frozen=True)
class Known:
    """A generator that hands on samples of a known distribution."""

    def init(self, key):
        return {"unused": jnp.zeros(())}

    def apply(self, params, inputs, *, training=False):
        # Not a function of the parameters' value, but with a gradient: zero.
        return {n: x + 0 * params["unused"] for n, x in inputs.items()}, {}

    def remembered(self, params, features):
        return params


def samples(p, count, rng):
    flat = rng.choice(p.size, size=count, p=p.ravel())
    places = np.stack(np.unravel_index(flat, p.shape), axis=1).astype(np.float32)
    return {name: places[:, [n]] for n, name in enumerate("abc"[: p.ndim])}


@pytest.mark.slow
def test_trained_critics_add_up_to_the_density_ratio(rng):
    shape = (2, 3, 2)
    p, q = table(rng, shape), table(rng, shape)
    factors = factor_gan("abc")
    sizes = {name: (size,) for name, size in zip("abc", shape, strict=True)}
    critics = tuple(
        Critic(factor, Table(sizes.get(factor.name, shape)), spectral_norm=False)
        for factor in factors
    )
    # A rate that falls: the mean of what noisy gradients say.
    rate = optax.exponential_decay(0.2, 100, 0.5)
    objective = Adversarial(Known(), critics, critic_optimizer=optax.adam(rate, b1=0.5))
    real, made = samples(p, 200_000, rng), samples(q, 200_000, rng)
    sources = {PAIRED: Rows(real), "inputs": Rows(made)}
    sources |= {name: Rows({name: rng.permutation(real[name])}) for name in "abc"}
    stream = Streams(objective, sources, batch=500, rounds=1)
    state = train(objective.step, objective.init(jax.random.key(0)), stream, steps=600)
    every = {
        name: jnp.asarray(places.ravel()[:, None], jnp.float32)
        for name, places in zip("abc", np.indices(shape), strict=True)
    }
    logits, _ = objective._logits(state["networks"], every)
    found = log_density_ratio(factors, logits)
    assert np.std(np.log(p / q)) > 0.3
    np.testing.assert_allclose(found, np.log(p / q).ravel(), atol=0.12)


def test_streams_are_functions_of_the_step(rng):
    factors = factor_gan(["b"], given=["a"])
    objective = Adversarial(
        Known(), tuple(Critic(factor, Table((2, 2)), False) for factor in factors)
    )
    assert objective.critic_streams == ("inputs", "b", PAIRED)
    assert objective.generator_streams == ("inputs",)
    pairs = {name: np.arange(20.0).reshape(10, 2) for name in "ab"}
    sources = {
        PAIRED: Rows(pairs),
        "b": Rows({"b": pairs["b"]}),
        "inputs": Both((Rows({"a": pairs["a"]}), Noise(3))),
    }
    stream = Streams(objective, sources, batch=4, rounds=3, seed=1)
    one, again, later = stream(5), stream(5), stream(6)
    assert len(one["rounds"]) == 3
    jax.tree.map(np.testing.assert_array_equal, one, again)
    assert len({*map(tuple, one["keys"].tolist()), *map(tuple, later["keys"].tolist())}) == 6
    paired = [item[PAIRED]["a"] for item in one["rounds"]]
    assert not np.array_equal(paired[0], paired[1])  # every round has fresh batches
    assert not np.array_equal(paired[0], later["rounds"][0][PAIRED]["a"])
    first = one["rounds"][0]
    np.testing.assert_array_equal(first[PAIRED]["a"], first[PAIRED]["b"])  # rows stay together
    noise = one["generator"]["inputs"]["noise"]
    assert noise.shape == (4, 3) and np.abs(noise).max() <= 1 and noise.dtype == np.float32
    assert set(one["generator"]) == {"inputs"}
    with pytest.raises(ValueError, match="no source for paired; there are"):
        Streams(objective, {"b": sources["b"], "inputs": sources["inputs"]})


@pytest.mark.parametrize("parts", [{"a": np.zeros((2, 1)), "b": np.zeros((3, 1))}, {"a": []}])
def test_rows_that_do_not_belong_together(parts):
    with pytest.raises(ValueError, match="as many of each part, and at least one"):
        Rows({name: np.asarray(rows) for name, rows in parts.items()})
