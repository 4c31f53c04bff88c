"""Losses against second implementations in float64, and what their scale promises."""

import jax
import numpy as np
import pytest

from umir.tasks.losses import (
    balanced_bce,
    best_constant,
    class_prior,
    separation_loss,
    softmax_cross_entropy,
)


def _bce_by_hand(logits, values, mask):
    """One scalar at a time, from the formula."""
    batch, frames, classes = logits.shape
    losses, known = np.zeros(batch), np.zeros(batch)
    for c in range(classes):
        ys = [values[b, n, c] for b in range(batch) for n in range(frames) if mask[b, n, 0]]
        p = min(max(np.mean(ys), 0.01), 0.99)
        w = min((1 - p) / p, 20.0)
        q = w * p / (w * p + 1 - p)
        least = -(w * p * np.log(q) + (1 - p) * np.log(1 - q))
        for b in range(batch):
            for n in range(frames):
                if mask[b, n, 0]:
                    s, y = 1 / (1 + np.exp(-logits[b, n, c])), values[b, n, c]
                    losses[b] -= (w * y * np.log(s) + (1 - y) * np.log(1 - s)) / least
                    known[b] += 1
    return losses / np.maximum(known, 1)


def _draw_frames(rng, prior=(0.3, 0.02, 0.8)):
    values = (rng.uniform(size=(2, 50, 3)) < prior).astype(np.float32)
    mask = (rng.uniform(size=(2, 50, 1)) < 0.7).astype(np.float32)
    return rng.normal(size=(2, 50, 3)).astype(np.float32), values, mask


def _jax(*arrays):
    return [jax.numpy.asarray(array, np.float32) for array in arrays]


def test_balanced_bce_is_the_formula(rng):
    logits, values, mask = _draw_frames(rng)
    wide = [a.astype(np.float64) for a in (logits, values, mask)]
    np.testing.assert_allclose(
        balanced_bce(*_jax(logits, values, mask)), _bce_by_hand(*wide), rtol=2e-5
    )


def test_clips_are_frames_without_time(rng):
    logits, values, _ = _draw_frames(rng)
    known = np.ones((100, 1), np.float32)
    flat = balanced_bce(*_jax(logits.reshape(100, 3), values.reshape(100, 3), known))
    framed = balanced_bce(*_jax(logits, values, np.ones((2, 50, 1), np.float32)))
    np.testing.assert_allclose(flat.reshape(2, 50).mean(1), framed, rtol=1e-5)


@pytest.mark.parametrize("prior", [(0.3, 0.3, 0.3), (0.04, 0.5, 0.9), (0.02, 0.1, 0.97)])
def test_the_best_constant_gets_one_and_no_constant_gets_less(rng, prior):
    _, values, mask = _draw_frames(rng)
    values = np.zeros((2, 100, 3), np.float32)
    for column, p in enumerate(prior):
        values[:, : round(100 * p), column] = 1
    mask = np.ones((2, 100, 1), np.float32)

    def constant_loss(logit):
        logits = jax.numpy.broadcast_to(logit, values.shape)
        return float(balanced_bce(logits, *_jax(values, mask)).mean())

    best = best_constant(class_prior(*_jax(values, mask)))
    assert constant_loss(best) == pytest.approx(1, abs=1e-5)
    for change in rng.normal(size=(5, 3)).astype(np.float32):
        assert constant_loss(best + change) > 1


def test_a_class_absent_from_the_batch_costs_little_where_it_is_not_predicted():
    values, mask = np.zeros((1, 40, 1), np.float32), np.ones((1, 40, 1), np.float32)
    prior = class_prior(*_jax(values, mask))
    assert float(prior[0]) == pytest.approx(0.01)
    constant = jax.numpy.broadcast_to(best_constant(prior), values.shape)
    assert 0 < float(balanced_bce(constant, *_jax(values, mask))[0]) < 1


def test_masked_frames_do_not_matter(rng):
    logits, values, mask = _draw_frames(rng)
    other_logits = np.where(mask > 0, logits, 100.0)
    other_values = np.where(mask > 0, values, 1.0)
    np.testing.assert_array_equal(
        balanced_bce(*_jax(logits, values, mask)),
        balanced_bce(*_jax(other_logits, other_values, mask)),
    )
    nothing_known = balanced_bce(*_jax(logits, values, 0 * mask))
    np.testing.assert_array_equal(nothing_known, [0, 0])


def test_the_prior_is_that_of_the_whole_batch(rng):
    """Documented: losses of a batch are not those of its segments one by one."""
    logits, values, mask = _draw_frames(rng)
    batch = balanced_bce(*_jax(logits, values, mask))
    twice = balanced_bce(*_jax(*(np.concatenate([a, a]) for a in (logits, values, mask))))
    np.testing.assert_allclose(twice, np.concatenate([batch, batch]), rtol=1e-5)
    alone = balanced_bce(*_jax(logits[:1], values[:1], mask[:1]))
    assert abs(float(alone[0] - batch[0])) > 1e-3


def test_bce_and_its_gradient_are_finite_for_extreme_logits():
    logits = np.array([[[1e4], [-1e4]]], np.float32)
    values, mask = np.array([[[0.0], [1.0]]], np.float32), np.ones((1, 2, 1), np.float32)
    gradient = jax.grad(lambda x: balanced_bce(x, *_jax(values, mask)).sum())(*_jax(logits))
    assert np.isfinite(gradient).all()


