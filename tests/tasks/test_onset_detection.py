"""Onsets: every label counts, what is closer than 30 ms is one, scores of mir_eval."""

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import Events
from umir.data.example import Example
from umir.studio import render_song
from umir.studio.features import ALL_FEATURES
from umir.tasks import EpisodeSampler, EventDetection, OnsetDetection, StudioSource
from umir.tasks.onset_detection import merge_onsets

RATE = 16_000
TASK = OnsetDetection()


def _onsets(*pairs):
    return Events(np.array([time for time, _ in pairs], float), tuple(name for _, name in pairs))


def test_every_event_is_an_onset():
    events = _onsets((0.2, "KD"), (0.4, ""), (0.6, "piano"), (0.8, "anything"))
    values, mask = TASK.encode(events, RATE, RATE)
    np.testing.assert_array_equal(np.flatnonzero(values[:, 0] == 1), [20, 40, 60, 80])
    assert mask.min() == 1
    assert TASK.unknown_labels(events) == frozenset()
    assert TASK.labels_in(events) == {"KD", "piano", "anything", "onset"}
    assert TASK.labels_in(Events(np.zeros(0), ())) == frozenset()
    assert type(TASK).loss is EventDetection.loss


def test_onsets_closer_than_30_ms_are_one():
    np.testing.assert_array_equal(
        merge_onsets(np.array([0.10, 0.12, 0.125, 0.14, 0.5])), [0.10, 0.14, 0.5]
    )
    values, _ = TASK.encode(_onsets((0.50, "a"), (0.52, "b"), (0.54, "c")), RATE, RATE)
    np.testing.assert_array_equal(np.flatnonzero(values[:, 0] == 1), [50, 54])


@given(st.lists(st.floats(0, 5), max_size=40))
def test_merged_onsets_are_30_ms_apart_and_miss_nothing(times):
    times = np.sort(np.array(times))
    merged = merge_onsets(times)
    assert (np.diff(merged) >= 0.03).all()
    assert set(merged) <= set(times)
    for time in times:
        assert ((merged <= time) & (merged > time - 0.03)).any()


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 60))
def test_scores_are_those_of_mir_eval(seed, n_reference, n_estimate):
    rng = np.random.default_rng(seed)
    true, found = (np.sort(rng.uniform(0, 10, n)) for n in (n_reference, n_estimate))
    scores = TASK.evaluate(Events(true, ("",) * len(true)), Events(found, ("onset",) * len(found)))
    expected = mir_eval.onset.f_measure(true, found, window=0.05)
    assert list(scores) == ["F-measure", "Precision", "Recall"]
    np.testing.assert_allclose(list(scores.values()), expected)


def test_scores_of_a_hand_case_and_of_nothing():
    nothing = Events(np.zeros(0), ())
    true = _onsets((1.0, "a"), (1.02, "b"), (2.0, "a"), (3.0, ""))  # three onsets
    found = _onsets((1.04, "onset"), (2.06, "onset"))
    scores = TASK.evaluate(true, found)
    assert scores == pytest.approx({"F-measure": 2 / 5, "Precision": 1 / 2, "Recall": 1 / 3})
    pooled, _ = TASK.evaluate_all([true, true], [found, nothing])
    assert pooled == pytest.approx({"F-measure": 2 / 8, "Precision": 1 / 2, "Recall": 1 / 6})
    assert np.isnan(list(TASK.evaluate(nothing, nothing).values())).all()
    assert TASK.evaluate(true, nothing)["F-measure"] == 0


def test_decoding_and_the_fitted_threshold(rng):
    events = _onsets(*((0.1 + 0.25 * n, "ab"[n % 2]) for n in range(20)))
    values, _ = TASK.encode(events, 6 * RATE, RATE)
    logits = (6 * values - 9 + 0.3 * rng.normal(size=values.shape)).astype(np.float32)
    assert len(TASK.decode(logits, TASK.default_settings(RATE)).times) == 0
    decoded = TASK.decode(logits, TASK.fit_decoder([logits], [events]))
    assert set(decoded.labels) == {"onset"}
    assert TASK.evaluate(events, decoded)["F-measure"] == 1


def test_variants_read_the_onsets_of_some_labels():
    labels = {"bass", "drums", "piano", "onset"}
    variants = [TASK.variant(np.random.default_rng(seed), labels) for seed in range(60)]
    assert {task.head for task in variants} == {TASK.head}
    # Each instrument alone, each pair, all three.
    assert len(set(variants)) == 7
    assert TASK.variant(np.random.default_rng(0), {"piano", "onset"}) == TASK
    duo = OnsetDetection("v", ("bass+piano",), (("bass", "bass+piano"), ("piano", "bass+piano")))
    events = _onsets((0.1, "bass"), (0.3, "drums"), (0.5, "piano"), (0.7, ""))
    np.testing.assert_array_equal(duo.class_times(events)["bass+piano"], [0.1, 0.5])
    estimate = _onsets((0.1, "bass+piano"), (0.5, "bass+piano"))
    assert duo.evaluate(events, estimate)["F-measure"] == 1


def test_references_of_named_sources_are_merged_and_others_scored_as_annotated():
    pair = [0.1, 0.12]
    both = _onsets((0.1, "kick"), (0.12, "hihat"))
    chord = _onsets((0.1, "piano"), (0.12, "piano"))
    alone = _onsets((0.1, ""), (0.12, ""))
    found = _onsets((0.1, "onset"))
    assert TASK.evaluate(both, found)["Recall"] == TASK.evaluate(chord, found)["Recall"] == 1
    assert TASK.evaluate(alone, found)["Recall"] == 0.5
    for annotation in (both, alone):
        assert TASK.encode(annotation, RATE, RATE).values.sum() == 2.5
        np.testing.assert_array_equal(TASK.onset_times(annotation), pair)


def test_moments_are_at_onsets(rng):
    events = _onsets((0.1, "bass"), (0.3, "drums"), (0.5, ""))
    example = Example(np.zeros((RATE, 1), np.float32), RATE, events, "g", "n")
    assert {TASK.moment(rng, example, "onset") for _ in range(30)} == {0.1, 0.3, 0.5}
    assert TASK.moment(rng, example, "drums") == 0.3


@pytest.fixture(scope="module")
def songs():
    band = ALL_FEATURES.without("singing")  # nobody sings alone
    return [render_song(seed, duration=6.0, style="rock", features=band) for seed in (1, 2, 3)]


def test_songs_of_the_studio_have_the_onsets_of_every_instrument(songs):
    for song in songs:
        examples = StudioSource([song]).examples(TASK)
        views = {example.name.removeprefix(song.name)[2:-1]: example for example in examples}
        assert views["mixture"].waveform is song.mixture
        assert set(views) <= {"mixture", "without vocals", "drums", "other"}
        mixture = views["mixture"].annotation
        assert set(mixture.labels) == {part.instrument for part in song.parts}
        np.testing.assert_allclose(merge_onsets(mixture.times), song.onsets.times)
        assert set(views["drums"].annotation.labels) == {"drums"}
        np.testing.assert_array_equal(views["drums"].annotation.times, song.drums.times)


def test_episodes_of_variants_hold_the_onsets_they_name(songs):
    sampler = EpisodeSampler(
        [TASK], StudioSource(songs), rate=RATE, segments=2, variant_probability=1.0
    )
    episodes = [sampler.episode(step) for step in range(6)]
    assert len({episode.task for episode in episodes}) > 2
    for episode in episodes:
        for batch in (episode.support, episode.query):
            assert batch.target.values.shape == (2, 640, 1)
            assert batch.target.values.max() == 1  # every first segment is cut around an onset
