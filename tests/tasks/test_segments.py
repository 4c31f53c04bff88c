"""Segments: levels, padding, masks, augmentation."""

import jax
import numpy as np
import pytest

from umir.annotations import Events, Labels, Stems
from umir.data.example import Example
from umir.tasks import (
    Classification,
    EventDetection,
    MultiLabelClassification,
    Pool,
    get_task,
    segment_batch,
)
from umir.tasks.augmentation import low_pass, random_cutoff, random_gain
from umir.tasks.segments import _places

RATE = 1000
EVENTS = EventDetection("events", ("a", "b"))
TWO = get_task("vocal_separation")


def _click_song(times, seconds=10.0, group="g", level=0.5):
    waveform = np.zeros((round(seconds * RATE), 1), np.float32)
    for time in times:
        waveform[round(time * RATE)] = level
    labels = tuple("ab"[n % 2] for n in range(len(times)))
    return Example(waveform, RATE, Events(np.array(times, float), labels), group, group)


def _stem_song(rng, seconds=10.0, group="g"):
    shape = (round(seconds * RATE), 1)
    stems = {name: rng.normal(size=shape).astype(np.float32) * 0.1 for name in ("vocals", "other")}
    return Example(sum(stems.values()), RATE, Stems(stems, RATE), group, group)


def _draw(task, examples, seed=0, **kwargs):
    return segment_batch(task, examples, np.random.default_rng(seed), rate=RATE, **kwargs)


def test_clicks_and_targets_stay_together():
    """Wherever a segment is cut, the frames with target 1 are those of the clicks in the audio."""
    song = _click_song([0.5, 2.0, 4.25, 7.9])
    batch = _draw(EVENTS, [song], segments=8, augment=False)
    assert batch.waveform.shape == (8, 6400, 1)
    assert batch.target.values.shape == (8, 640, 2)
    for waveform, values in zip(batch.waveform, batch.target.values, strict=True):
        clicks = np.rint(np.flatnonzero(waveform[:, 0]) / 10)
        np.testing.assert_array_equal(clicks, np.flatnonzero(values.max(axis=1) == 1))


def test_every_other_segment_has_an_event_and_labels_take_turns():
    """One event of each class in ten minutes: cutting anywhere would almost never meet one."""
    song = _click_song([100.0, 500.0], seconds=600.0)
    values = _draw(EVENTS, [song], segments=8).target.values
    assert (values[::2].max(axis=(1, 2)) == 1).all()
    assert values[::2, :, 0].max() == values[::2, :, 1].max() == 1


def test_segments_that_are_cut_anywhere_are_cut_everywhere_alike():
    """Of a song not twice as long as a segment most would end with it, were starts cut off."""
    song = _click_song([], seconds=10.0)
    starts = [
        start
        for _, start, _ in _places(
            EVENTS, Pool.of(EVENTS, [song]), np.random.default_rng(0), 2000, 6.4, None, 0.0
        )
    ]
    assert 0 <= min(starts) < 0.02 and 3.58 < max(starts) <= 3.6
    counts, _ = np.histogram(starts, 4, (0, 3.6))
    np.testing.assert_allclose(counts, 500, atol=100)


def test_files_are_brought_to_one_level():
    for level in (0.001, 1.0):
        noise = np.random.default_rng(0).normal(size=(10_000, 1)).astype(np.float32) * level
        song = Example(noise, RATE, Events(np.array([1.0]), ("a",)), "g", "g")
        batch = _draw(EVENTS, [song], augment=False)
        assert np.sqrt(np.mean(batch.waveform**2)) == pytest.approx(0.1, rel=0.03)


def test_short_examples_are_padded_and_the_mask_says_so():
    song = _click_song([0.5, 1.0], seconds=2.0)
    batch = _draw(EVENTS, [song], segments=2)
    np.testing.assert_array_equal(batch.target.mask[:, :, 0].sum(axis=1), [200, 200])
    assert not batch.waveform[:, 2000:].any()
    stems = _stem_song(np.random.default_rng(0), seconds=2.0)
    mask = _draw(TWO, [stems], segments=1).target.mask
    assert mask.shape == (1, 6400, 1, 1)
    np.testing.assert_array_equal(np.flatnonzero(mask[0]), np.arange(2000))
    task = Classification("x", ("u", "v"))
    clip = Example(song.waveform, RATE, Labels(("u",)), "g", "g")
    np.testing.assert_array_equal(_draw(task, [clip], segments=1).target.mask, [[1]])


@pytest.mark.parametrize("remix", [False, True])
def test_stems_add_up_whatever_is_done_to_them(rng, remix):
    songs = [_stem_song(rng, group=str(n)) for n in range(3)]
    for seed in range(4):  # some of the segments are band-limited
        batch = _draw(TWO, songs, seed, remix=remix)
        np.testing.assert_allclose(batch.target.values.sum(axis=2), batch.waveform, atol=1e-4)