def test_softmax_cross_entropy(rng):
    logits = rng.normal(size=(4, 5))
    labels = np.array([0, 3, 3, 1])
    values, mask = np.eye(5)[labels], np.array([[1.0], [1.0], [0.0], [1.0]])
    exact = np.log(np.exp(logits).sum(1)) - logits[np.arange(4), labels]
    expected = exact / np.log(5) * mask[:, 0]
    got = softmax_cross_entropy(*_jax(logits, values, mask))
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    uniform = softmax_cross_entropy(*_jax(np.zeros((4, 5)), values, np.ones((4, 1))))
    np.testing.assert_allclose(uniform, 1, rtol=1e-6)
    one_by_one = [softmax_cross_entropy(*_jax(*(a[i : i + 1] for a in (logits, values, mask)))) for i in range(4)]  # fmt: skip  # noqa: E501
    np.testing.assert_allclose(got, np.concatenate(one_by_one), rtol=1e-5)


def test_softmax_cross_entropy_of_frames_is_that_of_clips_averaged(rng):
    logits, values = rng.normal(size=(2, 30, 4)), rng.dirichlet(np.ones(4), size=(2, 30))
    mask = (rng.uniform(size=(2, 30, 1)) < 0.6).astype(float)
    got = softmax_cross_entropy(*_jax(logits, values, mask))
    of_frames = softmax_cross_entropy(
        *_jax(logits.reshape(60, 4), values.reshape(60, 4), mask.reshape(60, 1))
    )
    expected = np.asarray(of_frames).reshape(2, 30).sum(1) / mask.sum((1, 2))
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    unknown = softmax_cross_entropy(*_jax(logits, values, np.zeros((2, 30, 1))))
    np.testing.assert_array_equal(unknown, 0)


def _separation_by_hand(output, values, mask):
    losses = []
    for x, y, m in zip(output, values, mask, strict=True):
        known = m[:, 0, 0] > 0
        x, y = x[known], y[known]
        floor = 0.1 * np.mean(y.sum(1) ** 2) + 1e-8
        error, power = np.mean((x - y) ** 2, (0, 2)), np.mean(y**2, (0, 2))
        losses.append(1 + np.mean(np.log10((error + floor) / (power + floor))))
    return np.array(losses)


def test_separation_loss_is_the_formula_and_batched_is_looped(rng):
    output, values = rng.normal(size=(2, 3, 40, 2, 2)) * 0.1
    mask = np.ones((3, 40, 1, 1))
    mask[1, 25:] = 0
    got = separation_loss(*_jax(output, values, mask))
    np.testing.assert_allclose(got, _separation_by_hand(output, values, mask), rtol=1e-4)
    alone = [separation_loss(*_jax(*(a[i : i + 1] for a in (output, values, mask))))[0] for i in range(3)]  # fmt: skip  # noqa: E501
    np.testing.assert_allclose(got, alone, rtol=1e-5)
    output[1, 25:] = 1e3  # past the end
    np.testing.assert_array_equal(separation_loss(*_jax(output, values, mask)), got)


def test_separation_loss_in_decibels(rng):
    """Silence gets 1, and 10 dB take 1 off, as far as the floor, 10 dB below the mixture, lets."""
    values = rng.normal(size=(1, 4000, 2, 1))
    values /= np.sqrt(np.mean(values**2, axis=1, keepdims=True))
    floor = 0.1 * np.mean(values.sum(2) ** 2)
    mask = np.ones((1, 4000, 1, 1))
    silence = separation_loss(*_jax(0 * values, values, mask))
    np.testing.assert_allclose(silence, 1, rtol=1e-6)
    ten_db = separation_loss(*_jax(values * (1 + 10**-0.5), values, mask))
    np.testing.assert_allclose(ten_db, 1 + np.log10((0.1 + floor) / (1 + floor)), rtol=1e-4)
    perfect = separation_loss(*_jax(values, values, mask))
    np.testing.assert_allclose(perfect, 1 + np.log10(floor / (1 + floor)), rtol=1e-4)
    alone = separation_loss(*_jax(values[:, :, :1], values[:, :, :1], mask))
    np.testing.assert_allclose(alone, -0.041, atol=1e-3)  # as loud as the mixture


def test_separation_loss_is_guarded_for_silent_targets(rng):
    values = np.zeros((1, 400, 2, 1))
    values[:, :, 1] = rng.normal(size=(1, 400, 1))
    mask = np.ones((1, 400, 1, 1))
    leak = np.stack([values[:, :, 1], values[:, :, 1]], axis=2)
    worst = separation_loss(*_jax(leak, values, mask))
    # Stem 0: (1 + f) / f with f = 0.1; stem 1: f / (1 + f). Their logarithms cancel.
    np.testing.assert_allclose(worst, 1, atol=1e-3)
    for silent in (values, 0 * values):  # one silent stem; a silent mixture
        gradient = jax.grad(lambda x, y=silent: separation_loss(x, *_jax(y, mask)).sum())(
            *_jax(leak)
        )
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() < 1e3
    nothing_known = separation_loss(*_jax(leak, values, 0 * mask))
    np.testing.assert_array_equal(nothing_known, [0])


def test_shapes_are_checked():
    with pytest.raises(TypeError):
        softmax_cross_entropy(*_jax(np.zeros((2, 3)), np.zeros((2, 4)), np.ones((2, 1))))
