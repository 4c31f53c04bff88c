"""Melodies out of probabilities: paths that do not leap, pitch finer than the bins, the search."""

import numpy as np
import pytest

from umir.tasks.decoding.melody_decoding import (
    DEFAULT_SETTINGS,
    PRICES,
    Melody,
    decode_melody,
    fit_melody,
)
from umir.tasks.pitch_axis import PITCH_CLASSES, PitchAxis, octaves
from umir.tasks.pitch_curves import shared

AXIS = PitchAxis.of(octaves(3, 5))


def song(rng, n_frames=1500):
    """A line with vibrato and leaps, a third of it silent."""
    notes = np.repeat(rng.uniform(4, 30, size=n_frames // 50 + 1), 50)[:n_frames]
    positions = notes + 0.3 * np.sin(np.arange(n_frames) / 3)
    voiced = np.repeat(rng.uniform(size=n_frames // 100 + 1) < 0.67, 100)[:n_frames]
    return Melody(positions, voiced, np.ones(n_frames, bool))


def heard(rng, melody, axis=AXIS, noise=2.0, slips=0.15):
    """Logits of a network that hears another pitch in some frames, and flickers in voicing."""
    n_frames = len(melody.positions)
    pitches = np.log(shared(axis, melody.positions) + 1e-3)
    slipped = np.flatnonzero(rng.uniform(size=n_frames) < slips)
    pitches[slipped, rng.integers(0, axis.bins, len(slipped))] += 8.0
    voicing = np.where(melody.voiced, 1.0, -1.0) + noise * rng.normal(size=n_frames)
    return np.concatenate([voicing[:, None], pitches], axis=1).astype(np.float32)


def accuracy(outputs, melodies, settings, axis=AXIS):
    scores = []
    for output, melody in zip(outputs, melodies, strict=True):
        positions, called = decode_melody(output, axis, settings)
        off = np.abs(positions - melody.positions)
        off = np.minimum(off, axis.bins - off) if axis.folded else off
        right = np.where(melody.voiced, called & (off < 0.5), ~called)
        scores.append(right.mean())
    return np.mean(scores)


def test_smooth_paths_beat_the_best_of_each_frame(rng):
    melodies = [song(rng) for _ in range(8)]
    outputs = [heard(rng, melody) for melody in melodies]
    settings = fit_melody(outputs[:4], AXIS, melodies[:4])
    assert settings["price"] > 0 and settings["smoothing"] > 1
    plain = accuracy(outputs[4:], melodies[4:], DEFAULT_SETTINGS)
    unsmoothed = accuracy(outputs[4:], melodies[4:], {**settings, "price": 0.0})
    assert accuracy(outputs[4:], melodies[4:], settings) > unsmoothed + 0.05 > plain + 0.1


def test_pitch_is_found_to_a_few_cents(rng):
    """Bins are 100 cents apart; a mean error of a tenth of that is left where nothing disturbs."""
    melody = song(rng)
    for price in PRICES:
        settings = {**DEFAULT_SETTINGS, "price": price}
        output = heard(rng, melody, noise=0.1, slips=0.0)
        positions, _ = decode_melody(output, AXIS, settings)
        off = 100 * np.abs(positions - melody.positions)[melody.voiced]
        assert np.median(off) < 2 and off.mean() < 10


def test_a_blurred_network_stays_within_the_tolerance(rng):
    """Probabilities that fall off as a bell curve of one semitone: the worst error is 25 cents."""
    positions = np.linspace(5, 7, 401)
    pitches = -0.5 * AXIS.distances(positions) ** 2
    output = np.concatenate([np.full((401, 1), 3.0), pitches], axis=1)
    found, _ = decode_melody(output, AXIS, DEFAULT_SETTINGS)
    assert 100 * np.abs(found - positions).max() < 25


def test_pauses_do_not_steer_the_path(rng):
    """What is said of the pitch where there is no melody counts for nothing."""
    melody = song(rng)
    output = heard(rng, melody, noise=0.1, slips=0.0)
    output[:, 0] *= 10
    loud = output.copy()
    loud[~melody.voiced, 1:] = 5 * rng.normal(size=(int((~melody.voiced).sum()), AXIS.bins))
    for price in PRICES:
        settings = {**DEFAULT_SETTINGS, "price": price}
        (first, _), (second, _) = (decode_melody(o, AXIS, settings) for o in (output, loud))
        assert np.mean(np.abs(first - second)[melody.voiced] < 0.1) > 0.99


def test_pitch_classes_are_neighbours_around_the_octave(rng):
    axis = PitchAxis.of(PITCH_CLASSES)
    positions = (11.3 + 0.6 * np.sin(np.arange(600) / 20) + 0.5) % 12 - 0.5
    melody = Melody(positions, np.ones(600, bool), np.ones(600, bool))
    outputs = [heard(rng, melody, axis, noise=0.1)]
    settings = fit_melody(outputs, axis, [melody])
    assert accuracy(outputs, [melody], settings, axis) > 0.97


@pytest.mark.parametrize("voiced", [False, True])
def test_one_song_without_pauses_or_without_a_melody(rng, voiced):
    found = song(rng, 200)
    melody = Melody(found.positions, np.full(200, voiced), found.known)
    output = heard(rng, melody)
    settings = fit_melody([output], AXIS, [melody])
    assert accuracy([output], [melody], settings) > 0.9
    unknown = melody._replace(known=np.zeros(200, bool))
    assert fit_melody([output], AXIS, [unknown]) == DEFAULT_SETTINGS


def test_no_frames_give_no_melody():
    positions, voiced = decode_melody(np.zeros((0, 1 + AXIS.bins)), AXIS, DEFAULT_SETTINGS)
    assert len(positions) == len(voiced) == 0
