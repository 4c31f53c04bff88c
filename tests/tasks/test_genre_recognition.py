"""Genres: styles and genres are read, unknown ones masked, variants of single styles."""

import numpy as np
import pytest

from umir.annotations import Labels
from umir.studio.styles import STYLES
from umir.tasks import GenreRecognition
from umir.tasks.genre_recognition import GENRES

TASK = GenreRecognition()


def test_every_style_of_the_studio_has_one_genre():
    styles = [style for members in GENRES.values() for style in members]
    assert sorted(styles) == sorted(STYLES)
    assert len(TASK.vocabulary) == TASK.head.channels == 5


@pytest.mark.parametrize("label", ["jazz", "blues", "bossa_nova"])
def test_styles_and_genres_are_read(label):
    values, mask = TASK.encode(Labels((label,)), 1, 1)
    assert TASK.vocabulary[values.argmax()] == "jazz"
    assert values.sum() == mask[0] == 1
    assert TASK.evaluate(Labels((label,)), Labels(("jazz",))) == {"accuracy": 1.0}


def test_what_is_not_known_is_masked_and_reported():
    values, mask = TASK.encode(Labels(("polka",)), 1, 1)
    assert values.sum() == mask[0] == 0
    assert TASK.unknown_labels(Labels(("polka",))) == {"polka"}
    assert TASK.evaluate(Labels(("polka",)), Labels(("jazz",))) == {"accuracy": 0.0}


def test_scores_are_of_genres():
    references = [Labels(("metal",)), Labels(("house",)), Labels(("rock",))]
    estimates = [Labels(("rock",)), Labels(("rock",)), Labels(("rock",))]
    scores, per_track = TASK.evaluate_all(references, estimates)
    assert scores == pytest.approx({"accuracy": 2 / 3, "macro_f1": (4 / 5 + 0) / 2})
    assert [track["accuracy"] for track in per_track] == [1, 0, 1]


def test_support_sets_have_two_clips_of_each_genre_and_at_most_51_seconds():
    assert TASK.n_segments(4) == 10
    assert TASK.n_segments(4) * TASK.segment_seconds <= 51.2


def test_variants_are_five_single_styles():
    variants = [TASK.variant(np.random.default_rng(n)) for n in range(40)]
    assert {v.head for v in variants} == {TASK.head}
    assert len(set(variants)) == 40
    for variant in variants:
        assert variant.source_labels == set(variant.vocabulary) <= set(STYLES)
    few = TASK.variant(np.random.default_rng(0), ["jazz", "rock", "pop", "folk"])
    assert len(few.vocabulary) == 4
    assert TASK.variant(np.random.default_rng(0), ["jazz", "rock"]) == TASK
