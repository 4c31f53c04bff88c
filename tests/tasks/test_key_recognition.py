"""Keys: spellings, targets in proportion to mir_eval's credit, scores."""

import jax.numpy as jnp
import mir_eval
import numpy as np
import pytest

from umir.annotations import Labels
from umir.tasks import KeyRecognition
from umir.tasks.key_recognition import KEYS, read_key

TASK = KeyRecognition()


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("C major", "C major"), ("A minor", "A minor"), ("a minor", "A minor"), ("Am", "A minor"),
        ("A:min", "A minor"), ("Bb", "Bb major"), ("Bbm", "Bb minor"), ("A#min", "Bb minor"),
        ("Cb major", "B major"), ("E# minor", "F minor"), ("F#:maj", "Gb major"),
        ("D♭ Major", "Db major"), ("G dorian", "G minor"), ("G mixolydian", "G major"),
        ("AM", "A major"), ("Abb", "G major"), ("B", "B major"), (" eb_MINOR ", "Eb minor"),
        ("bb minor", "Bb minor"),
    ],
)  # fmt: skip
def test_spellings(label, key):
    assert read_key(label) == key


@pytest.mark.parametrize("label", ["", "H major", "a", "bb", "A cheerful", "X", "8A", "C major?"])
def test_what_is_no_key(label):
    assert read_key(label) is None


@pytest.mark.parametrize("key", KEYS)
def test_keys_are_mir_evals_and_read_as_themselves(key):
    mir_eval.key.validate_key(key)
    assert read_key(key) == key


def test_targets_are_shared_by_related_keys():
    values, mask = TASK.encode(Labels(("Am",)), 1, 1)
    found = {key: round(float(v), 4) for key, v in zip(KEYS, values, strict=True) if v}
    assert found == {"A minor": 0.5, "E minor": 0.25, "C major": 0.15, "A major": 0.1}
    assert mask[0] == 1
    # The best output is as the target, and its largest is the key.
    logits = jnp.log(jnp.asarray(values) + 1e-9)[None]
    best = float(TASK.loss(logits, TASK.encode(Labels(("Am",)), 1, 1)._replace(
        values=values[None], mask=mask[None]))[0])  # fmt: skip
    assert best == pytest.approx(-(values * np.log(values + 1e-9)).sum() / np.log(24), rel=1e-4)
    assert TASK.decode(np.asarray(logits[0]), {}).names == ("A minor",)


def test_what_is_no_key_is_masked_and_left_out():
    values, mask = TASK.encode(Labels(("sad",)), 1, 1)
    assert values.sum() == mask[0] == 0
    assert TASK.unknown_labels(Labels(("sad",))) == {"sad"}
    assert TASK.labels_in(Labels(("A#m",))) == {"Bb minor"}
    scores, _ = TASK.evaluate_all([Labels(("sad",)), Labels(("Bbm",))], [Labels(("A# minor",))] * 2)
    assert scores == {"accuracy": 1.0, "weighted_score": 1.0}


def test_scores_are_the_mean_of_mir_evals(rng):
    true, guess = rng.choice(KEYS[:4], size=(2, 30))
    scores, per_track = TASK.evaluate_all(
        [Labels((str(key),)) for key in true], [Labels((str(key),)) for key in guess]
    )
    expected = [mir_eval.key.weighted_score(*pair) for pair in zip(true, guess, strict=True)]
    assert scores["weighted_score"] == pytest.approx(np.mean(expected))
    assert scores["accuracy"] == pytest.approx(np.mean(true == guess))
    assert [track["weighted_score"] for track in per_track] == expected
    fifth = TASK.evaluate(Labels(("C",)), Labels(("G major",)))
    assert fifth == {"accuracy": 0.0, "weighted_score": 0.5}


def test_sets_have_at_most_51_seconds_and_variants_four_keys():
    assert TASK.n_segments(4) * TASK.segment_seconds == pytest.approx(51.2)
    variant = TASK.variant(np.random.default_rng(0), KEYS[:6])
    assert len(variant.vocabulary) == 4
    for key in variant.vocabulary:
        values, mask = variant.encode(Labels((key,)), 1, 1)
        assert variant.vocabulary[values.argmax()] == key
        assert values.sum() == pytest.approx(1) and mask[0] == 1