def test_remixing_deals_the_same_stems_anew(rng):
    songs = [_stem_song(rng, group=str(n)) for n in range(3)]
    plain, mixed = (_draw(TWO, songs, remix=remix, segments=6) for remix in (False, True))
    for stem in range(2):
        before = {row.tobytes() for row in plain.target.values[:, :, stem]}
        assert {row.tobytes() for row in mixed.target.values[:, :, stem]} == before
    assert not np.array_equal(plain.waveform, mixed.waveform)


def test_silent_clips_are_avoided():
    """A clip that is silent but for one second: every segment of it has sound."""
    waveform = np.zeros((60_000, 1), np.float32)
    waveform[30_000:31_000] = np.random.default_rng(0).normal(size=(1000, 1))
    task = Classification("x", ("u", "v"))
    song = Example(waveform, RATE, Labels(("u",)), "g", "g")
    batch = _draw(task, [song], segments=6)
    assert batch.waveform.any(axis=(1, 2)).all()
    assert batch.waveform.shape == (6, 3200, 1)


def test_silence_and_one_sample_make_no_trouble():
    silent = Example(np.zeros((5000, 1), np.float32), RATE, Labels(("u",)), "g", "g")
    one = Example(np.ones((1, 1), np.float32), RATE, Labels(("v",)), "g", "g")
    batch = _draw(Classification("x", ("u", "v")), [silent, one], segments=4)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(batch))


def test_a_generator_determines_the_batch_and_a_pool_changes_nothing():
    songs = [_click_song([0.5, 3.0, 6.0], group=str(n)) for n in range(3)]
    first, second = _draw(EVENTS, songs), _draw(EVENTS, Pool(EVENTS, songs))
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.float32
    other = _draw(EVENTS, songs, seed=1)
    assert not np.array_equal(first.waveform, other.waveform)


def test_gains_are_within_ten_decibels_of_either_sign(rng):
    gains = np.array([random_gain(rng) for _ in range(400)])
    decibels = 20 * np.log10(np.abs(gains))
    assert -10 <= decibels.min() < -9
    assert 9 < decibels.max() <= 10
    assert 0.4 < np.mean(gains < 0) < 0.6


def test_a_quarter_of_segments_loses_treble(rng):
    cutoffs = [random_cutoff(rng, 16_000) for _ in range(400)]
    some = [cutoff for cutoff in cutoffs if cutoff is not None]
    assert 60 < len(some) < 140
    assert 4000 <= min(some) <= max(some) <= 8000


def test_the_low_pass_is_a_butterworth_without_delay():
    """3 dB down at the cut-off, 24 dB per octave above it, and an impulse stays in its place."""
    impulse = np.zeros((1024, 1), np.float32)
    impulse[300] = 1
    response = low_pass(impulse, 1024, 64.0)
    assert int(np.argmax(response)) == 300
    np.testing.assert_allclose(response[300 + 40], response[300 - 40], atol=1e-6)
    decibels = 20 * np.log10(np.abs(np.fft.rfft(response[:, 0])))
    np.testing.assert_allclose(decibels[[8, 64, 128, 256]], [0, -3.01, -24.1, -48.2], atol=0.05)


def test_errors_say_what_to_do(rng):
    song = _click_song([1.0])
    with pytest.raises(ValueError, match="there are no examples to draw segments from"):
        _draw(EVENTS, [])
    with pytest.raises(ValueError, match="none of the 1 examples has any of x, y"):
        _draw(EventDetection("e", ("x", "y")), [song], labels=())
    with pytest.raises(ValueError, match="examples at 1000 Hz for a network at 16000 Hz"):
        segment_batch(EVENTS, [song], rng, rate=16_000)
    stereo = Example(np.zeros((5000, 2), np.float32), RATE, song.annotation, "h", "loud.wav")
    with pytest.raises(ValueError, match="loud.wav: 1000 Hz with 2 channels, but g has 1000 Hz"):
        _draw(EVENTS, [song, stereo])


def test_examples_without_any_label_are_drawn_too():
    """Songs in which nothing happens teach when to be silent; so do clips without a tag."""
    silent = Example(np.full((10_000, 1), 0.1, np.float32), RATE, Events(np.zeros(0), ()), "s", "s")
    values = _draw(EVENTS, [_click_song([5.0]), silent, silent, silent], segments=16).target.values
    assert (values[::2].max(axis=(1, 2)) == 1).all()
    assert (values[1::2].max(axis=(1, 2)) == 0).any()
    assert _draw(EVENTS, [silent]).target.values.max() == 0
    tags = MultiLabelClassification("tags", ("voice",))
    wave = np.full((4000, 1), 0.1, np.float32)
    clips = [Example(wave, RATE, Labels(n), str(n), str(n)) for n in ((), ("voice",))]
    values = _draw(tags, clips, segments=16).target.values
    assert 0 < values.mean() < 1


def test_of_many_classes_a_batch_holds_some_of_each_draw():
    names = tuple(f"class {index}" for index in range(40))
    wave = np.full((4000, 1), 0.1, np.float32)
    clips = [Example(wave, RATE, Labels((name,)), name, name) for name in names]
    batches = [_draw(Classification("many", names), clips, seed).target.values for seed in (0, 1)]
    assert batches[0].shape == (16, 40)
    assert not np.array_equal(*batches)
