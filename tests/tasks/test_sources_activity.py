"""Studio songs as examples of who plays when, of chords, keys and genres."""

import numpy as np
import pytest

from umir.annotations import F0, Events, Intervals, Labels, Notes
from umir.studio.song import Part, Song
from umir.tasks import EpisodeSampler, StudioSource, get_task

RATE = 1000
SECONDS = 8


def _part(instrument, stem, notes=(), hits=()):
    waveform = np.zeros((SECONDS * RATE, 1), np.float32)
    for start, end in [*notes, *((time, time + 0.1) for time in hits)]:
        waveform[round(start * RATE) : round(end * RATE)] = 0.1
    played = Notes(np.array(notes, float).reshape(-1, 2), np.full(len(notes), 220.0))
    struck = Events(np.array(hits, float), ("kick",) * len(hits))
    return Part(instrument, instrument, stem, "synthetic", waveform, played, struck)


def _song(sung=((2.0, 3.0), (4.0, 6.0)), name="a song"):
    # The pause of 0.1 s in the piano is none, that of 0.3 s is one; notes may overlap.
    parts = [
        _part("piano", "other", [(0.0, 1.0), (0.5, 1.5), (1.6, 2.0), (2.3, 3.0)]),
        _part("drums", "drums", hits=[1.0, 1.4, 3.0]),
        _part("voice", "vocals", list(sung)),
    ]
    silence = np.zeros((SECONDS * RATE, 1), np.float32)
    stems = {
        stem: sum((part.waveform for part in parts if part.stem == stem), silence)
        for stem in ("bass", "drums", "other", "vocals")
    }
    borders = np.array([[0.0, 4.0], [4.0, 8.0]])
    return Song(
        seed=0, name=name, rate=RATE, stems=stems, parts=tuple(parts),
        voice_activity=Intervals(np.array(sung, float).reshape(-1, 2), ("voice",) * len(sung)),
        lyrics=Intervals(np.zeros((0, 2)), ()), instruments=Labels(("piano",)), style="rock",
        onsets=Events(np.zeros(0), ()), beats=Events(np.zeros(0), ()),
        melody=F0(np.zeros(0), np.zeros(0)), notes=Notes(np.zeros((0, 2)), np.zeros(0)),
        chords=Intervals(borders, ("N", "A:min7")), drums=Events(np.zeros(0), ()),
        key="A minor", tempo=120.0,
    )  # fmt: skip


def _rows(annotation, label):
    chosen = [name == label for name in annotation.labels]
    return annotation.intervals[chosen].tolist()


def test_voice_activity_comes_with_that_of_the_instruments_in_three_views():
    song, task = _song(), get_task("singing_voice_detection")
    mixture, without, alone = StudioSource([song]).examples(task)
    assert mixture.waveform is song.mixture
    np.testing.assert_array_equal(without.waveform, song.stems["other"] + song.stems["drums"])
    assert alone.waveform is song.stems["vocals"]
    for example in (mixture, without, alone):
        assert example.annotation.duration == SECONDS
        assert (np.diff(example.annotation.intervals[:, 0]) >= 0).all()
    assert _rows(mixture.annotation, "voice") == [[2, 3], [4, 6]]
    assert _rows(mixture.annotation, "piano") == [[0, 2], [2.3, 3]]
    np.testing.assert_allclose(_rows(mixture.annotation, "drums"), [[1, 1.7], [3, 3.3]])
    assert task.labels_in(without.annotation) == {"piano", "drums"}
    assert task.labels_in(alone.annotation) == {"voice"}


def test_a_song_without_voice_is_an_example_of_its_absence():
    song, task = _song(sung=()), get_task("singing_voice_detection")
    (example,) = StudioSource([song]).examples(task)
    assert example.waveform is song.mixture is song.accompaniment
    assert not task.encode(example.annotation, SECONDS * RATE, RATE).values.any()


@pytest.mark.parametrize("name", ["chord_recognition", "key_recognition"])
def test_harmony_is_that_of_the_mixture_and_of_the_accompaniment(name):
    song, task = _song(), get_task(name)
    mixture, without = StudioSource([song]).examples(task)
    assert mixture.waveform is song.mixture and without.waveform is song.accompaniment
    assert len(StudioSource([_song(sung=())]).examples(task)) == 1
    labels = {"chord_recognition": {"N", "A:min"}, "key_recognition": {"A minor"}}
    for example in (mixture, without):
        assert task.labels_in(example.annotation) == labels[name]


def test_genre_is_that_of_the_mixture():
    song = _song()
    (example,) = StudioSource([song]).examples(get_task("genre_recognition"))
    assert example.waveform is song.mixture
    assert example.annotation == Labels(("rock",))


def test_episodes_of_singing_voices_also_hold_songs_without_one():
    songs = [_song(name=f"s{n}", sung=((1.0, 2.0),) if n < 3 else ()) for n in range(6)]
    sampler = EpisodeSampler([get_task("singing_voice_detection")], StudioSource(songs), rate=RATE)
    classes = set()
    for step in range(30):
        episode = sampler.episode(step)
        classes.add(episode.task.vocabulary)
        assert len(episode.support_groups + episode.query_groups) == 6
        assert episode.support.target.values.any() and episode.query.target.values.any()
    assert {("voice",), ("piano",), ("drums",), ("drums+piano+voice",)} <= classes
