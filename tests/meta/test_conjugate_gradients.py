"""Conjugate gradients against numpy's solver, and where there is nothing to solve."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from umir.meta.conjugate_gradients import conjugate_gradients


def solved(matrix, target, steps):
    """Solve with the target as a tree of two arrays."""
    with jax.enable_x64(True):
        matrix, n = jnp.asarray(matrix), len(target) // 2

        def product(tree):
            image = matrix @ jnp.concatenate([tree["a"], tree["b"]])
            return {"a": image[:n], "b": image[n:]}

        tree = {"a": jnp.asarray(target[:n]), "b": jnp.asarray(target[n:])}
        found = conjugate_gradients(product, tree, steps)
        return np.concatenate([found["a"], found["b"]])


@pytest.fixture
def system(rng):
    root = rng.normal(size=(4, 4))
    return root @ root.T + np.eye(4), rng.normal(size=4)


def test_as_many_steps_as_unknowns_solve_exactly(system):
    matrix, target = system
    np.testing.assert_allclose(
        solved(matrix, target, 4), np.linalg.solve(matrix, target), rtol=1e-8
    )


def test_steps_after_the_solution_change_nothing(system):
    """The residual is 0 at once where the matrix is the identity."""
    _, target = system
    np.testing.assert_array_equal(solved(np.eye(4), target, 3), target)


def test_one_step_is_steepest_descent_by_hand(system):
    matrix, target = system
    expected = target * (target @ target) / (target @ matrix @ target)
    np.testing.assert_allclose(solved(matrix, target, 1), expected, rtol=1e-12)


def test_negative_curvature_ends_the_search(system):
    matrix, target = system
    np.testing.assert_array_equal(solved(-matrix, target, 3), target)
    np.testing.assert_array_equal(solved(matrix, target, 0), target)
    # Downwards only in the direction that the second step takes.
    target, matrix = np.array([1.0, 0.0, 1.0, 0.0]), np.diag([2.0, 1.0, -1.0, 1.0])
    first = target * (target @ target) / (target @ matrix @ target)
    np.testing.assert_allclose(solved(matrix, target, 3), first, rtol=1e-12)


def test_what_is_not_finite_shows(system):
    matrix, target = system
    assert np.all(np.isnan(solved(np.nan * matrix, target, 2)))
