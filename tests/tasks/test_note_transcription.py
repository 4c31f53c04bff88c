"""Notes: encoding, decoding and scores, against impulses, mir_eval and hand cases."""

import json
import math

import jax.numpy as jnp
import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import Notes
from umir.data.example import Example
from umir.tasks import EventDetection, NoteTranscription
from umir.tasks.base import Target
from umir.tasks.pitch_axis import PITCH_CLASSES, octaves

RATE = 16_000
TASK = NoteTranscription()
SMALL = NoteTranscription("notes", octaves(4, 4))
METRICS = ["Onset_F-measure", "F-measure_no_offset", "F-measure"]
FRAMES = ["Frame_F-measure", "Frame_Precision", "Frame_Recall", "Frame_Accuracy"]


def _hz(numbers):
    return 440 * 2 ** ((np.array(numbers, float) - 69) / 12)


def _notes(*rows, labels=()):
    """Rows of onset, offset, MIDI number."""
    table = np.array(rows, float).reshape(-1, 3)
    return Notes(table[:, :2], _hz(table[:, 2]), labels)


def _of_notes(task, reference, estimate):
    """The metrics of notes; those of frames are tested with `note_metrics`."""
    scores = task.evaluate(reference, estimate)
    assert list(scores) == METRICS + FRAMES
    return {name: scores[name] for name in METRICS}


def _logits(values):
    clipped = np.clip(values.astype(np.float64), 1e-4, 1 - 1e-4)
    return np.log(clipped / (1 - clipped)).astype(np.float32)


@pytest.mark.parametrize("start", [0, 13, 250])
def test_a_note_is_at_its_frames_also_in_cut_segments(start):
    song = _notes((2.7, 3.1, 69))
    cut = song.crop(start / 100, start / 100 + 4)
    values, mask = TASK.encode(cut, 4 * RATE, RATE)
    assert values.shape == mask.shape == (400, 264)
    onset, active, offset = np.split(values, 3, axis=1)
    first, key = 270 - start, 69 - 21
    np.testing.assert_array_equal(onset[first - 2 : first + 3, key], [0.25, 0.5, 1, 0.5, 0.25])
    np.testing.assert_array_equal(np.flatnonzero(active[:, key]), np.arange(first, first + 40))
    np.testing.assert_array_equal(np.roll(offset[:, key], -40), onset[:, key])
    assert onset.sum() == offset.sum() == 2.5 and active.sum() == 40
    assert mask.all()


def test_a_note_that_goes_beyond_the_segment_has_no_onset_or_offset_that_is_known():
    values, mask = SMALL.encode(
        _notes((1.0, 5.0, 60), (2.5, 3.0, 61)).crop(2.0, 4.0), 2 * RATE, RATE
    )
    np.testing.assert_array_equal(mask[:4, 0], [0, 0, 0, 1])
    np.testing.assert_array_equal(mask[-4:, 24], [1, 0, 0, 0])
    assert mask.sum() == mask.size - 6
    np.testing.assert_array_equal(np.flatnonzero(values[:, 12]), np.arange(200))
    assert values[3:, 0].sum() == 0


def test_pitches_are_those_nearest_and_others_are_ignored():
    notes = Notes(np.tile([0.2, 0.4], (4, 1)), _hz([60.4, 61.6, 59.4, 71.6]))
    values, mask = SMALL.encode(notes, RATE, RATE)
    assert set(np.flatnonzero(values[30, 12:24])) == {0, 2}
    assert mask.all()


def test_the_shortest_note_sounds_for_a_frame():
    values, _ = SMALL.encode(_notes((0.5, 0.501, 60)), RATE, RATE)
    assert values[:, 12].sum() == 1


def test_who_plays_is_read_and_unknown_players_are_masked():
    task = NoteTranscription(vocabulary=octaves(4, 4), only=("flute", "harp"))
    rows = (0.1, 0.2, 60), (0.1, 0.2, 62), (0.1, 0.2, 64)
    values, mask = task.encode(_notes(*rows, labels=("flute", "piano", "harp")), RATE, RATE)
    assert set(np.flatnonzero(values[15, 12:24])) == {0, 4}
    assert mask.all()
    assert not task.encode(_notes(*rows), RATE, RATE).mask.any()
    assert task.encode(_notes(), RATE, RATE).mask.all()
    assert SMALL.encode(_notes(*rows), RATE, RATE).mask.all()
    played = _notes(*rows, labels=("flute", "piano", "harp"))
    assert _of_notes(task, played, _notes(rows[0], rows[2])) == dict.fromkeys(METRICS, 1)


