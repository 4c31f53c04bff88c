"""Every task's decoder: fitted on one song, with few classes, with nothing in it, of no frame."""

import json

import numpy as np
import pytest

from umir.annotations import F0, Events, Intervals, Labels, Notes
from umir.tasks import TASKS

RATE = 16_000
SECONDS = 8
NAMES = sorted(name for name, task in TASKS.items() if task.kind != "stems")
TIMED = [name for name in NAMES if TASKS[name].kind not in ("label", "labels")]


def labelled(task, rng, classes):
    """An annotation with some of the task's classes, in turn."""
    starts = np.arange(0.3, SECONDS - 0.5, 0.5)
    names = tuple(classes[n % len(classes)] for n in range(len(starts)))
    if task.name == "beat_tracking":
        return Events(starts, tuple(str(n % 4 + 1) for n in range(len(starts))))
    if task.kind == "events":
        return Events(starts, names)
    if task.kind == "intervals":
        ends = starts + rng.uniform(0.2, 0.5, len(starts))
        return Intervals(np.stack([starts, ends], axis=1), names, float(SECONDS))
    if task.kind == "f0":
        times = np.arange(0, SECONDS, 0.01)
        return F0(times, np.where(times % 2 < 1.4, 220 + 40 * np.sin(times), 0.0))
    if task.kind == "notes":
        pitches = 440 * 2 ** (rng.integers(-20, 20, len(starts)) / 12)
        return Notes(np.stack([starts, starts + 0.3], axis=1), pitches)
    return Labels((classes[int(rng.integers(len(classes)))],))


NOTHING = {
    "events": Events(np.zeros(0), ()),
    "intervals": Intervals(np.zeros((0, 2)), (), float(SECONDS)),
    "f0": F0(np.arange(0, SECONDS, 0.01), np.zeros(100 * SECONDS)),
    "notes": Notes(np.zeros((0, 2)), np.zeros(0)),
}


def doubtful(task, annotation, rng, noise=1.5):
    """Logits of a network that knows, with noise."""
    values = np.asarray(task.encode(annotation, SECONDS * RATE, RATE).values, float)
    return (6 * values - 3 + noise * rng.normal(size=values.shape)).astype(np.float32)


def numbers(settings):
    if isinstance(settings, dict):
        return [n for value in settings.values() for n in numbers(value)]
    if isinstance(settings, list):
        return [n for value in settings for n in numbers(value)]
    return [settings]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_classes", [1, 2])
def test_one_song_with_few_of_the_classes(name, n_classes, rng):
    task = TASKS[name]
    song = labelled(task, rng, task.vocabulary[:n_classes])
    output = doubtful(task, song, rng)
    settings = task.fit_decoder([output], [song])
    assert json.loads(json.dumps(settings)) == settings
    assert set(settings) == set(task.default_settings(RATE))
    assert np.isfinite(numbers(settings)).all()
    found = task.decode(output, settings)
    default = task.decode(output, task.default_settings(RATE))
    better, worse = (
        task.evaluate_all([song], [estimate])[0][task.headline] for estimate in (found, default)
    )
    assert np.isfinite(better)
    assert better >= worse - 0.02  # settings are fitted to several metrics


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("level", [-20.0, 0.0, 20.0, None])
def test_songs_in_which_nothing_happens(name, level, rng):
    task = TASKS[name]
    nothing = NOTHING[task.kind]
    output = doubtful(task, nothing, rng)
    if level is not None:
        output = np.full_like(output, level)
    settings = task.fit_decoder([output], [nothing])
    assert np.isfinite(numbers(settings)).all()
    for length in (len(output), 1, 0):
        found = task.decode(output[:length], settings)
        task.evaluate(nothing, found)
    song = labelled(task, rng, task.vocabulary)
    both = task.fit_decoder([output, doubtful(task, song, rng)], [nothing, song])
    assert np.isfinite(numbers(both)).all()


@pytest.mark.parametrize("name", TIMED)
def test_a_song_shorter_than_a_frame_among_others(name, rng):
    task = TASKS[name]
    song = labelled(task, rng, task.vocabulary)
    output = doubtful(task, song, rng)
    settings = task.fit_decoder([output[:0], output], [NOTHING[task.kind].crop(0.0, 0.0), song])
    assert np.isfinite(numbers(settings)).all()
