"""Singing voice: names, scores against scikit-learn, variants of one class."""

import numpy as np
import pytest
from sklearn import metrics

from umir.annotations import Intervals
from umir.studio.song import INSTRUMENTS
from umir.tasks import SingingVoiceDetection

RATE = 16_000
TASK = SingingVoiceDetection()


def _intervals(*rows, duration=10.0):
    bounds = np.array([row[:2] for row in rows], float).reshape(-1, 2)
    return Intervals(bounds, tuple(row[2] for row in rows), duration)


@pytest.mark.parametrize("label", ["voice", "vocals", "sing", "female singer", "vocalists"])
def test_names_of_the_voice(label):
    values, _ = TASK.encode(_intervals((0.2, 0.6, label), (0, 1, "piano")), RATE, RATE)
    assert np.flatnonzero(values).tolist() == list(range(10, 30))
    assert label in TASK.source_labels
    assert (
        TASK.unknown_labels(_intervals((0, 1, label), (0, 1, "piano"), (1, 2, "nosing"))) == set()
    )


@pytest.mark.parametrize("label", ["Vocals", "male rapper", "Female Singer"])
def test_names_in_capitals_and_rappers_are_voices(label):
    values, _ = TASK.encode(_intervals((0.2, 0.6, label)), RATE, RATE)
    assert np.flatnonzero(values).tolist() == list(range(10, 30))
    assert TASK.labels_in(_intervals((0, 1, label))) <= TASK.source_labels


@pytest.mark.parametrize("label", ["lead_vocals", "male vocals", "Vocalist", "rap"])
def test_names_of_voices_are_read_in_any_spelling(label):
    assert TASK.encode(_intervals((0, 1, label)), RATE, RATE).values.all()


@pytest.mark.parametrize("label", ["vocals 2", "bass voice", "choir (boys)"])
def test_where_a_voice_may_be_meant_nothing_is_learnt_or_scored(label):
    song = _intervals((0, 0.5, "vocals"), (0.2, 0.8, label), (0.8, 1, "piano"))
    assert TASK.unknown_labels(song) == {label}
    values, mask = TASK.encode(song, RATE, RATE)
    assert np.flatnonzero(values).tolist() == list(range(25))
    assert np.flatnonzero(mask == 0).tolist() == list(range(25, 40))
    estimate = _intervals((0, 0.6, "voice"), (0.9, 1, "voice"))
    assert TASK.evaluate(song, estimate)["accuracy"] == pytest.approx(
        (1000 - 30 - 10) / (1000 - 30)
    )
    bass = TASK.variant(np.random.default_rng(0), ["bass"])
    assert bass.encode(song, RATE, RATE).mask.all()


@pytest.mark.parametrize(
    "label", ["nosing", "no_vocals", "Instrumental", "violin section", "acoustic_guitar", "drums"]
)
def test_songs_that_name_instruments_or_nobody_have_no_voice(label):
    song = _intervals((0, 1, label), (1, 2, "chorus"))
    assert TASK.can_use(song)
    assert TASK.is_about(song)
    assert not TASK.encode(song, RATE, RATE).values.any()
    assert TASK.unknown_labels(song) == {"chorus"}


@pytest.mark.parametrize(
    "label", ["Gesang", "C:maj", "chorus", "lead singer 2", "lead", "bass voice", "acoustic"]
)
def test_songs_whose_names_may_be_of_voices_say_nothing(label):
    song = _intervals((0, 1, label))
    assert not TASK.can_use(song)
    assert not TASK.is_about(song)
    assert label.lower() in TASK.complaint(song)
    assert TASK.can_use(_intervals((0, 1, label), (1, 2, "sing")))
    assert TASK.can_use(_intervals())


def test_scores_are_those_of_scikit_learn():
    reference = _intervals((1, 4, "sing"), (4, 5, "nosing"), (6, 7, "sing"))
    estimate = _intervals((2, 5, "voice"), (9, 10, "voice"))
    true, guess = np.zeros((2, 1000), int)
    true[100:400] = true[600:700] = 1
    guess[200:500] = guess[900:] = 1
    expected = {
        "accuracy": metrics.accuracy_score(true, guess),
        "f1": metrics.f1_score(true, guess),
        "precision": metrics.precision_score(true, guess),
        "recall": metrics.recall_score(true, guess),
    }
    assert TASK.evaluate(reference, estimate) == pytest.approx(expected)
    assert TASK.evaluate_all([reference], [estimate])[0] == pytest.approx(expected)


def test_a_song_without_voice_only_has_an_accuracy():
    scores = TASK.evaluate(_intervals((0, 5, "piano")), _intervals())
    assert scores.pop("accuracy") == 1
    assert np.isnan(list(scores.values())).all()


def test_the_decoder_is_fitted_to_accuracy():
    """Three times as many frames without voice at the same probability: best never found."""
    logits = np.full((400, 1), -3.0)
    logits[200:] = 0.0
    reference = _intervals((7, 8, "voice"), duration=8.0)
    decoded = TASK.decode(logits, TASK.fit_decoder([logits], [reference]))
    assert not len(decoded.labels)
    assert TASK.evaluate(reference, decoded)["accuracy"] == pytest.approx(7 / 8)


def test_variants_ask_for_one_to_three_instruments():
    variants = [TASK.variant(np.random.default_rng(n)) for n in range(60)]
    assert {v.head for v in variants} == {TASK.head}
    assert {len(v.label_map) for v in variants} == {1, 2, 3}
    assert len(set(variants)) > 40
    for variant in variants:
        labels = [label for label, _ in variant.label_map]
        assert set(labels) <= set(INSTRUMENTS)
        assert variant.vocabulary == ("+".join(labels),)
        song = _intervals((0.0, 0.5, labels[0]), (0.5, 1.0, "theremin"))
        assert variant.encode(song, RATE, RATE).values[:, 0].tolist() == [1] * 25 + [0] * 25
    assert {
        v.vocabulary for n in range(9) if (v := TASK.variant(np.random.default_rng(n), ["x"]))
    } == {("x",)}
    assert TASK.variant(np.random.default_rng(0), []) == TASK
