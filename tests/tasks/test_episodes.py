"""Episodes: groups never cross, draws are repeatable, shapes are few."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umir.annotations import Events, Labels, Stems
from umir.data.example import Example
from umir.tasks import (
    Classification,
    DrumTranscription,
    Episode,
    EpisodeSampler,
    EventDetection,
    ExampleSource,
    SourceSeparation,
    get_task,
)
from umir.tasks.episodes import split_groups

RATE = 1000


def _drum_songs(n_songs, labels=("kick", "snare", "closed_hihat", "tom", "crash")):
    """Each song's audio is a constant: its number tells which song a segment is from."""
    songs = []
    for number in range(n_songs):
        times = np.arange(0.5, 9, 0.4)
        names = tuple(labels[(n + number) % len(labels)] for n in range(len(times)))
        waveform = np.full((10_000, 1), 0.1, np.float32)
        waveform[::2, 0] *= 1 + number  # keeps a fingerprint through the level normalisation
        songs.append(Example(waveform, RATE, Events(times, names), f"song {number}", str(number)))
    return songs


def _clips(n_groups, names="uvwxy"):
    noise = np.random.default_rng(0).normal(size=(4000, 1)).astype(np.float32)
    return [
        Example(noise, RATE, Labels((name,)), f"singer {group}", f"{group}{name}")
        for group in range(n_groups)
        for name in names
    ]


def _sampler(tasks, examples, **kwargs):
    return EpisodeSampler(tasks, ExampleSource(examples), rate=RATE, **kwargs)


def _songs_heard(batch):
    ratios = batch.waveform[:, 0, 0] / batch.waveform[:, 1, 0]
    ratios = np.maximum(ratios, 1 / ratios)  # a segment may start at an odd sample
    return {f"song {number}" for number in np.rint(ratios - 1).astype(int)}


def test_groups_never_cross():
    sampler = _sampler([DrumTranscription()], _drum_songs(5), augment=False)
    for step in range(20):
        episode = sampler.episode(step)
        assert not set(episode.support_groups) & set(episode.query_groups)
        assert _songs_heard(episode.support) <= set(episode.support_groups)
        assert _songs_heard(episode.query) <= set(episode.query_groups)
    with pytest.raises(ValueError, match="groups on both sides of an episode: b"):
        Episode(episode.task, episode.support, episode.query, ("a", "b"), ("b",))


def test_an_episode_follows_from_seed_and_step():
    tasks, songs = [DrumTranscription()], _drum_songs(4)
    late = _sampler(tasks, songs, seed=3)
    late.episode(0)
    first, second = late.episode(7), _sampler(tasks, songs, seed=3).episode(7)
    assert first.task == second.task
    same = jax.tree.map(np.array_equal, first.support, second.support)
    assert all(jax.tree.leaves(same))
    for other in (late.episode(8), _sampler(tasks, songs, seed=4).episode(7)):
        assert not np.array_equal(first.support.waveform, other.support.waveform)


def test_tasks_take_turns_and_variants_can_be_left_out():
    drums, clips = DrumTranscription(), Classification("clips", tuple("uvwxy"))
    sampler = EpisodeSampler([drums, clips], _Both(), rate=RATE)
    assert [sampler.family(step) for step in range(3)] == [drums.name, "clips", drums.name]
    assert [sampler.episode(step, variants=False).task for step in range(2)] == [drums, clips]
    assert sampler.episode(0, clips, variants=False).task == clips
    drawn = {sampler.episode(step).task for step in range(0, 40, 2)}
    assert drums in drawn
    assert len(drawn) > 8


class _Both:
    def examples(self, task):
        return _clips(4) if task.kind == "label" else _drum_songs(4)


