"""Tasks with nothing to tell apart are named, and nothing is trained on them."""

from collections import Counter

import jax
import numpy as np
import pytest
from test_warm_up import warm_up

from umir.annotations import Events, Labels
from umir.data.example import Example
from umir.meta_training.constant_tasks import that_vary, varies
from umir.meta_training.plan import Plan
from umir.meta_training.warm_up import SONGS, heads_by_task
from umir.studio import render_song
from umir.tasks import StudioSource, Target, get_task

RATE = 8000
GENRES, ONSETS = get_task("genre_recognition"), get_task("onset_detection")
ONSET = ONSETS.vocabulary[0]


def example(annotation):
    return Example(np.zeros((RATE, 1), np.float32), RATE, annotation, "song", "song")


def genre(name):
    return example(Labels((name,)))


def onsets(*times):
    return example(Events(np.array(times), tuple([ONSET] * len(times))))


@pytest.mark.parametrize(
    ("task", "examples", "expected"),
    [
        (GENRES, [genre(GENRES.vocabulary[1])] * 3, False),
        (GENRES, [genre(name) for name in GENRES.vocabulary[:2]], True),
        (ONSETS, [onsets(), onsets()], False),
        (ONSETS, [onsets(), onsets(0.5)], True),
    ],
)
def test_labels_vary_in_time_or_between_songs(task, examples, expected):
    assert varies(task, examples) is expected


def test_what_is_not_known_does_not_vary(monkeypatch):
    encode = type(ONSETS).encode

    def unknown(self, *arguments):
        values, mask = encode(self, *arguments)
        return Target(values, np.zeros_like(mask))

    monkeypatch.setattr(type(ONSETS), "encode", unknown)
    assert not varies(ONSETS, [onsets(0.2, 0.5)])


class Source:
    def __init__(self, **examples):
        self.by_task = examples

    def examples(self, task):
        return self.by_task.get(task.name, [])


def test_the_task_is_named(capsys):
    source = Source(genre_recognition=[genre(GENRES.vocabulary[0])] * 3, onset_detection=[])
    assert that_vary(source, [GENRES, ONSETS]) == (ONSETS,)  # without examples, others say so
    told = capsys.readouterr().err
    assert told.startswith("task 'genre_recognition' is left out: the labels of its 3 example(s)")
    with pytest.raises(ValueError, match="no task is left to train on"):
        that_vary(source, [GENRES])


def test_a_warm_up_goes_on_without_it(monkeypatch, capsys):
    songs = [render_song(seed, rate=RATE, duration=8.0) for seed in range(8)]
    found = [StudioSource([song]).examples(GENRES)[0].annotation.names for song in songs]
    (most, count), *others = Counter(found).most_common()
    assert count > 1 and others
    alike = [song for song, names in zip(songs, found, strict=True) if names == most]
    monkeypatch.setattr(Plan, "rendered", lambda *_: alike)
    names = ("genre_recognition", "drum_transcription", "onset_detection")
    for started in warm_up(names):
        assert "task 'genre_recognition' is left out" in capsys.readouterr().err
        assert [task.name for task in started.joint] == list(names[1:])
        assert started.turn(0) == SONGS and not started.alone
        assert set(heads_by_task(started.parameters(jax.random.key(0))[1])) == set(names[1:])
        assert np.isfinite(started.episode(0).support.waveform).all()