@given(
    st.sets(st.tuples(st.integers(0, 9), st.integers(21, 108)), max_size=15),
    st.integers(4, 30),
    st.floats(0.03, 0.09),
)
def test_decoding_recovers_what_was_encoded(slots, length, shift):
    rows = [(0.4 * s + shift, 0.4 * s + shift + length / 100, n) for s, n in sorted(slots)]
    notes = _notes(*rows)
    values, _ = TASK.encode(notes, 5 * RATE, RATE)
    decoded = TASK.decode(_logits(values), TASK.default_settings(RATE))
    np.testing.assert_allclose(decoded.frequencies, notes.frequencies)
    np.testing.assert_allclose(decoded.intervals, notes.intervals, atol=0.0051)
    if rows:
        assert _of_notes(TASK, notes, decoded) == dict.fromkeys(METRICS, 1)


def test_scores_are_those_of_mir_eval(rng):
    def random_notes(n):
        onsets = np.sort(rng.uniform(0, 10, n))
        intervals = np.stack([onsets, onsets + rng.uniform(0.05, 1, n)], axis=1)
        return Notes(intervals, _hz(rng.integers(58, 63, n) + rng.uniform(-0.4, 0.4, n)))

    reference, estimate = random_notes(120), random_notes(150)
    expected = mir_eval.transcription.evaluate(
        reference.intervals, reference.frequencies, estimate.intervals, estimate.frequencies
    )
    scores = _of_notes(TASK, reference, estimate)
    assert scores == pytest.approx({name: expected[name] for name in METRICS})
    assert 0 < scores["F-measure"] < scores["F-measure_no_offset"] < scores["Onset_F-measure"] < 1


def test_scores_of_a_hand_case():
    reference = _notes((1, 2, 60), (2, 3, 62), (3, 4, 64))
    # Right; right but let go 0.3 s too early (a fifth of a second is allowed); a wrong pitch.
    estimate = _notes((1.04, 2.1, 60), (2, 2.7, 62), (3, 4, 65), (3.5, 4, 65))
    assert _of_notes(TASK, reference, estimate) == pytest.approx({
        "Onset_F-measure": 2 * 3 / 7, "F-measure_no_offset": 2 * 2 / 7, "F-measure": 2 * 1 / 7,
    })  # fmt: skip


def test_silence_and_misses_and_false_alarms():
    song, silence = _notes((1, 2, 60)), _notes()
    for pair in ((song, silence), (silence, song)):
        assert _of_notes(TASK, *pair) == dict.fromkeys(METRICS, 0)
    assert all(math.isnan(value) for value in TASK.evaluate(silence, silence).values())
    metrics, per_track = TASK.evaluate_all([song, silence], [song, silence])
    assert metrics == dict.fromkeys(METRICS + FRAMES, 1)
    assert len(per_track) == 2


def test_the_decoder_is_fitted_however_low_activations_are(rng):
    rows = [(0.3 * n + 0.1, 0.3 * n + 0.3, 60 + n % 12) for n in range(30)]
    notes = _notes(*rows)
    values, _ = SMALL.encode(notes, 10 * RATE, RATE)
    outputs = [_logits(0.05 * np.clip(values, 0.02, 0.9)) + 0.1 * rng.normal(size=values.shape)]
    settings = SMALL.fit_decoder(outputs, [notes])
    assert json.loads(json.dumps(settings)) == settings
    assert SMALL.evaluate(notes, SMALL.decode(outputs[0], settings))["F-measure"] > 0.95
    default = SMALL.decode(outputs[0], SMALL.default_settings(RATE))
    assert SMALL.evaluate(notes, default)["F-measure"] == 0


