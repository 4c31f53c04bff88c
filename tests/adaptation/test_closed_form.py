"""Closed-form classifiers: against numpy and scikit-learn, as log-odds, and from sums alone."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge

from umir.adaptation.closed_form import (
    FURTHEST,
    calibrated,
    chosen_penalty,
    fitted,
    prototypes,
    ridge_path,
)
from umir.adaptation.head_inputs import FOLDS, in_folds
from umir.tasks import Target


def rows(rng, number=300, classes=3, width=6, distance=1.0):
    """Rows around one mean per class, with one-hot targets."""
    labels = np.arange(number) % classes
    x = distance * rng.normal(size=(classes, width))[labels] + rng.normal(size=(number, width))
    return x, np.eye(classes)[labels], np.ones((number, 1))


def sums(x, values, mask):
    return in_folds([(x, Target(values, mask))])


def nearest(first_exclusive):
    return partial(prototypes, first_exclusive=first_exclusive)


def scores(weights, x):
    return weights[:, 0] + x @ weights[:, 1:].T


def test_prototypes_are_the_squared_distances_to_class_means(rng):
    x, values, mask = rows(rng)
    distances = np.stack(
        [np.sum((x - x[values[:, k] == 1].mean(axis=0)) ** 2, axis=1) for k in range(3)], axis=1
    )
    exclusive = scores(prototypes(sums(x, values, mask).total(), 0), x)
    np.testing.assert_allclose(softmax(exclusive, 1), softmax(-distances, 1), atol=1e-9)
    outside = np.stack(
        [np.sum((x - x[values[:, k] == 0].mean(axis=0)) ** 2, axis=1) for k in range(3)], axis=1
    )
    each = scores(prototypes(sums(x, values, mask).total(), 3), x)
    np.testing.assert_allclose(each, outside - distances, atol=1e-9)


@pytest.mark.parametrize("exclusive", [0, 2])
def test_prototypes_of_two_round_classes_are_linear_discriminant_analysis(rng, exclusive):
    x, values, mask = rows(rng, 40_000, 2, 4)
    folds = sums(*(part.reshape(40, 1000, -1) for part in (x, values, mask)))
    weights = calibrated(folds, nearest(exclusive), exclusive)
    found = scores(weights, x)
    logit = found[:, 1] - found[:, 0] if exclusive == 0 else found[:, 1]
    truth = LinearDiscriminantAnalysis().fit(x, values[:, 1]).decision_function(x)
    near = np.abs(truth) < FURTHEST
    np.testing.assert_allclose(logit[near], truth[near], atol=0.1)
    assert np.mean((logit > 0) == (truth > 0)) > 0.995


@given(st.integers(0, 1000), st.floats(1e-2, 1e3))
def test_ridge_is_that_of_scikit_learn(seed, penalty):
    x, values, mask = rows(np.random.default_rng(seed), 60, 4, 9)
    (weights,) = ridge_path(sums(x, values, mask).total(), np.array([penalty]))
    expected = Ridge(alpha=penalty).fit(x, values)
    np.testing.assert_allclose(weights[:, 1:], expected.coef_, atol=1e-8)
    np.testing.assert_allclose(weights[:, 0], expected.intercept_, atol=1e-8)


def test_ridge_without_a_penalty_is_least_squares_of_least_norm(rng):
    x, values, mask = rows(rng, 5, 2, 8)  # fewer rows than features
    (weights,) = ridge_path(sums(x, values, mask).total(), np.zeros(1))
    centred = x - x.mean(axis=0)
    expected = np.linalg.lstsq(centred, values - values.mean(axis=0), rcond=None)[0]
    np.testing.assert_allclose(weights[:, 1:], expected.T, atol=1e-6)


def test_each_class_has_a_ridge_of_its_known_rows(rng):
    x, values, _ = rows(rng, 80, 3, 5)
    mask = (rng.uniform(size=values.shape) < 0.6).astype(float)
    (weights,) = ridge_path(sums(x, values, mask).total(), np.array([2.0]))
    for number, own in enumerate(weights):
        known = mask[:, number] == 1
        expected = Ridge(alpha=2.0).fit(x[known], values[known, number])
        np.testing.assert_allclose(own, [expected.intercept_, *expected.coef_], atol=1e-8)


def test_the_penalty_is_that_of_cross_validation(rng):
    x, values, mask = rows(rng, 41, 2, 20, distance=0.4)
    folds, fold = sums(x, values, mask), np.arange(41) % FOLDS
    chosen = chosen_penalty(folds)
    unit = np.trace((x - x.mean(axis=0)).T @ (x - x.mean(axis=0))) / 20

    def error(penalty):
        found = np.zeros_like(values)
        for held in range(FOLDS):
            out = fold == held
            found[out] = Ridge(alpha=penalty).fit(x[~out], values[~out]).predict(x[out])
        return np.mean((found - values) ** 2)

    errors = {penalty: error(unit * penalty) for penalty in 10.0 ** np.arange(-4, 3.5, 0.5)}
    assert chosen == pytest.approx(unit * min(errors, key=errors.get))
    assert chosen > unit * 1e-4  # with half as many features as rows some shrinkage helps


@given(st.integers(0, 100), st.booleans())
def test_masked_rows_change_nothing(seed, exclusive):
    rng = np.random.default_rng(seed)
    x, values, mask = rows(rng, 40, 3, 4)
    # Masked rows stand where they keep the fold of the others: in whole rounds, at the end.
    more = (x, rng.normal(size=(40, 4)) * 9), (values, rng.uniform(size=(40, 3)))
    longer = [*map(np.concatenate, more), np.concatenate([mask, 0 * mask])]
    first = 0 if exclusive else 3
    for fit in (nearest(first), lambda m: ridge_path(m, np.ones(1))[0]):
        expected = calibrated(sums(x, values, mask), fit, first)
        np.testing.assert_allclose(calibrated(sums(*longer), fit, first), expected, atol=1e-9)


def test_batches_in_turn_are_all_at_once(rng):
    x, values = rng.normal(size=(12, 7, 5)), rng.uniform(size=(12, 7, 2)).round()
    mask = (rng.uniform(size=(12, 7, 2)) < 0.7).astype(np.float32)
    cuts = [slice(0, 4), slice(4, 5), slice(5, 12)]
    streamed = in_folds((x[cut], Target(values[cut], mask[cut])) for cut in cuts)
    for one, other in zip(streamed, in_folds([(x, Target(values, mask))]), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)
    shared = np.ones((12, 7, 1))
    wide = in_folds([(x, Target(values, np.repeat(shared, 2, axis=2)))])
    narrow = in_folds([(x, Target(values, shared))])
    np.testing.assert_allclose(wide.gram, np.repeat(narrow.gram, 2, axis=1))
    assert narrow.gram.shape[1] == 1 and narrow.known.shape == wide.known.shape


def test_no_batch_raises():
    with pytest.raises(ValueError, match="at least one batch"):
        in_folds([])


@pytest.mark.parametrize("exclusive", [0, 3])
def test_calibrated_scores_are_log_odds_of_rows_not_fitted_on(rng, exclusive):
    means = 0.5 * rng.normal(size=(3, 30))
    labels = rng.integers(0, 3, 10_090)
    x, values = means[labels] + 1.5 * rng.normal(size=(10_090, 30)), np.eye(3)[labels]
    few = sums(x[:90], values[:90], np.ones((90, 1)))
    fit = lambda m: ridge_path(m, np.array([chosen_penalty(few)]))[0]  # noqa: E731

    def loss(weights):
        logits = scores(weights, x[90:])
        if exclusive == 0:
            return -np.mean(np.log(softmax(logits, 1))[values[90:] == 1])
        odds = values[90:].mean(axis=0) / (1 - values[90:].mean(axis=0))
        return np.mean(np.logaddexp(0, (1 - 2 * values[90:]) * (logits + np.log(odds))))

    weights = calibrated(few, fit, exclusive)
    losses = {scale: loss(scale * weights) for scale in (0.0, 0.4, 1.0, 2.5)}
    assert min(losses, key=losses.get) == 1.0, losses


def test_separable_classes_are_told_apart_within_bounds(rng):
    x, values, mask = rows(rng, 30, 3, 8, distance=30.0)
    for exclusive in (0, 3):
        weights = calibrated(sums(x, values, mask), nearest(exclusive), exclusive)
        logits = scores(weights, x)
        assert np.array_equal(logits.argmax(axis=1), values.argmax(axis=1))
        assert np.abs(logits).max() < 3 * FURTHEST


def test_a_class_without_members_has_no_weights(rng):
    x, values, mask = rows(rng, 40, 3, 4)
    values[:, 1] = 0
    mask = np.repeat(values.sum(axis=1, keepdims=True), 1, axis=1) * mask
    folds = sums(x, values, mask)
    for exclusive in (0, 3):
        assert fitted(folds.total(), exclusive).tolist() == [True, False, True]
        weights = calibrated(folds, nearest(exclusive), exclusive)
        assert not weights[1].any() and np.isfinite(weights).all() and weights[0].any()


@pytest.mark.parametrize("number", [1, 2])
def test_very_few_rows_give_finite_weights(rng, number):
    x, values, mask = rows(rng, number, 2, 4)
    for exclusive in (0, 2):
        folds = sums(x, values, mask)
        fit = lambda m, f=folds: ridge_path(m, np.array([chosen_penalty(f)]))[0]  # noqa: E731
        assert np.isfinite(calibrated(folds, fit, exclusive)).all()
    nothing = sums(x, values, 0 * mask)
    assert not calibrated(nothing, nearest(0), 0).any()