def test_shapes_are_few():
    sampler = EpisodeSampler([DrumTranscription(), Classification("c", tuple("uvwx"))], _Both(), rate=RATE)  # fmt: skip  # noqa: E501
    shapes = set()
    for step in range(40):
        episode = sampler.episode(step)
        shapes.add((episode.task.head, *(leaf.shape for leaf in jax.tree.leaves(episode.support))))
        assert jax.tree.map(np.shape, episode.support) == jax.tree.map(np.shape, episode.query)
    assert len(shapes) == 2


def test_every_class_is_equally_often_in_support_and_query():
    sampler = _sampler([Classification("c", tuple("uvwx"))], _clips(4))
    for step in range(10):
        episode = sampler.episode(step)
        for batch in (episode.support, episode.query):
            np.testing.assert_array_equal(batch.target.values.sum(axis=0), [2, 2, 2, 2])


def test_a_class_of_one_group_only_is_not_asked_for():
    """Only singer 0 does `y`: it can be learnt from or asked for, not both."""
    clips = _clips(4, "uvwx") + [_clips(1, "y")[0]]
    sampler = _sampler([Classification("c", tuple("uvwxy"))], clips, variant_probability=0.0)
    episode = sampler.episode(0)
    for batch in (episode.support, episode.query):
        assert batch.target.values[:, 4].sum() == 0
        assert batch.target.values[:, :4].sum(axis=0).min() >= 2


@given(st.integers(0, 1000), st.integers(2, 9))
def test_sides_share_every_label_that_can_be_shared(seed, n_groups):
    """Labels in two groups or more; with one label per group, both sides always get each."""
    rng = np.random.default_rng(seed)
    groups = {f"g{n}{side}": frozenset([f"l{n}"]) for n in range(n_groups) for side in "abc"}
    first, second = split_groups(rng, groups)
    assert not set(first) & set(second)
    assert set(first) | set(second) == set(groups)
    assert abs(len(first) - len(second)) <= 1
    for side in (first, second):
        assert frozenset().union(*(groups[group] for group in side)) == {
            f"l{n}" for n in range(n_groups)
        }


def test_separation_variants_ask_for_what_is_there(rng):
    def song(number, instrument):
        shape = (8000, 1)
        names = ("vocals/voice", f"other/{instrument}", "drums/drums", "bass/bass")
        stems = {name: rng.normal(size=shape).astype(np.float32) for name in names}
        return Example(sum(stems.values()), RATE, Stems(stems, RATE), f"s{number}", f"s{number}")

    songs = [song(n, "piano" if n < 3 else "flute") for n in range(4)]
    sampler = _sampler([get_task("source_separation")], songs, segments=2)
    targets = set()
    for step in range(40):
        episode = sampler.episode(step)
        target = episode.task.vocabulary[0]
        targets.add(target)
        assert "flute" not in target  # one song only
        assert episode.support.target.values[0, :, 0].any()
        if target == "piano":
            assert {"s3"}.isdisjoint(episode.support_groups + episode.query_groups)
    assert {"piano", "drums"} <= targets


def test_errors_say_what_is_missing():
    with pytest.raises(ValueError, match="an episode sampler needs at least one task"):
        _sampler([], [])
    one_song = _sampler([DrumTranscription()], _drum_songs(1))
    with pytest.raises(ValueError, match="episodes need two groups .* but of 1 groups there are 0"):
        one_song.episode(0, variants=False)
    other_labels = _sampler([EventDetection("claps", ("clap",))], _drum_songs(3))
    with pytest.raises(ValueError, match="that share one of clap, but of 3 groups there are 0"):
        other_labels.episode(0, variants=False)


def test_separation_of_a_users_stems(rng):
    stems = {name: rng.normal(size=(9000, 1)).astype(np.float32) for name in ("left", "right")}
    songs = [
        Example(sum(stems.values()), RATE, Stems(stems, RATE), group, group) for group in "abc"
    ]
    sampler = _sampler([SourceSeparation("stems", ("left", "right"))], songs)
    episode = sampler.episode(0, variants=False)
    assert episode.query.target.values.shape == (4, 6400, 2, 1)
