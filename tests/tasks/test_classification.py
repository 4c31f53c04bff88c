"""Classification: targets, priors, thresholds, and scores against scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics

from umir.annotations import Labels
from umir.studio.song import INSTRUMENTS
from umir.tasks import Classification, InstrumentRecognition, MultiLabelClassification
from umir.tasks.base import Target

NAMES = ("a", "b", "c")
ONE = Classification("one", NAMES)
MANY = MultiLabelClassification("many", NAMES)


def test_encoding():
    values, mask = ONE.encode(Labels(("b",)), 100, 100)
    np.testing.assert_array_equal(values, [0, 1, 0])
    np.testing.assert_array_equal(mask, [1])
    np.testing.assert_array_equal(ONE.encode(Labels(("z",)), 100, 100).mask, [0])  # not known
    np.testing.assert_array_equal(ONE.encode(Labels(("a", "c")), 1, 1).values, [0.5, 0, 0.5])
    values, mask = MANY.encode(Labels(("a", "c", "z")), 100, 100)
    np.testing.assert_array_equal(values, [1, 0, 1])
    np.testing.assert_array_equal(mask, [1, 1, 1])
    assert values.dtype == mask.dtype == np.float32


def test_labels_of_which_nobody_has_said_whether_they_hold_are_masked():
    partial = Labels(("a",), unknown=("c", "z", "a"))
    values, mask = MANY.encode(partial, 100, 100)
    np.testing.assert_array_equal(values, [1, 0, 0])
    np.testing.assert_array_equal(mask, [1, 1, 0])
    assert partial.crop(0.0, 1.0) == partial
    target = Target(np.stack([values, [0, 1, 1]]), np.stack([mask, [1, 1, 1]]))
    logits = jnp.array([[0.5, -1.0, 2.0], [1.0, 0.0, -1.0]], jnp.float32)
    slope = jax.grad(lambda x: MANY.loss(x, target).sum())(logits)
    assert (np.asarray(slope) != 0).tolist() == [[True, True, False], [True, True, True]]


def test_labels_of_which_nobody_has_said_whether_they_hold_are_not_scored(rng):
    """As if each class were scored alone, on the clips where it is known."""
    true, known = rng.uniform(size=(2, 60, 3)) < np.array([0.4, 0.5])[:, None, None]
    logits = rng.normal(size=(60, 3)) + true
    references = [
        Labels(
            tuple(name for name, t, k in zip(NAMES, holds, told, strict=True) if t and k),
            unknown=tuple(name for name, k in zip(NAMES, told, strict=True) if not k),
        )
        for holds, told in zip(true, known, strict=True)
    ]
    settings = MANY.fit_decoder(list(logits), references)
    estimates = [MANY.decode(row, settings) for row in logits]
    scores, per_track = MANY.evaluate_all(references, estimates)
    alone = {"mAP": metrics.average_precision_score, "roc_auc": metrics.roc_auc_score}
    for name, score in alone.items():
        classes = [score(true[k, c], logits[k, c]) for c, k in enumerate(known.T)]
        assert scores[name] == pytest.approx(np.mean(classes))
    for column, (name, told) in enumerate(zip(NAMES, known.T, strict=True)):
        single = MultiLabelClassification("one", (name,))
        held = [Labels((name,) if t else ()) for t in true[told, column]]
        fitted = single.fit_decoder(list(logits[told, column, None]), held)
        assert settings["thresholds"][name] == fitted["thresholds"][name]
    said = {*estimates[0].names} - {*references[0].unknown}
    hits = len(said & {*references[0].names})
    whole = len(said) + len(references[0].names)
    assert per_track[0]["f1"] == pytest.approx(2 * hits / whole if whole else 1.0)


def test_decoding_carries_probabilities():
    decoded = ONE.decode(np.log([0.2, 0.5, 0.3]), {})
    assert decoded.names == ("b",)
    assert decoded.scores == pytest.approx({"a": 0.2, "b": 0.5, "c": 0.3})
    decoded = MANY.decode(np.array([0.0, -9.0, 9.0]), MANY.default_settings(100))
    assert decoded.names == ("a", "c")
    assert decoded.scores["a"] == 0.5


def test_scores_of_single_labels_are_scikit_learns(rng):
    true, guess = rng.choice(list(NAMES), size=(2, 40))
    scores, per_track = ONE.evaluate_all(
        [Labels((str(name),)) for name in true], [Labels((str(name),)) for name in guess]
    )
    assert scores["accuracy"] == metrics.accuracy_score(true, guess)
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(true, guess, average="macro"))
    assert sum(track["accuracy"] for track in per_track) == (true == guess).sum()


def test_scores_of_a_hand_case():
    """a: F = 2/3; b: F = 0; c occurs nowhere and is left out."""
    scores, _ = ONE.evaluate_all([Labels(("a",)), Labels(("a",))], [Labels(("a",)), Labels(("b",))])
    assert scores == pytest.approx({"accuracy": 0.5, "macro_f1": 1 / 3})


def test_scores_of_several_labels_are_scikit_learns(rng):
    true = rng.uniform(size=(30, 3)) < 0.4
    logits = rng.normal(size=(30, 3)) + 2 * true
    references = [Labels(tuple(n for n, t in zip(NAMES, row, strict=True) if t)) for row in true]
    estimates = [MANY.decode(row, MANY.default_settings(100)) for row in logits]
    scores, per_track = MANY.evaluate_all(references, estimates)
    assert scores["mAP"] == pytest.approx(metrics.average_precision_score(true, logits))
    assert scores["roc_auc"] == pytest.approx(metrics.roc_auc_score(true, logits))
    found = (logits >= 0).astype(int)
    f1 = metrics.f1_score(true.astype(int), found, average="samples", zero_division=1.0)
    assert np.mean([track["f1"] for track in per_track]) == pytest.approx(f1)


def test_classes_that_cannot_be_scored_are_left_out():
    """a: always there (no ROC); b: never (neither); c: a perfect ranking."""
    references = [Labels(("a", "c")), Labels(("a",))]
    estimates = [MANY.decode(np.array([x, 0.0, x]), MANY.default_settings(1)) for x in (1.0, -1.0)]
    scores, _ = MANY.evaluate_all(references, estimates)
    assert scores == {"mAP": 1.0, "roc_auc": 1.0}
    nothing, _ = MANY.evaluate_all([Labels(())], estimates[:1])
    assert np.isnan(list(nothing.values())).all()
    with pytest.raises(ValueError, match="an estimate without scores cannot be ranked"):
        MANY.evaluate_all(references, references)


def test_thresholds_are_the_best_of_all(rng):
    true = rng.uniform(size=(40, 3)) < 0.3
    logits = np.round(rng.normal(size=(40, 3)) + 1.5 * true - 2, 1)  # with ties, and too low for 0
    references = [Labels(tuple(n for n, t in zip(NAMES, row, strict=True) if t)) for row in true]
    settings = MANY.fit_decoder(list(logits), references)
    probabilities = 1 / (1 + np.exp(-logits))
    for column, name in enumerate(NAMES):

        def f1(threshold, column=column):
            return metrics.f1_score(true[:, column], probabilities[:, column] >= threshold)

        best = max(f1(p) for p in probabilities[:, column])
        assert f1(settings["thresholds"][name]) == pytest.approx(best)


def test_a_fresh_head_starts_at_the_best_constant():
    """The classes are in 10, 15 and 1 of 20 clips; the last one's weight is just below its cap."""
    values = np.zeros((20, 3), np.float32)
    values[:10, 0] = values[:15, 1] = values[:1, 2] = 1
    target = Target(values, np.ones((20, 1), np.float32))
    constant = jnp.broadcast_to(jnp.asarray(MANY.head_prior(target)), values.shape)
    assert float(MANY.loss(constant, target).mean()) == pytest.approx(1, abs=1e-5)