def test_the_loss_is_that_of_events_and_a_fresh_head_starts_at_its_best_constant(rng):
    assert NoteTranscription.loss is EventDetection.loss
    values = (rng.uniform(size=(4, 640, 36)) < 0.1).astype(np.float32)
    target = Target(values, np.ones_like(values))
    output = jnp.broadcast_to(jnp.asarray(SMALL.head_prior(target)), values.shape)
    assert float(SMALL.loss(output, target).mean()) == pytest.approx(1, abs=1e-3)


def test_silence_has_a_finite_loss():
    target = Target(*(x[None] for x in SMALL.encode(_notes(), RATE, RATE)))
    output = jnp.broadcast_to(jnp.asarray(SMALL.head_prior(target)), target.values.shape)
    assert np.isfinite(SMALL.loss(output, target)).all()


def test_labels_and_moments(rng):
    notes = _notes((1, 2, 60), (3, 4, 72), (5, 6, 74), labels=("flute", "piano", ""))
    assert TASK.labels_in(notes) == {"note", "flute", "piano", "octave 4", "octave 5"}
    assert TASK.labels_in(_notes()) == frozenset()
    assert TASK.labels_in(_notes((1, 2, 60))) == {"note", "octave 4"}
    assert TASK.source_labels == {"note"}
    assert TASK.unknown_labels(notes) == frozenset()
    example = Example(np.zeros((7 * RATE, 1), np.float32), RATE, notes, "a", "a")
    for label, times in {"note": {1, 3, 5}, "flute": {1}, "octave 5": {3, 5}}.items():
        assert {TASK.moment(rng, example, label) for _ in range(40)} == times


def test_variants_have_few_shapes_and_read_what_there_is():
    labels = {"note", "octave 2", "octave 3", "flute", "harp", "piano", "organ"}
    variants = [TASK.variant(np.random.default_rng(seed), labels) for seed in range(100)]
    assert {task.head.channels for task in variants} == {264, 36}
    assert len(set(variants)) > 20
    for task in variants:
        assert task.source_labels <= labels
        by_octave = set(task.only) & {"octave 2", "octave 3"}
        assert not by_octave or task.vocabulary == octaves(
            int(task.only[0][-1]), int(task.only[0][-1])
        )  # noqa: E501
        assert len(task.only) <= 3
    assert any(task.axis.folded and task.only for task in variants)
    assert any(task.head == TASK.head and task.only for task in variants)


def test_variants_without_players_are_octaves_or_pitch_classes():
    for labels in (None, {"note", "octave 4"}):
        variants = [TASK.variant(np.random.default_rng(seed), labels) for seed in range(20)]
        assert {task.head.channels for task in variants} == {36}
        assert all(not task.only or task.only[0].startswith("octave") for task in variants)


def test_an_octave_is_all_that_its_variant_reads():
    task = NoteTranscription(vocabulary=octaves(4, 4), only=("octave 4",))
    song, found = _notes((1, 2, 60), (1, 2, 50)), _notes((1, 2, 60))
    assert _of_notes(task, song, found) == dict.fromkeys(METRICS, 1)
    # A folder whose training songs had one octave still misses what others have beyond it.
    assert SMALL.evaluate(song, found)["F-measure"] == pytest.approx(2 / 3)


def test_pitch_classes_are_scored_up_to_octaves():
    task = NoteTranscription(vocabulary=PITCH_CLASSES)
    song = _notes((0.1, 0.3, 48), (0.5, 0.7, 72), (0.9, 1.1, 93))
    values, _ = task.encode(song, 2 * RATE, RATE)
    decoded = task.decode(_logits(values), task.default_settings(RATE))
    np.testing.assert_allclose(decoded.frequencies, _hz([60, 60, 69]))
    assert _of_notes(task, song, decoded) == dict.fromkeys(METRICS, 1)


def test_labels_are_kept_by_cropping_and_counted():
    notes = _notes((0, 1, 60), (2, 3, 62), (2.5, 4, 64), labels=("a", "b", "c"))
    assert notes.crop(2.2, 5.0).labels == ("b", "c")
    assert notes.crop(1.2, 1.5).labels == ()
    assert _notes((0, 1, 60)).crop(0.0, 1.0).labels == ()
    with pytest.raises(ValueError, match="3 notes but 1 labels"):
        Notes(notes.intervals, notes.frequencies, ("a",))
