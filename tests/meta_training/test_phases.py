"""Every algorithm meta-trains on episodes of songs; fresh heads are fresh."""

import jax
import numpy as np
import optax
import pytest
from tiny import TINY

from umir import meta_train
from umir.meta_training import phases
from umir.meta_training.phases import ALGORITHMS, FIRST_HELD_OUT_SONG, meta_episode
from umir.meta_training.plan import Plan
from umir.studio import render_song
from umir.studio.catalogue import render_songs
from umir.studio.features import ALL_FEATURES
from umir.tasks import EpisodeSampler, StudioSource, get_task
from umir.wave_unet import init_body

TASK = get_task("instrument_recognition")


@pytest.fixture(scope="module")
def sampler():
    songs = [render_song(seed, rate=TINY.rate, duration=8.0) for seed in range(4)]
    return EpisodeSampler([TASK], StudioSource(songs), rate=TINY.rate)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_takes_steps(sampler, name):
    algorithm = ALGORITHMS[name](optax.adam(1e-2), 2)
    body = init_body(TINY, jax.random.key(0))
    meta = algorithm.init(body)
    for step in range(2):
        episode = meta_episode(TINY, sampler, step, seed=0, variants=False)
        meta, metrics = algorithm.step(meta, [episode])
        assert set(metrics) == {f"loss/{TASK.name}", f"gradient_norm/{TASK.name}"}
        assert np.all(np.isfinite(list(metrics.values())))
    moved = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), meta.body, body)
    assert max(jax.tree.leaves(moved)) > 1e-3


def test_the_program_offers_every_algorithm():
    assert set(meta_train.ALGORITHMS) == {*ALGORITHMS, "multitask"}


def test_three_times_the_songs_are_shown_where_a_song_is_a_clip(monkeypatch):
    asked = []
    monkeypatch.setattr(Plan, "rendered", lambda self, first, number: asked.append(number) or [])
    for tasks in (["drum_transcription"], ["drum_transcription", "genre_recognition"]):
        arguments = ["--held-out-songs", "4", "--new-tasks", "--tasks", *tasks]
        phases._held_out(meta_train.plan_of(meta_train.parser().parse_args(arguments)))
    assert asked == [4, 12]


def same_stems(one, other):
    return all(np.array_equal(one[name], other[name]) for name in (*one, *other))


def test_songs_to_show_and_to_fit_on_have_the_features_of_those_trained_on():
    seeds = range(FIRST_HELD_OUT_SONG, FIRST_HELD_OUT_SONG + 2)
    plain, full = (
        [song.stems for song in render_songs(seeds, duration=8.0, features=features)]
        for features in (ALL_FEATURES.without("metre"), ALL_FEATURES)
    )
    assert not all(map(same_stems, plain, full))
    for words, expected in ((["metre"], plain), ([], full)):
        arguments = ["--song-seconds", "8", "--without", *words]
        plan = meta_train.plan_of(meta_train.parser().parse_args(arguments))
        found = [song.stems for song in plan.rendered(FIRST_HELD_OUT_SONG, 2)]
        assert all(map(same_stems, found, expected))