def test_a_softmax_head_starts_at_the_log_prior():
    balanced = Target(np.eye(3, dtype=np.float32), np.ones((3, 1), np.float32))
    np.testing.assert_allclose(ONE.head_prior(balanced), 0, atol=1e-6)
    assert float(ONE.loss(jnp.zeros((3, 3)), balanced).mean()) == pytest.approx(1)
    values = np.eye(3, dtype=np.float32)[[0] * 7 + [1]]
    mask = np.ones((8, 1), np.float32)
    prior = ONE.head_prior(Target(values, mask))
    # One clip of each class is taken as seen before: counts 8, 2, 1.
    np.testing.assert_allclose(prior - prior[2], np.log([8, 2, 1]), rtol=1e-5)


def test_sets_of_clips_hold_each_class_equally_often():
    assert InstrumentRecognition().n_segments(4) == 8
    assert ONE.n_segments(4) == 9
    assert Classification("x", tuple("abcdefghijkl")).n_segments(4) == 12


def test_variants_have_one_of_two_numbers_of_classes():
    task = InstrumentRecognition()
    assert set(task.vocabulary) <= set(INSTRUMENTS)
    assert len(task.vocabulary) == 8
    variants = [task.variant(np.random.default_rng(seed), INSTRUMENTS) for seed in range(30)]
    assert {variant.head for variant in variants} == {task.head}
    assert len(set(variants)) == 30
    for variant in variants:
        assert set(variant.vocabulary) <= set(INSTRUMENTS)
    few = task.variant(np.random.default_rng(0), INSTRUMENTS[:6])
    assert len(few.vocabulary) == 4
    assert task.variant(np.random.default_rng(0), INSTRUMENTS[:3]) == task
    assert set(task.variant(np.random.default_rng(0)).vocabulary) == set(task.vocabulary)
