"""Tempo: bins, targets, estimates between bins, scores by hand."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import Labels
from umir.studio import render_song
from umir.tasks import Classification, EpisodeSampler, StudioSource, TempoEstimation
from umir.tasks.base import Target

TASK = TempoEstimation()


def _tempo(bpm):
    return Labels((str(bpm),))


def test_bins_are_3_percent_apart():
    tempi = np.array([float(name) for name in TASK.vocabulary])
    assert (tempi[0], tempi[-1], len(tempi)) == (40, 240, 60)
    np.testing.assert_allclose(tempi[1:] / tempi[:-1], 6 ** (1 / 59), rtol=2.5e-3)
    assert TASK.head.channels == 60
    assert type(TASK).loss is Classification.loss


@given(st.floats(40, 240))
def test_targets_are_decoded_to_the_tempo_between_bins(bpm):
    values, mask = TASK.encode(_tempo(bpm), 0, 1)
    assert values.sum() == pytest.approx(1, abs=1e-5)
    assert mask == 1
    assert TASK.labels_in(_tempo(bpm)) == TASK.source_labels == {"tempo"}
    decoded = TASK.decode(np.log(values + 1e-9), {})
    # At the ends of the range there are bins on one side only.
    tolerance = 0.003 if 43 < bpm < 220 else 0.02
    assert float(decoded.names[0]) == pytest.approx(bpm, rel=tolerance)
    assert sum(decoded.scores.values()) == pytest.approx(1)


def test_two_neighbouring_bins_are_worth_more_than_a_single_one():
    probabilities = np.full(60, 1e-4)
    probabilities[[10, 30, 31]] = [0.3, 0.25, 0.2]
    tempi = [float(TASK.vocabulary[index]) for index in (30, 31)]
    assert tempi[0] < float(TASK.decode(np.log(probabilities), {}).names[0]) < tempi[1]


@pytest.mark.parametrize("label", ["fast", "", "0", "-120", "nan", "inf", "30", "300"])
def test_labels_that_are_no_tempo_are_unknown(label):
    assert TASK.labels_in(Labels((label,))) == frozenset()
    assert TASK.unknown_labels(Labels((label,))) == {label}
    target = TASK.encode(Labels((label,)), 0, 1)
    assert (target.mask, target.values.sum()) == (0, 0)
    batch = Target(target.values[None], target.mask[None])
    assert float(TASK.loss(jnp.ones((1, 60)), batch)[0]) == 0


def test_the_uniform_output_has_loss_1():
    values = np.stack([TASK.encode(_tempo(bpm), 0, 1).values for bpm in (77, 120, 155.5)])
    loss = TASK.loss(jnp.zeros((3, 60)), Target(values, np.ones((3, 1), np.float32)))
    np.testing.assert_allclose(loss, 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("estimate", "first", "second"),
    [(120, 1, 1), (124.8, 1, 1), (124.9, 0, 0), (115.2, 1, 1), (115.1, 0, 0), (60, 0, 1),
     (240, 0, 1), (40, 0, 1), (360, 0, 1), (41.5, 0, 1), (41.7, 0, 0), (90, 0, 0)],
)  # fmt: skip
def test_within_4_percent_of_the_tempo_or_its_octaves(estimate, first, second):
    scores = TASK.evaluate(_tempo(120), _tempo(estimate))
    assert (scores["Accuracy1"], scores["Accuracy2"]) == (first, second)
    assert scores["relative_error"] == pytest.approx(abs(estimate - 120) / 120)


def test_a_set_is_scored_by_its_means():
    references = [_tempo(100), _tempo(120.5)]
    metrics, per_track = TASK.evaluate_all(references, [_tempo(100), _tempo(60.25)])
    assert metrics == pytest.approx({
        "Accuracy1": 0.5, "Accuracy2": 1, "relative_error": 0.25,
        "P-score": 0.5, "One-correct": 0.5, "Both-correct": 0.5,
    })  # fmt: skip
    assert [track["Accuracy1"] for track in per_track] == [1, 0]
    with pytest.raises(ValueError, match="'fast'.*: not a tempo in beats per minute"):
        TASK.evaluate(Labels(("fast",)), _tempo(100))


def test_two_tempi_of_a_clip():
    """The second may lie outside the bins, or be of nobody."""
    two = Labels(("60", "30"), {"60": 3.0, "30": 1.0})
    assert TASK.can_use(two) and TASK.can_use(Labels(("120", "0"))) and not TASK.can_use(_tempo(30))
    scores = TASK.evaluate(two, Labels(("60", "30")))
    assert scores["P-score"] == scores["Both-correct"] == 1
    assert TASK.evaluate(two, _tempo(60))["P-score"] == pytest.approx(0.75)
    nobody = Labels(two.names, {"60": 0.0, "30": 0.0})
    assert TASK.evaluate(nobody, _tempo(60))["P-score"] == pytest.approx(0.5)
    double = TempoEstimation(factor=2.0)  # reads both an octave higher
    scores = double.evaluate(Labels(("60", "45")), Labels(("120", "90")))
    assert scores["Both-correct"] == 1


def test_variants_count_another_level():
    variants = {TASK.variant(np.random.default_rng(seed)) for seed in range(60)}
    assert {task.head for task in variants} == {TASK.head}
    assert len(variants) == 6
    waltz = TempoEstimation(factor=2 / 3)
    assert waltz.read("120") == pytest.approx(80)
    assert waltz.read("50") == pytest.approx(2 * 100 / 3)  # 33 is below the bins
    assert TempoEstimation(factor=2.0).read("180") == pytest.approx(180)  # 360 is above them
    values = waltz.encode(_tempo(120), 0, 1).values
    np.testing.assert_array_equal(values, TASK.encode(_tempo(120 * (2 / 3)), 0, 1).values)
    assert waltz.evaluate(_tempo(120), _tempo(80))["Accuracy1"] == 1
    assert waltz.evaluate(_tempo(120), _tempo(120))["Accuracy2"] == 0


def test_any_two_songs_make_an_episode():
    songs = [render_song(seed, duration=4.0) for seed in (3, 4)]
    sampler = EpisodeSampler([TASK], StudioSource(songs), rate=16_000, variant_probability=0.5)
    for step in range(4):
        episode = sampler.episode(step)
        assert episode.support.target.values.shape == (4, 60)
        np.testing.assert_array_equal(episode.query.target.mask, 1)


def test_bad_vocabularies_are_refused():
    with pytest.raises(ValueError, match="its classes must be tempi, two at least"):
        TempoEstimation(vocabulary=("slow", "fast"))
    with pytest.raises(ValueError, match="its classes must be tempi, two at least"):
        TempoEstimation(vocabulary=("100",))


def test_a_set_is_51_seconds_at_most():
    assert [TASK.n_segments(wanted) * TASK.segment_seconds for wanted in (1, 4, 9)] == [
        12.8, 51.2, 51.2,
    ]  # fmt: skip


def test_a_song_of_the_studio_has_its_tempo():
    song = render_song(3, duration=4.0)
    (example,) = StudioSource([song]).examples(TASK)
    assert example.waveform is song.mixture
    assert float(example.annotation.names[0]) == pytest.approx(song.tempo, abs=0.006)
